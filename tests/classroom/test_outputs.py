"""What may be stored of an executed notebook."""

import tempfile
from pathlib import Path

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from course_lib.classroom.outputs import clean_outputs
from course_lib.errors import CourseError

ROOT = Path("/somewhere/course")
WIDGET = "application/vnd.jupyter.widget-view+json"


def cleaned(*outputs, tags=()):
    cell = new_code_cell("x", outputs=list(outputs), metadata={"tags": list(tags), "source_line": 7})
    clean_outputs(new_notebook(cells=[cell]), place="notebooks/01_x.py", root=ROOT)
    return cell.outputs


def stream(text, name="stdout"):
    return new_output("stream", text=text, name=name)


def display(data, **metadata):
    return new_output("display_data", data=data, metadata=metadata)


def failure():
    lines = [
        "-----",
        "ValueError  Traceback (most recent call last)",
        "\x1b[36mCell\x1b[39m\x1b[32m In[3], line 1\x1b[39m\nf(x)",
    ]
    lines += ["File /somewhere/course/.venv/lib/torch/nn/modules.py:1\n...", "ValueError: shapes"]
    return new_output("error", ename="ValueError", evalue="shapes", traceback=lines)


def test_plain_outputs_are_kept():
    outputs = [stream("28\n"), display({"text/plain": "<Table>", "text/html": "<table></table>"})]
    assert cleaned(*outputs) == outputs


def test_a_progress_bar_is_dropped_wherever_it_was_drawn():
    bar = "\r  0%|          | 0/3 [00:00<?, ?it/s]\r100%|##########| 3/3 [00:00<00:00, 98.2it/s]\n"
    assert cleaned(stream(bar, "stderr")) == []
    assert cleaned(display({WIDGET: {"model_id": "a"}, "text/plain": "  0%|          | 0/3 [00:00<?, ?it/s]"})) == []
    assert cleaned(display({"text/plain": "epoch 2/2: 100%|█████| 17/17 [00:01<00:00, 17.2batch/s, loss 0.085]"})) == []


def test_per_cent_in_printed_results_is_no_progress_bar():
    assert cleaned(stream("group | 97%| good\n"))[0].text == "group | 97%| good\n"


def test_text_that_was_written_over_is_dropped():
    assert cleaned(stream("epoch 1\repoch 2\ndone\n"))[0].text == "epoch 2\ndone\n"


def test_printed_text_is_one_output_however_the_kernel_cut_it():
    assert cleaned(stream("It is"), stream(" 28"), stream("\n")) == [stream("It is 28\n")]
    picture = display({"text/plain": "a"})
    assert cleaned(stream("a\n"), picture, stream("b\n")) == [stream("a\n"), picture, stream("b\n")]
    assert cleaned(stream("a\n"), stream("\n", "stderr"), stream("b\n")) == [stream("a\nb\n")]


def test_a_widget_beside_a_still_picture_is_dropped_and_the_picture_kept():
    data = {WIDGET: {"model_id": "a"}, "image/png": "AAAA\n", "text/plain": "a row"}
    (kept,) = cleaned(display(data, **{"image/png": {"alt": "a row"}}))
    assert kept.data == {"image/png": "AAAA", "text/plain": "a row"}


def test_what_is_true_of_this_machine_only_is_dropped():
    assert cleaned(display({"text/plain": "2 cores"}, course={"machine": True})) == []
    (kept,) = cleaned(display({"text/plain": "right"}, course={"state": "right"}))
    assert kept.metadata == {}


def test_a_failure_that_is_meant_is_kept_without_the_frames_of_libraries():
    (kept,) = cleaned(failure(), tags=["raises-exception"])
    assert len(kept.traceback) == 4
    assert "In[3], line 1" in kept.traceback[2]
    assert kept.traceback[-1] == "ValueError: shapes"


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            failure(),
            'the cell ends in ValueError; it must not be stored: mend it, or tag it "raises-exception" if it is',
        ),
        (
            stream("x.py:1: UserWarning: old\n", "stderr"),
            r"writes to stderr: 'x\.py:1: UserWarning: old'.*mend what it warns",
        ),
        (stream("0%|  | 0/3\nboom\n", "stderr"), "writes to stderr: 'boom'"),
        (display({"image/png": "AAAA"}), r"a picture \(image/png\) without text .*show it through figures\.show"),
        (display({"image/png": "AAAA"}, **{"image/png": {"alt": " "}}), "without text for those who do not see it"),
        (display({"image/svg+xml": "<svg/>"}), r"a picture \(image/svg\+xml\) without text"),
        (display({WIDGET: {"model_id": "a"}, "text/plain": "IntSlider(value=3)"}), "a widget without a still picture"),
        (
            stream("saved to /somewhere/course/runs\n"),
            "a path of this machine, /somewhere/course; .*print the name only",
        ),
        (stream(f"{tempfile.gettempdir()}/x"), "an output shows a path of this machine"),
        (stream(f"{Path.home()}/.cache\n"), "an output shows a path of this machine"),
        (display({"text/html": f"<a href='{Path.home()}'>"}), "an output shows a path of this machine"),
        (
            stream("<Net object at 0x7f3a2b1c>\n"),
            r"a memory address \(at 0x7f3a2b1c\).*print what matters, or end the line",
        ),
    ],
)
def test_what_must_not_be_committed_names_the_cell_and_the_cure(output, message):
    with pytest.raises(CourseError, match=r"^notebooks/01_x\.py:7: .*" + message):
        cleaned(output)


def test_a_path_that_only_begins_alike_is_no_path_of_this_machine():
    assert cleaned(stream("/somewhere/course_two is another\n"))


def test_outputs_of_more_than_300_kb_are_refused_with_their_size():
    with pytest.raises(CourseError, match=r"take 400\.\d kB; wanted at most 300 kB .*\(most, 400\.\d kB, .* line 7\)"):
        cleaned(display({"image/png": "A" * 400_000}, **{"image/png": {"alt": "large"}}))


def test_cleaning_twice_changes_nothing_more():
    outputs = cleaned(stream("a\rb\n"), failure(), tags=["raises-exception"])
    again = [type(output)(output) for output in outputs]
    assert cleaned(*again, tags=["raises-exception"]) == outputs
