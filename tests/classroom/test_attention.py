from course_lib.classroom.attention import Look, who_needs_a_look
from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult


def task(name="slide", visible="passed", hidden="passed", message=""):
    needs = tuple(
        RequirementResult(kind, "all", float(state == "passed"), 1.0, state, message)
        for kind, state in (("visible", visible), ("hidden", hidden))
    )
    return TaskResult(name, sum(need.points for need in needs), 2.0, needs)


def student(name, *tasks, sandboxed=True, problem="", points=None):
    got = sum(one.points for one in tasks) if points is None else points
    return SubmissionResult(name, f"page-{name}", "t", got, 10.0, tasks, problem, sandboxed, 1.0)


def test_who_did_well_or_badly_for_plain_reasons_needs_no_look():
    wrong = task(visible="failed", hidden="failed", message="Which side is it?")
    assert who_needs_a_look([student("ada", task()), student("bo", wrong), student("cy", problem="empty")]) == ()
    assert who_needs_a_look([]) == ()


def test_kernels_that_ended_and_code_that_did_not_are_named_by_task():
    killed = task("max_pool", visible="error", hidden="error", message="Your code ended the kernel.")
    endless = task("grow", visible="passed", hidden="time", message="Your code took longer than 20 s.")
    looks = who_needs_a_look([student("bo", killed), student("ada", task(), killed, endless)])
    assert looks == (
        Look("ada", "page-ada", ("the kernel was ended in max pool", "stopped for time in grow")),
        Look("bo", "page-bo", ("the kernel was ended in max pool",)),
    )


def test_a_file_as_it_was_handed_out_has_that_one_reason():
    blank = task(visible="not attempted", hidden="not attempted")
    (look,) = who_needs_a_look([student("ada", blank, blank)])
    assert look.reasons == ("nothing attempted: the file handed out, or the wrong file?",)


def test_two_tasks_right_only_where_checks_can_be_read_are_a_reason_one_is_not():
    fitted, other = task("slide", hidden="failed"), task("grow", hidden="failed")
    assert who_needs_a_look([student("ada", fitted, task("grow"))]) == ()
    (look,) = who_needs_a_look([student("ada", fitted, other)])
    assert look.reasons == ("right only where the checks could be read: slide, grow",)


def test_a_missing_sandbox_stands_out_only_where_others_had_one():
    outside = student("ada", task(), sandboxed=False)
    assert who_needs_a_look([outside, outside]) == ()
    (look,) = who_needs_a_look([outside, student("bo", task())])
    assert (look.student, look.reasons) == ("ada", ("graded without a sandbox, others with one",))


def test_who_falls_far_below_earlier_topics_stands_out_but_not_a_whole_class():
    earlier = {"ada": 90.0, "bo": 90.0, "cy": 90.0, "new": 0.0}
    class_ = [student(name, task(), points=9.0) for name in ("ada", "bo")] + [student("cy", task(), points=2.0)]
    (look,) = who_needs_a_look(class_, earlier=earlier)
    assert (look.student, look.reasons) == ("cy", ("20 % here, 90 % in earlier topics",))
    assert who_needs_a_look([student(name, task(), points=2.0) for name in ("ada", "bo", "cy")], earlier=earlier) == ()
    assert who_needs_a_look([*class_[:2], student("dee", task(), points=0.0)], earlier=earlier) == ()
