"""From a figure to the page: the style, the file, the alternative text.

References
----------
M. Okabe and K. Ito, "Color Universal Design: how to make figures that are colorblind friendly", 2008 (the colours).
"""

from __future__ import annotations

import base64
import io
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["publish", "render", "show", "to_png", "use_course_style"]

STYLE = Path(__file__).parents[1] / "course.mplstyle"
BLUE, VERMILION, SKY, ORANGE = "#0072B2", "#D55E00", "#56B4E9", "#E69F00"
INK, RUST, GREY, PALE = "#222222", "#A33F00", "#707070", "#E8E8E8"  # rust: vermilion, dark enough for words


def use_course_style() -> None:
    """Draw every later figure of this session in the style of the course.

    Examples
    --------
    >>> with plt.rc_context():
    ...     use_course_style()
    ...     plt.rcParams["axes.spines.top"]
    False
    """
    plt.style.use(STYLE)


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
    >>> from matplotlib.figure import Figure
    >>> to_png(Figure())[1:4]
    b'PNG'
    >>> plt.close()
    """
    raw = render(figure, bbox_inches="tight" if trim else None)
    picture = Image.open(io.BytesIO(raw)).convert("RGB")
    small = io.BytesIO()
    _with_few_colours(picture).save(small, format="PNG", optimize=True)
    return small.getvalue()


def render(figure: Figure, **options: Any) -> bytes:
    """Draw the figure as a PNG of 100 dots an inch; the options are those of `savefig`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> render(Figure())[1:4]
    b'PNG'
    """
    png = io.BytesIO()
    with warnings.catch_warnings():
        # The style asks for a layout without overlaps; a figure whose axes were placed by hand needs none.
        warnings.filterwarnings("ignore", "There are no gridspecs with layoutgrids", UserWarning)
        figure.savefig(png, format="png", dpi=100, facecolor="white", **options)
    return png.getvalue()


def _with_few_colours(picture: Image.Image) -> Image.Image:
    """Reduce to a palette of 256 colours, or one channel of grey, if it looks the same; else the picture as it is."""
    pixels = np.asarray(picture)
    if (pixels == pixels[..., :1]).all():
        return picture.convert("L")
    few = picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    largest_change = np.abs(np.asarray(few.convert("RGB"), dtype=int) - pixels).max()
    return few if largest_change <= 8 else picture
