import re
from html.parser import HTMLParser

import pytest

from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult
from course_lib.classroom.report import write_feedback, write_overview

ATTACK = "<script>alert('x')</script>"


def requirement(state="passed", text="adds the padding twice", message="", kind="visible", points=2.0):
    return RequirementResult(kind, text, points if state == "passed" else 0.0, points, state, message)


def result(student="ada", *, states=("passed", "failed"), problem="", sandboxed=True, message="Which `side` is it?"):
    requirements = tuple(
        requirement(state, f"requirement {place}", "" if state == "passed" else message)
        for place, state in enumerate(states)
    )
    task = TaskResult("output_size", sum(one.points for one in requirements), 2.0 * len(states), requirements)
    tasks = () if problem else (task,)
    points = 0.0 if problem else task.points
    return SubmissionResult(student, "page-1", "01_sizes", points, 2.0 * len(states), tasks, problem, sandboxed, 1.0)


class Page(HTMLParser):
    """Collects the text, the tags and the addresses of a page, and checks that tags close in order."""

    def __init__(self, text):
        super().__init__()
        self.words, self.tags, self.addresses, self.open = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "br", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture
def feedback(tmp_path):
    return lambda one: Page(write_feedback(one, tmp_path, title="Sizes").read_text())


@pytest.fixture
def overview(tmp_path):
    def write(*results):
        return Page(write_overview(results, tmp_path / "index.html", title="Sizes", tasks=["output_size"]).read_text())

    return write


def test_a_student_reads_marks_requirements_and_hints(feedback):
    page = feedback(result())
    assert "2 of 4 points" in page.text
    assert "✓ met Requirement 0" in page.text
    assert "✗ not yet Requirement 1" in page.text
    assert "Which side is it?" in page.text
    assert "code" in page.tags


@pytest.mark.parametrize(
    ("state", "words"), [("error", "✗ error"), ("time", "✗ too slow"), ("not attempted", "○ not attempted")]
)
def test_every_state_has_words_not_only_a_colour(feedback, state, words):
    assert words in feedback(result(states=(state,))).text


def test_a_file_that_could_not_be_graded_says_why(feedback):
    page = feedback(result(problem="the file is empty"))
    assert "0 of 4 points This file could not be graded. The file is empty." in page.text


def test_nothing_that_a_student_writes_becomes_markup(feedback, overview):
    one = result(ATTACK, states=("failed",), message=f"`{ATTACK}` {ATTACK}")
    for page in (feedback(one), overview(one, result(ATTACK, problem=ATTACK))):
        assert "script" not in page.tags
        assert ATTACK in page.text


def test_half_characters_do_not_stop_a_page(feedback):
    assert "gave ?" in feedback(result(states=("failed",), message="gave \ud800")).text


def test_pages_fetch_nothing_and_link_only_to_their_neighbours(feedback, overview):
    assert feedback(result()).addresses == []
    assert set(overview(result()).addresses) == {"results.csv", "feedback/page-1.html"}


def test_pages_say_their_language_fit_a_phone_and_know_dark_and_paper(tmp_path):
    text = write_feedback(result(), tmp_path, title="Sizes").read_text()
    assert '<html lang="en">' in text
    assert "width=device-width" in text
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_without_a_sandbox_every_page_warns(feedback, overview):
    assert "Graded without a sandbox." in feedback(result(sandboxed=False)).text
    assert "Graded without a sandbox." in overview(result(), result(sandboxed=False)).text
    assert "sandbox" not in feedback(result()).text


def test_the_overview_puts_problems_first_and_counts_what_was_missed(overview):
    page = overview(
        result("ada"), result("bo", states=("failed", "failed")), result("cy", problem="the file is empty"),
        result("dee", states=("not attempted", "not attempted")),
    )  # fmt: skip
    assert page.text.index("Could not be graded: 1") < page.text.index("How the marks lie")
    assert "4 submissions, median 0 of 4 points" in page.text
    assert "Requirement 1 Output size 2 of 2" in page.text
    assert "Requirement 0 Output size 1 of 2" in page.text
    assert page.text.index("Requirement 1") < page.text.index("Requirement 0")


def test_the_overview_of_nobody_is_a_page_too(overview):
    assert "0 submissions" in overview().text


def test_only_full_marks_are_a_hundred_percent(overview):
    nearly = SubmissionResult("ada", "a", "t", 999.0, 1000.0, (), "", True, 1.0)
    assert " 99 " in overview(nearly).text
