"""Any function that draws a figure becomes an explorer: one output with the widget and the picture of its start."""

from __future__ import annotations

import contextlib
import gc
import inspect
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg

from course_lib.figures.page import RUST, STYLE, publish, render, to_png

if TYPE_CHECKING:
    from ipywidgets import VBox
    from matplotlib.figure import Figure

__all__ = ["explore"]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
# Read aloud by a screen reader after each change, and not seen.
UNSEEN = "position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap"

UNITS = {"hu": "HU", "mm": "mm", "percent": "%"}


def explore(draw: Callable[..., Figure], *, alt: str, **controls: Any) -> None:
    """Show a figure whose arguments can be changed, and its picture where nothing can be changed.

    Parameters
    ----------
    draw : function
        Takes the controls as keyword arguments and returns a Figure of always the same size. A `ValueError` is shown to
        the student as one line in place of the picture.
    alt : str
        What there is to see at the start, for those who cannot see it.
    **controls : tuple, list, dict, bool or ipywidgets widget
        `(low, high)` or `(low, high, step)` is a slider, a list of values or a dict of names and values a choice, a
        bool a box to tick. The starting value is the default of that argument in `draw`; without one the middle of the
        range, the first choice. A unit at the end of a name is written as one: `width_hu` as "width (HU)".

    Raises
    ------
    ValueError
        If `alt` is empty, a control cannot be understood, or `draw` refuses the starting values.

    Examples
    --------
    >>> def draw(angle=30):
    ...     return plt.figure()
    >>> explore(draw, alt="A line that can be turned.", angle=(0, 90))
    A line that can be turned.
    """
    start = {name: _start(name, control, draw) for name, control in controls.items()}
    still = _drawn(draw, start, encode=_small_png).png
    pictures: dict[str, Any] = {"image/png": still}
    with contextlib.suppress(Exception):  # without ipywidgets, or with one that fails here, the picture is enough
        box = _build(draw, controls, start, still)
        pictures[WIDGET_VIEW] = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    publish(pictures, alt)


def _start(name: str, control: Any, draw: Callable[..., Figure]) -> Any:
    """Return the value a control has at first."""
    if hasattr(control, "value"):
        return control.value
    if isinstance(control, bool):
        return control
    default = inspect.signature(draw).parameters[name].default if name in inspect.signature(draw).parameters else None
    given = default is not inspect.Parameter.empty and default is not None
    if isinstance(control, list | dict) and control:
        choices = list(control.values()) if isinstance(control, dict) else control
        return default if given and default in choices else choices[0]
    if _is_range(control):
        low, high = control[:2]
        if given and low <= default <= high:
            return default
        return low + (high - low) // 2 if _is_whole(control) else low + (high - low) / 2
    wanted = "(low, high), (low, high, step), a list or dict of choices, True, False or a widget"
    raise ValueError(f"{name} needs {wanted}; got {control!r}")


def _is_range(control: Any) -> bool:
    numbers = isinstance(control, tuple) and all(isinstance(value, int | float) for value in control)
    return numbers and len(control) in (2, 3) and control[0] < control[1] and all(step > 0 for step in control[2:])


def _is_whole(control: tuple[float, ...]) -> bool:
    return all(isinstance(value, int) for value in control)


class _Drawn(NamedTuple):
    """A picture and the words written in it."""

    png: bytes
    words: str


def _drawn(draw: Callable[..., Figure], values: Mapping[str, Any], *, encode: Callable[[Figure], bytes]) -> _Drawn:
    with plt.style.context(_style()), _no_figure_left_open():
        figure = draw(**values)
        if not hasattr(figure, "savefig"):
            raise TypeError(f"{draw.__name__} needs to return the Figure it has drawn, got {figure!r}")
        titles = [ax.get_title(loc=place) for ax in figure.axes for place in ("left", "center", "right")]
        words = [*(text.get_text() for text in figure.texts), *titles]
        return _Drawn(encode(figure), "; ".join(word for word in words if word))


@lru_cache(maxsize=1)
def _style() -> dict[str, Any]:
    """Read the style once; a title stays on its axes, which are measured twice if it is to rise above their labels."""
    style: Any = mpl.rc_params_from_file(STYLE, use_default_template=False)
    return {**style, "axes.titley": 1.0}


def _small_png(figure: Figure) -> bytes:
    return to_png(figure, trim=False)


def _quick_png(figure: Figure) -> bytes:
    """Encode in a few milliseconds: what a moving slider needs, and nobody stores."""
    _Canvas(figure)
    return render(figure, pil_kwargs={"compress_level": 1})


class _Canvas(FigureCanvasAgg):
    """Draws all figures of one size with one renderer: it knows already how wide most of the words are."""

    def get_renderer(self) -> RendererAgg:
        self.renderer = _renderer(*self.get_width_height(physical=True), self.figure.dpi)
        return self.renderer


@lru_cache(maxsize=4)
def _renderer(width: int, height: int, dpi: float) -> RendererAgg:
    return RendererAgg(width, height, dpi)


@contextlib.contextmanager
def _garbage_left_for_later() -> Iterator[None]:
    """Take away the drawn figure while it is young: in the midst of a drawing, all memory would be searched for it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
            gc.collect(0)


@contextlib.contextmanager
def _no_figure_left_open() -> Iterator[None]:
    """Close what is opened inside: the notebook would show it a second time."""
    before = set(plt.get_fignums())
    try:
        yield
    finally:
        for number in set(plt.get_fignums()) - before:
            plt.close(number)


def _build(draw: Callable[..., Figure], controls: Mapping[str, Any], start: Mapping[str, Any], still: bytes) -> VBox:
    """Put the controls, the line for messages and the picture together, and redraw at every change."""
    import ipywidgets

    knobs = {name: _knob(name, control, start[name]) for name, control in controls.items()}
    picture = ipywidgets.Image(value=still, format="png", layout={"max_width": "100%", "margin": "0"})
    message = ipywidgets.HTML()

    def redraw(_change: Any) -> None:
        with _garbage_left_for_later():
            show()

    def show() -> None:
        try:
            drawn = _drawn(draw, {name: knob.value for name, knob in knobs.items()}, encode=_quick_png)
        except Exception as error:  # whatever it is: one line for the student, never a traceback
            message.value = f'<span role="alert" style="color: {RUST}">{escape(_one_line(error))}</span>'
            picture.layout.visibility = "hidden"
        else:
            picture.value = drawn.png
            message.value = f'<span role="status" style="{UNSEEN}">{escape(drawn.words)}</span>'
            picture.layout.visibility = "visible"

    for knob in knobs.values():
        knob.observe(redraw, names="value")
    panel = ipywidgets.HBox(list(knobs.values()), layout={"flex_flow": "row wrap"})
    return ipywidgets.VBox([panel, message, picture], layout={"align_items": "flex-start", "overflow": "hidden"})


def _knob(name: str, control: Any, value: Any) -> Any:
    """Make the widget for one control, with its name beside it."""
    import ipywidgets

    if hasattr(control, "value"):
        return control
    look = {"description": _written_out(name), "style": {"description_width": "initial"}, "value": value}
    if isinstance(control, bool):
        return ipywidgets.Checkbox(indent=False, **look)
    if isinstance(control, list | dict):
        choices = list(control.items()) if isinstance(control, dict) else [(str(choice), choice) for choice in control]
        return ipywidgets.Dropdown(options=choices, **look)
    low, high, *step = control
    slider = ipywidgets.IntSlider if _is_whole(control) else ipywidgets.FloatSlider
    return slider(min=low, max=high, step=step[0] if step else (1 if _is_whole(control) else (high - low) / 50), **look)


def _written_out(name: str) -> str:
    """Write the name of an argument as people do: `width_hu` is the width (HU)."""
    *words, last = name.split("_")
    return " ".join([*words, f"({UNITS[last]})" if words and last in UNITS else last])


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"Not possible: {text}" if isinstance(error, ValueError) else f"This cannot be drawn: {text}"
