"""Elastic deformation: an image bent as tissue bends, and its labels bent by the very same field.

Source: O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical image segmentation",
MICCAI 2015, section 3.1: random vectors on a coarse grid of 3 by 3, normal with a standard deviation of 10 pixels,
continued to each pixel by bicubic interpolation. The idea is that of P. Simard, D. Steinkraus, J. Platt, "Best
practices for convolutional neural networks applied to visual document analysis", ICDAR 2003.

Differs: the grid's outer nodes lie on the outer pixels of the image; the paper does not say where they lie.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

__all__ = ["deform_image", "deform_labels", "elastic_field", "smallest_stretch"]


def elastic_field(
    shape: tuple[int, int], *, seed: int | np.random.Generator, std_px: float = 10.0, nodes: int = 3
) -> NDArray[np.float64]:
    """Draw a smooth random field of displacements.

    Parameters
    ----------
    shape : (H, W)
        Pixels, at least 2 along each axis.
    seed : int or generator
        The same seed gives the same field; hand the *field* to image and labels, so that both bend alike.
    std_px : float
        Standard deviation of each component at the nodes, in pixels, at least 0.
    nodes : int
        Random vectors along each axis, at least 2.

    Returns
    -------
    (2, H, W) float64 array
        From which row and which column, counted from its own place, each pixel is fetched.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> field = elastic_field((64, 96), seed=0)
    >>> field.shape, round(float(np.abs(field).max()), 1)
    ((2, 64, 96), 23.4)
    """
    if len(shape) != 2 or min(shape) < 2:
        raise ValueError(f"shape needs rows and columns, at least 2 of each, got {shape}")
    if std_px < 0 or nodes < 2:
        raise ValueError(f"std_px is at least 0 and nodes at least 2, got {std_px} and {nodes}")
    vectors = np.random.default_rng(seed).normal(0, std_px, (2, nodes, nodes))
    places = np.meshgrid(*(np.linspace(0, nodes - 1, size) for size in shape), indexing="ij")
    order = min(3, nodes - 1)  # a cubic needs neighbours on both sides
    return np.stack([ndimage.map_coordinates(each, places, order=order, mode="mirror") for each in vectors])


def deform_image(image: NDArray[Any], field: NDArray[Any], *, order: int = 3) -> NDArray[np.float32]:
    """Bend an image; what would come from beyond the edge is mirrored.

    Parameters
    ----------
    image : (H, W) array
        Grey values.
    field : (2, H, W) array
        Of `elastic_field`.
    order : int
        Of the spline between the pixels: 0 the nearest one, 1 linear, 3 cubic.

    Returns
    -------
    (H, W) float32 array
        Within the range of the image: a cubic may overshoot, which is cut off.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> bool(np.allclose(deform_image(np.eye(3), np.zeros((2, 3, 3))), np.eye(3), atol=1e-6))
    True
    """
    image = np.asarray(image)
    places = _places(image, field)
    bent = ndimage.map_coordinates(image.astype(np.float64), places, order=order, mode="mirror")
    return np.clip(bent, image.min(), image.max()).astype(np.float32)


def deform_labels(labels: NDArray[Any], field: NDArray[Any]) -> NDArray[Any]:
    """Bend a map of labels: each pixel takes the label of the nearest one, since there is none between two labels.

    Parameters
    ----------
    labels : (H, W) array of int or bool
        A mask or one number an object.
    field : (2, H, W) array
        The field that bent the image.

    Returns
    -------
    (H, W) array
        Of the same dtype, without a value that was not there.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> to_the_left = np.stack([np.zeros((1, 4)), np.ones((1, 4))])
    >>> deform_labels(np.array([[0, 0, 7, 7]]), to_the_left).tolist()
    [[0, 7, 7, 7]]
    """
    labels = np.asarray(labels)
    places = np.rint(_places(labels, field)).astype(np.int64)
    rows, columns = (_mirrored(each, size) for each, size in zip(places, labels.shape, strict=True))
    return labels[rows, columns]


def smallest_stretch(field: NDArray[Any]) -> float:
    """Give the smallest factor by which an area changes: below 0 the field folds the tissue over itself.

    Parameters
    ----------
    field : (2, H, W) array
        Of `elastic_field`.

    Returns
    -------
    float
        The smallest determinant of the Jacobian matrix of pixel → where it is fetched; 1 if nothing moves.

    Examples
    --------
    >>> smallest_stretch(np.zeros((2, 4, 5)))
    1.0
    """
    (row_by_row, row_by_column), (column_by_row, column_by_column) = (np.gradient(each) for each in np.asarray(field))
    return float(((1 + row_by_row) * (1 + column_by_column) - row_by_column * column_by_row).min())


def _places(image: NDArray[Any], field: NDArray[Any]) -> NDArray[np.float64]:
    """Say where each pixel is fetched."""
    if image.ndim != 2 or np.shape(field) != (2, *image.shape):
        raise ValueError(f"field needs the shape (2, H, W) of the image {image.shape}, got {np.shape(field)}")
    return np.indices(image.shape, dtype=np.float64) + np.asarray(field, dtype=np.float64)


def _mirrored(places: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Fold places beyond the edge back into the image; the edge itself is not repeated."""
    there_and_back = max(2 * (size - 1), 1)
    places = places % there_and_back
    return np.minimum(places, there_and_back - places)
