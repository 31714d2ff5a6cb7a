"""The crowd: its errors are those of its matrices, and a model of the annotators beats the majority."""

from dataclasses import fields

import numpy as np
import pytest
from numpy.typing import NDArray

from course_lib.data.phantoms.crowd_labels import ANNOTATOR_KINDS, CrowdLabels, ask_crowd, make_crowd_labels
from course_lib.metrics import cohen_kappa_score


def majority(answers: CrowdLabels) -> NDArray[np.int64]:
    """Most votes; a tie goes to the class that is more frequent among all votes."""
    return (answers.counts + 0.01 * answers.counts.sum(axis=0) / answers.counts.sum()).argmax(axis=1)


def dawid_skene(answers: CrowdLabels) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Posterior (N, K) and confusion matrices (A, K, K) by EM, begun at the shares of the votes."""
    said = (answers.votes[:, :, None] == np.arange(answers.confusions.shape[1])).astype(float)  # (N, A, K)
    posterior = said.sum(axis=1) / said.sum(axis=(1, 2))[:, None]
    for _ in range(50):
        confusions = np.einsum("nt,nak->atk", posterior, said) + 0.01
        confusions /= confusions.sum(axis=2, keepdims=True)
        posterior = weighed(said, confusions, posterior.mean(axis=0))
    return posterior, confusions


def weighed(
    said: NDArray[np.float64], confusions: NDArray[np.float64], prior: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Bayes' rule in logarithms."""
    logs = np.log(prior + 1e-12) + np.einsum("nak,atk->nt", said, np.log(confusions + 1e-12))
    posterior = np.exp(logs - logs.max(axis=1, keepdims=True))
    return posterior / posterior.sum(axis=1, keepdims=True)


def fleiss_kappa(counts: NDArray[np.int64]) -> float:
    """Fleiss 1971, with an unequal number of votes: pairs that agree, beyond chance."""
    votes = counts.sum(axis=1)
    agree = ((counts**2).sum(axis=1) - votes) / (votes * (votes - 1))
    by_chance = ((counts.sum(axis=0) / counts.sum()) ** 2).sum()
    return float((agree.mean() - by_chance) / (1 - by_chance))


@pytest.mark.parametrize("prevalences", [(0.7, 0.3), (0.5, 0.3, 0.2)])
@pytest.mark.parametrize("seed", range(3))
def test_majority_is_beaten_by_dawid_and_skene_and_they_by_who_knows_the_crowd(seed: int, prevalences) -> None:
    answers = make_crowd_labels(2000, seed=seed, prevalences=prevalences)
    said = (answers.votes[:, :, None] == np.arange(len(prevalences))).astype(float)
    knowing = weighed(said, answers.confusions, np.array(prevalences)).argmax(axis=1)
    right = [
        (found == answers.truth).mean()
        for found in (majority(answers), dawid_skene(answers)[0].argmax(axis=1), knowing)
    ]
    assert max(prevalences) < right[0]
    assert right[0] + 0.04 < right[1]
    assert right[1] < right[2] + 0.01
    assert right[2] < 0.95


@pytest.mark.parametrize("seed", range(3))
def test_the_crowd_together_is_as_good_as_one_expert(seed: int) -> None:
    answers = make_crowd_labels(2000, seed=seed, crowd=("sloppy",) * 15, votes_per_item=(11, 15))
    expert = make_crowd_labels(2000, seed=seed, crowd=("expert",), votes_per_item=(1, 1))
    alone = (answers.votes == answers.truth[:, None])[answers.votes >= 0].mean()
    assert alone < 0.8
    assert (majority(answers) == answers.truth).mean() > (expert.votes[:, 0] == expert.truth).mean()


def test_em_finds_the_matrices_where_there_is_no_hardness() -> None:
    answers = make_crowd_labels(4000, max_hardness=0)
    _, found = dawid_skene(answers)
    assert np.abs(found - answers.confusions).max() < 0.12


def test_confusions_are_what_is_counted() -> None:
    answers = make_crowd_labels(20_000, prevalences=(0.4, 0.4, 0.2), votes_per_item=(15, 15))
    for annotator, matrix in enumerate(answers.confusions):
        votes = answers.votes[:, annotator]
        counted = np.array([[(votes[answers.truth == t] == k).mean() for k in range(3)] for t in range(3)])
        assert counted == pytest.approx(matrix, abs=0.03)
    assert answers.confusions.sum(axis=2) == pytest.approx(np.ones((15, 3)))


def test_each_kind_does_what_its_name_says() -> None:
    answers = make_crowd_labels(10, crowd=ANNOTATOR_KINDS * 10, max_hardness=0)
    of = {kind: answers.confusions[[k == kind for k in answers.kinds]] for kind in ANNOTATOR_KINDS}
    diagonal = {kind: matrices.diagonal(axis1=1, axis2=2) for kind, matrices in of.items()}
    assert diagonal["expert"].min() > 0.9
    assert 0.75 < diagonal["sloppy"].min() < diagonal["sloppy"].max() < 0.85
    assert diagonal["adversary"].max() < 0.25
    assert (of["biased"][:, 0, 1] > 2 * of["biased"][:, 1, 0]).all()
    assert (of["spammer"][:, 0] == of["spammer"][:, 1]).all()


def test_kappas_are_in_the_range_of_the_paper() -> None:
    experts = [make_crowd_labels(2000, seed=seed, crowd=("expert",) * 2, votes_per_item=(2, 2)) for seed in range(10)]
    kappas = [cohen_kappa_score(*pair.votes.T, num_classes=2) for pair in experts]
    assert 0.483 < np.median(kappas) < 0.790
    crowd = make_crowd_labels(2000)
    assert 0.02 < fleiss_kappa(crowd.counts) < 0.3
    spam = make_crowd_labels(2000, crowd=("spammer",) * 15, votes_per_item=(15, 15))
    assert fleiss_kappa(spam.counts) < 0.01
    assert cohen_kappa_score(majority(crowd), crowd.truth, num_classes=2) == pytest.approx(0.5, abs=0.12)


def test_hard_items_are_hard_for_all_and_errors_go_together() -> None:
    answers = make_crowd_labels(6000, crowd=("expert",) * 3, votes_per_item=(3, 3), max_hardness=1)
    wrong = answers.votes != answers.truth[:, None]
    assert wrong[answers.hardness > 0.7].mean() > 3 * wrong[answers.hardness < 0.3].mean()
    assert np.corrcoef(wrong.T)[0, 1] > 0.03
    easy = make_crowd_labels(6000, crowd=("expert",) * 3, votes_per_item=(3, 3), max_hardness=0)
    assert (easy.hardness == 0).all()


def test_votes_are_unequal_in_number_and_fairly_given() -> None:
    answers = make_crowd_labels(3000, votes_per_item=(2, 6))
    asked = (answers.votes >= 0).sum(axis=1)
    assert np.bincount(asked)[2:] == pytest.approx(np.full(5, 600), rel=0.15)
    assert (answers.votes >= 0).mean(axis=0) == pytest.approx(np.full(15, 4 / 15), rel=0.12)
    assert np.array_equal(answers.counts.sum(axis=1), asked)
    assert answers.votes.min() == -1
    assert answers.votes.max() == 1


def test_shares_of_the_classes_are_those_asked_for() -> None:
    truth = make_crowd_labels(20_000, prevalences=(0.1, 0.2, 0.7)).truth
    assert np.bincount(truth) / 20_000 == pytest.approx([0.1, 0.2, 0.7], abs=0.01)


def test_own_labels_can_be_shown_to_the_crowd() -> None:
    labels = np.arange(60) % 4
    answers = ask_crowd(labels, num_classes=4, seed=1)
    assert np.array_equal(answers.truth, labels)
    assert answers.confusions.shape == (15, 4, 4)
    same = ask_crowd(labels, num_classes=4, seed=1)
    assert np.array_equal(answers.votes, same.votes)
    assert not np.array_equal(answers.votes, ask_crowd(labels, num_classes=4, seed=2).votes)


def test_more_items_never_change_the_first_ones() -> None:
    few, many = make_crowd_labels(7, seed=4), make_crowd_labels(31, seed=4)
    assert np.array_equal(few.votes, many.votes[:7])
    assert np.array_equal(few.truth, many.truth[:7])
    assert np.array_equal(few.confusions, many.confusions)


def test_no_items_give_empty_rows_of_the_right_types() -> None:
    empty, full = make_crowd_labels(0), make_crowd_labels(2)
    assert empty.votes.shape == (0, 15)
    assert empty.counts.shape == (0, 2)
    for field in fields(empty):
        if field.name != "kinds":
            assert getattr(empty, field.name).dtype == getattr(full, field.name).dtype


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"count": -1}, "count is at least 0, got -1"),
        ({"prevalences": (1.0,)}, "prevalences are two shares or more"),
        ({"prevalences": (0.7, 0.7)}, r"that add up to 1, got \(0.7, 0.7\)"),
        ({"prevalences": (1.0, 0.0)}, "above 0"),
        ({"crowd": ()}, "crowd needs names of expert, sloppy, biased, spammer, adversary, got 'nobody'"),
        ({"crowd": ("expert", "wizard")}, "got 'wizard'"),
        ({"votes_per_item": (0, 3)}, r"votes_per_item needs 1 ≤ fewest ≤ most ≤ 15 annotators, got \(0, 3\)"),
        ({"votes_per_item": (4, 3)}, "votes_per_item needs"),
        ({"votes_per_item": (3, 16)}, "votes_per_item needs"),
        ({"max_hardness": 1.5}, "max_hardness is a share from 0 to 1, got 1.5"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_crowd_labels(**{"count": 5, **arguments})


def test_wrong_labels_are_named() -> None:
    with pytest.raises(ValueError, match="labels are a row of numbers from 0 to 1, got"):
        ask_crowd([0, 2], num_classes=2)
    with pytest.raises(ValueError, match="num_classes is at least 2, got 1"):
        ask_crowd([0, 0], num_classes=1)
    with pytest.raises(TypeError, match="labels need whole numbers, got float64"):
        ask_crowd([0.5, 1.0], num_classes=2)
