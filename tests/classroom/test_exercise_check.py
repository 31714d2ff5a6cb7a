from pathlib import Path

import pytest

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


@pytest.mark.sandbox
def test_a_good_exercise_is_proved_variant_by_variant(tmp_path):
    seen = []
    proofs = check_exercise(lesson(tmp_path), report=seen.append)
    assert [one.broken for one in proofs] == [""] * 12
    assert seen == list(proofs)
    assert [one.variant for one in proofs if one.task == "double"] == [
        "stub", "solution", "right 1", "wrong 1", "wrong 2", "wrong 3",
    ]  # fmt: skip


@pytest.mark.sandbox
def test_each_broken_proof_is_one_line_with_its_place_and_the_reason(tmp_path):
    proofs = check_exercise(
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
    proofs = check_exercise(lesson(tmp_path, leaning))
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


@pytest.fixture
def course(tmp_path):
    (tmp_path / "solutions").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "solutions" / "01_doubling.py").write_text(SOURCE)
    (tmp_path / "pyproject.toml").write_text('[tool.course]\nrepository = ""\n')
    return tmp_path


@pytest.mark.sandbox
def test_the_command_prints_a_table_and_one_line_for_each_broken_proof(course, capsys):
    assert main(["check", "--root", str(course)]) == 0
    assert "doubl" in capsys.readouterr().out
    path = course / "solutions" / "01_doubling.py"
    path.write_text(SOURCE.replace('hint="square"', 'hint="cube"'))
    assert main(["check", "doubling", "--root", str(course)]) == 1
    assert capsys.readouterr().out.count("\n✗ 01_doubling.py:") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["check", "nothing"], 'no topic "nothing"'),
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
