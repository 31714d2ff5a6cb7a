"""The pages in Chromium: axe finds nothing, a phone need not scroll sideways; in light, in the dark and on paper."""

import base64
import dataclasses
import io
import os
import random
import shutil
from pathlib import Path

import pytest

from course_lib.classroom.exhibits import Exhibit, ExpectedPicture
from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult
from course_lib.classroom.report import write_feedback, write_overview, write_similar
from course_lib.classroom.similarity import Line, Pair, Side

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
TASKS = ("slide", "output_size", "layer_weights", "seen_pixels", "max_pool_with_a_border", "grow")
HARD = {"slide": 0.9, "output_size": 0.7, "layer_weights": 0.3, "seen_pixels": 0.8, "max_pool_with_a_border": 0.5}
HINTS = (
    "`slide(np.arange(35).reshape(5, 7), [[1, 0], [0, 0]], stride=2)` gave an array [[0, 1, 2], [7, 8, 9]]. Wanted: "
    "[[0, 2, 4], [14, 16, 18]]. The first window is right. How far from it does the second one begin?",
    "There is no half place. Which whole number of steps fits into the room?",
)


def picture(width, height):
    """A grey ramp as PNG in base64."""
    from PIL import Image

    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(file, "png")
    return base64.b64encode(file.getvalue()).decode()


def invented(number, draw):
    """The result of a student who may be good, may crash, and may have a very long name."""
    name = f"student-{number:03}" if number % 9 else f"Dr. {'Very' * 9}long-Müller, Zoë 🙂 {number}"
    ability, tasks = draw.uniform(-0.35, 0.35), []
    for task in TASKS:
        tried = draw.random() < 0.9
        needs = []
        for place, kind in enumerate(("visible", "visible", "hidden")):
            good = draw.random() < HARD.get(task, 0.6) + ability
            state = "not attempted" if not tried else "passed" if good else draw.choice(("failed", "failed", "error"))
            message = "" if good or not tried else draw.choice(HINTS)
            if state == "error" and draw.random() < 0.1:
                state, message = "time", "Your code took longer than 20 s."
            text = ("the lecture's three examples", "all sizes and strides", "any `image` and kernel")[place]
            needs.append(RequirementResult(kind, text, float(state == "passed"), 1.0, state, message))
        tasks.append(TaskResult(task, sum(need.points for need in needs), 3.0, tuple(needs)))
    problem = "not a notebook: its content is not JSON; save it again" if number % 37 == 5 else ""
    points = 0.0 if problem else sum(task.points for task in tasks)
    seconds = draw.lognormvariate(1, 0.7)
    return SubmissionResult(
        name, f"s{number}", "03", points, 18.0, () if problem else tuple(tasks), problem, number != 3, seconds
    )


def class_of(count):
    draw = random.Random(0)
    return [invented(number, draw) for number in range(count)]


def side(name, seed):
    draw = random.Random(seed)
    texts = ("def grow(image, kernel, stride=2):", "    size = (np.array(image.shape) - 1) * stride + kernel.shape", "")
    texts += ("    output[place] += value * kernel  # " + "stamp " * 30, "<script>alert(1)</script>")
    return Side(name, name, tuple(Line(text, draw.random() < 0.7) for text in texts * 6), seed)


def write_student(folder, name="student"):
    (one,) = class_of(8)[2:3]
    one = dataclasses.replace(one, page=name, student="Müller, Zoë")
    own = {task: Exhibit("size 3\n[[0. 1. 2.]\n [3. 4. 5.]]\n" + "x" * 300, (picture(640, 300),)) for task in TASKS[:3]}
    own[TASKS[4]] = Exhibit("a line that is printed again and again\n" * 70, (), cut=True)
    expected = {task: ExpectedPicture(picture(660, 340), "A CT slice, and its map.") for task in TASKS[1:5]}
    remarks = [
        "This is try 2 of 3, and the one that counts.", "The checks gave 11 points.", "2 day(s) late: 20 % off.",
        "Your teacher added 1.5 points.", "Your teacher writes: A fine figure; see me about task 3.",
    ]  # fmt: skip
    return write_feedback(one, folder, title="03 · Why convolve?", remarks=remarks, own=own, expected=expected)


def write_all(folder):
    """Write one page of each kind, and the odd ones: nobody, one student, all right, a file that is none."""
    title, class_ = "03 · Why convolve?", class_of(25)
    right = [dataclasses.replace(one, points=18.0, tasks=tuple(map(full, one.tasks))) for one in class_ if one.tasks]
    broken = next(one for one in class_ if one.problem)
    pairs = [Pair(0.97, 62, side("ada", 3), side("student with a long name " * 3, 3)),
             Pair(0.61, 18, side("bo", 0), side("cy", 1))]  # fmt: skip
    absent = [f"absent-{number}" for number in range(12)]
    pages = {
        "student": write_student(folder / "feedback"),
        "broken": write_feedback(dataclasses.replace(broken, page="broken"), folder / "feedback", title=title),
        "class": write_overview(class_, folder / "index.html", title=title, tasks=TASKS, absent=absent, similar=2),
        "similar": write_similar(pairs, folder / "similar.html", title=title, compared=58),
        "none": write_overview([], folder / "none.html", title=title, tasks=TASKS, similar=0),
        "one": write_overview(class_[:1], folder / "one.html", title=title, tasks=TASKS),
        "all-right": write_overview(right, folder / "right.html", title=title, tasks=TASKS),
        "no-pairs": write_similar([], folder / "no_pairs.html", title=title, compared=1),
    }
    return {name: path.resolve() for name, path in pages.items()}


def full(task):
    needs = tuple(dataclasses.replace(need, points=1.0, state="passed", message="") for need in task.requirements)
    return TaskResult(task.name, 3.0, 3.0, needs)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    return write_all(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright, to open the pages")
    if CHROMIUM is None:
        pytest.skip("needs Chromium, to open the pages")
    with api.sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture
def opened(browser, pages):
    """Give a function that opens a page; it fetches nothing and runs no script of its own."""
    contexts = []

    def open_page(name, *, width, scheme="light"):
        contexts.append(browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme))
        page = contexts[-1].new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(pages[name].as_uri())
        assert [url for url in asked if not url.startswith("data:")] == [pages[name].as_uri()]
        return page

    yield open_page
    for one in contexts:
        one.close()


ALL_WAYS = [(name, width, scheme) for name in ("student", "class", "similar") for width in (1280, 390)
            for scheme in ("light", "dark")]  # fmt: skip
ODD_ONES = [(name, 390, "light") for name in ("broken", "none", "one", "all-right", "no-pairs")]


@pytest.mark.parametrize(("name", "width", "scheme"), ALL_WAYS + ODD_ONES)
def test_axe_finds_nothing_and_nothing_scrolls_sideways(opened, name, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe, to show it the pages")
    page = opened(name, width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = axe.Axe().run(page, options={"runOnly": {"type": "tag", "values": RULES}}).response["violations"]
    lines = [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in found for node in one["nodes"]]
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("name", ["student", "class", "similar"])
def test_on_paper_nothing_is_cut_off_and_the_ground_is_white(opened, name):
    page = opened(name, width=700, scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 700


@pytest.mark.parametrize("name", ["class", "similar"])
def test_a_keyboard_reaches_every_table_that_scrolls(opened, name):
    page = opened(name, width=390)
    scrolls = "[...document.querySelectorAll('*')].filter(e => getComputedStyle(e).overflowX === 'auto')"
    assert page.evaluate(f"{scrolls}.every(e => e.tabIndex === 0)")


def test_code_of_students_is_text_in_the_browser_too(opened):
    page = opened("similar", width=1280)
    assert page.locator("script").count() == 0
    assert page.locator("mark", has_text="alert(1)").or_(page.locator("pre span", has_text="alert(1)")).count() > 0


if __name__ == "__main__":  # pictures to look at: python tests/classroom/test_pages_in_browser.py FOLDER
    import sys

    from playwright.sync_api import sync_playwright

    out = Path(sys.argv[1])
    written = write_all(out)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM or os.environ["CHROMIUM"], args=["--no-sandbox"])
        for name, path in written.items():
            for width in (1280, 390):
                for scheme in ("light", "dark"):
                    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                    page.goto(path.as_uri())
                    page.screenshot(path=out / f"{name}-{width}-{scheme}.png", full_page=True)
                    page.close()
        chromium.close()
