"""Explorers: pictures that a student changes with sliders, and that are still pictures where no slider can move.

`explore` turns any function that draws a figure into one output that holds both the widget and a picture of the
starting values. JupyterLab, Colab and VS Code show the widget; a web page, a reviewer or a reader without a kernel sees
the picture.
"""

from __future__ import annotations

import contextlib
import inspect
import io
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from html import escape
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.patches import Rectangle
from matplotlib.path import Path as MplPath
from matplotlib.textpath import TextPath
from matplotlib.transforms import IdentityTransform

from course_lib.arithmetic import Layer, conv_output_size, receptive_field
from course_lib.figures import INK, ORANGE, STYLE, VERMILION, plot_receptive_field, publish, to_png

if TYPE_CHECKING:
    from ipywidgets import VBox
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

__all__ = ["convolution_explorer", "explore", "receptive_field_explorer"]

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


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
        range, the first choice.

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
    still = _picture(draw, start, encode=_small_png)
    pictures: dict[str, Any] = {"image/png": still}
    with contextlib.suppress(Exception):  # without ipywidgets, or with one that fails here, the picture is enough
        box = _build(draw, controls, start, still)
        pictures[WIDGET_VIEW] = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    publish(pictures, alt)


def convolution_explorer() -> None:
    """Move a kernel over a small image: which pixels it covers, what it computes there, how large the output is.

    Examples
    --------
    >>> convolution_explorer()  # doctest: +ELLIPSIS
    A 5 by 5 input...
    """
    explore(
        _draw_convolution,
        alt="A 5 by 5 input of small numbers; the 3 by 3 kernel lies on its upper left corner. The nine products add "
        "up to 12, the first cell of the 3 by 3 output. Below, the formula of the output size: "
        "(5 + 2·0 − 1·(3 − 1) − 1) / 1 + 1 = 3.",
        input_size=(3, 8),
        kernel_size=(1, 5),
        stride=(1, 3),
        padding=(0, 2),
        dilation=(1, 3),
        row=(1, 12),
        column=(1, 12),
    )


def receptive_field_explorer() -> None:
    """Stack equal layers: how many input pixels one cell of the last layer sees.

    Examples
    --------
    >>> receptive_field_explorer()  # doctest: +ELLIPSIS
    Four rows of cells...
    """
    explore(
        _draw_receptive_field,
        alt="Four rows of cells: the input and three layers with kernels of 3. One cell of the last layer depends on "
        "3, then 5, then 7 cells of the rows below it: it sees 7 input pixels. The stack has 27 weights, one kernel of "
        "7 by 7 has 49.",
        layers=(1, 6),
        kernel_size=(2, 7),
        stride=(1, 2),
        dilation=(1, 3),
    )


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


def _picture(draw: Callable[..., Figure], values: Mapping[str, Any], *, encode: Callable[[Figure], bytes]) -> bytes:
    with plt.style.context(STYLE), _no_figure_left_open():
        return encode(draw(**values))


def _small_png(figure: Figure) -> bytes:
    return to_png(figure, trim=False)


def _quick_png(figure: Figure) -> bytes:
    """Encode in a few milliseconds: what a moving slider needs, and nobody stores."""
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=100, pil_kwargs={"compress_level": 1})
    return png.getvalue()


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
    picture = ipywidgets.Image(value=still, format="png", layout={"max_width": "100%", "align_self": "flex-start"})
    message = ipywidgets.HTML()

    def redraw(_change: Any) -> None:
        try:
            values = {name: knob.value for name, knob in knobs.items()}
            picture.value = _picture(draw, values, encode=_quick_png)
        except Exception as error:  # whatever it is: one line for the student, never a traceback
            message.value = f'<span role="alert" style="color: {VERMILION}">{escape(_one_line(error))}</span>'
            picture.layout.visibility = "hidden"
        else:
            message.value = ""
            picture.layout.visibility = "visible"

    for knob in knobs.values():
        knob.observe(redraw, names="value")
    panel = ipywidgets.HBox(list(knobs.values()), layout={"flex_flow": "row wrap"})
    return ipywidgets.VBox([panel, message, picture])


def _knob(name: str, control: Any, value: Any) -> Any:
    """Make the widget for one control, with its name beside it."""
    import ipywidgets

    if hasattr(control, "value"):
        return control
    look = {"description": name.replace("_", " "), "style": {"description_width": "initial"}, "value": value}
    if isinstance(control, bool):
        return ipywidgets.Checkbox(indent=False, **look)
    if isinstance(control, list | dict):
        choices = list(control.items()) if isinstance(control, dict) else [(str(choice), choice) for choice in control]
        return ipywidgets.Dropdown(options=choices, **look)
    low, high, *step = control
    slider = ipywidgets.IntSlider if _is_whole(control) else ipywidgets.FloatSlider
    return slider(min=low, max=high, step=step[0] if step else (1 if _is_whole(control) else (high - low) / 50), **look)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"Not possible: {text}" if isinstance(error, ValueError) else f"This cannot be drawn: {text}"


# The input and the kernel of the lecture, inside larger ones of the same kind.
_PIXELS = np.random.default_rng(0).integers(0, 4, size=(8, 8))
_PIXELS[:5, :5] = [[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]]
_KERNELS = {size: np.random.default_rng(size).integers(0, 3, size=(size, size)) for size in (1, 2, 4, 5)}
_KERNELS[3] = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]])


def _draw_convolution(
    *,
    input_size: int = 5,
    kernel_size: int = 3,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    row: int = 1,
    column: int = 1,
) -> Figure:
    """Draw input, kernel and output of a small convolution, and how one output cell comes about."""
    output_size = conv_output_size(input_size, kernel_size, stride=stride, padding=padding, dilation=dilation)
    pixels = np.pad(_PIXELS[:input_size, :input_size], padding)
    kernel = _KERNELS[kernel_size]
    row, column = min(row, output_size) - 1, min(column, output_size) - 1
    steps = stride * np.arange(output_size)[:, None] + dilation * np.arange(kernel_size)  # (output, kernel)
    covered = pixels[np.ix_(steps[row], steps[column])]
    output = np.einsum("iajb,ab->ij", _windows(pixels, steps), kernel)

    figure = plt.figure(figsize=(7.2, 4.2), layout="none")
    ax = figure.add_axes((0.01, 0.2, 0.98, 0.8))
    left, top, tall = len(pixels) + 2.0, max(0, len(pixels) - output_size) / 2, max(len(pixels), output_size)
    ax.set(xlim=(-0.1, left + output_size + 0.1), ylim=(tall + 0.1, -0.9), aspect="equal")
    ax.set_axis_off()
    points = 72 * min(7.05 / (left + output_size + 0.2), 3.35 / (tall + 1))  # side of a cell
    _draw_grid(pixels, (0, 0), ax, points=points, border=padding)
    _draw_grid(output, (left, top), ax, points=points)
    _draw_kernel(kernel, steps[row], steps[column], ax, points=points)
    ax.add_patch(Rectangle((left + column, top + row), 1, 1, facecolor=ORANGE, alpha=0.35))
    _frame(left + column, top + row, 1, 1, ax)
    _join(steps[row], steps[column], left + column, top + row, ax)
    padded = f", padded to {len(pixels)} × {len(pixels)}" if padding else ""
    ax.text(0, -0.2, f"input {input_size} × {input_size}{padded}")
    ax.text(left, top - 0.2, f"output {output_size} × {output_size}")
    sizes = f"({input_size} + 2·{padding} − {dilation}·({kernel_size} − 1) − 1) / {stride}"
    lines = [
        "output size = ⌊(input + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1",
        f"output size = ⌊{sizes}⌋ + 1 = {output_size}",
        f"row {row + 1}, column {column + 1} = {_sum_of_products(covered, kernel)}",
    ]
    for height, line, colour in zip((0.135, 0.08, 0.025), lines, ("#555555", INK, VERMILION), strict=True):
        figure.text(0.02, height, line, color=colour)
    return figure


def _windows(pixels: NDArray[Any], steps: NDArray[Any]) -> NDArray[Any]:
    """Return what the kernel covers at each place, (output, kernel, output, kernel)."""
    return pixels[np.ix_(steps.ravel(), steps.ravel())].reshape(*steps.shape, *steps.shape)


def _draw_grid(values: NDArray[Any], corner: tuple[float, float], ax: Axes, *, points: float, border: int = 0) -> None:
    """Draw numbers in cells, brighter for more; the border of padding is white."""
    size = len(values)
    left, top = corner
    brightness = 0.74 + 0.26 * values / max(values.max(), 1)
    inner = slice(border, size - border)
    shown = np.ones(values.shape)
    shown[inner, inner] = brightness[inner, inner]
    edges = np.arange(size + 1)
    ax.pcolormesh(left + edges, top + edges, shown, cmap="gray", vmin=0, vmax=1, edgecolors="#C8C8C8", linewidth=0.6)
    extent = size - 2 * border
    ax.add_patch(Rectangle((left + border, top + border), extent, extent, fill=False, linewidth=1.2, edgecolor=INK))
    rows, columns = np.indices(values.shape)
    places = np.stack([left + columns + 0.5, top + rows + 0.5], axis=-1).reshape(-1, 2)
    _write([str(value) for value in values.ravel()], places, ax, points=min(13, 0.42 * points))


def _draw_kernel(kernel: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any], ax: Axes, *, points: float) -> None:
    """Tint the covered cells, write each weight into its corner, and frame the reach of the kernel."""
    for row in rows:
        ax.broken_barh([(column, 1) for column in columns], (row, 1), facecolor=ORANGE, alpha=0.35)
    places = np.stack(np.meshgrid(columns + 0.76, rows + 0.8), axis=-1).reshape(-1, 2)
    weights = [f"×{weight}" for weight in kernel.ravel()]
    _write(weights, places, ax, points=min(9, 0.29 * points), color="#A33F00")
    _frame(columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1, ax)


def _write(words: list[str], places: NDArray[Any], ax: Axes, *, points: float, color: str = INK) -> None:
    """Write short words centred at their places, all at once: twenty times as fast as a text for each."""
    paths = [_word(word) for word in words]
    look: dict[str, Any] = {"facecolor": color, "edgecolor": "none", "transform": IdentityTransform(), "zorder": 3}
    ax.add_collection(PathCollection(paths, [points**2], offsets=places, offset_transform=ax.transData, **look))


@lru_cache
def _word(word: str) -> MplPath:
    """Return the outline of a word one unit high, centred on zero."""
    path = TextPath((0, 0), word, size=1)
    middle = (path.get_extents().x0 + path.get_extents().x1) / 2
    return MplPath(path.vertices - (middle, 0.36), path.codes)


def _frame(left: float, top: float, width: float, height: float, ax: Axes) -> None:
    ax.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=VERMILION, linewidth=2, zorder=4))


def _join(rows: NDArray[Any], columns: NDArray[Any], left: float, top: float, ax: Axes) -> None:
    """Draw two lines from the reach of the kernel to the output cell, below the grids."""
    for start, end in ((rows[0], top), (rows[-1] + 1, top + 1)):
        ax.plot([columns[-1] + 1, left], [start, end], color=VERMILION, linestyle="-", linewidth=0.9, zorder=0.5)


def _sum_of_products(covered: NDArray[Any], kernel: NDArray[Any]) -> str:
    total = int((covered * kernel).sum())
    if kernel.size > 9:
        return f"sum of {kernel.size} products = {total}"
    return " + ".join(f"{x}·{w}" for x, w in zip(covered.ravel(), kernel.ravel(), strict=True)) + f" = {total}"


def _draw_receptive_field(*, layers: int = 3, kernel_size: int = 3, stride: int = 1, dilation: int = 1) -> Figure:
    """Draw the cone of cells below one cell of a stack of equal layers, and what the stack saves."""
    extras = (stride > 1) + (dilation > 1)
    figure = plt.figure(figsize=(7.2, 4.2), layout="none")
    ax = figure.add_axes((0.17 + 0.09 * extras, 0.26, 0.61 - 0.09 * extras, 0.64))
    stack = [Layer(kernel_size, stride=stride, dilation=dilation)] * layers
    plot_receptive_field(stack, ax)
    figure.text(0.02, 0.93, ax.get_title(loc="left"), fontsize=11)
    ax.set_title("")
    size = receptive_field(stack).size
    lines = [
        "Weights in two dimensions, for one channel:",
        f"    this stack {layers} × {kernel_size} × {kernel_size} = {layers * kernel_size**2:,}; "
        f"one kernel as wide as the field {size:,} × {size:,} = {size**2:,}",
    ]
    for height, line in zip((0.08, 0.025), lines, strict=True):
        figure.text(0.02, height, line)
    return figure
