import base64
import dataclasses
import re
from html.parser import HTMLParser

import pytest

from course_lib.classroom.exhibits import Exhibit, ExpectedPicture
from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult
from course_lib.classroom.report import LARGEST_PAGE, write_feedback, write_overview, write_similar
from course_lib.classroom.similarity import Line, Pair, Side

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
    def write(*results, **more):
        path = tmp_path / "index.html"
        return Page(write_overview(results, path, title="Sizes", tasks=["output_size"], **more).read_text())

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


PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * 45_000).decode()
TWO = (Side("ada", "a", (Line("x = 1", True), Line(ATTACK, False)), 0), Side("bo", "b/o", (Line(ATTACK, True),), 2))


def test_the_overview_says_which_task_failed_to_teach(overview):
    page = overview(*(result(f"s{place}", states=("failed", "failed", "passed")) for place in range(5)))
    assert "Look first at Output size: most of its points were missed: teach it again?" in page.text
    assert "Output size ⚠ most of its points were missed: teach it again? 33 % 5 of 5 0 –" in page.text
    assert "With so few students it is a rough guide only." in page.text
    assert "5 × Which side is it?" in page.text


def test_a_class_that_got_everything_is_asked_nothing(overview):
    page = overview(*(result(f"s{place}", states=("passed",)) for place in range(5)))
    assert "100 % 5 of 5 5 –" in page.text
    for words in ("Look first", "Who needs a look", "missed most often", "commonest hints", "Could not", "similar"):
        assert words not in page.text


def test_the_overview_lists_who_needs_a_look_who_is_missing_and_the_longest(overview):
    slow = dataclasses.replace(result("bo", states=("time",)), seconds=200.0)
    blank = result("cy", states=("not attempted",))
    page = overview(result("ada"), slow, blank, absent=["dee", ATTACK], similar=3)
    assert "Who needs a look: 2 bo : stopped for time in output size" in page.text
    assert "cy : nothing attempted" in page.text
    assert f"Nothing handed in: 2 dee, {ATTACK}" in page.text
    assert "The longest: bo 3.3 min, ada 1.0 s" in page.text
    assert "3 pairs of similar submissions : a list, not a verdict" in page.text
    assert "similar.html" in page.addresses


def test_a_student_sees_what_their_cells_did_and_what_right_looks_like(feedback, tmp_path):
    own = {"output_size": Exhibit(f"printed {ATTACK}", (PNG,))}
    expected = {"output_size": ExpectedPicture(PNG, 'A "bar"')}
    path = write_feedback(result(), tmp_path, title="Sizes", own=own, expected=expected)
    page = Page(path.read_text())
    assert f"printed {ATTACK}" in page.text
    assert "script" not in page.tags
    assert page.tags.count("img") == 2
    assert 'alt="A &#34;bar&#34;"' in path.read_text()
    right = write_feedback(result(states=("passed",)), tmp_path, title="Sizes", own=own, expected=expected)
    assert Page(right.read_text()).tags.count("img") == 1  # what is right needs no picture to compare with


def test_a_page_stays_small_whatever_a_student_draws(tmp_path):
    task = result(states=("failed",) * 8, message='"' * 2_000).tasks[0]
    names = [f"task_{place}" for place in range(6)]
    one = dataclasses.replace(result(), tasks=tuple(dataclasses.replace(task, name=name) for name in names[:2]))
    own = dict.fromkeys(names, Exhibit('"' * 3_000, (PNG, PNG)))
    expected = dict.fromkeys(names, ExpectedPicture(PNG, "A map."))
    path = write_feedback(one, tmp_path, title="Sizes", own=own, expected=expected)
    assert path.stat().st_size < LARGEST_PAGE
    few = dataclasses.replace(result(), tasks=tuple(dataclasses.replace(result().tasks[0], name=n) for n in names[:3]))
    path = write_feedback(few, tmp_path, title="Sizes", own=own, expected=expected)
    assert path.stat().st_size < LARGEST_PAGE
    assert Page(path.read_text()).tags.count("img") == 3
    assert "Some of it was left out here" in path.read_text()


def test_similar_submissions_are_a_list_not_a_verdict(tmp_path):
    path = write_similar([Pair(0.9, 30, *TWO)], tmp_path / "similar.html", title="Sizes", compared=7)
    page = Page(path.read_text())
    assert "A list, not a verdict." in page.text
    assert "7 submissions compared." in page.text
    assert "ada and bo 30 90 %" in page.text
    assert "… 2 more lines" in page.text
    assert "script" not in page.tags
    assert set(page.addresses) == {"index.html", "#pair-1", "feedback/a.html", "feedback/b/o.html"}
    nobody = write_similar([], tmp_path / "similar.html", title="Sizes", compared=1)
    assert "No two submissions stand out." in Page(nobody.read_text()).text


def test_no_student_page_speaks_of_similarity(feedback):
    assert "similar" not in feedback(result()).text.casefold()
