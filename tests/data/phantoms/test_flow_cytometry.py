"""The marrow phantom: leukaemic cells counted exactly, spillover and noise as said, and a net that beats gates."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from course_lib.data.fcs import arcsinh_transform, compensate, read_fcs, write_fcs
from course_lib.data.phantoms.flow_cytometry import (
    FLOW_CHANNELS,
    FLOW_MARKERS,
    FLOW_POPULATIONS,
    FLOW_SPILLOVER,
    FlowCases,
    make_flow_samples,
)

LEUKAEMIC = FLOW_POPULATIONS.index("leukaemic cell")


@pytest.fixture(scope="module")
def tubes() -> FlowCases:
    return make_flow_samples(4, seed=3, num_events=20_000, mrd_fraction=0.01)


def _values(tubes: FlowCases) -> np.ndarray:
    return np.stack([arcsinh_transform(compensate(tubes.sample(i)).events) for i in range(len(tubes.events))])


def test_a_tube_depends_on_the_seed_and_its_place_only() -> None:
    few, many = (make_flow_samples(count, num_events=300) for count in (2, 4))
    other = make_flow_samples(2, num_events=300, seed=1)
    assert np.array_equal(few.events, many.events[:2])
    assert np.array_equal(few.labels, many.labels[:2])
    assert np.array_equal(few.mrd_fractions, many.mrd_fractions[:2])
    assert not np.array_equal(few.events, other.events)


def test_shapes_types_and_ranges(tubes: FlowCases) -> None:
    assert (tubes.events.dtype, tubes.events.shape) == (np.float32, (4, 20_000, 10))
    assert (tubes.labels.dtype, tubes.labels.shape) == (np.uint8, (4, 20_000))
    assert np.isfinite(tubes.events).all()
    assert tubes.events.max() <= 262_143
    assert len(FLOW_CHANNELS) == len(FLOW_MARKERS) == 10
    assert set(np.unique(tubes.labels)) == set(range(8))


def test_no_tubes_are_empty_arrays() -> None:
    none = make_flow_samples(0, num_events=7)
    assert none.events.shape == (0, 7, 10)
    assert none.labels.shape == (0, 7)
    assert none.mrd_fractions.shape == none.mrd_counts.shape == (0,)


def test_leukaemic_cells_are_counted_exactly(tubes: FlowCases) -> None:
    assert tubes.mrd_counts.tolist() == (tubes.labels == LEUKAEMIC).sum(axis=1).tolist()
    none = make_flow_samples(3, num_events=5000, mrd_fraction=0)
    assert not none.mrd_counts.any()
    assert not (none.labels == LEUKAEMIC).any()


def test_counts_scatter_as_poisson_says() -> None:
    # a thousandth of 5,000 events: 5 expected, with a standard deviation of √5
    counts = make_flow_samples(200, seed=1, num_events=5000, mrd_fraction=1e-3).mrd_counts
    assert counts.mean() == pytest.approx(5, abs=4 * np.sqrt(5 / 200))
    assert counts.var() == pytest.approx(5, rel=0.3)


def test_every_second_patient_is_free_of_disease_and_the_others_spread_over_three_decades() -> None:
    fractions = make_flow_samples(400, num_events=10).mrd_fractions
    assert not fractions[::2].any()
    logs = np.log10(fractions[1::2])
    assert -5 <= logs.min() < -4.9
    assert -2.1 < logs.max() <= -2
    assert logs.mean() == pytest.approx(-3.5, abs=0.2)


def test_a_tube_goes_through_an_fcs_file(tubes: FlowCases, tmp_path: Path) -> None:
    write_fcs(tmp_path / "marrow.fcs", tubes.sample(1))
    back = read_fcs(tmp_path / "marrow.fcs")
    assert np.array_equal(back.events, tubes.events[1])
    assert back.markers == FLOW_MARKERS
    assert back.fluorescence_channels == back.spillover_channels == FLOW_CHANNELS[2:]
    assert np.array_equal(back.spillover, FLOW_SPILLOVER)


def test_spillover_pretends_a_marker_that_compensation_takes_away(tubes: FlowCases) -> None:
    sample, t_cells = tubes.sample(0), tubes.labels[0] == 2
    pe = FLOW_CHANNELS.index("PE-A")  # T cells have no CD66c, but CD81 in FITC beside it
    before, after = (np.median(tube.events[t_cells, pe]) for tube in (sample, compensate(sample)))
    assert before > 60
    assert abs(after) < 40


def test_photon_noise_remains_after_compensation_where_light_spilled(tubes: FlowCases) -> None:
    values = compensate(tubes.sample(0)).events
    pe, fitc = FLOW_CHANNELS.index("PE-A"), FLOW_CHANNELS.index("FITC-A")
    t_cells = tubes.labels[0] == 2
    bright = values[:, fitc] > np.quantile(values[t_cells, fitc], 0.9)
    dark = values[:, fitc] < np.quantile(values[t_cells, fitc], 0.1)
    spread = [np.subtract(*np.quantile(values[t_cells & part, pe], [0.75, 0.25])) for part in (bright, dark)]
    assert spread[0] > spread[1]


def test_cells_shine_where_their_lineage_says(tubes: FlowCases) -> None:
    medians = {
        name: dict(zip(FLOW_MARKERS, np.median(_values(tubes)[tubes.labels == place], axis=0), strict=True))
        for place, name in enumerate(FLOW_POPULATIONS)
    }
    assert medians["B lymphocyte"]["CD19"] > 3.5 > 1 > medians["T or NK lymphocyte"]["CD19"]
    assert (
        medians["T or NK lymphocyte"]["CD45"] > medians["granulocyte"]["CD45"] > medians["erythroid precursor"]["CD45"]
    )
    assert medians["B-cell progenitor"]["CD38"] > medians["leukaemic cell"]["CD38"] > medians["B lymphocyte"]["CD38"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": -1}, "count and seed are 0 or more, got -1 and 0"),
        ({"count": 1, "seed": -2}, "count and seed are 0 or more, got 1 and -2"),
        ({"count": 1, "num_events": 0}, "num_events is at least 1, got 0"),
        ({"count": 1, "mrd_fraction": 1.5}, "mrd_fraction is a share from 0 to 1, got 1.5"),
        ({"count": 1, "mrd_fraction": float("nan")}, "got nan"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_flow_samples(**arguments)


def test_a_small_net_finds_leukaemic_cells_that_rectangular_gates_lose() -> None:
    """New patients, one leukaemic cell in a thousand; both may take the same share of healthy cells for leukaemic."""
    training = make_flow_samples(12, seed=0, num_events=20_000, mrd_fraction=0.02)
    test = make_flow_samples(6, seed=100, num_events=60_000, mrd_fraction=1e-3)
    x, ill = _values(training).reshape(-1, 10), (training.labels == LEUKAEMIC).ravel()
    x_test, ill_test = _values(test).reshape(-1, 10), (test.labels == LEUKAEMIC).ravel()

    low, high = np.quantile(x[ill], [0.02, 0.98], axis=0)  # a rectangle in ten dimensions
    gated = ((x_test >= low) & (x_test <= high)).all(axis=1)
    false_alarms, found_by_gates = gated[~ill_test].mean(), gated[ill_test].mean()

    scores = _net_scores(x, ill, x_test)
    found_by_net = (scores[ill_test] > np.quantile(scores[~ill_test], 1 - false_alarms)).mean()
    assert false_alarms < 0.01  # chance would find as many of the leukaemic
    assert found_by_gates > 0.2
    assert found_by_net > found_by_gates + 0.25


def _net_scores(x: np.ndarray, y: np.ndarray, x_test: np.ndarray) -> np.ndarray:
    """Train 10 → 32 → 32 → 1 on batches that hold one leukaemic cell in four."""
    mean, spread, random = x.mean(axis=0), x.std(axis=0), np.random.default_rng(0)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    inputs, targets = torch.tensor((x - mean) / spread), torch.tensor(y, dtype=torch.float32)
    ill, healthy = np.flatnonzero(y), np.flatnonzero(~y)
    for _ in range(600):
        batch = np.concatenate([random.choice(ill, 128), random.choice(healthy, 384)])
        loss = nn.functional.binary_cross_entropy_with_logits(net(inputs[batch])[:, 0], targets[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return net(torch.tensor((x_test - mean) / spread))[:, 0].numpy()
