import contextlib
import shutil
import sqlite3

import pytest

from course_lib.classroom import store as module
from course_lib.classroom.grading import SubmissionResult
from course_lib.classroom.judging import RequirementResult, TaskResult
from course_lib.classroom.store import ResultStore, Stored
from course_lib.errors import CourseError


def stored(student="ada", *, points=2.0, problem="", message="Which side?", final=True):
    needs = (
        RequirementResult("visible", "adds", points, 2.0, "passed", ""),
        RequirementResult("hidden", "pads", 0.0, 1.0, "failed", message),
    )
    tasks = () if problem else (TaskResult("sizes", points, 3.0, needs),)
    result = SubmissionResult(student, student, "01_sizes", points, 3.0, tasks, problem, True, 0.5)
    return Stored(result, f"{student}.ipynb", "print", "content", 100.0, final)


def one_row(path, question):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute(question).fetchone()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "results.sqlite"


@pytest.fixture
def open_store(path):
    return lambda topic="01_sizes": ResultStore(path, topic=topic)


def test_a_result_comes_back_as_it_was_stored(open_store):
    one, broken = stored(), stored("bo", points=0.0, problem="the file is empty")
    with open_store() as store:
        store.add(one)
        store.add(broken)
    with open_store() as store:
        assert store.results() == [one, broken]


def test_a_result_stored_again_replaces_the_first_and_all_its_requirements(open_store, path):
    with open_store() as store:
        store.add(stored())
        store.add(stored("bo"))
        store.add(stored(points=1.0))
        assert store.results() == [stored(points=1.0), stored("bo")]
        assert store.gradings() == {"ada.ipynb": 2, "bo.ipynb": 1}
    assert one_row(path, "SELECT count(*) FROM requirements") == (4,)


def test_half_characters_are_stored_as_question_marks(open_store):
    with open_store() as store:
        store.add(stored(message="gave \udc80"))
        (one,) = store.results()
    assert one.result.tasks[0].requirements[1].message == "gave ?"


def test_files_that_are_gone_are_kept_and_not_shown(open_store):
    with open_store() as store:
        store.add(stored())
        store.add(stored("bo"))
        store.present(["bo.ipynb"])
        assert [one.file for one in store.results()] == ["bo.ipynb"]
        assert len(store.results(all_files=True)) == 2


def test_the_order_is_that_of_grading_when_the_clock_runs_backwards(open_store, monkeypatch):
    clock = iter(range(1_000_000, 0, -1000))
    monkeypatch.setattr(module.time, "gmtime", lambda: module.time.localtime(next(clock)))
    with open_store() as store:
        for name in ("cy", "ada", "bo"):
            store.add(stored(name))
        assert [one.result.student for one in store.results()] == ["cy", "ada", "bo"]


def test_half_a_result_is_never_stored(open_store):
    bad = stored("bo")
    needs = (*bad.result.tasks[0].requirements, RequirementResult("visible", None, 0.0, 1.0, "passed", ""))  # no text
    result = SubmissionResult("bo", "bo", "01_sizes", 1.0, 3.0, (TaskResult("sizes", 1.0, 3.0, needs),), "", True, 1.0)
    with open_store() as store:
        store.add(stored())
        with pytest.raises(CourseError, match="NOT NULL constraint"):
            store.add(Stored(result, "bo.ipynb", "p", "c", 1.0))
        assert store.results() == [stored()]


def test_an_older_file_is_brought_up_to_date_and_a_copy_stays(open_store, path, monkeypatch):
    with open_store() as store:
        store.add(stored())
    step = ("ALTER TABLE submissions ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue'",)
    monkeypatch.setattr(module, "_STEPS", (*module._STEPS, step))
    with open_store() as store:
        assert store.results() == [stored()]
    assert one_row(path, "SELECT colour FROM submissions") == ("blue",)
    before = path.with_name("results.sqlite.version-1")
    assert one_row(before, "PRAGMA user_version") == (1,)
    assert one_row(before, "SELECT student FROM submissions") == ("ada",)


def test_a_migration_that_fails_changes_nothing(open_store, path, monkeypatch):
    with open_store() as store:
        store.add(stored())
    steps = module._STEPS
    monkeypatch.setattr(module, "_STEPS", (*steps, ("CREATE TABLE colours (x)", "nonsense")))
    with pytest.raises(CourseError, match="syntax error"):
        open_store()
    monkeypatch.setattr(module, "_STEPS", steps)
    with open_store() as store:
        assert store.results() == [stored()]
    assert one_row(path, "SELECT count(*) FROM sqlite_master WHERE name = 'colours'") == (0,)


def test_a_newer_file_is_refused_and_left_alone(open_store, path):
    open_store().__exit__(None, None, None)
    other = sqlite3.connect(path)
    other.execute("PRAGMA user_version = 99")
    other.close()
    before = path.read_bytes()
    with pytest.raises(CourseError, match=r"newer version of the course \(its version 99, 1 is known here\): update"):
        open_store()
    assert path.read_bytes() == before


def test_another_exercise_and_no_database_are_refused(open_store, path):
    open_store().__exit__(None, None, None)
    with pytest.raises(CourseError, match="holds the results of 01_sizes: name another folder with --out for 02_x"):
        open_store("02_x")
    path.write_text("Dear diary, " * 500)
    with pytest.raises(CourseError, match="file is not a database; it is no results file, or it is damaged"):
        open_store()


def test_a_locked_file_is_one_line_after_a_short_wait(open_store, path, monkeypatch):
    monkeypatch.setattr(module, "_WAIT_S", 0.1)
    with open_store() as store:
        store.add(stored())
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CourseError, match=r"database is locked; another program uses it: close that program"):
            store.add(stored("bo"))
        other.execute("ROLLBACK")
        other.close()
        store.add(stored("cy"))
        assert [one.result.student for one in store.results()] == ["ada", "cy"]


def test_a_full_disk_is_one_line_and_nothing_is_lost(open_store, monkeypatch):
    with open_store() as store:
        store.add(stored())
        pages = store._database.execute("PRAGMA page_count").fetchone()[0]
        store._database.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(CourseError, match="database or disk is full; the disk is full or fails: make room"):
            store.add(stored("bo", message="x" * 100_000))
        assert store.results() == [stored()]
        store._database.execute("PRAGMA max_page_count = 100000")
        store.add(stored("bo"))
    with open_store() as store:
        assert store.results() == [stored(), stored("bo")]


def test_what_was_decided_and_points_by_hand_are_kept(open_store, path, tmp_path):
    with open_store() as store:
        assert store.value("late") is None
        store.keep({"late": (10, 50)}, manual={"ada": (1.5, "good\ud800")})
        store.keep({"tries": "best"}, manual={"ada": (-1.0, "")})
    shutil.copy(path, tmp_path / "copy.sqlite")
    with open_store() as store:
        assert (store.value("late"), store.value("tries"), store.manual()) == ([10, 50], "best", {"ada": (-1.0, "")})


def test_others_may_read_while_it_is_open(open_store, path):
    with open_store() as store:
        store.add(stored())
        reader = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert reader.execute("SELECT count(*) FROM submissions").fetchone() == (1,)
        reader.close()
