"""The form that every lesson has, whatever it teaches; a new lesson is held to it as soon as its sources are there."""

import ast
import io
import json
import re
import tokenize
from pathlib import Path

import numpy as np
import pytest
import torch

from course_lib.classroom.feedback import judge
from course_lib.classroom.judging import trusted_names
from course_lib.classroom.lesson import Lesson, Task, read_lesson

ROOT = Path(__file__).parents[2]
LECTURES = [read_lesson(path) for path in sorted((ROOT / "notebooks").glob("*.py"))]
EXERCISES = [read_lesson(path) for path in sorted((ROOT / "solutions").glob("*.py"))]

a_lecture = pytest.mark.parametrize("lecture", LECTURES, ids=lambda lesson: lesson.topic)
an_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda lesson: lesson.topic)
a_task = pytest.mark.parametrize(
    "task", [pytest.param(task, id=f"{one.topic}-{task.name}") for one in EXERCISES for task in one.tasks]
)

a_task_of_its_exercise = pytest.mark.parametrize(
    ("exercise", "task"),
    [pytest.param(one, task, id=f"{one.topic}-{task.name}") for one in EXERCISES for task in one.tasks],
)

# Known mistakes, by their hint, that hidden checks cannot find, or not for every seed: the checks that students see do.
SEEN_CHECKS_ONLY = {"not to record", "does one of them beat the other", "Would overfitting do that"}

# Words of prose for a word of code where they are below two: these lessons draw and compare more than they tell.
LESS_PROSE = {"10_segmentation_metrics": 1.6, "11_chest_xray": 1.95, "16_unet": 1.95}


def calls(source: str, name: str) -> list[ast.Call]:
    """The calls of a function in a cell."""
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == name
    ]  # fmt: skip


def test_every_lecture_has_its_exercise() -> None:
    assert [one.topic for one in LECTURES] == [one.topic for one in EXERCISES]
    assert len(LECTURES) >= 8


@a_lecture
def test_a_code_cell_has_at_most_12_lines(lecture: Lesson) -> None:
    too_long = {}
    for cell in lecture.cells:
        if cell.role != "code":
            continue
        shown = {
            line
            for call in calls(cell.source, "figures.show")
            for line in range(call.lineno, (call.end_lineno or call.lineno) + 1)
        }  # a picture's text for those who do not see it may be long
        lines = [
            text
            for number, text in enumerate(cell.source.splitlines(), start=1)
            if text.strip() and not text.lstrip().startswith("#") and number not in shown
        ]
        if len(lines) > 12:
            too_long[cell.line] = len(lines)
    assert not too_long


def words_of_code(source: str) -> int:
    """Names and keywords; an f-string is one string, as the tokenizer of Python 3.11 sees it and no later one."""
    words = inside = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        inside += (kind == "FSTRING_START") - (kind == "FSTRING_END")
        words += kind == "NAME" and not inside
    return words


@a_lecture
def test_there_are_two_to_four_words_of_prose_for_a_word_of_code(lecture: Lesson) -> None:
    prose = sum(len(re.findall(r"[^\W_]+", cell.source)) for cell in lecture.cells if cell.kind == "markdown")
    code = sum(words_of_code(cell.source) for cell in lecture.cells if cell.kind == "code")
    assert LESS_PROSE.get(lecture.topic, 2) <= prose / code <= 4


@a_lecture
def test_every_prediction_is_asked_before_it_is_revealed(lecture: Lesson) -> None:
    asked: set[str] = set()
    revealed = set()
    for cell in (cell for cell in lecture.cells if cell.kind == "code"):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and node.value.value is None:
                asked |= {ast.unparse(target) for target in node.targets}
        for call in calls(cell.source, "reveal"):
            name = ast.unparse(call.args[0])
            assert name in asked, f"{name} is revealed in line {cell.line}, but was not asked before"
            revealed.add(name)
    assert {name for name in asked if name.startswith("predicted")} <= revealed
    assert len(revealed) >= 15


@a_lecture
def test_every_picture_of_the_built_lecture_says_in_ten_words_or_more_what_is_to_be_seen(lecture: Lesson) -> None:
    notebook = json.loads((ROOT / "notebooks" / f"{lecture.topic}.ipynb").read_text(encoding="utf-8"))
    outputs = [output.get("data", {}) for cell in notebook["cells"] for output in cell.get("outputs", [])]
    words = ["".join(data["text/plain"]) for data in outputs if "image/png" in data]
    assert len(words) >= 7
    assert [text for text in words if len(text.split()) < 10] == []


@a_lecture
def test_one_cell_is_meant_to_fail_and_many_are_compared(lecture: Lesson) -> None:
    tags = [cell.tags for cell in lecture.cells]
    assert sum("raises-exception" in each for each in tags) == 1
    assert sum("nbval-check-output" in each for each in tags) >= 10


@a_lecture
def test_papermill_finds_the_parameters(lecture: Lesson) -> None:
    (cell,) = (cell for cell in lecture.cells if cell.role == "parameters")
    room: dict[str, object] = {}
    exec(cell.source, room)
    assert room["FAST"] is True
    assert {"SEED", "EPOCHS"} <= set(room)


@a_lecture
def test_every_objective_is_answered(lecture: Lesson) -> None:
    texts = [cell.source for cell in lecture.cells if cell.kind == "markdown"]
    (question,) = (text for text in texts if "After this lesson you can" in text)
    objectives = re.findall(r"^\d\. ", question.split("After this lesson you can")[1], flags=re.MULTILINE)
    answers = "\n".join(texts).split("What we learned", 1)[1]
    assert 3 <= len(objectives) <= 5
    assert len(re.findall(r"^\d\. \*", answers, flags=re.MULTILINE)) >= len(objectives)


@a_lecture
def test_it_says_what_every_lecture_says(lecture: Lesson) -> None:
    prose = "\n".join(cell.source for cell in lecture.cells if cell.kind == "markdown")
    assert [words for words in ("not for clinical use", "Warm-up", "itfalls", "References") if words not in prose] == []
    assert lecture.metadata["facts"]


@an_exercise
def test_the_points_add_up_to_what_the_exercise_promises(exercise: Lesson) -> None:
    assert f"{sum(task.points for task in exercise.tasks):g} points" in exercise.cells[0].source
    prose = [cell.source for cell in exercise.cells if cell.kind == "markdown"]
    for task in exercise.tasks:
        assert any(f"({task.points:g} points)" in text for text in prose), task.name
    assert 4 <= len(exercise.tasks) <= 6


@a_task
def test_a_task_has_right_and_wrong_answers_hidden_checks_and_three_hints(task: Task) -> None:
    assert len(task.wrongs) >= 4
    assert task.rights
    assert len(task.hints) == 3
    assert task.hints[0].rstrip().endswith("?")  # the first rung asks
    kinds = [check.kind for check in task.checks]
    assert kinds.count("visible") >= 1
    assert kinds.count("hidden") >= 1
    assert len(kinds) >= 3


@an_exercise
def test_every_visible_check_of_an_untouched_task_says_that_nothing_was_attempted(exercise: Lesson) -> None:
    names = trusted_names(exercise)
    for task in exercise.tasks:
        untouched = dict(names)
        exec(task.stub, untouched)
        for check in task.checks:
            if check.kind == "visible":
                assert judge(check.source, untouched).state == "not attempted", f"{task.name}: {check.text}"


def says(exercise: Lesson, answer: str, check: str, seed: int) -> str:
    """What a check says to an answer in this process; empty if it holds."""
    names = trusted_names(exercise) | {
        "rng": np.random.default_rng(seed),
        "there": lambda expression: eval(expression, {"np": np, "torch": torch}),
    }
    exec(answer, names)
    try:
        exec(check, names)
    except Exception as error:  # a wrong answer may also break
        return str(error) or type(error).__name__
    return ""


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad")  # on the wire no gradient travels along
@a_task_of_its_exercise
def test_the_solution_and_every_other_right_answer_pass_for_every_seed(exercise: Lesson, task: Task) -> None:
    for answer in (task.source, *task.rights):
        for check in task.checks:
            for seed in range(6):
                assert says(exercise, answer, check.source, seed) == "", (answer, check.text, seed)


@a_task_of_its_exercise
def test_a_hidden_check_refuses_every_known_mistake_for_every_seed(exercise: Lesson, task: Task) -> None:
    for wrong in task.wrongs:
        allowed = {"hidden", "visible"} if wrong.hint in SEEN_CHECKS_ONLY else {"hidden"}
        checks = [check.source for check in task.checks if check.kind in allowed]
        for seed in range(6):
            assert any(says(exercise, wrong.source, check, seed) for check in checks), (wrong.source, seed)
