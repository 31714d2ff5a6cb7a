"""Chest X-rays of made-up patients."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from course_lib.data.chest_xray14 import CHEST_XRAY14_FINDINGS
from course_lib.data.phantoms.chest_findings import CHEST_FINDINGS
from course_lib.data.phantoms.chest_xray import CHEST_PREVALENCE, ChestXrays, make_chest_xrays

SIZE = 64


def only(*names: str, count: int) -> np.ndarray:
    """Labels of films that all show the same findings."""
    return np.tile(np.isin(CHEST_FINDINGS, names), (count, 1))


def alike(one: ChestXrays, other: ChestXrays, count: int) -> bool:
    fields = [name for name in vars(one) if name != "spacing_mm"]
    return all(np.array_equal(getattr(one, f)[:count], getattr(other, f)[:count], equal_nan=True) for f in fields)


@pytest.fixture(scope="module")
def films() -> ChestXrays:
    return make_chest_xrays(1200, size=32, seed=1)


@pytest.fixture(scope="module")
def healthy() -> ChestXrays:
    return make_chest_xrays(60, size=SIZE, labels=np.zeros((60, 14)), marker=False, site_difference=0)


def test_films_depend_on_the_seed_and_their_number_alone() -> None:
    few, more = make_chest_xrays(3, size=48, seed=7), make_chest_xrays(5, size=48, seed=7)
    assert alike(few, more, 3)
    assert not np.array_equal(few.images, make_chest_xrays(3, size=48, seed=8).images)


def test_shapes_kinds_and_ranges_are_as_written(films: ChestXrays) -> None:
    assert films.images.shape == (1200, 1, 32, 32)
    assert films.labels.shape == (1200, 14)
    assert films.boxes.shape == (1200, 14, 4)
    assert {name: str(value.dtype) for name, value in vars(films).items() if name != "spacing_mm"} == {
        "images": "float32",
        "labels": "bool",
        "mask_bits": "uint16",
        "boxes": "float32",
        "lung_masks": "bool",
        "heart_masks": "bool",
        "cardiothoracic_ratios": "float32",
        "film_ratios": "float32",
        "effusion_ml": "float32",
        "ages_years": "float32",
        "females": "bool",
        "ap_views": "bool",
        "sites": "int64",
        "patients": "int64",
    }
    assert films.images.min() >= 0
    assert films.images.max() <= 1
    assert films.spacing_mm == (350 / 32, 350 / 32)
    assert ((films.ages_years >= 20) & (films.ages_years <= 90)).all()


def test_no_film_is_an_empty_array_of_the_right_shape() -> None:
    none = make_chest_xrays(0, size=40)
    assert none.images.shape == (0, 1, 40, 40)
    assert none.masks_of("Mass").shape == (0, 40, 40)
    assert none.boxes.shape == (0, 14, 4)


def test_findings_stand_in_the_order_of_the_real_data() -> None:
    assert CHEST_FINDINGS == CHEST_XRAY14_FINDINGS


def test_prevalence_is_that_of_chestxray14(films: ChestXrays) -> None:
    wanted = np.array([CHEST_PREVALENCE[name] for name in CHEST_FINDINGS])
    error = np.sqrt(wanted * (1 - wanted) / len(films.labels))
    assert (np.abs(films.labels.mean(axis=0) - wanted) < 4 * error).all()
    assert (~films.labels.any(axis=1)).mean() == pytest.approx(60_361 / 112_120, abs=0.05)
    assert films.ap_views.mean() == pytest.approx(0.4, abs=0.05)


def test_findings_of_one_cause_come_together(films: ChestXrays) -> None:
    shown = {name: films.labels[:, k] for k, name in enumerate(CHEST_FINDINGS)}
    for cause, effect in (("Cardiomegaly", "Effusion"), ("Mass", "Nodule"), ("Consolidation", "Infiltration")):
        assert shown[effect][shown[cause]].mean() > 1.3 * shown[effect].mean()


def test_prevalence_can_be_set_for_one_finding() -> None:
    films = make_chest_xrays(40, size=32, prevalence={"Hernia": 1, "Effusion": 0})
    assert films.labels[:, CHEST_FINDINGS.index("Hernia")].all()
    assert not films.labels[:, CHEST_FINDINGS.index("Effusion")].any()


def test_cardiomegaly_is_a_ratio_above_one_half_and_nothing_else_is(films: ChestXrays) -> None:
    large = films.labels[:, CHEST_FINDINGS.index("Cardiomegaly")]
    assert np.array_equal(films.cardiothoracic_ratios > 0.5, large)


def test_the_ratio_is_that_of_the_shadows(healthy: ChestXrays) -> None:
    mm = healthy.spacing_mm[1]
    heart = healthy.heart_masks.any(axis=1)
    heart_mm = mm * (heart.shape[1] - heart[:, ::-1].argmax(axis=1) - heart.argmax(axis=1))
    lungs = healthy.lung_masks.any(axis=1)
    chest_mm = mm * (lungs.shape[1] - lungs[:, ::-1].argmax(axis=1) - lungs.argmax(axis=1))
    assert np.abs(heart_mm / chest_mm - healthy.film_ratios).max() < 0.05
    assert np.abs(heart_mm / chest_mm - healthy.film_ratios).mean() < 0.025


def test_an_ap_film_magnifies_the_heart_as_measured_by_chon() -> None:
    ap, pa = (make_chest_xrays(40, size=32, ap_share=share) for share in (1, 0))
    zoom = ap.film_ratios / ap.cardiothoracic_ratios
    assert np.array_equal(pa.film_ratios, pa.cardiothoracic_ratios)
    assert zoom.min() >= 0.9682 / 0.9187 - 1e-3  # 130 cm
    assert zoom.max() <= 0.9682 / 0.889 + 1e-3  # 100 cm


def test_lungs_are_dark_and_the_heart_lies_on_the_right_of_the_image(healthy: ChestXrays) -> None:
    pixels = healthy.images[:, 0]
    assert np.mean(pixels[healthy.heart_masks & ~healthy.lung_masks]) > np.mean(pixels[healthy.lung_masks]) + 0.2
    columns = np.arange(SIZE) - SIZE / 2 + 0.5
    middle_mm = (healthy.heart_masks.sum(axis=1) @ columns) / healthy.heart_masks.sum(axis=(1, 2)) * 350 / SIZE
    assert middle_mm.mean() > 10
    assert np.median(pixels[:, -6:, SIZE // 2]) > 0.6  # belly
    assert np.median(pixels[:, :4, :6]) < 0.15  # air above the shoulder


def test_the_heart_grows_with_age_and_so_does_the_shadow_of_the_aorta(healthy: ChestXrays) -> None:
    ages = healthy.ages_years
    assert np.corrcoef(ages, healthy.cardiothoracic_ratios)[0, 1] > 0.3
    row, column = round((165 - 50) / 350 * SIZE), round((175 + 34) / 350 * SIZE)
    knob = healthy.images[:, 0, row - 4 : row + 1, column - 1 : column + 2].mean(axis=(1, 2))
    assert knob[ages > 65].mean() > knob[ages < 40].mean() + 0.04


def test_an_effusion_holds_200_ml_or_more_and_that_much_lung_is_under_fluid() -> None:
    count = 30
    wet = make_chest_xrays(count, size=SIZE, labels=only("Effusion", count=count), ap_share=0)
    dry = make_chest_xrays(count, size=SIZE, labels=only(count=count), ap_share=0)
    assert wet.effusion_ml.min() >= 200
    assert wet.effusion_ml.max() < 3100
    assert (dry.effusion_ml == 0).all()
    under = wet.masks_of("Effusion")
    assert np.corrcoef(under.sum(axis=(1, 2)), wet.effusion_ml)[0, 1] > 0.9
    rows = np.arange(SIZE)
    lowest = (under.sum(axis=2) @ rows) / under.sum(axis=(1, 2))
    assert (lowest > (wet.lung_masks.sum(axis=2) @ rows) / wet.lung_masks.sum(axis=(1, 2))).all()


@pytest.mark.parametrize(
    ("name", "sign"),
    [(name, 1) for name in CHEST_FINDINGS if name not in ("Cardiomegaly", "Emphysema", "Hernia", "Pneumothorax")]
    + [("Pneumothorax", -1)],
)
def test_a_finding_brightens_or_darkens_the_film_where_its_mask_says(name: str, sign: int) -> None:
    count = 12
    ill = make_chest_xrays(count, size=96, labels=only(name, count=count), ap_share=0)
    well = make_chest_xrays(count, size=96, labels=only(count=count), ap_share=0)
    mask = ill.masks_of(name) & well.lung_masks & ill.lung_masks
    assert ill.masks_of(name).any(axis=(1, 2)).all()
    change = (ill.images - well.images)[:, 0]
    outside = well.lung_masks & ill.lung_masks & ~ill.masks_of(name)
    assert sign * (np.mean(change[mask]) - np.median(change[outside])) > 0.01


def test_boxes_hold_their_masks_and_absent_findings_have_none(films: ChestXrays) -> None:
    for k, name in enumerate(CHEST_FINDINGS):
        masks = films.masks_of(name)
        assert np.array_equal(masks.any(axis=(1, 2)), ~np.isnan(films.boxes[:, k, 0]))
        assert not masks[~films.labels[:, k]].any()
        for i in np.flatnonzero(masks.any(axis=(1, 2)))[:5]:
            left, top, right, bottom = films.boxes[i, k].astype(int)
            assert masks[i, top:bottom, left:right].sum() == masks[i].sum()
            assert masks[i, top].any()
            assert masks[i, :, right - 1].any()


def test_nodules_and_masses_differ_in_size() -> None:
    sizes = {}
    for name in ("Nodule", "Mass"):
        films = make_chest_xrays(60, size=128, labels=only(name, count=60))
        sizes[name] = films.masks_of(name).sum(axis=(1, 2)) * (350 / 128) ** 2
    assert sizes["Nodule"].max() < 3 * 1.2 * np.pi * 15**2
    assert sizes["Mass"].min() > 0.8 * np.pi * 15.5**2
    assert sizes["Mass"].max() < 1.3 * np.pi * 35**2


def test_films_of_a_patient_share_the_anatomy_and_the_lasting_findings() -> None:
    often = {"Nodule": 0.3, "Infiltration": 0.3}
    films = make_chest_xrays(400, size=32, films_per_patient=4, prevalence=often)
    assert np.array_equal(films.patients, np.arange(400) // 4)
    assert (films.females.reshape(100, 4) == films.females[::4, None]).all()
    assert np.diff(films.ages_years.reshape(100, 4), axis=1) == pytest.approx(0.33, abs=1e-4)

    def kept(name: str) -> float:
        shown = films.labels[:, CHEST_FINDINGS.index(name)].reshape(100, 4)
        return float(shown[shown[:, 0], 1:].mean())

    assert kept("Nodule") > 0.65
    assert 0.3 < kept("Infiltration") < 0.6


def test_the_site_is_a_coin_until_it_is_tied_to_a_finding() -> None:
    arguments = {"size": 32, "prevalence": {"Pneumonia": 0.5}}
    for strength, low, high in ((0, 0.35, 0.65), (0.8, 0.85, 0.97), (1, 1, 1), (-1, 0, 0)):
        films = make_chest_xrays(150, shortcut_strength=strength, **arguments)
        ill = films.labels[:, CHEST_FINDINGS.index("Pneumonia")]
        assert low <= (films.sites == ill).mean() <= high


def test_the_marker_of_the_site_stands_in_its_corner_and_can_be_left_out() -> None:
    marked, bare = (make_chest_xrays(20, size=SIZE, marker=marker) for marker in (True, False))
    changed = (marked.images != bare.images)[:, 0]
    assert np.array_equal(changed[:, :, : SIZE // 4].any(axis=(1, 2)), marked.sites == 1)
    assert np.array_equal(changed[:, :, -SIZE // 4 :].any(axis=(1, 2)), marked.sites == 0)
    assert not changed[:, SIZE // 4 :].any()


def test_sites_can_be_made_equal() -> None:
    equal = [
        make_chest_xrays(20, size=32, marker=False, site_difference=0, shortcut="Mass", shortcut_strength=strength)
        for strength in (1, -1)
    ]
    assert not np.array_equal(equal[0].sites, equal[1].sites)
    assert np.array_equal(equal[0].images, equal[1].images)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": -1}, "count is at least 0, got -1"),
        ({"seed": -1}, "seed is at least 0, got -1"),
        ({"size": 31}, "size is at least 32, got 31"),
        ({"films_per_patient": 0}, "films_per_patient is at least 1, got 0"),
        ({"ap_share": 1.1}, "ap_share is a number from 0 to 1, got 1.1"),
        ({"shortcut_strength": -1.1}, "shortcut_strength is a number from -1 to 1, got -1.1"),
        ({"site_difference": float("nan")}, "site_difference is a number from 0 to 1, got nan"),
        ({"shortcut": "Cold"}, "shortcut needs one of Atelectasis, .*, got 'Cold'"),
        ({"prevalence": {"Cold": 0.1}}, "prevalence knows Atelectasis, .*, got 'Cold'"),
        ({"prevalence": {"Mass": 2}}, "shares from 0 to 1, got 2 for Mass"),
        ({"labels": np.zeros((3, 13))}, r"labels needs the shape \(2, 14\), a row a film, got \(3, 13\)"),
        ({"labels": np.full((2, 14), 2)}, "labels needs 0 .absent. or 1 .present. for each finding"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_chest_xrays(**({"count": 2, "size": 32} | arguments))


def test_a_count_is_a_whole_number() -> None:
    with pytest.raises(TypeError, match=r"count is a whole number, got 2\.5"):
        make_chest_xrays(2.5)  # type: ignore[arg-type]


def test_a_mask_of_an_unknown_finding_is_refused(films: ChestXrays) -> None:
    with pytest.raises(ValueError, match=r"finding needs one of Atelectasis, .*, got 'Cold'"):
        films.masks_of("Cold")


def small_net(labels: int) -> nn.Sequential:
    """Four convolutions; 13,884 weights for four labels."""
    layers: list[nn.Module] = []
    for wide, next_wide in ((1, 8), (8, 16), (16, 24), (24, 32)):
        layers += [nn.Conv2d(wide, next_wide, 3, padding=1), nn.BatchNorm2d(next_wide), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, labels))


def test_grey_values_find_something_and_a_small_net_much_more() -> None:
    names, count, cut, epochs = ("Effusion", "Pneumothorax", "Cardiomegaly", "Fibrosis"), 700, 500, 8
    prevalence = {name: 0.3 if name in names else 0.0 for name in CHEST_FINDINGS}
    films = make_chest_xrays(count, size=SIZE, prevalence=prevalence)
    y = films.labels[:, [CHEST_FINDINGS.index(name) for name in names]]
    flat = films.images.reshape(count, -1)
    grey = np.column_stack([flat.mean(axis=1), flat.std(axis=1), np.percentile(flat, [5, 25, 50, 75, 95], axis=1).T])
    classical = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    by_grey = np.column_stack([classical.fit(grey[:cut], one[:cut]).decision_function(grey[cut:]) for one in y.T])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = small_net(len(names))
        rate = torch.optim.lr_scheduler.OneCycleLR
        optimiser = torch.optim.AdamW(net.parameters(), weight_decay=1e-2)
        schedule = rate(optimiser, 6e-3, total_steps=epochs * -(-cut // 32))
        x = torch.from_numpy((films.images - films.images.mean()) / films.images.std())
        for _ in range(epochs):
            for batch in torch.randperm(cut).split(32):
                optimiser.zero_grad()
                wanted = torch.from_numpy(y[batch.numpy()].astype(np.float32))
                nn.functional.binary_cross_entropy_with_logits(net(x[batch]), wanted).backward()
                optimiser.step()
                schedule.step()
        with torch.no_grad():
            by_net = net.eval()(x[cut:]).numpy()
    of_grey, of_net = (roc_auc_score(y[cut:], score, average="macro") for score in (by_grey, by_net))
    assert of_grey > 0.6
    assert of_net > 0.85
    assert of_net > of_grey + 0.08
