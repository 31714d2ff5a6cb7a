"""The figures of the lessons: a result and an `ax` go in, the `ax` comes out; `show` puts the figure into the page.

Every figure takes plain arrays or one of our results, is drawn in the one style of `course.mplstyle` (switch it on with
`use_course_style`) and is shown with a text that says in words what there is to see.

References
----------
M. Okabe and K. Ito, "Color Universal Design: how to make figures that are colorblind friendly", 2008 (the colours).
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.patches import Polygon, Rectangle
from matplotlib.ticker import MaxNLocator
from PIL import Image

from course_lib.arithmetic import Layer, receptive_field

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "plot_accuracy_curves",
    "plot_confusion_matrix",
    "plot_ct",
    "plot_image_grid",
    "plot_kernels",
    "plot_learning_curves",
    "plot_matrix",
    "plot_receptive_field",
    "publish",
    "show",
    "to_png",
    "use_course_style",
]

STYLE = Path(__file__).with_name("course.mplstyle")
BLUE, VERMILION, SKY, ORANGE, INK, PALE = "#0072B2", "#D55E00", "#56B4E9", "#E69F00", "#222222", "#E8E8E8"
CELLS_DRAWN = 72  # a wider receptive field is drawn as bars: its cells would be too small to see


def use_course_style() -> None:
    """Draw every later figure of this session in the style of the course.

    Examples
    --------
    >>> use_course_style()
    >>> plt.rcParams["axes.spines.top"]
    False
    """
    plt.style.use(STYLE)


def to_png(figure: Figure, *, trim: bool = True) -> bytes:
    """Return the figure as a small PNG: at most 256 colours where nobody can see the difference.

    Parameters
    ----------
    figure : matplotlib Figure
        Drawn at the resolution of the style (100 dots an inch).
    trim : bool
        Cut off the empty border. Keep it (False) where pictures must keep their size, as in an explorer.

    Returns
    -------
    bytes
        A PNG file.

    Examples
    --------
    >>> to_png(plt.figure())[1:4]
    b'PNG'
    >>> plt.close()
    """
    raw = io.BytesIO()
    figure.savefig(raw, format="png", dpi=100, facecolor="white", bbox_inches="tight" if trim else None)
    picture = Image.open(raw).convert("RGB")
    small = io.BytesIO()
    _with_few_colours(picture).save(small, format="PNG", optimize=True)
    return small.getvalue()


def show(figure: Figure, alt: str) -> None:
    """Show the figure in the notebook with its alternative text, and close it so that it is not shown twice.

    The text goes where the readers of notebooks look for it: `alt` in the metadata of the image (nbconvert, Quarto) and
    the plain text of the output (MyST, terminals). Outside a notebook the text is printed.

    Parameters
    ----------
    figure : matplotlib Figure
        What to show.
    alt : str
        What there is to see, in one or two sentences, for those who cannot see it.

    Raises
    ------
    ValueError
        If `alt` is empty.

    Examples
    --------
    >>> show(plt.figure(), "An empty page.")
    An empty page.
    """
    png = to_png(figure)
    plt.close(figure)
    publish({"image/png": png}, alt)


def publish(pictures: dict[str, Any], alt: str) -> None:
    """Put one output into the page that holds a picture, its text and, where given, other forms of the same thing.

    Parameters
    ----------
    pictures : dict
        From the type of content to the content; `"image/png"` as bytes.
    alt : str
        What there is to see.

    Raises
    ------
    ValueError
        If `alt` is empty.

    Examples
    --------
    >>> publish({"image/png": to_png(plt.figure())}, "An empty page.")
    An empty page.
    >>> plt.close()
    """
    from IPython import display, get_ipython  # this floor loads notebook tools only where it shows something

    if not isinstance(alt, str) or not alt.strip():
        raise ValueError(
            f"alt needs a sentence that says what there is to see, for those who cannot see it; got {alt!r}"
        )
    alt = " ".join(alt.split())
    if get_ipython() is None:
        print(alt)
        return
    bundle = pictures | {"image/png": base64.b64encode(pictures["image/png"]).decode("ascii"), "text/plain": alt}
    display.display(bundle, raw=True, metadata={"image/png": {"alt": alt}})


def plot_learning_curves(history: Any, ax: Axes) -> Axes:
    """Draw the training and validation loss of each epoch, and mark the best epoch.

    Parameters
    ----------
    history : History
        Anything with `train_loss` (E,), and, where there was a validation set, `val_loss` (E,).
    ax : matplotlib Axes
        Where to draw.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If there is no epoch, or the two curves differ in length.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> run = SimpleNamespace(train_loss=[2.3, 0.9, 0.4], val_loss=[2.2, 1.0, 0.8])
    >>> plot_learning_curves(run, plt.figure().add_subplot()).get_ylabel()
    'loss'
    >>> plt.close()
    """
    train, val = _curve(history.train_loss), _curve(getattr(history, "val_loss", None))
    _plot_two_curves(train, val, ax, name="loss")
    if np.isfinite(val).any():
        best = int(np.nanargmin(val))
        label = f"lowest validation loss, {val[best]:.3g}, in epoch {best + 1}"
        ax.axvline(best + 1, color="#888888", linestyle=":", linewidth=1.2, zorder=0, label=label)
    bottom, top = min(0.0, _lowest(train, val)), -_lowest(-train, -val)
    ax.set_ylim(bottom, top + 0.06 * (top - bottom or 1))
    ax.legend(loc="upper right")
    return ax


def plot_accuracy_curves(history: Any, ax: Axes) -> Axes:
    """Draw the training and validation accuracy of each epoch in percent.

    Parameters
    ----------
    history : History
        Anything with `train_accuracy` (E,) in [0, 1], and, where there was a validation set, `val_accuracy` (E,).
    ax : matplotlib Axes
        Where to draw.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If there is no epoch, or the two curves differ in length.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> run = SimpleNamespace(train_accuracy=[0.2, 0.8], val_accuracy=[0.3, 0.7])
    >>> plot_accuracy_curves(run, plt.figure().add_subplot()).get_ylabel()
    'accuracy (%)'
    >>> plt.close()
    """
    train, val = _curve(history.train_accuracy), _curve(getattr(history, "val_accuracy", None))
    _plot_two_curves(100 * train, 100 * val, ax, name="accuracy (%)")
    gap = max(100 - 100 * _lowest(train, val), 1.0)
    ax.set_ylim(100 - 1.06 * gap, 100 + 0.03 * gap)
    ax.legend(loc="lower right")
    return ax


def plot_image_grid(images: ArrayLike, ax: Axes, *, titles: Sequence[object] | None = None, columns: int = 8) -> Axes:
    """Lay images out in rows like a contact sheet, all on one scale of grey.

    Parameters
    ----------
    images : (N, H, W), (N, 1, H, W) or (N, 3, H, W) array or tensor
        Grey images in any unit, or colour images in [0, 1].
    ax : matplotlib Axes
        Where to draw.
    titles : sequence of N things that can be written, optional
        One short title above each image.
    columns : int
        Images in a row, at least 1.

    Returns
    -------
    matplotlib Axes
        The same `ax`, without an axis: its unit is a pixel.

    Raises
    ------
    ValueError
        If there is no image, the shape is another one, or the number of titles differs.

    Examples
    --------
    >>> ax = plot_image_grid(np.eye(4)[None].repeat(3, axis=0), plt.figure().add_subplot(), titles=[7, 1, 7])
    >>> [text.get_text() for text in ax.texts]
    ['7', '1', '7']
    >>> plt.close()
    """
    pictures = _pictures(images)
    number, height, width = pictures.shape[:3]
    if columns < 1:
        raise ValueError(f"columns needs at least 1 image in a row, got {columns}")
    if titles is not None and len(titles) != number:
        raise ValueError(f"titles needs one for each of the {number} images, got {len(titles)}")
    columns = min(columns, number)
    gap = max(1.0, 0.08 * width)
    head = 0.0 if titles is None else _title_height(ax, columns * (width + gap))
    low, high = float(np.nanmin(pictures)), float(np.nanmax(pictures))
    for index, picture in enumerate(pictures):
        left, top = (index % columns) * (width + gap), (index // columns) * (height + gap + head)
        extent = (left, left + width, top + height, top)
        ax.imshow(picture, cmap="gray", vmin=low, vmax=max(high, low + 1e-12), extent=extent)
        if titles is not None:
            ax.text(left + width / 2, top - gap / 3, str(titles[index]), ha="center", va="bottom", fontsize=9)
    rows = -(-number // columns)
    ax.set_xlim(0, columns * (width + gap) - gap)
    ax.set_ylim(rows * (height + gap + head) - gap - head, -head)
    ax.set_aspect("equal")
    ax.set_axis_off()
    return ax


def plot_matrix(matrix: ArrayLike, ax: Axes, *, title: str = "", highlight: Any = None) -> Axes:
    """Draw a small matrix as cells with their numbers in them: brighter is higher, as in an image.

    Parameters
    ----------
    matrix : (H, W) array or tensor
        Numbers; whole ones are written as they are, others with three digits.
    ax : matplotlib Axes
        Where to draw.
    title : str
        Above the matrix.
    highlight : index into the matrix, optional
        The cells to frame: `(row, column)`, `(slice, slice)` or a boolean (H, W) mask.

    Returns
    -------
    matplotlib Axes
        The same `ax`; the cell in row r and column c has its centre at x = c, y = r.

    Raises
    ------
    ValueError
        If the matrix is not two-dimensional, or empty.

    Examples
    --------
    >>> ax = plot_matrix([[0, 1, 2], [2, 2, 0]], plt.figure().add_subplot(), title="kernel", highlight=(1, 1))
    >>> len(ax.texts), len(ax.patches)
    (6, 1)
    >>> plt.close()
    """
    values = _array(matrix)
    if values.ndim != 2 or not values.size:
        raise ValueError(f"matrix needs rows and columns, (H, W), got the shape {values.shape}")
    height, width = values.shape
    low, high = np.nanmin(values), np.nanmax(values)
    brightness = 0.74 + 0.26 * (values - low) / (high - low) if high > low else np.full(values.shape, 0.96)
    ax.imshow(brightness, cmap="gray", vmin=0, vmax=1)
    for (row, column), value in np.ndenumerate(values):
        ax.text(column, row, _number(value), ha="center", va="center", color=INK)
    for row, column in np.argwhere(_highlight_mask(highlight, values.shape)):
        frame = Rectangle(
            (column - 0.5, row - 0.5), 1, 1, facecolor=(*to_rgb(ORANGE), 0.35), edgecolor=VERMILION, lw=1.6
        )
        ax.add_patch(frame)
    ax.set_xticks(np.arange(width + 1) - 0.5, minor=True)
    ax.set_yticks(np.arange(height + 1) - 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=1.5)
    ax.tick_params(which="both", length=0)
    ax.set(xticks=[], yticks=[], title=title)
    ax.spines[:].set_visible(False)
    return ax


def plot_kernels(weights: ArrayLike, ax: Axes) -> Axes:
    """Draw the kernels of a layer on one scale that is symmetric about zero: blue below, white at, red above zero.

    Parameters
    ----------
    weights : (K, H, W) or (out_channels, in_channels, H, W) array or tensor
        With several input channels there is one row for each output channel.
    ax : matplotlib Axes
        Where to draw; a scale is put beside it.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If the shape is another one, or empty.

    Examples
    --------
    >>> ax = plot_kernels(np.ones((6, 1, 5, 5)), plt.figure().add_subplot())
    >>> [text.get_text() for text in ax.texts]
    ['1', '2', '3', '4', '5', '6']
    >>> plt.close()
    """
    kernels = _array(weights)
    if kernels.ndim not in (3, 4) or not kernels.size:
        raise ValueError(f"weights needs (K, H, W) or (out_channels, in_channels, H, W), got the shape {kernels.shape}")
    table = kernels.ndim == 4 and kernels.shape[1] > 1
    columns = kernels.shape[1] if table else min(8, len(kernels))
    kernels = kernels.reshape(-1, *kernels.shape[-2:])
    limit = float(np.abs(kernels).max()) or 1.0
    height, width = kernels.shape[1:]
    gap = 0.2 * width
    head = _title_height(ax, columns * (width + gap))
    down = height + (gap if table else gap + head)
    for index, kernel in enumerate(kernels):
        row, column = divmod(index, columns)
        left, top = column * (width + gap), row * down
        image = ax.imshow(
            kernel, cmap="RdBu_r", vmin=-limit, vmax=limit, extent=(left, left + width, top + height, top)
        )
        ax.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor="#999999", lw=0.6))
        if not table or row == 0:
            name = f"in {column + 1}" if table else str(index + 1)
            ax.text(left + width / 2, top - gap / 3, name, ha="center", va="bottom", fontsize=9)
        if table and column == 0:
            ax.text(-gap / 2, top + height / 2, f"out {row + 1}", ha="right", va="center", fontsize=9)
    ax.set_xlim(-0.1, columns * (width + gap) - gap + 0.1)
    ax.set_ylim((row + 1) * down - (down - height) + 0.1, -head)
    ax.set_aspect("equal")
    ax.set_axis_off()
    scale = _add_scale(image, "weight", ax)
    scale.set_ticks([-limit, 0, limit], labels=[_number(limit * sign, digits=2) for sign in (-1, 0, 1)])
    return ax


def plot_confusion_matrix(matrix: ArrayLike, ax: Axes, *, class_names: Sequence[object]) -> Axes:
    """Draw the counts of a confusion matrix: right answers blue, mistakes orange, darker for a larger share of the row.

    Parameters
    ----------
    matrix : (K, K) array of counts
        Row = true class, column = predicted class.
    ax : matplotlib Axes
        Where to draw.
    class_names : sequence of K names
        In the order of the rows.

    Returns
    -------
    matplotlib Axes
        The same `ax`.

    Raises
    ------
    ValueError
        If the matrix is not square, holds anything but counts, or the number of names differs.

    Examples
    --------
    >>> ax = plot_confusion_matrix([[50, 2], [5, 43]], plt.figure().add_subplot(), class_names=["healthy", "ill"])
    >>> [text.get_text() for text in ax.texts]
    ['50', '2', '5', '43']
    >>> plt.close()
    """
    counts = _array(matrix)
    if counts.ndim != 2 or counts.shape[0] != counts.shape[1] or not counts.size:
        raise ValueError(f"matrix needs as many rows as columns, (K, K), got the shape {counts.shape}")
    if (counts < 0).any() or (counts != np.round(counts)).any():
        raise ValueError("matrix needs counts: whole numbers from 0 up, not shares")
    if len(class_names) != len(counts):
        raise ValueError(f"class_names needs {len(counts)} names, one a row, got {len(class_names)}")
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.eye(len(counts), dtype=bool)
    colour = np.where(right[..., None], to_rgb(BLUE), to_rgb(VERMILION))
    strength = np.where(counts > 0, 0.12 + 0.88 * share ** np.where(right, 1, 0.5), 0.0)[..., None]
    shown = 1 - strength * (1 - colour)
    ax.imshow(shown)
    for (row, column), count in np.ndenumerate(counts):
        ink = "#8A8A8A" if count == 0 else _readable_on(shown[row, column])
        ax.text(column, row, f"{int(count)}", ha="center", va="center", color=ink, fontsize=9)
    names = [str(name) for name in class_names]
    ax.set_xticks(range(len(names)), names)
    if max(map(len, names)) * 0.09 * len(names) > ax.get_window_extent().width / ax.figure.dpi:
        plt.setp(ax.get_xticklabels(), rotation=45, ha="right", rotation_mode="anchor")
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(length=0)
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.spines[:].set_visible(False)
    return ax


def plot_ct(ct_slice: Any, ax: Axes, *, centre_hu: float = 40, width_hu: float = 400) -> Axes:
    """Draw a CT slice in millimetres through a window of Hounsfield units.

    Parameters
    ----------
    ct_slice : CtSlice
        Anything with `hu` (H, W) in Hounsfield units and `spacing_mm` (2,): the distance of the rows, of the columns.
    ax : matplotlib Axes
        Where to draw; a scale is put beside it.
    centre_hu, width_hu : float
        The window: what lies below centre − width/2 is black, above centre + width/2 white.

    Returns
    -------
    matplotlib Axes
        The same `ax`; the corner of the first pixel is at (0, 0) mm.

    Raises
    ------
    ValueError
        If `hu` is not two-dimensional, the spacing is not two positive numbers, or the width not positive.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> ct = SimpleNamespace(hu=np.zeros((2, 3)), spacing_mm=(2.0, 1.0))
    >>> plot_ct(ct, plt.figure().add_subplot()).get_title()
    'window −160 to 240 HU'
    >>> plt.close()
    """
    hu, spacing = _array(ct_slice.hu), _array(ct_slice.spacing_mm)
    if hu.ndim != 2 or not hu.size:
        raise ValueError(f"hu needs rows and columns, (H, W), got the shape {hu.shape}")
    if spacing.shape != (2,) or not (spacing > 0).all():
        raise ValueError(f"spacing_mm needs 2 positive numbers, row and column distance, got {ct_slice.spacing_mm!r}")
    if not width_hu > 0:
        raise ValueError(f"width_hu needs a positive number of Hounsfield units, got {width_hu!r}")
    low, high = centre_hu - width_hu / 2, centre_hu + width_hu / 2
    extent = (0, hu.shape[1] * spacing[1], hu.shape[0] * spacing[0], 0)
    image = ax.imshow(hu, cmap="gray", vmin=low, vmax=high, extent=extent)
    ax.set_aspect("equal")
    ax.set(xlabel="x (mm)", ylabel="y (mm)", title=f"window {_signed(low)} to {_signed(high)} HU")
    _add_scale(image, "attenuation (HU)", ax, ends="both")
    return ax


def plot_receptive_field(layers: Sequence[Layer], ax: Axes) -> Axes:
    """Draw, along one axis, which cells of each layer one cell of the last layer depends on, down to the input.

    Parameters
    ----------
    layers : sequence of Layer
        From the input up, at least one.
    ax : matplotlib Axes
        Where to draw: the input below, the last layer above.

    Returns
    -------
    matplotlib Axes
        The same `ax`; x counts the input pixels that are seen, from 1.

    Raises
    ------
    ValueError
        If there is no layer.

    Examples
    --------
    >>> ax = plot_receptive_field([Layer(3), Layer(3)], plt.figure().add_subplot())
    >>> ax.get_title()
    'One cell after 2 layers sees 5 input pixels'
    >>> plt.close()
    """
    if not layers:
        raise ValueError("layers needs at least one Layer to draw a receptive field, got none")
    fields = [receptive_field(layers[:depth]) for depth in range(1, len(layers) + 1)]
    size = fields[-1].size
    jumps = [1, *(field.jump for field in fields)]
    centres = _cells_seen(layers, jumps)
    shift = 1 - centres[0].min()
    for depth, seen in enumerate(centres):
        face, edge = (ORANGE, VERMILION) if depth == len(layers) else (SKY, BLUE)
        _draw_cells(seen + shift, jumps[depth], depth, size, ax, facecolor=face, edgecolor=edge)
    for depth in range(1, len(centres)):
        _draw_cone(centres[depth] + shift, jumps[depth], centres[depth - 1] + shift, jumps[depth - 1], depth, ax)
    for depth, field in enumerate(fields, start=1):
        note = f"each sees {field.size:,} pixel{'s' * (field.size != 1)}"
        ax.text(1.015, depth, note, transform=ax.get_yaxis_transform(), va="center", color=INK, fontsize=9)
    ax.set_yticks(range(len(centres)), ["input", *(_layer_name(i, layer) for i, layer in enumerate(layers, start=1))])
    ax.set_xticks(sorted({1, size}), [f"{pixel:,}" for pixel in sorted({1, size})])
    ax.set_xlim(0.5 - _margin(size), size + 0.5 + _margin(size))
    ax.set_ylim(-0.6, len(layers) + 0.6)
    ax.tick_params(axis="y", length=0)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="input pixel", title=_receptive_field_title(len(layers), size, used=len(centres[0])))
    return ax


def _cells_seen(layers: Sequence[Layer], jumps: Sequence[int]) -> list[NDArray[np.float64]]:
    """Centres (in input pixels) of the cells that one last cell at 0 depends on, from the input up."""
    centres = [np.zeros(1)]
    for layer, jump in zip(reversed(layers), reversed(jumps[:-1]), strict=True):
        taps = (np.arange(layer.kernel_size) - (layer.kernel_size - 1) / 2) * layer.dilation * jump
        centres.append(np.unique(np.add.outer(centres[-1], taps)))
    return centres[::-1]


def _margin(size: int) -> float:
    return max(1.0, 0.06 * size)


def _draw_cells(seen: NDArray[np.float64], jump: int, depth: int, size: int, ax: Axes, **colours: Any) -> None:
    """Draw one row: the cells that are seen in colour, their neighbours pale."""
    if size > CELLS_DRAWN:
        ax.broken_barh([(seen[0] - jump / 2, np.ptp(seen) + jump)], (depth - 0.2, 0.4), lw=0.8, snap=False, **colours)
        return
    before = np.ceil((0.5 - _margin(size) - seen[0]) / jump)
    after = np.floor((0.5 + _margin(size) + size - seen[0]) / jump)
    row = seen[0] + jump * np.arange(before, after + 1)
    others = row[~np.isclose(row[:, None], seen).any(axis=1)]
    pale: dict[str, Any] = {"facecolor": PALE, "edgecolor": "#BBBBBB"}
    for centres, look in ((others, pale), (seen, colours)):
        ax.broken_barh(
            [(centre - 0.42 * jump, 0.84 * jump) for centre in centres], (depth - 0.2, 0.4), lw=0.8, snap=False, **look
        )


def _draw_cone(
    above: NDArray[np.float64], jump_above: int, below: NDArray[np.float64], jump_below: int, depth: int, ax: Axes
) -> None:
    """Shade the way from the seen cells of one row to those of the row below."""
    corners = [
        (above[0] - 0.42 * jump_above, depth - 0.2),
        (above[-1] + 0.42 * jump_above, depth - 0.2),
        (below[-1] + 0.42 * jump_below, depth - 0.8),
        (below[0] - 0.42 * jump_below, depth - 0.8),
    ]
    ax.add_patch(Polygon(corners, closed=True, facecolor=SKY, alpha=0.25, edgecolor="none"))


def _receptive_field_title(depth: int, size: int, *, used: int) -> str:
    after = f"One cell after {depth} layer{'s' * (depth != 1)}"
    if used == size:
        return f"{after} sees {size:,} input pixel{'s' * (size != 1)}"
    return f"{after} spans {size:,} input pixels and uses {used:,} of them"


def _layer_name(number: int, layer: Layer) -> str:
    extras = [f"stride {layer.stride}"] * (layer.stride != 1) + [f"dilation {layer.dilation}"] * (layer.dilation != 1)
    return f"layer {number}: " + ", ".join([f"kernel {layer.kernel_size}", *extras])


def _curve(values: ArrayLike | None) -> NDArray[np.float64]:
    """One number an epoch; no curve (None, empty, all NaN) is an empty array."""
    curve = np.zeros(0) if values is None else np.atleast_1d(_array(values)).astype(np.float64)
    return curve[:0] if np.isnan(curve).all() else curve


def _plot_two_curves(train: NDArray[np.float64], val: NDArray[np.float64], ax: Axes, *, name: str) -> None:
    if not train.size or train.ndim != 1:
        raise ValueError(f"history needs one training value for each epoch, at least one; got the shape {train.shape}")
    if val.size and val.shape != train.shape:
        raise ValueError(f"history needs as many validation as training values, got {val.size} and {train.size}")
    epochs = np.arange(1, len(train) + 1)
    every = max(1, len(train) // 12)
    ax.plot(epochs, train, color=BLUE, linestyle="-", marker="o", markevery=every, label="training")
    if val.size:
        ax.plot(epochs, val, color=VERMILION, linestyle="--", marker="s", markevery=every, label="validation")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set(xlabel="epoch", ylabel=name)


def _lowest(*curves: NDArray[np.float64]) -> float:
    values = np.concatenate(curves)
    return float(values[np.isfinite(values)].min(initial=np.inf if np.isfinite(values).any() else 0.0))


def _array(values: Any) -> NDArray[Any]:
    """Return a numpy array of what may be a list, an array or a tensor on any device."""
    return np.asarray(values.detach().cpu() if hasattr(values, "detach") else values)


def _pictures(images: ArrayLike) -> NDArray[Any]:
    """Images as (N, H, W) or, in colour, (N, H, W, 3)."""
    pictures = _array(images)
    if pictures.ndim == 4 and pictures.shape[1] in (1, 3):
        pictures = pictures[:, 0] if pictures.shape[1] == 1 else np.moveaxis(pictures, 1, -1)
    elif pictures.ndim != 3:
        raise ValueError(f"images needs (N, H, W), (N, 1, H, W) or (N, 3, H, W), got the shape {pictures.shape}")
    if not pictures.size:
        raise ValueError(f"images needs at least one image, got the shape {pictures.shape}")
    return pictures


def _title_height(ax: Axes, units_across: float) -> float:
    """Height of a line of text in the unit of a grid that is `units_across` wide."""
    return 0.16 * units_across / ax.get_window_extent().width * ax.figure.dpi


def _add_scale(image: AxesImage, label: str, ax: Axes, *, ends: str = "neither") -> Colorbar:
    """Put a scale of colours, as high as the picture, to its right."""
    beside = ax.inset_axes((1.03, 0.0, 0.035, 1.0))
    return ax.figure.colorbar(image, cax=beside, label=label, extend=ends)


def _highlight_mask(highlight: Any, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, dtype=bool)
    if highlight is not None:
        mask[highlight] = True
    return mask


def _number(value: Any, *, digits: int = 3) -> str:
    """Write a whole number in full, another one with a few digits."""
    return _signed(value) if float(value).is_integer() else f"{value:.{digits}g}".replace("-", "−")


def _signed(value: float) -> str:
    """Write a number as books do: no needless decimals, a true minus."""
    return f"{value:.6g}".replace("-", "−")


def _readable_on(colour: NDArray[np.float64]) -> str:
    """Black or white ink, whichever has the better contrast (WCAG 2 relative luminance)."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return "white" if linear @ (0.2126, 0.7152, 0.0722) < 0.18 else INK


def _with_few_colours(picture: Image.Image) -> Image.Image:
    """Reduce to a palette of 256 colours, or one channel of grey, if it looks the same; else the picture as it is."""
    pixels = np.asarray(picture)
    if (pixels == pixels[..., :1]).all():
        return picture.convert("L")
    few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    largest_change = np.abs(np.asarray(few.convert("RGB"), dtype=int) - pixels).max()
    return few if largest_change <= 8 else picture
