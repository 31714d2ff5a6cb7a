"""The gallery of the liver CT: each case in an axial and a coronal slice, with liver and tumours outlined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from course_lib.data.windows import CT_WINDOWS
from course_lib.figures.page import ORANGE, SKY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from course_lib.data.phantoms.liver_ct import LiverCts

__all__ = ["plot_liver_cts"]


def plot_liver_cts(cases: LiverCts) -> Figure:
    """Draw each case in a row: as it comes, with its outlines, from the front, and in the narrow window of the liver.

    Parameters
    ----------
    cases : LiverCts
        At least one case. The slice is the one with most tumour, or with most liver if there is none.

    Returns
    -------
    matplotlib Figure
        Abdomen window (−150 to 250 HU) and, in the last column, liver window (−45 to 105 HU); liver outlined in blue,
        tumours in orange; axes are in mm.

    Raises
    ------
    ValueError
        If there is no case.

    Examples
    --------
    >>> from course_lib.data.phantoms.liver_ct import make_liver_ct
    >>> len(plot_liver_cts(make_liver_ct(1, size=32, slices=32)).axes)
    4
    """
    number = len(cases.images)
    if number == 0:
        raise ValueError("cases needs at least one case to draw, got none")
    figure = Figure(figsize=(11, 2.5 * number + 0.4), layout="constrained")
    axes = figure.subplots(number, 4, squeeze=False)
    for case in range(number):
        marked = cases.tumours[case] > 0 if cases.tumours[case].any() else cases.livers[case]
        z, y = int(marked.sum(axis=(1, 2)).argmax()), int(marked.sum(axis=(0, 2)).argmax())
        for ax, where, window, outlined in (
            (axes[case, 0], z, "abdomen", False),
            (axes[case, 1], z, "abdomen", True),
            (axes[case, 2], (slice(None), y), "abdomen", True),
            (axes[case, 3], z, "liver", False),
        ):
            _draw(ax, cases, case, where, window, outlined)
        longest = cases.longest_axial_mm[cases.tumour_cases == case].round().astype(int).tolist()
        axes[case, 0].set_title(f"case {case}: liver {cases.liver_hu[case]:.0f} HU")
        axes[case, 1].set_title(f"tumours of {', '.join(map(str, longest))} mm" if longest else "no tumour")
        axes[case, 2].set_title("coronal")
        axes[case, 3].set_title("liver window")
        axes[case, 0].set_ylabel("to the back (mm)")
        axes[case, 2].set_ylabel("up (mm)")
    for ax in axes[-1]:
        ax.set_xlabel("to the patient's left (mm)")
    return figure


def _draw(ax: Axes, cases: LiverCts, case: int, where: int | tuple[slice, int], window: str, outlined: bool) -> None:
    picture = cases.images[case, 0][where]
    axial = isinstance(where, int)
    high, wide = (picture.shape * (cases.spacing_mm[1:] if axial else cases.spacing_mm[[0, 2]])).tolist()
    box = (0.0, wide, high, 0.0) if axial else (0.0, wide, 0.0, high)  # a row of an axial slice lies below the last
    rows_down = picture if axial else picture[::-1]
    scale = CT_WINDOWS[window]
    ax.imshow(rows_down, cmap="gray", vmin=scale.low_hu, vmax=scale.high_hu, extent=box, interpolation="bilinear")
    y_mm, x_mm = ((np.arange(size) + 0.5) * mm / size for size, mm in zip(picture.shape, (high, wide), strict=True))
    for mask, colour in ((cases.livers[case], SKY), (cases.tumours[case] > 0, ORANGE)):
        if outlined and mask[where].any():
            ax.contour(x_mm, y_mm, mask[where], [0.5], colors=[colour], linewidths=1)
    if axial:
        middle = high / 2
        ax.set_ylim(min(high, middle + 135), max(0, middle - 130))  # above and below is air
