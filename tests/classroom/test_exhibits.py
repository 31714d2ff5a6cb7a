import base64
import dataclasses
import json

import pytest

from course_lib.classroom.exhibits import Exhibit, ExpectedPicture, expected_pictures, own_outputs
from course_lib.classroom.lesson import Picture

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * 90).decode()


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def drawn(png, text="<Figure>"):
    return {"output_type": "display_data", "metadata": {}, "data": {"image/png": png, "text/plain": text}}


@pytest.fixture
def executed(tmp_path):
    """Give a function that writes an executed notebook of (source, *outputs)."""

    def write(*cells):
        notebook = {"cells": [{"cell_type": "code", "source": s, "outputs": list(o)} for s, *o in cells]}
        path = tmp_path / "ada.ipynb"
        path.write_text(json.dumps(notebook))
        return path

    return write


def test_output_belongs_to_the_task_whose_cell_came_last(executed, doubling):
    path = executed(
        ("print('before any task')", printed("nobody's\n")),
        ("def double(value):\n    return 2", printed("one\n")),
        ("double(3)", {"output_type": "execute_result", "data": {"text/plain": ["4\n", "2"]}}),
        ("answer = 42", printed("two\n")),
    )
    assert own_outputs(path, doubling) == {"double": Exhibit("one\n4\n2"), "answer": Exhibit("two")}


def test_an_error_is_one_line_and_colours_are_taken_out(executed, doubling):
    error = {"output_type": "error", "ename": "NameError", "evalue": "no x", "traceback": ["/secret/path"]}
    path = executed(("answer = x", error, printed("\x1b[31mred\x1b[0m\x07 \u202etxt")))
    assert own_outputs(path, doubling) == {"answer": Exhibit("NameError: no x\nred txt")}


def test_pictures_are_png_small_and_few(executed, doubling):
    large = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * 90_000).decode()
    assert own_outputs(executed(("answer = 1", drawn(PNG))), doubling) == {"answer": Exhibit("", (PNG,))}
    for bad in (large, "not base64!", base64.b64encode(b"<svg onload=x>").decode(), PNG + '"><script>'):
        assert own_outputs(executed(("answer = 1", drawn(bad))), doubling) == {"answer": Exhibit(cut=True)}
    three = own_outputs(executed(("answer = 1", *[drawn(PNG)] * 3)), doubling)["answer"]
    assert (len(three.pictures), three.cut) == (2, True)


def test_long_text_is_cut_and_says_so(executed, doubling):
    exhibit = own_outputs(executed(("answer = 1", printed("y" * 100_000))), doubling)["answer"]
    assert (len(exhibit.text), exhibit.cut) == (3_000, True)


def test_what_is_no_notebook_shows_nothing(tmp_path, executed, doubling):
    assert own_outputs(tmp_path / "nowhere.ipynb", doubling) == {}
    for content in ("", "[]", '{"cells": 7}', '{"cells": [7, {"cell_type": "code"}]}', "[" * 100_000, "x" * 6_000_000):
        (tmp_path / "bad.ipynb").write_text(content)
        assert own_outputs(tmp_path / "bad.ipynb", doubling) == {}
    odd = executed(("answer = 1", 7, {"output_type": 7, "data": [], "text": {"a": 1}}, {"data": {"image/png": 3}}))
    assert own_outputs(odd, doubling) == {}


def test_the_output_of_given_cells_is_left_out(executed, doubling):
    given = next(cell.source for cell in doubling.cells if cell.role in ("code", "setup"))
    assert own_outputs(executed(("answer = 1",), (given, printed("x"))), doubling) == {}


def test_expected_pictures_come_from_the_exercise_notebook(tmp_path, doubling):
    first, *rest = doubling.tasks
    picture = dataclasses.replace(first, picture=Picture("", "A [grey] bar.", 1))
    lesson = dataclasses.replace(doubling, path=tmp_path / "solutions" / "01_doubling.py", tasks=(picture, *rest))
    assert expected_pictures(lesson) == {}
    text = f"**What it looks like**\n\n![A \\[grey\\] bar.](data:image/png;base64,{PNG})"
    cell = {"cell_type": "markdown", "metadata": {"course": {"task": first.name}}, "source": text}
    (tmp_path / "exercises").mkdir()
    (tmp_path / "exercises" / "01_doubling.ipynb").write_text(json.dumps({"cells": [{"cell_type": "raw"}, cell]}))
    assert expected_pictures(lesson) == {first.name: ExpectedPicture(PNG, "A [grey] bar.")}
    assert expected_pictures(dataclasses.replace(lesson, tasks=doubling.tasks)) == {}
