"""What a stored notebook may show: outputs that are the same on every machine, small, described, and without slips.

`clean_outputs` drops what nobody can use later (progress bars, widgets beside a still picture, the report on this
machine) and refuses the rest of what must not be committed, naming the cell.
"""

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from course_lib.errors import CourseError

__all__ = ["LARGEST_KB", "MACHINE", "clean_outputs"]

LARGEST_KB = 300
MACHINE = "machine"  # outputs with {"course": {"machine": true}} in their metadata describe this machine only

_WIDGET = "application/vnd.jupyter.widget-view+json"
_BAR = re.compile(r"[^\r\n]*?\d+%\|[^\r\n]*|HBox\(children=[^\r\n]*")
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def clean_outputs(notebook: Any, *, place: str, root: Path) -> None:
    """Clean the outputs of an executed notebook in place, or refuse them.

    Parameters
    ----------
    notebook
        Executed; each cell's metadata may hold `source_line` for messages.
    place
        The source, for messages.
    root
        The checkout: its path must not be seen in an output.

    Raises
    ------
    CourseError
        For an error, a warning, a path of this machine, a memory address, a picture without text, a widget without a
        still picture, or more than 300 kB.
    """
    paths = _private_paths(root)
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        where = f"{place}:{cell.metadata.get('source_line', 1)}"
        tags = cell.metadata.get("tags", [])
        outputs = [_clean(output, tags=tags, where=where) for output in _joined(cell.outputs)]
        cell.outputs = _joined([output for output in outputs if output is not None])
        _refuse_private(cell.outputs, paths, where)
    sizes = [(len(json.dumps(cell.get("outputs", []))) / 1000, cell) for cell in notebook.cells]
    total = sum(size for size, _ in sizes)
    if total > LARGEST_KB:
        most, largest = max(sizes, key=lambda pair: pair[0])
        line = largest.metadata.get("source_line", 1)
        raise CourseError(
            f"{place}: the outputs take {total:.1f} kB; wanted at most {LARGEST_KB} kB a notebook: "
            f"draw fewer or smaller pictures, print less (most, {most:.1f} kB, comes from line {line})"
        )


def _joined(outputs: list[Any]) -> list[Any]:
    """Join printed text that arrived in pieces: where the kernel cuts it depends on the load of the machine."""
    joined: list[Any] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if last and output.output_type == last.output_type == "stream" and output.name == last.name:
            last.text += output.text
        else:
            joined.append(output)
    return joined


def _clean(output: Any, *, tags: list[str], where: str) -> Any:
    if output.output_type == "stream":
        return _clean_stream(output, where)
    if output.output_type == "error":
        if "raises-exception" not in tags and "nbval-raises-exception" not in tags:
            _refuse(where, f"the cell ends in {output.ename}", 'mend it, or tag it "raises-exception" if it is meant')
        output.traceback = _short_traceback(output.traceback)
        return output
    if output.metadata.pop("course", {}).get(MACHINE):
        return None
    if output.output_type == "display_data" and _is_bar(output.data):
        return None
    if _WIDGET in output.data:
        if "image/png" not in output.data:
            _refuse(where, "a widget without a still picture", "show it through course_lib.widgets.explore")
        del output.data[_WIDGET]
    _refuse_undescribed(output, where)
    return output


def _is_bar(data: Any) -> bool:
    """Whether a bundle is a progress bar and nothing else: a widget, or the text that stands for one."""
    return set(data) <= {_WIDGET, "text/plain"} and bool(_BAR.fullmatch(data.get("text/plain", "").strip()))


def _clean_stream(output: Any, where: str) -> Any:
    text = _BAR.sub("", output.text) if output.name == "stderr" else output.text
    text = "\n".join(line.rpartition("\r")[2] if line.strip("\r") else "" for line in text.split("\n"))
    if output.name == "stderr":
        if _ANSI.sub("", text).strip():
            first = _ANSI.sub("", text).strip().splitlines()[0][:160]
            _refuse(where, f"the cell writes to stderr: {first!r}", "mend what it warns of")
        return None
    output.text = text
    return output if text else None


def _refuse_undescribed(output: Any, where: str) -> None:
    for kind in output.data:
        if not kind.startswith("image/"):
            continue
        alt = output.metadata.get(kind, {}).get("alt", "")
        if not (isinstance(alt, str) and alt.strip()):
            _refuse(
                where, f"a picture ({kind}) without text for those who do not see it", "show it through figures.show"
            )
        if isinstance(output.data[kind], str):
            output.data[kind] = output.data[kind].strip() + ("\n" if kind == "image/svg+xml" else "")


def _refuse_private(outputs: list[Any], paths: list[str], where: str) -> None:
    texts = json.dumps([_without_pictures(output) for output in outputs], ensure_ascii=False)
    for path in paths:
        if re.search(re.escape(path) + r"(?![\w.-])", texts):
            _refuse(where, f"an output shows a path of this machine, {path}", "print the name only, or a relative path")
    address = re.search(r"\bat 0x[0-9a-fA-F]{6,}", texts)
    if address:
        _refuse(where, f"an output shows a memory address ({address[0]})", "print what matters, or end the line in ;")


def _without_pictures(output: Any) -> Any:
    data = {kind: value for kind, value in output.get("data", {}).items() if kind not in ("image/png", "image/jpeg")}
    return {**output, "data": data}


def _private_paths(root: Path) -> list[str]:
    """Return checkout, home, temporary folder and environment of this machine; those everybody has are left out."""
    found = [root, root.resolve(), Path.home(), Path(tempfile.gettempdir()), Path(sys.prefix), Path(sys.base_prefix)]
    return sorted({str(path) for path in found if len(path.parts) > 1} - {"/usr", "/usr/local"}, key=len, reverse=True)


def _short_traceback(lines: list[str]) -> list[str]:
    """Keep the head, the frames of the notebook's own cells and the last line; the frames of libraries differ."""
    frames = [line for line in lines[1:-1] if "Cell In" in _ANSI.sub("", line).partition("\n")[0]]
    return [*lines[:2], *(frame for frame in frames if frame not in lines[:2]), lines[-1]] if len(lines) > 2 else lines


def _refuse(where: str, what: str, cure: str) -> NoReturn:
    raise CourseError(f"{where}: {what}; it must not be stored: {cure}")
