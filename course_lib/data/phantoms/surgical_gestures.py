"""What a surgeon is doing: the motion of a surgical robot, with the gesture of every moment.

A phantom in the shape of JIGSAWS (Gao 2014): eight surgeons repeat a task five times on a bench-top model, and the
robot records 76 numbers 30 times a second. Gestures follow one another by a grammar and last for a time drawn for each
of them (a semi-Markov chain). Each is done in strokes of least jerk (Flash and Hogan 1985) to places that depend on the
gesture, on the stitch and on the habits of the surgeon. Novices are slower, pause, take detours, tremble and do things
twice.

Numbers: the 15 gestures, eight surgeons (four novices, two intermediates, two experts), five repetitions, three tasks,
76 channels at 30 Hz: Gao 2014. Suturing takes novices 138 s, intermediates 89 s and experts 88 s in the mean of 39
recordings of JIGSAWS (frames counted in the public table of features of github.com/CodeRahman/JIGSAWS-DATA). Experts
need fewer gestures for a surgeon's knot, 26.3 against 31.3, and make fewer errors, 1.0 against 2.8 (Vedula 2016).
Chosen: the grammar, places, strokes, durations of single gestures, tremor from 6 to 12 Hz, motion scaling 3:1.

Lacks: tissue and thread that push back, a clutch that lets the masters move alone, a camera, gestures that the grammar
does not know, and annotators who disagree about where one ends. Knot tying and needle passing were not fitted to times.

References
----------
Y. Gao and others, "JHU-ISI gesture and skill assessment working set (JIGSAWS)", MICCAI Workshop M2CAI, 2014; N. Ahmidi
and others, "A dataset and benchmarks for segmentation and recognition of gestures in robotic surgery", IEEE
Transactions on Biomedical Engineering 64, 2017; S. S. Vedula and others, "Analysis of the structure of surgical
activity for a suturing and knot-tying task", PLoS ONE 11(3):e0149174, 2016; T. Flash and N. Hogan, "The coordination of
arm movements", Journal of Neuroscience 5, 1985; R. DiPietro and others, "Recognizing surgical activities with recurrent
neural networks", MICCAI 2016.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.spatial.transform import Rotation

from course_lib.data.phantoms.surgical_grammar import GESTURES, PLACES, TASKS, draw_gestures

__all__ = ["CHANNELS", "SKILLS", "SurgicalTrials", "make_surgical_trials"]

SKILLS = ("novice", "intermediate", "expert")
_OF_HAND = (
    *("x", "y", "z"),
    *(f"rotation {row}{column}" for row in range(1, 4) for column in range(1, 4)),
    *("velocity x", "velocity y", "velocity z"),
    *("angular velocity x", "angular velocity y", "angular velocity z"),
    "gripper angle",
)
CHANNELS = tuple(
    f"{arm} {name}" for arm in ("master left", "master right", "tool left", "tool right") for name in _OF_HAND
)
"""The 76 columns: 19 for each of four manipulators, in the order of JIGSAWS."""
REPETITIONS = 5
MASTER_SCALE = 3.0  # the hands move three times as far as the tools
TO_MASTER = Rotation.from_euler("xz", [90, 15], degrees=True).as_matrix()
SKILL_OF_SURGEON = (0, 1, 2, 2, 1, 0, 0, 0)  # surgeons B … I of JIGSAWS


@dataclass(frozen=True)
class _Skill:
    tempo: float  # times an expert's duration
    failures: float  # share of gestures to be done again
    detour_mm: float
    pauses: float  # share of the time
    tremor_mm: float


_SKILLS = (
    _Skill(1.33, 0.12, 5.0, 0.22, 0.15),
    _Skill(0.96, 0.06, 2.5, 0.15, 0.08),
    _Skill(0.94, 0.03, 1.5, 0.12, 0.05),
)


@dataclass(frozen=True, eq=False)
class SurgicalTrials:
    """Recordings of one task, five of each surgeon.

    Parameters
    ----------
    kinematics : tuple of N (T, 76) float32 arrays
        The columns of `CHANNELS`; T differs. Metres, metres a second, radians, radians a second; rotation matrices by
        rows.
    gestures : tuple of N (T,) int64 arrays
        Truth: number of the gesture, 1 … 15, in each frame.
    surgeons : (N,) int64 array
        Who it was; leave one of them out to judge a net.
    skills : (N,) int64 array
        0 novice, 1 intermediate, 2 expert: index into `SKILLS`.
    repetitions : (N,) int64 array, 0 … 4
    task : str
        Of `TASKS`.
    rate_hz : float
        Frames a second.
    """

    kinematics: tuple[NDArray[np.float32], ...]
    gestures: tuple[NDArray[np.int64], ...]
    surgeons: NDArray[np.int64]
    skills: NDArray[np.int64]
    repetitions: NDArray[np.int64]
    task: str
    rate_hz: float

    @property
    def seconds(self) -> NDArray[np.float64]:
        """(N,) how long each recording lasts."""
        return np.array([len(frames) for frames in self.gestures], dtype=np.float64) / self.rate_hz


def make_surgical_trials(count: int, *, seed: int = 0, task: str = "suturing", rate_hz: float = 30.0) -> SurgicalTrials:
    """Record surgeons at a task; 40 recordings are all five of eight surgeons, as in JIGSAWS.

    Parameters
    ----------
    count : int
        Number of recordings, at least 0; after five of one surgeon comes the next. More of them never change the first
        ones.
    seed : int
        The same seed gives the same surgeons and recordings.
    task : str
        Of `TASKS`.
    rate_hz : float
        Frames a second, 25 or more, so that tremor can be seen.

    Returns
    -------
    SurgicalTrials
        `count` recordings.

    Raises
    ------
    ValueError
        If an argument is outside its range.

    Examples
    --------
    >>> trials = make_surgical_trials(2)
    >>> trials.kinematics[0].shape[1], trials.gestures[0][0], SKILLS[trials.skills[0]]
    (76, np.int64(1), 'novice')
    """
    if count < 0:
        raise ValueError(f"count is at least 0, got {count}")
    if task not in TASKS:
        raise ValueError(f"task needs one of {', '.join(TASKS)}, got {task!r}")
    if not (np.isfinite(rate_hz) and rate_hz >= 25):
        raise ValueError(f"rate_hz is a number of 25 or more, got {rate_hz}")
    surgeons = np.arange(count) // REPETITIONS
    skills = np.array(SKILL_OF_SURGEON)[surgeons % len(SKILL_OF_SURGEON)]
    made = [_record(seed, index, task, rate_hz) for index in range(count)]
    return SurgicalTrials(
        tuple(frames for frames, _ in made),
        tuple(gestures for _, gestures in made),
        surgeons,
        skills,
        np.arange(count) % REPETITIONS,
        task,
        float(rate_hz),
    )


def _record(seed: int, index: int, task: str, rate_hz: float) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """One recording: gestures, then strokes, then frames."""
    surgeon, repetition = divmod(index, REPETITIONS)
    skill = _SKILLS[SKILL_OF_SURGEON[surgeon % len(SKILL_OF_SURGEON)]]
    rng, habits = np.random.default_rng([seed, index, TASKS.index(task)]), np.random.default_rng([seed, surgeon, 1])
    tempo = skill.tempo * np.exp(0.1 * habits.standard_normal()) * (1.12 - 0.06 * repetition)
    habit = habits.standard_normal((len(GESTURES), 14)) * np.tile([5, 5, 5, 8, 8, 8, 3], 2)
    sequence = draw_gestures(task, skill.failures, rng)
    tempo *= 0.85 if task == "needle passing" else 1  # no tissue that holds the needle back (chosen)
    times, poses, bends, labels = _strokes(sequence, skill, tempo, habit, rng)
    clock = np.arange(int(times[-1] * rate_hz)) / rate_hz
    stroke = np.searchsorted(times, clock, side="right") - 1
    part = (clock - times[stroke]) / (times[stroke + 1] - times[stroke])
    least_jerk = (part**3 * (10 - 15 * part + 6 * part**2))[:, None]
    path = poses[stroke] + (poses[stroke + 1] - poses[stroke]) * least_jerk
    path += bends[stroke] * (16 * part**2 * (1 - part) ** 2)[:, None]
    path[:, [6, 13]] = np.maximum(path[:, [6, 13]], 0)  # jaws do not open backwards
    for hand in (0, 7):
        path[:, hand : hand + 3] += _tremor(len(clock), skill.tremor_mm, rate_hz, rng)
    return _channels(path, rate_hz, rng), labels[stroke]


def _strokes(
    sequence: list[tuple[int, int]],
    skill: _Skill,
    tempo: float,
    habit: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Knots in time (S + 1,), poses of both hands there (S + 1, 14), bends (S, 14) and gestures (S,) of the strokes."""
    scatter = np.tile([1, 1, 1, 3, 3, 3, 1], 2)
    pose = np.array([-30, -10, 18, 0, 0, 0, 25, 30, -10, 18, 0, 0, 0, 25.0]) + 3 * rng.standard_normal(14)
    times, poses, bends, labels = [0.0], [pose], [], []
    for gesture, stitch in sequence:
        left, right, seconds, strokes = PLACES[gesture]
        goal = np.array([*left, *right]) + habit[gesture] + 2 * scatter * rng.standard_normal(14)
        goal[[1, 8]] += 9 * (stitch - 1.5)  # the next stitch is 9 mm further away
        strokes += int(rng.poisson(skill.detour_mm / 4))
        lasting = seconds * tempo * np.exp(0.3 * rng.standard_normal() - 0.045)
        parts = rng.dirichlet(np.full(strokes, 4.0)) * lasting
        for number, part in enumerate(parts, start=1):
            there = pose + (goal - pose) * (1 / (strokes + 1 - number))
            if number < strokes:
                there = there + skill.detour_mm * scatter * rng.standard_normal(14)
            pause = part * skill.pauses * rng.uniform(0, 2)
            bend = np.tile([3, 3, 3, 4, 4, 4, 2], 2) * rng.standard_normal(14)
            bend[[2, 9]] += 4 * (gesture in (1, 11, 12, 14))  # reaching goes over the thread
            if gesture == 13:  # the left hand goes around the right one
                bend[:3] += 16 * np.array([(-1) ** number, 1, 0.5])
            times += [times[-1] + part - pause, times[-1] + part]
            poses += [there, there]
            bends += [bend, np.zeros(14)]
            labels += [gesture, gesture]
            pose = there
    return np.array(times), np.array(poses), np.array(bends), np.array(labels)


def _tremor(num_frames: int, deviation_mm: float, rate_hz: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise from 6 to 12 Hz, (T, 3)."""
    length = next_fast_len(num_frames, real=True)
    spectrum = rfft(rng.standard_normal((length, 3)), axis=0)
    frequency = rfftfreq(length, 1 / rate_hz)
    spectrum[(frequency < 6) | (frequency > 12)] = 0
    noise = irfft(spectrum, n=length, axis=0)[:num_frames]
    return noise * deviation_mm / noise.std()


def _channels(path: NDArray[np.float64], rate_hz: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """From poses (T, 14) to the 76 numbers; the model lies a little differently each time."""
    lie = Rotation.from_rotvec([0, 0, rng.normal(0, 0.15)]).as_matrix()
    shift = rng.normal(0, 0.012, 3)
    masters, tools = [], []
    for hand, side in ((0, -0.1), (7, 0.1)):
        position = path[:, hand : hand + 3] @ lie.T / 1000 + shift
        turn = lie @ Rotation.from_rotvec(path[:, hand + 3 : hand + 6], degrees=True).as_matrix()
        velocity, angular = np.gradient(position, 1 / rate_hz, axis=0), _angular_velocity(turn, rate_hz)
        grip = np.radians(path[:, hand + 6])[:, None]
        tools += [position, turn.reshape(-1, 9), velocity, angular, grip]
        masters += [MASTER_SCALE * position @ TO_MASTER.T + [side, 0, 0.2], (TO_MASTER @ turn).reshape(-1, 9)]
        masters += [MASTER_SCALE * velocity @ TO_MASTER.T, angular @ TO_MASTER.T, grip]
    return np.concatenate([*masters, *tools], axis=1).astype(np.float32)


def _angular_velocity(turn: NDArray[np.float64], rate_hz: float) -> NDArray[np.float64]:
    """Turn from the frame before to the frame after, (T, 3), in radians a second; below 90 degrees."""
    frames = np.arange(len(turn))
    before, after = np.maximum(frames - 1, 0), np.minimum(frames + 1, len(turn) - 1)
    between = turn[after] @ turn[before].transpose(0, 2, 1)
    axis = (between[:, [2, 0, 1], [1, 2, 0]] - between[:, [1, 2, 0], [2, 0, 1]]) / 2  # as long as the sine of the angle
    sine = np.minimum(np.linalg.norm(axis, axis=1), 1)
    stretch = np.divide(np.arcsin(sine), sine, out=np.ones_like(sine), where=sine > 1e-9)
    return axis * (stretch * rate_hz / (after - before))[:, None]
