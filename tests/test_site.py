"""The reading site: built once without a warning, then looked at page by page, and some of it in a browser."""

import functools
import http.server
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from course_lib.classroom.lesson import read_lesson
from course_lib.classroom.markers import without_markers
from course_lib.models.zoo import ZOO

ROOT = Path(__file__).parent.parent
LECTURES = {path.stem: read_lesson(path) for path in sorted((ROOT / "notebooks").glob("*.py"))}
EXERCISES = {path.stem: read_lesson(path) for path in sorted((ROOT / "solutions").glob("*.py"))}
FACTS = tomllib.loads((ROOT / "docs" / "site" / "facts.toml").read_text(encoding="utf-8"))
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SAMPLE = (
    "index",
    "lectures/03_convolution",
    "exercises/07_resnet",
    "facts",
    "zoo",
    "datasets/ageing_brain",
    "guides/measurements",
    "library/course_lib.models.inception",
)

each_lecture = pytest.mark.parametrize("topic", LECTURES)
each_exercise = pytest.mark.parametrize("topic", EXERCISES)


class Page(HTMLParser):
    """What a test asks of a page: its anchors, links, pictures, and its words, those behind a click apart."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.pictures: list[tuple[str, str]] = []
        self.formulas = self._folds = self._raw = 0
        self.open_text = self.text = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {key: value or "" for key, value in attrs}
        self.anchors |= {has[key] for key in ("id", "name") if key in has}
        if tag == "a" and "href" in has:
            self.links.append(has["href"])
        if "src" in has:
            self.loaded.append(has["src"])
        if tag == "link" and has.get("rel") in ("stylesheet", "preload", "icon", "preconnect"):
            self.loaded.append(has["href"])
        if tag == "img":
            self.pictures.append((has["src"], has.get("alt", "")))
        self.formulas += tag == "math"
        self._folds += tag == "details"
        self._raw += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._folds -= tag == "details"
        self._raw -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._raw:
            self.text += data
            self.open_text += "" if self._folds else data


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Build once, also where pytest runs in several processes."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "reading_site"
    try:
        folder.mkdir()
    except FileExistsError:  # another process builds
        while not (folder / "said.txt").exists():
            time.sleep(1)
    else:
        code, said = "not built", ""
        try:
            command = [sys.executable, str(ROOT / "docs" / "site" / "build.py"), "--out", str(folder / "built")]
            done = subprocess.run(command, capture_output=True, text=True)
            code, said = str(done.returncode), done.stdout + done.stderr
        finally:  # nobody waits for a build that broke off
            (folder / "said.part").write_text(f"{code}\n{said}", encoding="utf-8")
            (folder / "said.part").rename(folder / "said.txt")
    code, _, said = (folder / "said.txt").read_text(encoding="utf-8").partition("\n")
    assert code == "0", said[-3000:]
    return folder / "built" / "html"


@pytest.fixture(scope="session")
def pages(site):
    found = {path.relative_to(site).as_posix(): path for path in sorted(site.rglob("*.html"))}
    return {name: Page(path) for name, path in found.items() if not name.startswith("_static/")}


def test_every_link_picture_and_anchor_leads_somewhere(site, pages):
    broken = []
    for name, page in pages.items():
        for link in {*page.links, *page.loaded}:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (site / name).parent / unquote(parts.path) if parts.path else site / name
            if not target.resolve().is_file():
                broken.append(f"{name}: {link}")
            elif parts.fragment and target.suffix == ".html":
                there = pages[target.resolve().relative_to(site).as_posix()]
                if unquote(parts.fragment) not in there.anchors:
                    broken.append(f"{name}: {link}")
    assert broken == []
    assert sum(len(page.links) for page in pages.values()) > 2000


def test_nothing_is_loaded_from_elsewhere(site, pages):
    assert {link for page in pages.values() for link in page.loaded if urlsplit(link).netloc} == set()
    for style in site.glob("_static/**/*.css"):
        assert not re.search(r"(url\(|@import)\s*['\"]?(https?:)?//", style.read_text(encoding="utf-8")), style


def test_every_picture_says_what_it_shows(pages):
    silent = [(name, src) for name, page in pages.items() for src, alt in page.pictures if len(alt.split()) < 5]
    assert silent == []
    assert sum(len(page.pictures) for page in pages.values()) > 150


def test_no_page_has_more_than_300_kb_of_figures(site, pages):
    heavy = {}
    for name, page in pages.items():
        files = {((site / name).parent / unquote(src)).resolve() for src, _ in page.pictures}
        assert not any(src.startswith("data:") for src, _ in page.pictures)
        heavy[name] = sum(file.stat().st_size for file in files)
    assert {name: size for name, size in heavy.items() if size > 300_000} == {}


def test_formulas_are_drawn_without_a_script(pages):
    assert sum(page.formulas for page in pages.values()) >= 60
    assert [name for name, page in pages.items() if "$$" in page.text or "\\frac" in page.text] == []


@each_lecture
def test_a_lecture_has_its_page_its_notebooks_and_its_place_on_the_map(site, pages, topic):
    page = pages[f"lectures/{topic}.html"]
    assert str(LECTURES[topic].metadata["title"]) in page.text
    assert f"../exercises/{topic}.html" in page.links
    found = {(site / "lectures" / link).read_bytes() for link in page.links if link.endswith(".ipynb")}
    assert found == {(ROOT / folder / f"{topic}.ipynb").read_bytes() for folder in ("notebooks", "exercises")}
    assert {f"lectures/{topic}.html", f"exercises/{topic}.html"} <= set(pages["index.html"].links)


@each_lecture
def test_what_a_lecture_reveals_costs_a_click(pages, topic):
    page = pages[f"lectures/{topic}.html"]
    assert page.text.count("You typed no prediction") >= 10
    assert "You typed no prediction" not in page.open_text


@each_lecture
def test_an_explorer_stands_still_and_says_so(pages, topic):
    explorers = sum(bool(re.search(r"widgets\.\w+_explorer\(", cell.source)) for cell in LECTURES[topic].cells)
    assert pages[f"lectures/{topic}.html"].text.count("Here the explorer stands still") >= explorers


@each_exercise
def test_answers_and_hints_cost_a_click(pages, topic):
    page = pages[f"exercises/{topic}.html"]
    handed_out = json.loads((ROOT / "exercises" / f"{topic}.ipynb").read_text(encoding="utf-8"))
    given = {line.strip() for cell in handed_out["cells"] for line in cell["source"]}
    for task in EXERCISES[topic].tasks:
        (cell,) = (cell for cell in EXERCISES[topic].cells if cell.role == "task" and cell.task == task.name)
        lines = [line for line in without_markers(cell.source).splitlines() if line.strip() not in given]
        assert lines
        assert [line for line in lines if line not in page.text] == []
        assert [line for line in lines if len(line.strip()) > 20 and line.strip() in page.open_text] == []
    assert "Hint 2 of 3" in page.text
    assert "Hint 2 of 3" not in page.open_text


@each_exercise
def test_hidden_checks_and_wrong_answers_are_nowhere(pages, topic):
    cells = [*EXERCISES[topic].cells, *LECTURES[topic].cells]
    secret = {line.strip() for cell in cells if cell.role in ("hidden", "wrong") for line in cell.source.splitlines()}
    shown = "\n".join(cell.source for cell in cells if cell.role not in ("hidden", "wrong"))
    secret = {line for line in secret if len(line) > 30 and line not in shown}
    assert len(secret) > 20
    text = pages[f"exercises/{topic}.html"].text + pages[f"lectures/{topic}.html"].text
    assert {line for line in secret if line in text} == set()


def test_every_row_of_a_lesson_is_on_the_page_of_facts_and_the_other_way_round():
    cited = {(row, topic) for topic, lesson in LECTURES.items() for row in lesson.metadata["facts"]}
    assert {(row, topic) for row, fact in FACTS.items() for topic in fact.get("taught", {})} == cited


def test_every_fact_is_said_and_taught_in_a_known_way(pages):
    ways = {way for fact in FACTS.values() for said in fact.get("taught", {}).values() for way in said}
    assert ways == {"computed", "measured", "quoted"}
    assert [row for row in FACTS if not re.search(rf"\b{row}\b", pages["facts.html"].text)] == []
    assert all(set(fact) <= {"what", "taught"} and fact.get("taught", {"": 1}) for fact in FACTS.values())


def test_the_zoo_holds_every_net_with_its_count(pages):
    text = pages["zoo.html"].text
    assert [net.name for net in ZOO if net.name not in text] == []
    for name, count in (("LeNet-5", 60_000), ("VGG-16", 138_357_544), ("U-Net", 31_030_658)):
        assert re.search(rf"{name}\s[^A-Z]*?{count:,}", text), name


def test_every_card_and_every_public_name_has_its_place(pages):
    for card in (ROOT / "datasets").glob("*.md"):
        assert f"datasets/{'index' if card.stem == 'README' else card.stem}.html" in pages
    anchors = {anchor for name, page in pages.items() if name.startswith("library/") for anchor in page.anchors}
    for room in ("arithmetic", "brain_age", "data", "explain", "figures", "losses", "metrics", "summary", "training"):
        module = importlib.import_module(f"course_lib.{room}")
        named = {f"{getattr(module, name).__module__}.{name}" for name in module.__all__ if name[0] != "_"
                 if hasattr(getattr(module, name), "__module__")}  # fmt: skip
        assert {name for name in named if name.startswith("course_lib.")} - anchors == set()


@pytest.fixture(scope="session")
def address(site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright, to open the site")
    if CHROMIUM is None:
        pytest.skip("needs Chromium, to open the site")
    with api.sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.mark.parametrize(("width", "scheme"), [(1400, "light"), (390, "dark")])
@pytest.mark.parametrize("name", SAMPLE)
def test_axe_finds_nothing_serious_and_a_phone_need_not_scroll_sideways(browser, address, name, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe, to look at the site")
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}/{name}.html")
    assert [url for url in asked if not url.startswith((address, "data:"))] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    found = axe.Axe().run(page, context="article").response["violations"]
    worst = [one for one in found if one["impact"] in ("serious", "critical")]
    lines = [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in worst for node in one["nodes"]]
    context.close()
    assert not lines, "\n".join(lines[:10])


def test_the_search_finds_the_lesson(browser, address):
    page = browser.new_page()
    page.goto(f"{address}/search.html?q=transposed+convolution")
    page.wait_for_selector("#search-results li a")
    found = page.eval_on_selector_all("#search-results li a", "links => links.map(link => link.href)")
    page.close()
    assert any("lectures/03_convolution.html" in link for link in found)
