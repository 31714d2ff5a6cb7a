import pickle
import re
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from course_lib.classroom.lesson import read_lesson
from course_lib.errors import CourseError

ANSWER = '# %% task="answer" points=2 defines="answer reason"\n'
LAST = 'assert reason, "Say why."\n'


def write(tmp_path: Path, text: str, name: str = "solutions/01_sizes.py") -> Path:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def lesson(tmp_path, example_source):
    return read_lesson(write(tmp_path, example_source))


def test_a_lesson_knows_its_topic_its_header_and_its_cells_in_order(lesson):
    assert lesson.topic == "01_sizes"
    assert lesson.metadata["title"] == "How large is a map?"
    assert lesson.metadata["facts"] == ["R04"]
    roles = [cell.role for cell in lesson.cells]
    assert roles == (
        ["markdown", "setup", "task", "check", "hidden", "right", "wrong", "hint", "hint", "picture"]
        + ["markdown", "task", "check"]
    )
    assert lesson.setup().startswith("import numpy as np")


def test_a_cell_knows_the_line_of_its_beginning(lesson, example_source):
    lines = example_source.splitlines()
    assert all(lines[cell.line - 1].startswith("# %%") for cell in lesson.cells)
    task = lesson.cells[2]
    assert 'task="output_size"' in lines[task.line - 1]


def test_a_task_has_its_checks_answers_and_hints(lesson):
    task = lesson.task("output_size")
    assert task.points == 4
    assert task.defines == ("output_size",)
    assert task.withhold == ("course_lib.arithmetic.conv_output_size",)
    assert [(item.kind, item.text, item.points) for item in task.checks] == [
        ("visible", "counts both sides", 1),
        ("hidden", "works for every size", 3),
    ]
    assert task.checks[0].after == "Why would padding once be lopsided?"
    assert [wrong.hint for wrong in task.wrongs] == ["how many sides"]
    assert "padding + padding" in task.rights[0]
    assert task.hints == ("How many positions has a window of 1?", "Take 5 cells and a window of 3.")
    assert task.picture.alt == "A row of dots that rises."


def test_the_stub_keeps_the_contract_and_nothing_of_the_solution(lesson):
    stub = lesson.task("output_size").stub
    assert '"""Cells along one axis of the map."""' in stub
    assert stub.endswith('    raise NotImplementedError("output_size: write your code here")')
    assert "both" not in stub


def test_a_region_at_column_0_becomes_one_open_name_for_each_that_is_asked_for(lesson):
    assert lesson.task("answer").stub == "given = 6\nanswer = ...  # your answer\nreason = ...  # your answer"


def test_points_that_are_not_given_are_equal_shares_of_the_rest(tmp_path, example_source):
    text = example_source + '\n# %% hidden="answer" requirement="a"\nassert answer, "no"\n'
    assert [item.points for item in read_lesson(write(tmp_path, text)).task("answer").checks] == [1, 1]
    text += '\n# %% hidden="answer" requirement="b" points=1.5\nassert answer, "no"\n'
    assert [item.points for item in read_lesson(write(tmp_path, text)).task("answer").checks] == [0.25, 0.25, 1.5]


def test_a_lesson_cannot_be_changed(lesson):
    with pytest.raises(FrozenInstanceError):
        lesson.tasks[0].points = 100
    with pytest.raises(TypeError, match="does not support item assignment"):
        lesson.metadata["title"] = "another"


def test_a_lesson_travels_to_another_process_whole_and_stays_read_only(lesson):
    there = pickle.loads(pickle.dumps(lesson))
    assert there == lesson
    with pytest.raises(TypeError):
        there.metadata["title"] = "another"


def test_a_lecture_has_no_tasks_and_may_hold_magics_and_code_meant_to_fail(tmp_path):
    text = (
        "# ---\n# jupyter:\n#   course: {title: Sums}\n# ---\n\n# %%\n# %matplotlib inline\nx = await later()\n"
        '\n# %% tags=["raises-exception"]\n1 +\n\n# %% [markdown]\n# ### Level three\n# We begin; a solution follows.\n'
    )
    lesson = read_lesson(write(tmp_path, text, "notebooks/02_sums.py"))
    assert lesson.tasks == ()
    assert lesson.cells[0].source.startswith("%matplotlib inline")
    assert lesson.cells[1].tags == ("raises-exception",)


def test_an_unknown_task_names_the_nearest(lesson):
    with pytest.raises(
        CourseError, match=r'no task "output_sze"; wanted one of output_size, answer; did you mean "out'
    ):
        lesson.task("output_sze")


# name: (text to replace, what stands there instead, the line that is named (None: none), words of the message)
FAULTS = {
    "unclosed region": ("    ### END SOLUTION\n", "", 20, "'### BEGIN SOLUTION' is never closed in its cell: add '###"),
    "unmatched end": ("    ### BEGIN SOLUTION\n", "", 22, "'### END SOLUTION' without a '### BEGIN SOLUTION' above it"),
    "nested regions": ("    both =", "    ### BEGIN SOLUTION\n    both =", 21, "inside the region opened in line 20"),
    "empty region": (
        "    both = 2 * padding\n    return input_size + both - kernel_size + 1\n",
        "\n",
        22,
        "the region opened in line 20 is empty: put the solution in it",
    ),
    "region of comments": (
        "    both = 2 * padding\n    return input_size + both - kernel_size + 1\n",
        "    # later\n",
        20,
        r"the region holds no statement \(only comments or text\)",
    ),
    "end indented otherwise": (
        "    ### END",
        "  ### END",
        23,
        "is indented by 2 and its '### BEGIN SOLUTION' in line 20",
    ),
    "marks further right than the code": (
        '    """Cells along one axis of the map."""\n    ### BEGIN SOLUTION\n    both = 2 * padding',
        '    """Cells along one axis of the map."""\n        ### BEGIN SOLUTION\n    both = 2 * padding',
        23,
        "is indented by 4 and its '### BEGIN SOLUTION' in line 20 by 8",
    ),
    "both marks at column 0 in a function": (
        "    ### BEGIN SOLUTION\n    both = 2 * padding\n    return input_size + both - kernel_size + 1\n    ### END",
        "### BEGIN SOLUTION\n    both = 2 * padding\n    return input_size + both - kernel_size + 1\n### END",
        20,
        "the region's marks are indented by 0, the code between them by 4: indent the marks as the code",
    ),
    "marks indented by a tab": ("    ### BEGIN", "\t### BEGIN", 20, "looks like a solution mark and is not one"),
    "mark with another number of hashes": (
        "    ### BEGIN",
        "    # BEGIN",
        20,
        "'# BEGIN SOLUTION' looks like a solution",
    ),
    "mark without blanks": ("    ### BEGIN", "    ###BEGIN", 20, "wanted exactly '### BEGIN SOLUTION' or '### END"),
    "mark in small letters": (
        "BEGIN SOLUTION\n    both",
        "begin solution\n    both",
        20,
        "'### begin solution' looks like",
    ),
    "mark behind code": ("both = 2 * padding\n", "both = 2  ### BEGIN SOLUTION\n", 21, "looks like a solution mark"),
    "mark misspelt": (
        "### END SOLUTION\n\n# %% check",
        "## END SOLUTON\n\n# %% check",
        23,
        "'## END SOLUTON' looks like",
    ),
    "region that cuts a statement": (
        "    both = 2 * padding\n",
        "    both = (2 *\n    ### END SOLUTION\n    padding)\n    ### BEGIN SOLUTION\n",
        20,
        "the region cuts the statement of line 21 in two; wanted whole statements",
    ),
    "region in a class body": (
        '### BEGIN SOLUTION\nanswer = given * 7\nreason = "six times seven"\n### END SOLUTION',
        "reason = answer = 1\nclass A:\n    ### BEGIN SOLUTION\n    x = 1\n    ### END SOLUTION",
        61,
        "this region stands in a class body, where the stub would stop the whole notebook",
    ),
    "region in a loop of the cell": (
        '### BEGIN SOLUTION\nanswer = given * 7\nreason = "six times seven"\n### END SOLUTION',
        "for reason in 'a':\n    ### BEGIN SOLUTION\n    answer = 1\n    ### END SOLUTION",
        60,
        "this region stands in a block outside of functions, where",
    ),
    "region that binds nothing asked for": (
        '### BEGIN SOLUTION\nanswer = given * 7\nreason = "six times seven"\n### END SOLUTION',
        "answer = reason = 1\n### BEGIN SOLUTION\nother = 2\n### END SOLUTION",
        60,
        'binds none of the names in defines="answer reason", so there is nothing to ask',
    ),
    "task without a region": (
        '### BEGIN SOLUTION\nanswer = given * 7\nreason = "six times seven"\n### END SOLUTION',
        "answer = reason = 1",
        58,
        "the task 'answer' has no solution region; wanted the answer between",
    ),
    "mark in a check": ("size = output_size", "# BEGIN SOLUTION\nsize = output_size", 26, "in task cells only"),
    "mark in the text": ("# Small tasks about", "# ### BEGIN SOLUTION\n# Small tasks about", 10, "in task cells only"),
    "task without a check": (
        '# %% check="answer" requirement="is the answer"',
        '# %% hidden="answer" requirement="is the answer"',
        57,
        'the task "answer" has no check; wanted at least one cell `# %% check="answer" requirement="…"`: add it',
    ),
    "two tasks of one name": (
        'task="answer" points=2 defines="answer reason"',
        'task="output_size" points=2 defines="answer"',
        57,
        'a second task "output_size" (the first is in line 17): rename one',
    ),
    "check of an unknown task": (
        'check="answer"',
        'check="anwser"',
        64,
        'check="anwser", but the tasks above it are: output_size, answer; did you mean "answer"?',
    ),
    "check above its task": (
        '# %% task="output_size" points=4',
        '# %% check="answer" requirement="early"\nassert 1, "a"\n\n# %% task="output_size" points=4',
        17,
        "the tasks above it are: none; mend the name, or move the cell below its task",
    ),
    "unknown attribute": (
        'check="answer"',
        'chekc="answer"',
        64,
        'unknown attribute "chekc"; wanted after, alt, check,',
    ),
    "unknown attribute with a near one": ('requirement="is', 'requirment="is', 64, 'did you mean "requirement"?'),
    "attribute of another role": (
        'check="answer"',
        'check="answer" step=1',
        64,
        'a check cell has no attribute "step"',
    ),
    "attribute alone": (
        'picture="output_size" alt',
        "alt",
        47,
        '"alt" stands alone; wanted it beside one of task, check',
    ),
    "two roles": (
        'right="output_size"',
        'right="output_size" check="answer"',
        33,
        "a cell has one role, this one has check",
    ),
    "unquoted value": (
        'task="answer"',
        "task=answer",
        57,
        "'task=answer' after '# %%' is not understood; wanted attrib",
    ),
    "title instead of attributes": (
        'right="output_size"',
        "another way",
        33,
        "'another way' after '# %%' is not understood",
    ),
    "unknown tag": (
        'tags=["setup"]',
        'tags=["set-up"]',
        12,
        'unknown tag "set-up"; wanted hide-input, nbval-check-output',
    ),
    "tags that are no list": (
        'tags=["setup"]',
        'tags="setup"',
        12,
        "no notebook can hold this: 'setup' is not of type 'array': mend the attribute",
    ),
    "task without points": ("points=4 ", "", 17, 'this task cell has no "points"; wanted points=4: add it'),
    "points below zero": ("points=4", "points=-4", 17, "points=-4; wanted a number above 0: mend it"),
    "points in words": ("points=4", 'points="4"', 17, "points='4'; wanted a number above 0: mend it"),
    "points that do not add up": (
        "points=3",
        "points=2",
        17,
        'the task "output_size" has 4 points, its requirements 1 + 2 = 3; wanted the same sum: mend the points',
    ),
    "points that leave nothing": (
        '" points=1 after',
        '" points=4 after',
        17,
        "its requirements 4 + 3 = 7; wanted the same sum",
    ),
    "requirement without words": (
        'check="answer" requirement="is the answer"',
        'check="answer"',
        64,
        'this check cell has no "requirement"; wanted requirement="…": add it',
    ),
    "empty words": (
        'requirement="is the answer"',
        'requirement=" "',
        64,
        "requirement=' '; wanted text in double quotes",
    ),
    "two requirements with the same words": (
        'requirement="works for every size"',
        'requirement="counts both sides"',
        25,
        'two requirements "counts both sides" of "output_size"; wanted different words: reword one',
    ),
    "assert without a message": (
        ', "Say why."',
        "",
        66,
        "an assert without a message; wanted `assert …, hint`: add the",
    ),
    "check that asserts nothing": (
        'assert answer == 42, explain("answer", answer, "42", ask="What is six by seven?")\nassert reason, "Say why."',
        "print(answer)",
        64,
        'this check of "answer" asserts nothing; wanted `assert …, hint`: add one',
    ),
    "defines what is not there": (
        'defines="answer reason"',
        'defines="answer why"',
        57,
        r'the task defines "answer why", but why is not bound here \(bound: answer, given, reason\): mend `defines`',
    ),
    "wrong answer to something else": (
        "    return input_size + padding - kernel_size + 1",
        '    return 1\ndel output_size\n\n# %% wrong="output_size" hint="x"\nother = 1',
        42,
        'this wrong answer replaces the whole cell of the task, which defines "output_size", but output_size is not',
    ),
    "wrong answer without a hint": (
        ' hint="how many sides"',
        "",
        37,
        'this wrong cell has no "hint"; wanted hint="…": add',
    ),
    "hint steps with a gap": ("step=2", "step=3", 41, 'hints of "output_size" have the steps 1, 3; wanted 1, 2, 3 …'),
    "hint that is code": (
        '[markdown] hint="output_size" step=1',
        'hint="output_size" step=1',
        41,
        "a hint is text; wanted",
    ),
    "task that is text": (
        '# %% task="answer"',
        '# %% [markdown] task="answer"',
        57,
        "a task cell is code, this one is text",
    ),
    "second picture": (
        "plt.show()\n",
        'plt.show()\n\n# %% picture="output_size" alt="again"\nplt.show()\n',
        54,
        'a second picture of "output_size"; wanted one: draw both in one figure',
    ),
    "picture without text": (
        ' alt="A row of dots that rises."',
        "",
        47,
        'this picture cell has no "alt"; wanted alt="…"',
    ),
    "empty role cell": (
        "def output_size(input_size, kernel_size, padding):\n    return len(range(input_size + padding + padding - "
        "kernel_size + 1))\n",
        "",
        33,
        "this right cell is empty: write it, or take its line out",
    ),
    "name of a task": (
        'task="answer" points',
        'task="The answer" points',
        57,
        "wanted a task name of small letters, digits",
    ),
    "withheld name": (
        "course_lib.arithmetic.conv",
        "arithmetic conv",
        17,
        'withhold has "arithmetic"; wanted dotted names',
    ),
    "syntax error": (
        "size = output_size(32, 5, 2)",
        "size = output_size(32, 5, 2",
        26,
        "this is not Python: '(' was never",
    ),
    "magic in the open": (
        "import numpy as np",
        "%matplotlib inline",
        13,
        "not Python: .*; wanted plain code, magics as comm",
    ),
    "second set-up cell": (
        ANSWER,
        '# %% tags=["setup"]\nimport os\n\n' + ANSWER,
        57,
        r"a second setup cell \(the first is in",
    ),
    "no set-up cell": (' tags=["setup"]', "", 1, "an exercise without a set-up cell; wanted one"),
    "cell line that is indented": (
        "# %% [markdown]\n# ## A",
        " # %% [markdown]\n# ## A",
        54,
        "is nearly the start of a cell",
    ),
    "cell line without a blank": (
        "# %% [markdown]\n# ## A",
        "#%% [markdown]\n# ## A",
        54,
        "is nearly the start of a cell",
    ),
    "cell line in a string": (
        LAST,
        LAST + 'x = """\n# %% no\n"""\n',
        None,
        r"14 lines begin with '# %%', but jupytext finds 13",
    ),
    "raw cell": (
        "# %% [markdown]\n# ## A",
        "# %% [raw]\n# ## A",
        54,
        r"a raw cell; wanted code or \[markdown\]: use one",
    ),
    "text before the first cell": (
        "\n# %% [markdown]\n# # How",
        "import os\n# %% [markdown]\n# # How",
        6,
        "text before the",
    ),
    "no header": ("#   course: {title", "#   curse: {title", 1, "the header has no `course` part; wanted `#   course:"),
    "unknown word in the header": (
        "level:",
        "levle:",
        1,
        "unknown 'levle' in the header; wanted title, level, .*did you mean",
    ),
    "wrong kind in the header": (
        "minutes_cpu: 5",
        "minutes_cpu: five",
        1,
        "`minutes_cpu` in the header is 'five'; wanted a n",
    ),
    "no title": ('title: "How large is a map?", ', "", 1, "the header has no `title`; wanted"),
    "header that is not YAML": (
        '"How large is a map?"',
        "Why, how?",
        4,
        "the header is not YAML .*: put values that hold",
    ),
    "odd line ending": (
        "import numpy as np",
        "import numpy\fas np",
        13,
        r"'\\x0c' ends a line for some programs and not",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_slip_is_one_line_with_file_line_and_cure(tmp_path, example_source, fault):
    old, new, line, message = FAULTS[fault]
    assert old in example_source
    path = write(tmp_path, example_source.replace(old, new, 1))
    where = r"^solutions/01_sizes\.py" + (f":{line}" if line else "") + ": .*"
    plain = message if "\\" in message or ".*" in message else re.escape(message)
    with pytest.raises(CourseError, match=where + plain) as caught:
        read_lesson(path)
    assert "\n" not in str(caught.value)


def test_a_missing_source_an_odd_name_and_no_text_are_told(tmp_path):
    with pytest.raises(
        CourseError, match=r"solutions/07_none\.py: there is no such file; wanted a source in percent text"
    ):
        read_lesson(tmp_path / "solutions" / "07_none.py")
    with pytest.raises(CourseError, match=r"wanted a source named NN_topic\.py, such as 03_convolution\.py: rename it"):
        read_lesson(write(tmp_path, "", "solutions/sizes.py"))
    path = write(tmp_path, "", "solutions/01_sizes.py")
    with pytest.raises(
        CourseError, match="no cell at all; wanted cells that begin with a line '# %%': write the first"
    ):
        read_lesson(path)
    path.write_bytes(b"# \xff")
    with pytest.raises(CourseError, match=r"not UTF-8 text \(byte 2\): save it as UTF-8"):
        read_lesson(path)
