"""Phantom of bone marrow in a flow cytometer: one leukaemic cell among very many healthy ones.

A tube of 8 colours and 2 scatters as for minimal residual disease (MRD) of childhood leukaemia. Each population is a
skewed Gaussian in arcsinh space (B-cell progenitors a path that they mature along), brought to linear values, mixed by
the spillover matrix, then blurred by photon noise; so compensation cannot remove the noise that spillover brings.

Quoted: an MRD sensitivity of 10⁻⁵ needs more than 4 million cells (Theunissen et al., Blood 129:347, 2017), where the
panel of markers comes from too. MRD is 0 or 10⁻⁵ to 10⁻²; 0.01 % of 500,000 events are 50 events, give or take 7.
Chosen: mean brightness, widths, shares of the populations, spillover, 5 units a photoelectron, shifts between patients.
Lacks: doublets, debris, dead cells, autofluorescence, drift in time; spectra, markers and shares of no real patient.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from course_lib.data.fcs import FlowSample

__all__ = ["FLOW_CHANNELS", "FLOW_MARKERS", "FLOW_POPULATIONS", "FLOW_SPILLOVER", "FlowCases", "make_flow_samples"]

FLOW_CHANNELS = (
    *("FSC-A", "SSC-A", "V450-A", "V500-A", "FITC-A"),
    *("PE-A", "PerCP-Cy5-5-A", "PE-Cy7-A", "APC-A", "APC-H7-A"),
)
FLOW_MARKERS = ("", "", "CD20", "CD45", "CD81", "CD66c", "CD34", "CD19", "CD10", "CD38")
FLOW_POPULATIONS = (
    *("granulocyte", "monocyte", "T or NK lymphocyte", "B lymphocyte", "erythroid precursor"),
    *("B-cell progenitor", "myeloid progenitor", "leukaemic cell"),
)
_LEUKAEMIC = FLOW_POPULATIONS.index("leukaemic cell")
_SHARES = np.array([0.52, 0.06, 0.17, 0.05, 0.13, 0.06, 0.01])  # of the healthy populations
_MEANS = np.array(  # arcsinh(value / 150): 0 none, 2 dim, 4 positive, 6 bright; columns as FLOW_MARKERS
    [
        [6.9, 6.8, 0.0, 3.0, 1.4, 4.0, 0.0, 0.0, 2.6, 1.7],
        [6.8, 5.9, 0.0, 4.6, 3.0, 1.5, 0.0, 0.0, 0.0, 3.5],
        [6.1, 4.8, 0.0, 5.2, 3.6, 0.0, 0.0, 0.0, 0.0, 1.4],
        [6.0, 4.8, 4.8, 5.3, 3.4, 0.0, 0.0, 4.4, 0.3, 1.6],
        [5.8, 4.8, 0.0, 1.2, 1.2, 0.0, 0.0, 0.0, 0.0, 1.5],
        [6.1, 4.8, 0.2, 3.0, 4.6, 0.0, 4.0, 4.0, 5.4, 5.2],
        [6.6, 5.4, 0.0, 3.6, 2.8, 1.0, 4.4, 0.0, 0.0, 3.8],
        [6.3, 4.9, 0.6, 2.3, 3.4, 1.4, 3.4, 4.2, 5.8, 3.7],
    ]
)
_MATURING = np.zeros_like(_MEANS)  # from the youngest cell of a population to the oldest
_MATURING[0] = [-0.2, -0.3, 0.0, 1.2, -0.4, 0.4, 0.0, 0.0, 0.8, -0.5]
_MATURING[2] = [0.0, 0.0, 0.0, 0.4, -0.8, 0.0, 0.0, 0.0, 0.0, 1.2]
_MATURING[4] = [-0.5, -0.3, 0.0, -0.8, -0.8, 0.0, 0.0, 0.0, 0.0, -1.2]
_MATURING[5] = [-0.1, -0.1, 3.8, 1.6, -0.8, 0.0, -4.0, 0.4, -2.2, -0.6]
_WIDTHS = np.array([0.16, 0.24, 0.45, 0.35, 0.4, 0.5, 0.5, 0.35, 0.45, 0.45])
_TAILS = 0.35  # a cell's own width is log-normal: some stray far
_SKEW = 0.8  # of a skewed Gaussian: 0 none, 1 half a Gaussian
_PATIENT_SHIFT, _LEUKAEMIC_SHIFT = 0.12, 0.6  # standard deviations between patients
_UNITS_PER_ELECTRON, _DARK = 5.0, 25.0
_CHUNK = 1 << 17


def _spillover() -> NDArray[np.float64]:
    matrix = np.eye(8)
    spills = {(0, 1): 0.12, (1, 0): 0.04, (1, 2): 0.05, (2, 3): 0.18, (3, 2): 0.02, (3, 4): 0.12, (3, 5): 0.03}
    spills |= {(4, 5): 0.2, (4, 6): 0.04, (4, 7): 0.03, (5, 3): 0.02, (5, 7): 0.06, (6, 4): 0.03, (6, 7): 0.12}
    for place, share in spills.items():
        matrix[place] = share
    matrix.flags.writeable = False
    return matrix


FLOW_SPILLOVER = _spillover()  # (8, 8), the channels from V450-A on


@dataclass(frozen=True, eq=False)
class FlowCases:
    """Tubes of several patients, with what every event was.

    Parameters
    ----------
    events : (N, E, 10) float32 array
        As measured: spilled, with noise, up to 262,143; the channels are FLOW_CHANNELS.
    labels : (N, E) uint8 array
        The place of each event's population in FLOW_POPULATIONS.
    mrd_fractions : (N,) float64 array
        The share of leukaemic cells in the patient's marrow; 0 where there are none.
    mrd_counts : (N,) int64 array
        How many of them came into the tube, a binomial number; the label 7 counted.
    """

    events: NDArray[np.float32]
    labels: NDArray[np.uint8]
    mrd_fractions: NDArray[np.float64]
    mrd_counts: NDArray[np.int64]

    def sample(self, index: int) -> FlowSample:
        """Return one tube as it would be read from its FCS file."""
        return FlowSample(self.events[index], FLOW_CHANNELS, FLOW_MARKERS, FLOW_SPILLOVER, FLOW_CHANNELS[2:])


def make_flow_samples(
    count: int, *, seed: int = 0, num_events: int = 50_000, mrd_fraction: float | None = None
) -> FlowCases:
    """Draw tubes of bone marrow; tube i depends on the seed and on i only.

    Parameters
    ----------
    count : int
        Number of patients, 0 or more.
    seed : int
        0 or more; the same seed gives the same tubes.
    num_events : int
        Events in each tube, at least 1.
    mrd_fraction : float, optional
        The share of leukaemic cells of every patient, 0 … 1. Without it every second patient has none, and the others
        log-uniformly from 10⁻⁵ to 10⁻².

    Returns
    -------
    FlowCases
        Arrays of length `count`.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    References
    ----------
    P. Theunissen et al., "Standardized flow cytometry for highly sensitive MRD measurements in B-cell acute
    lymphoblastic leukemia", Blood 129:347, 2017.

    Examples
    --------
    >>> tubes = make_flow_samples(2, num_events=500_000, mrd_fraction=1e-4)
    >>> tubes.events.shape, tubes.mrd_counts.tolist()  # 50 are expected
    ((2, 500000, 10), [56, 47])
    """
    if count < 0 or seed < 0:
        raise ValueError(f"count and seed are 0 or more, got {count} and {seed}")
    if num_events < 1:
        raise ValueError(f"num_events is at least 1, got {num_events}")
    if mrd_fraction is not None and not 0 <= mrd_fraction <= 1:
        raise ValueError(f"mrd_fraction is a share from 0 to 1, got {mrd_fraction}")
    events = np.empty((count, num_events, len(FLOW_CHANNELS)), np.float32)
    labels = np.empty((count, num_events), np.uint8)
    fractions, counts = np.zeros(count), np.zeros(count, np.int64)
    for index in range(count):
        random = np.random.default_rng([seed, index])
        drawn = 10 ** random.uniform(-5, -2) * (index % 2)
        fractions[index] = drawn if mrd_fraction is None else mrd_fraction
        counts[index] = random.binomial(num_events, fractions[index])
        healthy = random.multinomial(num_events - counts[index], random.dirichlet(80 * _SHARES))
        populations = np.arange(len(FLOW_POPULATIONS), dtype=np.uint8)
        labels[index] = np.repeat(populations, [*healthy, counts[index]])
        random.shuffle(labels[index])
        _measure(labels[index], random, events[index])
    return FlowCases(events, labels, fractions, counts)


def _measure(labels: NDArray[np.uint8], random: np.random.Generator, out: NDArray[np.float32]) -> None:
    """Fill in what the detectors see of the cells of one patient, some at a time."""
    means = _MEANS + random.normal(0, _PATIENT_SHIFT, (1, 10)) + random.normal(0, _PATIENT_SHIFT, _MEANS.shape)
    means[_LEUKAEMIC, 2:] += random.normal(0, _LEUKAEMIC_SHIFT, 8)  # each leukaemia is its own
    lean = _SKEW * np.sign(random.normal(size=_MEANS.shape))  # to either side
    start_means, maturing, leaning = (table.astype(np.float32) for table in (means, _MATURING, lean))
    widths, spillover = _WIDTHS.astype(np.float32), FLOW_SPILLOVER.astype(np.float32)
    for start in range(0, len(labels), _CHUNK):
        kind = labels[start : start + _CHUNK]
        shape = (len(kind), len(FLOW_CHANNELS))
        age = random.random((len(kind), 1), np.float32)
        common = np.abs(random.standard_normal((len(kind), 1), np.float32)) - np.float32(np.sqrt(2 / np.pi))
        own = random.standard_normal(shape, np.float32)
        tails = np.exp(np.float32(_TAILS) * random.standard_normal((len(kind), 1), np.float32))
        values = start_means[kind] + age * maturing[kind]
        values += tails * widths * (leaning[kind] * common + np.float32(np.sqrt(1 - _SKEW**2)) * own)
        values = 150 * np.sinh(values)
        values[:, 2:] = values[:, 2:] @ spillover
        # Photons: Poisson, so the variance grows with the light; a Gaussian of that variance is 20 times faster.
        noise = np.sqrt(_UNITS_PER_ELECTRON * np.maximum(values, 0) + _DARK**2)
        values += noise * random.standard_normal(shape, np.float32)
        out[start : start + _CHUNK] = np.minimum(values, 262_143)
