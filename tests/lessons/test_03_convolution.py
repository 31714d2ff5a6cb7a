"""Lesson 03: the facts of the lecture that it computes (R04–R11), and that lecture and exercise are complete."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from scipy import signal
from torch import nn
from torch.nn import functional as F

from course_lib.arithmetic import (
    Layer,
    conv_output_size,
    conv_parameters,
    linear_parameters,
    pool_output_size,
    receptive_field,
    transposed_output_size,
)
from course_lib.classroom.lesson import read_lesson

ROOT = Path(__file__).parents[2]
LECTURE = read_lesson(ROOT / "notebooks" / "03_convolution.py")
EXERCISE = read_lesson(ROOT / "solutions" / "03_convolution.py")
FACTS = ["R04", "R05", "R06", "R07", "R08", "R09", "R10", "R11"]
PROSE = "\n".join(cell.source for cell in LECTURE.cells if cell.kind == "markdown")
CODE = [cell for cell in LECTURE.cells if cell.kind == "code"]

# The lecture's slides: what they print.
IMAGE = np.array([[3, 3, 2, 1, 0], [0, 0, 1, 3, 1], [3, 1, 2, 2, 3], [2, 0, 0, 2, 2], [2, 0, 0, 0, 1]])
KERNEL = np.array([[0, 1, 2], [2, 2, 0], [0, 1, 2]])
SMALL = np.array([[5.0, 3, 1], [0, 2, 4], [4, 3, 5]])
SPREAD = np.array([[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]])
PRINTED = np.array([
    [5, 4, 3, 2, 1, 0.5], [2.5, 2.5, 3.5, 2.5, 2.5, 1.3], [0, 1, 2, 3, 4, 2],
    [2, 2.3, 2.5, 3.5, 4.5, 2.3], [4, 3.5, 3, 4, 5, 2.5], [2, 1.8, 1.5, 2, 2.5, 1.3],
])  # fmt: skip


@pytest.fixture(scope="module")
def lecture():
    """What the cells of parts 1 to 11 compute; the explorers are left out."""
    names = {}
    with plt.rc_context():  # the lecture switches on the style of the course
        for cell in LECTURE.cells:
            if cell.kind == "markdown" and cell.source.startswith("## 12"):
                break
            if cell.kind == "code" and not cell.source.startswith("widgets."):
                exec(compile(cell.source, f"lecture, line {cell.line}", "exec"), names)
    return names


# R04


def test_a_dense_neuron_costs_262144_weights_a_local_one_100_and_sharing_needs_no_more(lecture):
    assert linear_parameters(512 * 512, 1, bias=False) == lecture["dense_weights"] == 262_144
    assert conv_parameters(1, 1, 10, bias=False) == lecture["local_weights"] == 100
    assert lecture["places"] == 503**2
    assert lecture["own_weights"] == 25_300_900  # a set of weights for each place: dearer than the dense neuron


def test_the_neuron_at_one_place_is_blind_to_the_moved_spot_and_the_shared_one_is_not(lecture):
    at_home = lecture["response"][89, 54]
    assert at_home == pytest.approx(136.4, abs=0.1)
    assert lecture["response_moved"][89, 54] < 0
    assert lecture["response_moved"][89, 60] == pytest.approx(float(at_home), abs=1e-3)


# R05


def test_convolution_by_hand_gives_the_table_of_the_slide(lecture):
    by_hand = [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    np.testing.assert_array_equal(lecture["slide"](IMAGE, KERNEL), by_hand)
    np.testing.assert_array_equal(signal.correlate2d(IMAGE, KERNEL, "valid"), by_hand)
    torchs = F.conv2d(torch.tensor(IMAGE)[None, None], torch.tensor(KERNEL)[None, None])[0, 0]
    np.testing.assert_array_equal(torchs.numpy(), by_hand)


def test_the_formula_of_the_slide_turns_the_kernel_and_gives_another_table(lecture):
    turned = [[18, 20, 19], [10, 9, 17], [11, 8, 14]]
    np.testing.assert_array_equal(lecture["by_formula"](IMAGE, KERNEL), turned)
    np.testing.assert_array_equal(lecture["slide"](IMAGE, KERNEL[::-1, ::-1]), turned)
    np.testing.assert_array_equal(signal.convolve2d(IMAGE, KERNEL, "valid"), turned)


# R06


def test_the_three_output_sizes_of_the_slides_are_3_6_and_3(lecture):
    sizes = conv_output_size(5, 3), conv_output_size(5, 4, padding=2), conv_output_size(5, 3, padding=1, stride=2)
    assert sizes == lecture["sizes"] == (3, 6, 3)
    assert lecture["tricky"] == (15, 28)  # rounded down; dilation counted


def test_each_axis_has_a_size_of_its_own(lecture):
    assert lecture["ours"] == lecture["torchs"] == (48, 60)


# R07


def test_four_filters_on_rgb_have_300_weights_whatever_the_image(lecture):
    assert lecture["rgb_layer"].weight.shape == (4, 3, 5, 5)
    assert lecture["rgb_layer"].weight.numel() == conv_parameters(3, 4, 5, bias=False) == 300
    assert conv_parameters(3, 4, 5) == 304


# R08


def test_the_receptive_field_grows_with_depth_as_the_gradient_says(lecture):
    assert [receptive_field([Layer(3)] * depth).size for depth in (1, 2, 3)] == [3, 5, 7]
    assert lecture["seen"].sum() == 7 * 7
    assert receptive_field(lecture["strided"]).size == 11
    assert lecture["fields"] == [6, 16, 36, 76]


def test_three_small_kernels_use_fewer_weights_than_a_large_one_of_the_same_field(lecture):
    assert lecture["three_small"] == 3 * conv_parameters(64, 64, 3, bias=False) == 110_592
    assert lecture["one_large"] == conv_parameters(64, 64, 7, bias=False) == 200_704


def test_strides_copy_only_shifts_by_whole_strides(lecture):
    zeros = {stride: [shift for shift in range(5) if row[shift] == 0] for stride, row in lecture["table"].items()}
    assert zeros == {1: [0, 1, 2, 3, 4], 2: [0, 2, 4], 4: [0, 4]}


# R09


def test_pooling_has_a_kernel_and_a_stride_and_no_parameters(lecture):
    assert lecture["pool_weights"] == 0
    assert sum(p.numel() for p in nn.MaxPool2d(2).parameters()) == 0
    assert pool_output_size(4, 2) == 2
    pooled = F.max_pool2d(torch.tensor(lecture["small_map"], dtype=torch.float32)[None], 2)[0]
    assert pooled.tolist() == [[4, 2], [2, 6]]


def test_zeros_at_the_border_of_a_max_pool_put_water_into_a_lung(lecture):
    assert lecture["with_zeros"][0, 0, 0, 0] == 0
    assert lecture["lung"].max() < -700
    assert F.max_pool2d(lecture["lung"], 3, stride=1, padding=1).max() == lecture["lung"].max()


def test_max_pooling_is_steadier_than_skipping(lecture):
    assert lecture["change"]["max"] < lecture["change"]["mean"] < lecture["change"]["skip"]


# R10


def test_zero_insertion_and_the_kernel_give_2_5_where_the_slide_prints_3_5(lecture):
    upsampled = lecture["slide"](np.pad(lecture["insert_zeros"](SMALL), 1), SPREAD)
    assert upsampled[1, 2] == 2.5
    assert PRINTED[1, 2] == 3.5
    np.testing.assert_array_equal(np.argwhere(np.abs(upsampled - PRINTED) > 0.051), [[1, 2]])


def test_the_slide_prints_nine_columns_where_eight_are_needed(lecture):
    eight = np.pad(lecture["insert_zeros"](SMALL), 1)
    assert eight.shape == (8, 8)
    assert lecture["slide"](eight, SPREAD).shape == (6, 6)
    nine = lecture["slide"](np.pad(eight, ((0, 0), (0, 1))), SPREAD)
    assert nine.shape == (6, 7)
    assert not nine[:, -1].any()


# R11


def test_a_transposed_convolution_does_zeros_and_kernel_in_one_go(lecture):
    x, w = torch.tensor(SMALL)[None, None], torch.tensor(SPREAD)[None, None]
    in_one_go = F.conv_transpose2d(x, w, stride=2, padding=1, output_padding=1)[0, 0].numpy()
    np.testing.assert_allclose(in_one_go, lecture["upsampled"])
    np.testing.assert_allclose(in_one_go, lecture["stamp"](SMALL, SPREAD, stride=2)[1:, 1:])


def test_the_stamp_agrees_with_torch_on_a_kernel_that_is_not_symmetric(lecture):
    generator = np.random.default_rng(0)
    image, kernel = generator.normal(size=(3, 4)), generator.normal(size=(2, 5))
    torchs = F.conv_transpose2d(torch.tensor(image)[None, None], torch.tensor(kernel)[None, None], stride=3)[0, 0]
    np.testing.assert_allclose(lecture["stamp"](image, kernel, stride=3), torchs.numpy())


def test_the_size_of_a_transposed_convolution_is_exact(lecture):
    assert transposed_output_size(14, 3, stride=2, padding=1) == 27
    assert transposed_output_size(14, 3, stride=2, padding=1, output_padding=1) == 28
    assert lecture["agree"] == lecture["asked"] > 500


def test_the_learned_upsampling_beats_the_fixed_rules_on_rows_it_has_not_seen(lecture):
    errors = lecture["errors"]
    assert errors["learned"] < errors["bilinear"] < errors["nearest"]


# the lecture is complete


def test_the_header_names_the_facts_and_what_is_needed():
    assert LECTURE.metadata["facts"] == FACTS
    assert LECTURE.metadata["needs"] == ["01_images", "02_neurons"]
    assert LECTURE.metadata["download_mb"] == 0


@pytest.mark.parametrize(
    "part", ["The question", "Set-up", "Warm-up", "The data", "13 Failure gallery", "14 What we learned"]
)
def test_the_lecture_has_the_part(part):
    assert re.search(rf"^## {part}", PROSE, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "words",
    [
        "not for clinical use",
        "After this lesson you can",
        "MIT licence",
        "CC BY 4.0",
        "The objectives, answered",
        "The lecture's values beside ours",
        "Pitfalls",
        "References",
        "Checkerboards",
        "Borders",
    ],
)
def test_the_lecture_says(words):
    assert words in PROSE


def test_every_objective_is_answered():
    asked = re.search(r"After this lesson you can\n\n((?:\d\..*\n?(?:   .*\n?)*)+)", PROSE)[1]
    answered = re.search(r"The objectives, answered\.\*\*\n\n((?:\d\..*\n?(?:   .*\n?)*)+)", PROSE)[1]
    numbers = re.findall(r"^\d", asked, flags=re.MULTILINE)
    assert numbers == re.findall(r"^\d", answered, flags=re.MULTILINE)
    assert 3 <= len(numbers) <= 5


def test_the_lecture_has_one_set_up_its_parameters_and_says_where_it_runs():
    roles = [cell.role for cell in LECTURE.cells]
    assert roles.count("setup") == roles.count("parameters") == 1
    parameters = next(cell.source for cell in LECTURE.cells if cell.role == "parameters")
    assert re.findall(r"^(\w+) =", parameters, flags=re.MULTILINE) == ["FAST", "SEED", "EPOCHS"]
    assert any(cell.source.startswith("where_am_i(") for cell in CODE)


def test_the_lecture_installs_nothing():
    assert not any(re.search(r"^\s*[!%]", cell.source, flags=re.MULTILINE) for cell in CODE)


def test_no_image_is_on_two_sides_of_the_split_before_anything_is_trained():
    sources = [cell.source for cell in CODE]
    asserted = next(place for place, source in enumerate(sources) if "assert_no_overlap(" in source)
    assert asserted < next(place for place, source in enumerate(sources) if "training.fit(" in source)


def test_every_figure_is_shown_with_a_text_of_at_least_ten_words():
    shown = [cell.source for cell in CODE if "plt.subplots" in cell.source]
    assert len(shown) >= 10
    for source in shown:
        pieces = re.search(r"alt=((?:\s*\"[^\"]*\")+)", source)
        assert pieces, source
        assert len(re.sub(r"\"\s*\"", "", pieces[1]).split()) >= 10, source


def test_both_explorers_are_there():
    code = "\n".join(cell.source for cell in CODE)
    assert "widgets.convolution_explorer()" in code
    assert "widgets.receptive_field_explorer()" in code


def test_every_prediction_is_asked_before_its_value_is_shown():
    sources = [cell.source for cell in CODE]
    asked = [(place, name) for place, s in enumerate(sources) for name in re.findall(r"^(\w+) = None  # type", s, re.M)]
    assert len(asked) >= 20
    for place, name in asked:
        told = [later for later, source in enumerate(sources) if f"reveal({name}, " in source]
        assert told, name
        assert told[0] > place, name


def test_a_code_cell_has_at_most_twelve_lines():
    long = {cell.line: len([x for x in cell.source.splitlines() if x.strip()]) for cell in CODE}
    assert {line: number for line, number in long.items() if number > 12} == {}


def test_one_cell_is_meant_to_fail_and_what_is_the_same_everywhere_is_compared():
    tags = [cell.tags for cell in CODE]
    assert sum("raises-exception" in each for each in tags) == 1
    assert sum("nbval-check-output" in each for each in tags) >= 30


def test_no_compared_cell_depends_on_training():
    trained = ("hits(", "nets[", "histories[")
    compared = [cell.source for cell in CODE if "nbval-check-output" in cell.tags]
    assert [source for source in compared if any(name in source for name in trained)] == []


# the exercise is complete


def test_the_exercise_names_facts_of_the_lecture():
    assert set(EXERCISE.metadata["facts"]) <= set(FACTS)
    assert EXERCISE.metadata["needs"] == ["03_convolution"]


def test_the_exercise_has_six_tasks_of_25_points_with_fewer_and_fewer_lines_given():
    assert [task.name for task in EXERCISE.tasks] == [
        "slide", "output_size", "layer_weights", "seen_pixels", "max_pool", "grow",
    ]  # fmt: skip
    assert sum(task.points for task in EXERCISE.tasks) == 25
    gaps = [task.stub.count("NotImplementedError") for task in EXERCISE.tasks]
    assert gaps[:4] == [1, 2, 3, 3]
    assert all("# 1 size" not in task.stub for task in EXERCISE.tasks[4:])  # the last two are blank


@pytest.mark.parametrize("task", EXERCISE.tasks, ids=lambda task: task.name)
def test_a_task_has_checks_hidden_checks_known_answers_and_three_hints(task):
    kinds = [requirement.kind for requirement in task.checks]
    assert kinds.count("visible") >= 2
    assert kinds.count("hidden") >= 1
    assert len(task.wrongs) >= 3
    assert len(task.rights) >= 1
    assert len(task.hints) == 3
    assert task.hints[0].rstrip().endswith("?")  # the first rung asks


@pytest.mark.parametrize("task", EXERCISE.tasks, ids=lambda task: task.name)
def test_hidden_checks_name_a_known_mistake_for_every_seed(task):
    for wrong in task.wrongs:
        for requirement in task.checks:
            if requirement.kind == "hidden":
                messages = {_message(wrong.source, requirement.source, seed) for seed in range(6)}
                assert len(messages) == 1, (wrong.source, messages)


@pytest.mark.parametrize("task", EXERCISE.tasks, ids=lambda task: task.name)
def test_the_solution_and_every_other_right_answer_pass_for_every_seed(task):
    for source in (task.source, *task.rights):
        for requirement in task.checks:
            for seed in range(6):
                assert _message(source, requirement.source, seed) == "", (source, requirement.text)


def _message(answer, check, seed):
    """What a check says to an answer; empty if it holds."""
    names = {"rng": np.random.default_rng(seed)}
    for source in (EXERCISE.setup(), answer):
        exec(source, names)
    try:
        exec(check, names)
    except AssertionError as error:
        return str(error)
    return ""
