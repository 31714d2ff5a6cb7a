"""The handwritten digits that come inside scikit-learn: real data that needs no download.

Source: E. Alpaydin and C. Kaynak, "Optical recognition of handwritten digits", UCI Machine Learning Repository, 1998
(CC BY 4.0); scikit-learn holds a copy of its test part.
"""

from course_lib.data.images import LabelledImages

__all__ = ["load_digits"]


def load_digits(image_size: int = 32) -> LabelledImages:
    """Load 1,797 real handwritten digits, enlarged from 8×8 pixels to a size that LeNet-5 reads.

    A digit is enlarged by bilinear interpolation (8×8 → 24×24) and set in the middle of empty paper (→ 32×32), since
    the paper's LeNet-5 wants strokes well inside the image. Enlarging adds no detail: each image still holds 64
    measured numbers.

    Thirteen people wrote these digits, and the file does not say who wrote which. A split of them is therefore
    never a split by writer: the same hand is on both sides, and a test result is a little better than a new
    writer would give. With patients, split by patient (see `assert_no_overlap`).

    Parameters
    ----------
    image_size : int
        Height and width in pixels, at least 8. The margin is (image_size − 8) // 6 pixels on each side: 4 for 32,
        none for 8, which gives the images as they are.

    Returns
    -------
    LabelledImages
        images (1797, 1, image_size, image_size), 0 (paper) … 1 (ink); labels 0 … 9; the same on every call.

    Raises
    ------
    ValueError
        If ``image_size`` is below 8.

    References
    ----------
    Alpaydin and Kaynak 1998, https://doi.org/10.24432/C50P49

    Examples
    --------
    >>> digits = load_digits()
    >>> tuple(digits.images.shape), digits.labels[:5].tolist()
    ((1797, 1, 32, 32), [0, 1, 2, 3, 4])
    """
    # here, since they take a second or two that no other part of the data room needs
    import torch
    from sklearn import datasets
    from torch.nn import functional as F

    if image_size < 8:
        raise ValueError(f"image_size is at least 8, the size of the digits in the file, got {image_size}")
    margin = (image_size - 8) // 6
    inside = image_size - 2 * margin
    bunch = datasets.load_digits()
    images = torch.from_numpy(bunch.images).to(torch.float32)[:, None] / 16  # (N, 1, 8, 8), 0 … 1
    images = F.interpolate(images, size=(inside, inside), mode="bilinear", align_corners=False).clamp(0, 1)  # rounding
    images = F.pad(images, (margin, margin, margin, margin))
    labels = torch.from_numpy(bunch.target).to(torch.int64)
    return LabelledImages(images, labels, tuple(str(digit) for digit in range(10)))
