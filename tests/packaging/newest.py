"""Check the course with the newest releases of what it needs, and write down what differs and what fails.

`make test-newest` runs it in an environment that was installed without constraints. Every check runs, whatever the one
before it said: the report is what a maintainer reads first, here and in the issue that the weekly run opens.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent.parent
PYTEST = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "2"]


def differences(constraints: str, installed: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Name, pinned and installed version of what differs; a build of the same version (2.13.0+cpu) does not.

    >>> list(differences("numpy==2.4.6\\ntorch==2.13.0\\n", {"numpy": "2.5.0", "torch": "2.13.0+cpu", "new": "1.0"}))
    [('numpy', '2.4.6', '2.5.0'), ('new', '', '1.0')]
    """
    lines = [line.partition("==") for line in constraints.splitlines() if line and not line.startswith("#")]
    pins = {canonicalize_name(name): version for name, _, version in lines}
    for name, pinned in pins.items():
        if name in installed and Version(installed[name]).public != Version(pinned).public:
            yield name, pinned, installed[name]
    yield from ((name, "", installed[name]) for name in sorted(set(installed) - set(pins)))


def failures(output: str) -> list[str]:
    """The lines that name what failed: pytest's own, or else the last ones.

    >>> failures("1 passed\\nFAILED tests/test_a.py::test_it - ValueError: no\\n1 failed")
    ['FAILED tests/test_a.py::test_it - ValueError: no']
    >>> failures("a.py:1: error: no such attribute\\nFound 1 error")
    ['a.py:1: error: no such attribute', 'Found 1 error']
    """
    lines = [line for line in output.splitlines() if line.strip()]
    return [line for line in lines if re.match(r"(FAILED|ERROR) \S", line)] or lines[-10:]


def report(differing: Sequence[tuple[str, str, str]], failed: dict[str, list[str]]) -> str:
    """The report as Markdown, well below the length that an issue may have."""
    rows = [f"| {name} | {pinned or 'not pinned'} | {newest} |" for name, pinned, newest in differing]
    parts = [f"Python {sys.version.split()[0]} on {sys.platform}, the newest releases that pip finds.", ""]
    parts += [
        f"{len(rows)} versions differ from `constraints.txt`:",
        "",
        "| package | pinned | newest |",
        "|---|---|---|",
    ]
    parts += [*rows, "", "Everything passes with them." if not failed else "These fail with them:"]
    for command, lines in failed.items():
        more = [f"... and {len(lines) - 50} more"] if len(lines) > 50 else []
        parts += ["", f"`{command}`", "", "```text", *(line[:300] for line in lines[:50]), *more, "```"]
    return "\n".join(parts) + "\n"


def main() -> int:
    """Run every check, print as it goes, and write the report; status 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tests", nargs="*", default=["tests", "course_lib"])
    parser.add_argument("--lectures", nargs="*", default=[])
    parser.add_argument("--report", type=Path, required=True)
    options = parser.parse_args()
    installed = {canonicalize_name(one.metadata["Name"]): one.version for one in distributions()}
    installed.pop("course-lib", None)
    differing = list(differences((ROOT / "constraints.txt").read_text(encoding="utf-8"), installed))
    for name, pinned, newest in differing:
        print(f"{name}: {pinned or 'not pinned'} → {newest}")
    module = [sys.executable, "-m"]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"  # numpy's newest types cannot be read as 3.11's
    commands = {
        "ruff format --check .": [*module, "ruff", "format", "--check", "."],
        "ruff check .": [*module, "ruff", "check", "."],
        "mypy": [*module, "mypy", "--python-version", version],
        "pytest": [*PYTEST, "--dist", "worksteal", *options.tests],
    }
    if options.lectures:
        commands["pytest --nbval-lax"] = [*PYTEST, "--dist", "loadfile", "--nbval-lax", *options.lectures]
    failed = {name: lines for name, command in commands.items() if (lines := _failures_of(command))}
    text = report(differing, failed)
    options.report.parent.mkdir(parents=True, exist_ok=True)
    options.report.write_text(text, encoding="utf-8")
    print(f"\n{text}\nwritten to {options.report}")
    return 1 if failed else 0


def _failures_of(command: list[str]) -> list[str]:
    print(f"\n$ {' '.join(command[2:])}", flush=True)
    lines = []
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            lines.append(line)
    return failures("".join(lines)) if process.returncode else []


if __name__ == "__main__":
    sys.exit(main())
