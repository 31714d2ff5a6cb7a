"""A made-up lymph node: the same for the same seed, without seams, and what the truth says is in the picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import label

from course_lib.data.phantoms.slide_anatomy import draw_node
from course_lib.data.phantoms.slide_artefacts import make_artefacts, spoil
from course_lib.data.phantoms.slide_nuclei import KINDS, make_stamps
from course_lib.data.phantoms.slide_paint import (
    EOSIN,
    GLASS,
    HAEMATOXYLIN,
    paint,
    scatter_nuclei,
    site_table,
    stain_table,
)
from course_lib.data.phantoms.whole_slide import SlideTruth, write_slide
from course_lib.data.slides import open_slide

SIZE, MPP = 2000, 1.0


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("slide") / "node.tif"


@pytest.fixture(scope="module")
def truth(path: Path) -> SlideTruth:
    return write_slide(path, size=SIZE, mpp=MPP, seed=3, progress=False)


@pytest.fixture(scope="module")
def small(path: Path, truth: SlideTruth) -> np.ndarray:
    """The slide at the size of the masks, 125 pixels a side."""
    with open_slide(path) as slide:
        return slide.thumbnail(size=truth.tissue_mask.shape[0]).astype(float)


def density(picture: np.ndarray) -> np.ndarray:
    """Haematoxylin and eosin by colour deconvolution."""
    light = np.log(np.array(GLASS) / np.maximum(picture, 1))
    return light @ np.linalg.pinv(np.array([HAEMATOXYLIN, EOSIN]))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_slide(tmp_path / name, size=1008, seed=seed, progress=False)
    a, b, c = ((tmp_path / name).read_bytes() for name in "abc")
    assert a == b != c


def test_the_truth_has_the_shapes_that_it_promises(truth: SlideTruth) -> None:
    assert (truth.size, truth.mpp, truth.mask_step) == (SIZE, MPP, 16)
    for mask in (truth.tissue_mask, truth.node_mask, truth.tumour_mask, truth.centre_mask):
        assert mask.shape == (125, 125)
        assert mask.dtype == np.bool_
    assert not (truth.tumour_mask & ~truth.node_mask).any()
    assert truth.mitoses_xy.dtype == np.int32
    assert [one.size_class for one in truth.metastases] == ["micro"]


def test_tissue_is_stained_and_glass_is_not(truth: SlideTruth, small: np.ndarray) -> None:
    stain = density(small).sum(axis=-1)
    deep = truth.centre_mask | truth.tumour_mask
    assert (stain[deep] > 0.3).mean() > 0.99
    assert np.abs(small[~truth.tissue_mask] - GLASS).mean() < 4
    assert stain[truth.tissue_mask].mean() > 10 * stain[~truth.tissue_mask].mean()


def test_tumour_is_pinker_and_germinal_centres_are_paler_than_the_lymphocytes_around(
    truth: SlideTruth, small: np.ndarray
) -> None:
    haematoxylin, eosin = np.moveaxis(density(small), -1, 0)
    dark = haematoxylin > 0.45
    dark &= ~truth.centre_mask & ~truth.tumour_mask
    assert haematoxylin[truth.centre_mask].mean() < 0.9 * haematoxylin[dark].mean()
    assert haematoxylin[truth.tumour_mask].mean() < 0.85 * haematoxylin[dark].mean()
    assert eosin[truth.tumour_mask].mean() > 1.2 * eosin[dark].mean()


def test_outlines_enclose_the_mask_and_their_diameter_is_the_largest(truth: SlideTruth) -> None:
    labels, count = label(truth.tumour_mask)
    assert count == len(truth.metastases)
    for one in truth.metastases:
        apart = np.linalg.norm(one.outline_xy[:, None] - one.outline_xy[None], axis=-1).max() * truth.mpp / 1000
        assert apart == pytest.approx(one.diameter_mm)
        column, row = (one.center_xy / truth.mask_step).astype(int)
        area = (labels == labels[row, column]).sum() * truth.mask_step**2
        x, y = one.outline_xy.T
        assert area == pytest.approx(abs(x @ np.roll(y, 1) - y @ np.roll(x, 1)) / 2, rel=0.1)


def test_mitoses_lie_in_tumour_and_are_the_darkest_of_their_surroundings(path: Path, truth: SlideTruth) -> None:
    assert len(truth.mitoses_xy)
    with open_slide(path) as slide:
        for x, y in truth.mitoses_xy:
            assert truth.tumour_mask[y // truth.mask_step, x // truth.mask_step]
            near = slide.read_region(x - 32, y - 32, 64, 64).astype(float).sum(axis=-1)
            assert near[26:39, 26:39].min() < np.percentile(near, 2)


@pytest.mark.parametrize("seed", range(4))
def test_ten_mitoses_are_drawn_a_square_millimetre_of_tumour(seed: int) -> None:
    node = draw_node(np.random.default_rng(seed), size=2000, mpp=4.0, diameters_mm=(2.5, 1.0))
    nuclei = scatter_nuclei(node.tissue, np.random.default_rng(seed), width=2000, height=2000)
    area_mm2 = node.tissue.layers["tumour"].sum() * (node.tissue.step * 4.0 / 1000) ** 2
    assert len(nuclei.mitoses) == pytest.approx(10 * area_mm2, abs=1)


def test_a_wide_slide_holds_a_macrometastasis_and_two_micrometastases(tmp_path: Path) -> None:
    for seed in range(3):
        truth = write_slide(tmp_path / "a.tif", size=2000, mpp=4, seed=seed, progress=False)
        assert [one.size_class for one in truth.metastases] == ["macro", "micro", "micro"]
        assert all((one.diameter_mm > 2) == (one.size_class == "macro") for one in truth.metastases)
        assert all(one.diameter_mm >= 0.2 for one in truth.metastases)
    none = write_slide(tmp_path / "a.tif", size=512, mpp=4, num_macro=0, num_micro=0, progress=False)
    assert not none.tumour_mask.any()
    assert none.mitoses_xy.shape == (0, 2)


def test_lymphocytes_are_dense_and_small_and_tumour_nuclei_large() -> None:
    stamps = make_stamps(0.25)
    width_um = {}
    for kind in KINDS:
        images = stamps.images[stamps.first[kind] : stamps.first[kind] + stamps.count[kind]]
        width_um[kind] = 2 * np.sqrt(np.mean([(image > 20).sum() for image in images]) * 0.25**2 / np.pi)
    assert 5.5 < width_um["lymphocyte"] < 7.5
    assert width_um["tumour"] > 1.5 * width_um["lymphocyte"]
    assert width_um["lymphocyte"] < width_um["centre"] < width_um["tumour"]
    node = draw_node(np.random.default_rng(0), size=1600, mpp=1.0, diameters_mm=())
    nuclei = scatter_nuclei(node.tissue, np.random.default_rng(0), width=1600, height=1600)
    is_lymphocyte = nuclei.stamp < make_stamps(1.0).count["lymphocyte"]
    dense = node.tissue.layers["lymphocytes"] > 0.78
    inside = dense[nuclei.y[is_lymphocyte] // 16, nuclei.x[is_lymphocyte] // 16].sum()
    assert 9_000 < inside / (dense.sum() * 0.016**2) < 18_000  # a mm²


def test_tiles_of_any_size_meet_without_a_seam() -> None:
    node = draw_node(np.random.default_rng(5), size=1600, mpp=0.7, diameters_mm=(0.3,))
    nuclei = scatter_nuclei(node.tissue, np.random.default_rng(5), width=1600, height=1600)
    whole = paint(node.tissue, nuclei, stain_table(), x=500, y=300, width=400, height=500)
    for x, y, width, height in ((500, 300, 131, 77), (631, 377, 100, 211), (899, 799, 1, 1), (700, 300, 200, 500)):
        part = paint(node.tissue, nuclei, stain_table(), x=x, y=y, width=width, height=height)
        assert np.array_equal(part, whole[y - 300 : y - 300 + height, x - 500 : x - 500 + width])


def test_light_is_absorbed_as_beer_and_lambert_say() -> None:
    table = stain_table().view(np.uint8).reshape(256, 256, 4)
    expected = np.array(GLASS) * np.exp(-1.97 * np.array(HAEMATOXYLIN) - 1.03 * np.array(EOSIN))
    assert np.abs(table[197, 103, :3] - expected).max() <= 0.5
    assert np.allclose(density(table[80, 50, :3].astype(float)), [0.8, 0.5], atol=0.02)


def test_every_laboratory_stains_in_its_own_way() -> None:
    colours = [site_table(site).view(np.uint8).reshape(256, 256, 4)[150, 50, :3].astype(int) for site in range(6)]
    assert min(np.abs(a - b).max() for i, a in enumerate(colours) for b in colours[:i]) >= 2
    assert np.array_equal(site_table(4), site_table(4))


def test_a_fold_is_darker_ink_is_green_and_clean_places_stay() -> None:
    marks = make_artefacts(np.random.default_rng(1), (240, 240), 4)
    picture = np.full((960, 960, 4), 180, np.uint8)
    spoiled = spoil(picture, marks, x=0, y=0).astype(int)
    fold, pen, dust = (
        np.asarray(Image.fromarray(layer).resize((960, 960), Image.Resampling.BILINEAR))
        for layer in (marks.fold, marks.pen, marks.dust)
    )
    folded = (pen == 0) & (dust < 1e-4) & (fold > 0.5)
    assert folded.any()
    assert np.abs(spoiled[folded, 0] - 255 * (180 / 255) ** (1 + fold[folded])).max() <= 1
    ink = spoiled[(pen > 0.9) & (fold == 0) & (dust < 1e-3)].mean(axis=0)
    assert ink[1] > 1.3 * ink[2] > 1.3 * ink[0]
    assert (spoiled[(fold == 0) & (pen == 0) & (dust == 0)] == 180).all()


def test_artefacts_change_the_picture_and_not_the_truth(tmp_path: Path) -> None:
    clean = write_slide(tmp_path / "a.tif", size=1008, progress=False)
    spoiled = write_slide(tmp_path / "b.tif", size=1008, artefacts=True, progress=False)
    assert np.array_equal(clean.tumour_mask, spoiled.tumour_mask)
    assert (tmp_path / "a.tif").read_bytes() != (tmp_path / "b.tif").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"size": 500}, "size needs a multiple of 16 pixels, 512 to 80000, got 500"),
        ({"size": 100_000}, "size needs a multiple of 16 pixels, 512 to 80000"),
        ({"mpp": 0.05}, "mpp needs 0.2 to 4 micrometres a pixel, got 0.05"),
        ({"num_macro": -1}, "num_macro and num_micro need to be 0 or more, got -1 and 1"),
        ({"size": 1008, "num_micro": 1}, "a micrometastasis needs a slide of at least 0.8 mm, got 0.504 mm"),
        ({"num_macro": 1}, r"a metastasis of 2\.\d+ mm finds no place; ask for fewer, or for a larger slide"),
        ({"quality": 0}, "quality needs to be 1 to 95, got 0"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path: Path, arguments: dict[str, int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        write_slide(tmp_path / "a.tif", **({"size": 2000, "progress": False} | arguments))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
