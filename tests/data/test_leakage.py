"""Data that show leakage."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from course_lib.data.leakage import PatientSlices, make_patient_slices
from course_lib.data.splits import Split, assert_no_overlap, stratified_split, stratified_subject_split


def accuracy(data: PatientSlices, split: Split, classifier) -> float:
    pixels = data.images.reshape(len(data.images), -1)
    classifier.fit(pixels[split.train], data.labels[split.train])
    return float(classifier.score(pixels[split.test], data.labels[split.test]))


def both(data: PatientSlices, classifier, seed: int) -> tuple[float, float]:
    """Accuracy with a split by slice, and with a split by subject."""
    by_slice = stratified_split(data.labels, val_fraction=0, test_fraction=0.3, seed=seed)
    by_subject = stratified_subject_split(data.labels, data.subjects, val_fraction=0, test_fraction=0.3, seed=seed)
    assert_no_overlap(by_subject, data.subjects)
    with pytest.raises(ValueError, match="in both train and test"):
        assert_no_overlap(by_slice, data.subjects)
    return accuracy(data, by_slice, classifier), accuracy(data, by_subject, classifier)


@pytest.mark.parametrize("seed", range(5))
def test_the_nearest_neighbour_looks_far_better_with_a_split_by_slice(seed: int) -> None:
    found = both(make_patient_slices(seed=seed), KNeighborsClassifier(1), seed)
    assert found[0] > 0.95
    assert found[1] < 0.75


def test_over_many_splits_the_nearest_neighbour_is_near_a_coin_for_new_patients() -> None:
    honest = [both(make_patient_slices(seed=seed), KNeighborsClassifier(1), seed)[1] for seed in range(20)]
    assert 0.4 < np.mean(honest) < 0.6


def test_a_plain_disease_is_found_with_an_honest_split_too() -> None:
    data = make_patient_slices(100, disease=0.4)
    assert both(data, LogisticRegression(max_iter=1000), 0)[1] > 0.9


def test_slices_are_what_the_docstring_says() -> None:
    data = make_patient_slices(200, 4, disease=0)
    assert data.images.shape == (800, 1, 16, 16)
    assert (data.images.dtype, data.labels.dtype, data.subjects.dtype) == (np.float32, np.int64, np.int64)
    assert data.images.min() >= 0
    assert data.images.max() <= 1
    assert np.array_equal(data.labels, data.subjects % 2)
    assert np.array_equal(np.bincount(data.subjects), np.full(200, 4))
    of_patients = data.images.reshape(200, 4, -1)
    assert of_patients.std(axis=1, ddof=1).mean() == pytest.approx(0.05 * 0.921, rel=0.02)  # 4 values: c4 = 0.921
    assert of_patients.mean(axis=1).std() == pytest.approx(np.hypot(0.1, 0.05 / 2), rel=0.02)


def test_the_ill_are_brighter_in_the_middle_only() -> None:
    healthy, ill = (make_patient_slices(2, 1, disease=disease).images[1, 0] for disease in (0, 0.1))
    gain = ill - healthy
    assert gain[8, 8] == pytest.approx(0.1, abs=1e-6)
    assert gain[0, 0] == 0


def test_the_seed_decides() -> None:
    one, same, other = (make_patient_slices(2, 1, seed=seed).images for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"num_patients": 1}, "num_patients is at least 2, got 1"),
        ({"slices_per_patient": 0}, "slices_per_patient is at least 1, got 0"),
        ({"image_size": 7}, "image_size is at least 8, got 7"),
        ({"disease": -0.1}, "disease is a brightness from 0 to 0.5, got -0.1"),
        ({"disease": float("nan")}, "got nan"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_patient_slices(**arguments)
