import json
import os

import pytest

from course_lib.classroom.submission import find_submissions, read_submission
from course_lib.errors import CourseError


def notebook(*sources) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": source} for source in sources]})


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"{", "its content is not JSON"),
        (b"\xff\xfe\x00", "its content is not JSON"),
        (b"[" * 100_000, "its content is not JSON"),
        (b"[]", "its JSON has no list of cells"),
        (b'{"cells": 3}', "its JSON has no list of cells"),
        (b'{"worksheets": [1]}', ""),
        (b'{"cells": ' + b"[" + b"{}," * 2500 + b"{}]}", "2,501 cells"),
    ],
    ids=["empty", "blank", "brace", "bytes", "deep", "list", "number", "format 3", "many"],
)
def test_a_broken_file_is_one_line(tmp_path, content, problem):
    path = tmp_path / "ada.ipynb"
    path.write_bytes(content)
    found = read_submission(path, "ada")
    assert problem in found.problem
    assert bool(found.problem) == bool(problem)


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "ada.ipynb"
    with path.open("wb") as file:
        file.truncate(100 * 2**20)
    assert "too large: 100 MB, 20 MB are allowed" in read_submission(path, "ada").problem


def test_a_link_a_pipe_and_a_missing_file_are_refused(tmp_path):
    (tmp_path / "link.ipynb").symlink_to("/etc/shadow")
    os.mkfifo(tmp_path / "pipe.ipynb")
    assert "a link to another file" in read_submission(tmp_path / "link.ipynb", "a").problem
    assert "not a plain file" in read_submission(tmp_path / "pipe.ipynb", "a").problem
    assert "No such file" in read_submission(tmp_path / "no.ipynb", "a").problem


@pytest.mark.parametrize(
    "cell",
    [
        None,
        3,
        {},
        {"cell_type": "raw", "source": "x"},
        {"cell_type": "code", "source": 5},
        {"cell_type": "code", "source": {"a": 1}},
    ],
    ids=repr,
)
def test_odd_cells_are_left_out_and_the_others_kept(tmp_path, cell):
    path = tmp_path / "ada.ipynb"
    path.write_text(json.dumps({"cells": [cell, {"cell_type": "code", "source": ["a = 1\n", "b = 2"], "metadata": 7}]}))
    assert read_submission(path, "ada").cells == (("code", "a = 1\nb = 2"),)


def test_a_byte_order_mark_and_half_characters_do_no_harm(tmp_path):
    path = tmp_path / "ada.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + notebook("x = '\ud800'").encode())
    assert read_submission(path, "ada").cells == (("code", "x = '?'"),)


def test_files_and_folders_are_both_submissions(tmp_path):
    (tmp_path / "bo.ipynb").write_text(notebook("1"))
    for name, files in {
        "ada": ["01_sums.ipynb", "scrap.ipynb"],
        "cy": ["mine.ipynb"],
        "dee": ["a.ipynb", "b.ipynb"],
        "eve": [],
    }.items():
        (tmp_path / name).mkdir()
        for file in files:
            (tmp_path / name / file).write_text(notebook("2"))
    (tmp_path / "fay.pdf").write_text("x")
    (tmp_path / ".DS_Store").write_text("x")
    found = {one.student: one.problem for one in find_submissions(tmp_path, "01_sums")}
    assert found == {
        "ada": "",
        "bo": "",
        "cy": "",
        "dee": "2 notebooks, none named 01_sums.ipynb: hand in one",
        "eve": "no notebook in this folder",
        "fay": "not a notebook: wanted a file that ends in .ipynb, got fay.pdf",
    }


def test_names_are_told_apart_and_made_safe_for_files(tmp_path):
    for name in ["ada.ipynb", "<script>.ipynb", "zoë 🙂.ipynb", "..ipynb", "a\nb.ipynb"]:
        (tmp_path / name).write_text(notebook("1"))
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "x.ipynb").write_text(notebook("1"))
    found = find_submissions(tmp_path, "01_sums")
    students, pages = [one.student for one in found], [one.page for one in found]
    assert len(set(students)) == len(students)
    assert len({page.casefold() for page in pages}) == len(pages)
    assert {"ada", "ada (2)", "<script>", "zoë 🙂", "ab"} <= set(students)
    assert all(
        page and set(page) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") for page in pages
    )


def test_a_number_given_to_tell_names_apart_is_nobody_elses(tmp_path):
    for name in ["ADA.ipynb", "ada.ipynb", "ada-2.ipynb", "bo.ipynb", "bo (2).ipynb"]:
        (tmp_path / name).write_text(notebook("1"))
    (tmp_path / "bo").mkdir()
    found = find_submissions(tmp_path, "01_sums")
    assert len({one.student for one in found}) == len({one.page.casefold() for one in found}) == 6


def test_only_the_code_seeds_the_random_inputs(tmp_path):
    (tmp_path / "a.ipynb").write_text(notebook("x = 1"))
    (tmp_path / "b.ipynb").write_text(notebook("x = 1").replace('"source"', '"metadata": {"points": 99}, "source"'))
    (tmp_path / "c.ipynb").write_text(notebook("x = 2"))
    a, b, c = find_submissions(tmp_path, "01_sums")
    assert a.digest == b.digest
    assert a.digest != c.digest


def test_a_missing_and_an_empty_folder_are_said(tmp_path):
    with pytest.raises(CourseError, match="there is no such folder"):
        find_submissions(tmp_path / "no", "01_sums")
    with pytest.raises(CourseError, match="the folder is empty"):
        find_submissions(tmp_path, "01_sums")
