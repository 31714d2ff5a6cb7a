"""What the tests in a browser share: a JupyterLab of their own, Chromium, notebooks opened in it, and pictures of both.

`make test-browser` runs them; a plain `pytest` leaves this folder out. The pictures lie in `runs/browser/` afterwards.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest
from playwright.sync_api import Browser, Error, Locator, Page, expect, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE_S = 300  # how long a state is waited for on a machine that is busy with other things
IDLE_S = 900  # a server that nobody uses ends by itself, also after a test run that was killed

expect.set_options(timeout=1000 * PATIENCE_S)


class Lab(NamedTuple):
    """A JupyterLab that serves a copy of the lessons."""

    url: str
    token: str
    folder: Path
    log: Path


@pytest.fixture(scope="session")
def lab(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Serve copies of the lessons; neither read nor write settings, trust and workspaces of whoever runs this."""
    home = tmp_path_factory.mktemp("jupyter")
    folder, log = home / "course", home / "server.log"
    for name in ("notebooks", "exercises"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    settings = {
        "config/labconfig/page_config.json": {
            "disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}
        },
        # Nothing is saved but by Ctrl-S: two saves at once end in a question whether to overwrite the file.
        "settings/@jupyterlab/docmanager-extension/plugin.jupyterlab-settings": {"autosave": False},
        # All cells are there at once; as it comes, JupyterLab adds those below when it has nothing else to do.
        "settings/@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
    }
    for place, content in settings.items():
        (home / place).parent.mkdir(parents=True)
        (home / place).write_text(json.dumps(content))
    token = secrets.token_hex(16)
    private = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR")
    places = dict(zip(private, ("config", "data", "runtime", "settings"), strict=True))
    places |= {"JUPYTERLAB_WORKSPACES_DIR": "workspaces", "IPYTHONDIR": "ipython"}
    environment = os.environ | {name: str(home / place) for name, place in places.items()} | {"JUPYTER_TOKEN": token}
    options = {
        "--ServerApp.ip": "127.0.0.1",
        "--ServerApp.port": "0",  # any that is free
        "--ServerApp.root_dir": folder,
        "--ServerApp.shutdown_no_activity_timeout": IDLE_S,
        "--MappingKernelManager.cull_idle_timeout": IDLE_S,
        "--MappingKernelManager.cull_connected": True,
        "--LabApp.extension_manager": "readonly",  # asks no index on the network
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"{name}={value}" for name, value in options.items()]
    with log.open("wb") as file:
        server = subprocess.Popen(command, env=environment, stdout=file, stderr=file, start_new_session=True)
    try:
        yield Lab(_url(server, home / "runtime", log), token, folder, log)
    finally:
        server.terminate()  # takes its kernels with it
        try:
            server.wait(timeout=30)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _url(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """Wait until the server has written where it listens."""
    until = time.monotonic() + PATIENCE_S
    while server.poll() is None and time.monotonic() < until:
        for file in runtime.glob("jpserver-*.json"):
            try:
                return f"http://127.0.0.1:{json.loads(file.read_text())['port']}"
            except ValueError:  # not yet written to its end
                pass
        time.sleep(0.1)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.exit("make test-browser needs Chromium: sudo apt install chromium", returncode=2)
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture(scope="session")
def pictures(root: Path) -> Path:
    """The folder of the screenshots; git ignores it, CI keeps it."""
    folder = root / "runs" / "browser"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


SECONDS = pytest.StashKey[dict[str, float]]()


@pytest.fixture(scope="session")
def record_seconds(pytestconfig: pytest.Config) -> Callable[[str, float], None]:
    """Give a function that keeps a time for the summary at the end."""
    return pytestconfig.stash.setdefault(SECONDS, {}).__setitem__


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for name, seconds in config.stash.get(SECONDS, {}).items():
        terminalreporter.write_line(f"{seconds:7.2f} s  {name}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """With a test that failed, keep a picture of its page and show the end of the server's log."""
    report: Any = yield
    used = getattr(item, "funcargs", {})
    if report.failed and "lab" in used:
        report.sections.append(("end of the log of JupyterLab", used["lab"].log.read_text()[-6000:]))
    if report.failed and "browser" in used:
        pages = [page for window in used["browser"].contexts for page in window.pages]
        for number, page in enumerate(pages, start=1):
            with contextlib.suppress(Error):  # a page that does not answer has no picture
                page.screenshot(path=used["pictures"] / f"FAILED {item.name} {number}.png", timeout=30_000)
    return report


class Notebook:
    """A notebook that is open in JupyterLab: what its reader does with it, and sees.

    Cells are counted as in the file, from 0, text and code together.
    """

    def __init__(self, lab: Lab, page: Page, path: str) -> None:
        self.lab, self.page, self.path = lab, page, lab.folder / path
        self.cells = nbformat.read(self.path, as_version=4).cells
        # A workspace of its own each time: JupyterLab reopens what was open before.
        page.goto(f"{lab.url}/lab/workspaces/{secrets.token_hex(4)}/tree/{path}?token={lab.token}")
        self.panel = page.locator(".jp-NotebookPanel:visible")
        expect(self.cell(len(self.cells) - 1)).to_be_attached()
        expect(page.locator("#jupyterlab-splash")).not_to_be_attached()

    def number(self, cell_id: str) -> int:
        """Return the place of a cell of this id."""
        return next(number for number, cell in enumerate(self.cells) if cell.id == cell_id)

    def cell(self, number: int) -> Locator:
        return self.panel.locator(".jp-Cell").nth(number)

    def outputs(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-Cell-outputArea")

    def prompt(self, number: int) -> Locator:
        return self.cell(number).locator(".jp-InputArea-prompt")

    def menu(self, *names: str) -> None:
        """Choose from the menus above, as with a mouse."""
        self.page.get_by_role("menuitem", name=names[0], exact=True).click()
        for name in names[1:]:
            self.page.locator(".lm-Menu-item", has_text=re.compile(f"^{re.escape(name)}")).click()

    def wait_until_ready(self) -> None:
        """Wait for a kernel that is connected and has nothing to do."""
        # The circle at the top is empty before there is a kernel, too; what is run then is lost.
        expect(self.page.locator("#jp-main-statusbar")).to_contain_text("| Idle")
        expect(self.panel.locator(".jp-Notebook-ExecutionIndicator")).to_have_attribute("data-status", "idle")

    def wait_until_run(self, number: int) -> None:
        """Wait until a code cell has come to its end."""
        expect(self.prompt(number)).to_have_text(re.compile(r"\[\d+\]:"))

    def run(self, number: int) -> None:
        """Select a code cell with the mouse, run it with Shift-Enter, and wait for its end."""
        before = self.prompt(number).text_content()
        self.prompt(number).click()
        self.page.keyboard.press("Shift+Enter")
        expect(self.prompt(number)).not_to_have_text(before or "")
        self.wait_until_run(number)

    def run_next(self) -> None:
        """Press Shift-Enter again: runs the cell below the one that was run."""
        self.page.keyboard.press("Shift+Enter")

    def write(self, number: int, source: str) -> None:
        """Replace what stands in a code cell."""
        self.cell(number).locator(".cm-content").click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(source)

    def photograph(self, path: Path) -> None:
        self.page.screenshot(path=path)

    def save(self) -> Any:
        """Press Ctrl-S, wait for the server's answer, and return the notebook in the file."""
        with self.page.expect_response(lambda answer: answer.request.method == "PUT" and "/contents/" in answer.url):
            self.page.keyboard.press("Control+s")
        return nbformat.read(self.path, as_version=4)

    def explorer(self, number: int) -> "Explorer":
        return Explorer(self.outputs(number))


PIXELS = """image => {
    if (!image.complete || !image.naturalWidth) return "";
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL();
}"""
REACTED = f"""([output, before]) => {{
    const pixels = ({PIXELS})(output.querySelector("img.widget-image"));
    return output.querySelector("[role=alert]") ? "refused" : pixels && pixels !== before && "redrawn";
}}"""


class Explorer:
    """Sliders, choices and boxes in the output of a cell, and the picture that they change."""

    def __init__(self, output: Locator) -> None:
        self.output, self.page = output, output.page
        self.picture = output.locator("img.widget-image")
        self.controls = output.locator(".widget-hslider, .widget-dropdown, .widget-checkbox")
        self.picture.scroll_into_view_if_needed()

    def pixels(self) -> str:
        return str(self.picture.evaluate(PIXELS))

    def reaction(self, before: str) -> str:
        """Wait until the picture is another one, or a line says why it cannot be drawn: "redrawn" or "refused"."""
        output = self.output.element_handle()
        found = self.page.wait_for_function(REACTED, arg=[output, before], polling=50)
        return str(found.json_value())

    def move_by_keyboard(self, number: int) -> str:
        """Move a control by one step with its key, see what happens, and move it back."""
        control, there, back = self.controls.nth(number), ["ArrowRight"], ["ArrowLeft"]
        if (slider := control.get_by_role("slider")).count():
            slider.focus()
            if slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax"):
                there, back = back, there
        elif (choice := control.locator("select")).count():
            choice.focus()
            # JupyterLab keeps the arrows for itself until the list is open.
            there, back = ["Space", "ArrowDown", "Enter"], ["Space", "ArrowUp", "Enter"]
            if choice.evaluate("choice => choice.selectedIndex === choice.length - 1"):
                there, back = back, there
        else:
            control.locator("input").focus()
            there = back = ["Space"]
        start = self.pixels()
        for key in there:
            self.page.keyboard.press(key)
        happened = self.reaction(start)
        moved = self.pixels()
        for key in back:
            self.page.keyboard.press(key)
        if happened == "redrawn":
            self.reaction(moved)
        else:
            expect(self.output.get_by_role("alert")).to_have_count(0)
        return happened

    def drag(self, slider: Locator, pixels: int) -> None:
        """Take the handle of a slider with the mouse and pull it to the right, or with pixels below 0 to the left."""
        box = slider.bounding_box()
        assert box is not None
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + pixels, y)  # at once: one new value, one new picture
        self.page.mouse.up()


@pytest.fixture(scope="session")
def open_notebook(lab: Lab, browser: Browser, pictures: Path) -> Callable[[str], Notebook]:
    """Give a function that opens a notebook of the course, named by its path, in a window of its own."""

    def open_one(path: str) -> Notebook:
        window = browser.new_context(viewport={"width": 1280, "height": 900})
        window.set_default_timeout(1000 * PATIENCE_S)
        return Notebook(lab, window.new_page(), path)

    return open_one
