"""No test is left out in silence: a skip names what the machine lacks, or the day on which it ends."""

import ast
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SKIPS = {"skip", "skipif", "importorskip", "xfail", "skipIf", "skipUnless", "skipTest", "SkipTest"}
HOW = 'wanted reason="needs ..." for what a machine may lack, or a reason with "until YYYY-MM-DD"'


def faults(source: str, today: date) -> Iterator[tuple[int, str]]:
    """Every skip of a test file that does not say why, or whose day has come: its line and what is wrong."""
    tree = ast.parse(source)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in ("pytest", "unittest"):
            for name in SKIPS & {alias.name for alias in node.names}:
                yield node.lineno, f"{name} is imported alone; write {node.module}.{name}, so that it is seen here"
        if isinstance(node, ast.Attribute) and node.attr in SKIPS:
            problem = _fault(node.attr, _reason(calls.get(id(node))), today)
            if problem:
                yield node.lineno, problem


def _reason(call: ast.Call | None) -> str:
    """The words that stand in the source; what is filled in later counts as {}."""
    if call is None:
        return ""
    given = [keyword.value for keyword in call.keywords if keyword.arg in ("reason", "msg")]
    if not given and call.func.attr in ("skip", "xfail", "skipTest", "SkipTest"):  # type: ignore[attr-defined]
        given = call.args[:1]
    text = given[0] if given else None
    if isinstance(text, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in text.values)
    return text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else ""


def _fault(kind: str, reason: str, today: date) -> str:
    if reason.startswith("needs ") and kind != "xfail":  # a machine lacks a thing; only the course itself can be wrong
        return ""
    end = re.search(r"\buntil (\d{4}-\d{2}-\d{2})\b", reason)
    if not end:
        return f"{kind}: {reason or 'no reason'}; {HOW}"
    return "" if today < date.fromisoformat(end[1]) else f"{kind}: {reason}; the day has come: mend it, or take it out"


def test_every_skip_says_what_it_needs_or_when_it_ends() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {problem}"
        for path in sorted((ROOT / "tests").rglob("*.py"))
        for line, problem in faults(path.read_text(encoding="utf-8"), date.today())
    ]
    assert not found, "\n".join(found)


def test_no_doctest_and_no_cell_is_left_out() -> None:
    """Neither has room for a reason; a cell that cannot run everywhere asks for it with a plain `if`."""
    marks = re.compile(r"doctest: *\+" + r"SKIP|tags=\[.*(nbval-skip|skip-execution)")
    places = [path for room in ("course_lib", "notebooks", "solutions") for path in (ROOT / room).rglob("*.py")]
    assert [str(path) for path in places if marks.search(path.read_text(encoding="utf-8"))] == []


TODAY = date(2026, 11, 22)


@pytest.mark.parametrize(
    "source",
    [
        "pytest.skip('needs bubblewrap')",
        "pytest.skip(f'needs docker: {why}')",
        "pytest.importorskip('playwright', reason='needs playwright')",
        "pytest.param(1, marks=pytest.mark.skipif(no_gpu, reason='needs a GPU'))",
        "@pytest.mark.xfail(reason='torch rounds otherwise, until 2026-12-31')\ndef test_it(): pass",
        "class T(unittest.TestCase):\n    @unittest.skipUnless(gpu, reason='needs a GPU')\n    def test(self): pass",
        "skip = {'skip': 'a word like any other'}['skip']",
    ],
)
def test_a_skip_with_a_need_or_a_day_to_come_is_fine(source: str) -> None:
    assert list(faults(source, TODAY)) == []


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("pytest.skip('flaky')", "skip: flaky; wanted"),
        ("pytest.skip()", "skip: no reason; wanted"),
        ("pytest.skip(why)", "skip: no reason; wanted"),
        ("@pytest.mark.skip\ndef test_it(): pass", "skip: no reason; wanted"),
        ("pytest.mark.skipif(True, reason=f'{why} needs')", "skipif: {} needs; wanted"),
        ("pytest.importorskip('docker')", "importorskip: no reason; wanted"),
        ("pytest.xfail('needs a better net')", "xfail: needs a better net; wanted"),
        ("pytest.mark.xfail(reason='slow until 2026-11-22')", "the day has come"),
        ("pytest.skip('until next week')", "until next week; wanted"),
        ("raise unittest.SkipTest('flaky')", "SkipTest: flaky; wanted"),
        ("from pytest import skip as leave_out", "skip is imported alone; write pytest.skip"),
    ],
)
def test_a_skip_without_reason_or_past_its_day_is_found(source: str, problem: str) -> None:
    ((line, found),) = faults(source, TODAY)
    assert line == 1
    assert problem in found
