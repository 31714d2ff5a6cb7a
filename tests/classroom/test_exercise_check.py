import os
import re
from pathlib import Path

import pytest

from course_lib.classroom import exercise_check
from course_lib.classroom.cli import main
from course_lib.classroom.exercise_check import check_exercise
from course_lib.classroom.lesson import read_lesson
from course_lib.errors import CourseError

SOURCE = (Path(__file__).parents[1] / "notebooks" / "01_doubling.txt").read_text()


def lesson(tmp_path, *changes):
    text = SOURCE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "01_doubling.py"
    path.write_text(text)
    return read_lesson(path)


def prove(exercise):
    return proofs_of(check_exercise(exercise, most_mutants=0))


def proofs_of(checks):
    return [proof for check in checks for proof in check.proofs]


@pytest.mark.sandbox
def test_a_good_exercise_is_proved_variant_by_variant(tmp_path):
    seen = []
    checks = check_exercise(lesson(tmp_path), most_mutants=0, report=seen.append)
    assert [one.broken for one in proofs_of(checks)] == [""] * 12
    assert seen == list(checks)
    assert [one.task for one in checks] == ["double", "counter", "answer"]
    assert [one.variant for one in checks[0].proofs] == ["stub", "solution", "right 1", "wrong 1", "wrong 2", "wrong 3"]
    assert [one.mutants for one in checks] == [0, 0, 0]


@pytest.mark.sandbox
def test_slips_are_caught_excused_or_named_with_their_line_and_none_spoils_the_next(tmp_path):
    body = """\
    if x is ...:
        import os

        os._exit(1)
    while x is None:
        pass
    bonus.append(0)
    return 2 * x + sum(bonus)
"""
    exercise = lesson(
        tmp_path,
        ("import numpy as np\n", "import numpy as np\nbonus = []\n"),
        ("    return 2 * x\n", body),
        ("        return self\n", "        # equivalent: `nothing`: nobody asks for it\n        return self\n"),
        ("answer = 42", "# equivalent: `43`: it looks alike\nanswer = 42"),
    )
    double, counter, answer = check_exercise(exercise)
    assert [one.broken for one in double.proofs] == [""] * 6
    lines = exercise.path.read_text().splitlines()
    line = 1 + lines.index("    return 2 * x + sum(bonus)")
    assert f"01_doubling.py:{line}: `return 2 * x + sum(bonus)` → `return 2 * x` passes all checks" in double.survivors
    for caught in ("if x is not ...", "while x is not None", "bonus.append(1)", "2 / x", "3 * x"):
        assert not any(caught in survivor for survivor in double.survivors)
    assert double.caught + len(double.survivors) == double.mutants > 15
    line = 1 + lines.index("        return self")
    assert counter.survivors == (f"01_doubling.py:{line}: `return self` → `return n` passes all checks",)
    assert answer.mutants == 1
    (broken,) = [one.broken for one in proofs_of([counter, answer]) if one.broken]
    place = f"01_doubling.py:{1 + lines.index('answer = 42')}"
    assert broken == f"{place}: `answer = 42` → `answer = 43` is caught, so it is not equivalent: take the comment away"


@pytest.mark.sandbox
def test_each_broken_proof_is_one_line_with_its_place_and_the_reason(tmp_path):
    proofs = prove(
        lesson(
            tmp_path,
            ('hint="square"', 'hint="cube"'),
            ("    return 6\n", "    return 2 * x\n"),
            ("    return x + x\n", "    return 3 * x\n"),
            ("answer = 41", "import os\nos._exit(1)\nanswer = 41"),
            ('assert answer == 42, explain("answer"', 'assert isinstance(answer, object), explain("answer"'),
        )
    )
    broken = {(one.task, one.variant): one.broken for one in proofs if one.broken}
    assert "wanted the hint 'cube'; it is told: [doubles three: failed]" in broken["double", "wrong 1"]
    assert "it gets all of them: add a check whose input tells it apart" in broken["double", "wrong 2"]
    assert "wanted full points" in broken["double", "right 1"]
    assert set(broken) == {("double", "wrong 1"), ("double", "wrong 2"), ("double", "right 1"), ("answer", "wrong 1")}
    assert all(line.startswith("01_doubling.py:") and "\n" not in line for line in broken.values())


@pytest.mark.sandbox
def test_a_solution_that_leans_on_what_is_withheld_is_found(tmp_path):
    leaning = (
        "    return 2 * x\n",
        "    from course_lib.errors import CourseError\n\n    CourseError('x')\n    return 2 * x\n",
    )
    proofs = prove(lesson(tmp_path, leaning))
    (line,) = [one.broken for one in proofs if one.broken]
    assert "task 'double', solution" in line
    assert "\n" not in line
    assert "course_lib.errors.CourseError is what a task of this exercise asks you to write" in line


@pytest.mark.sandbox
def test_a_cell_that_fails_in_the_sandbox_is_named(tmp_path):
    reaching = (
        "import numpy as np\n",
        "import numpy as np\nif 'IPython' in str(globals()):\n    open('/etc/shadow')\n",
    )
    with pytest.raises(
        CourseError, match=r"01_doubling\.py:\d+: this setup cell fails in the sandbox: FileNotFoundError"
    ):
        check_exercise(lesson(tmp_path, reaching))


def test_without_a_sandbox_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CourseError, match="bubblewrap"):
        check_exercise(lesson(tmp_path))


@pytest.mark.sandbox
def test_a_checking_process_that_is_ended_is_one_line(tmp_path, monkeypatch):
    class Deadly:
        def __init__(self, *_):
            pass

        def __reduce__(self):
            return os._exit, (1,)

    monkeypatch.setattr(exercise_check, "_Job", Deadly)
    with pytest.raises(CourseError, match=r"^01_doubling\.py: the process that checks it was ended: try again$"):
        check_exercise(lesson(tmp_path))


@pytest.fixture
def course(tmp_path):
    (tmp_path / "solutions").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "solutions" / "01_doubling.py").write_text(SOURCE)
    (tmp_path / "pyproject.toml").write_text('[tool.course]\nrepository = ""\n')
    return tmp_path


@pytest.mark.sandbox
def test_the_command_names_broken_proofs_and_slips_that_nobody_would_be_told_of(course, capsys):
    path = course / "solutions" / "01_doubling.py"
    path.write_text(SOURCE.replace('hint="square"', 'hint="cube"'))
    assert main(["check", "doubling", "--root", str(course), "--least", "100"]) == 1
    said = capsys.readouterr().out
    assert "doubl" in said
    assert said.count("\n✗ 01_doubling.py:") == 1
    assert re.search(r"\n01_doubling\.py:\d+: `return self` → `nothing` passes all checks\n", said)
    assert "✗ 01_doubling: wanted 100 % caught; which input would tell the others apart?" in said
    tried = re.search(r"01_doubling: (\d+) of (\d+) slips in the solutions are caught \((\d+)%\)", said)
    assert int(tried[1]) < int(tried[2])


@pytest.mark.sandbox
def test_without_slips_a_good_exercise_passes_the_command(course, capsys):
    assert main(["check", "--no-mutants", "--root", str(course)]) == 0
    assert "slips" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "nothing"], 'no topic "nothing"'),
        (["check", "--least", "101"], "--least needs per cent from 0 to 100, got 101"),
        (["grade", "doubling", "nowhere", "--out", "out"], "nowhere: there is no such folder"),
        (["grade", "doubling", ".", "--out", "./out"], "lies among the submissions"),
        (
            ["grade", "doubling", ".", "--out", "/tmp/x", "--time-limit", "0"],
            "--time-limit needs a number of seconds above 0, got 0",
        ),
    ],
)
def test_what_a_person_got_wrong_is_one_line_and_status_two(course, capsys, monkeypatch, words, message):
    monkeypatch.chdir(course)
    assert main(words) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
