"""What a kernel says is kept within bounds: it all comes into the memory of the grader."""

from types import SimpleNamespace

import nbformat
import pytest
from nbclient.exceptions import CellExecutionComplete

from course_lib.classroom.engine import _MOST_OUTPUT, _Client


@pytest.fixture
def cell():
    return nbformat.v4.new_code_cell("x", metadata={"execution": {}})


@pytest.fixture
def client(cell):
    made = _Client(
        SimpleNamespace(nb=nbformat.v4.new_notebook(cells=[cell]), autosave_cell=lambda: None), record_timing=False
    )
    made.reset_execution_trackers()
    made.clear_before_next_output = False  # as when a cell begins
    return made


def message(kind, content, buffers=()):
    return {
        "msg_type": kind,
        "content": content,
        "parent_header": {"msg_id": "1"},
        "header": {"msg_type": kind},
        "buffers": buffers,
    }


def shown(text="x", **more):
    return {"data": {"text/plain": text}, "metadata": {}, **more}


def test_outputs_are_taken_in_until_there_is_no_room_and_that_is_said_once(client, cell):
    for _ in range(10):
        client.process_message(message("display_data", shown("x" * (_MOST_OUTPUT // 4))), cell, 0)
    *taken, last = cell.outputs
    assert [len(each.data["text/plain"]) for each in taken] == [_MOST_OUTPUT // 4] * 3
    assert "the rest of the output was left out" in last.text


def test_an_output_that_grows_when_it_is_shown_again_takes_room_too(client, cell):
    client.process_message(message("display_data", shown(transient={"display_id": "a"})), cell, 0)
    for kind in ("update_display_data", "display_data"):
        client.process_message(message(kind, shown("x" * _MOST_OUTPUT, transient={"display_id": "a"})), cell, 0)
    assert cell.outputs[0].data == {"text/plain": "x"}
    assert len(cell.outputs) == 2


@pytest.mark.parametrize("module", ["@jupyter-widgets/controls", "@jupyter-widgets/output"])
def test_widgets_are_not_kept_and_take_no_room_from_what_is_printed(client, cell, module):
    state = {"_model_module": module, "_model_name": "OutputModel", "outputs": ["x" * _MOST_OUTPUT]}
    for kind in ("comm_open", "comm_msg"):
        content = {"comm_id": "c", "target_name": "jupyter.widget", "data": {"state": state, "buffer_paths": [["a"]]}}
        client.process_message(message(kind, content, buffers=[b"x" * _MOST_OUTPUT]), cell, 0)
    for kept in (client.widget_state, client.widget_buffers, client.comm_objects):
        assert not kept
    assert client.room == _MOST_OUTPUT


@pytest.mark.parametrize("kind", ["display_data", "execute_result", "execute_input", "stream"])
def test_what_is_nested_too_deeply_to_be_copied_is_left_out(client, cell, kind):
    deep = []
    for _ in range(100_000):
        deep = [deep]
    content = shown(execution_count=deep, name="stdout", text=deep, code="")
    client.process_message(message(kind, content), cell, 0)
    assert cell.execution_count is None
    assert "left out" in cell.outputs[0].text
    nbformat.writes(client.nb)


def test_a_cell_is_done_however_full_its_room_is(client, cell):
    client.room = 0
    deep = [[[]]]
    with pytest.raises(CellExecutionComplete):
        client.process_message(message("status", {"execution_state": "idle", "execution_count": deep}), cell, 0)
    assert cell.execution_count is None
