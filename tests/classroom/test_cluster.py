"""A class graded by a real Dask cluster on this machine, started by the commands of docs/scale.md."""

import dataclasses
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from distributed import Client

from course_lib.classroom import cluster as cluster_module
from course_lib.classroom.cli import main
from course_lib.classroom.cluster import grade_on_cluster
from course_lib.classroom.desk import versions
from course_lib.classroom.gradebook import grade_folder
from course_lib.classroom.grading import GradingPlan
from course_lib.classroom.session import TimeLimits
from course_lib.classroom.submission import Submission
from course_lib.errors import CourseError

DASK = str(Path(sys.executable).with_name("dask"))
PLAN = GradingPlan(times=TimeLimits(cell_s=5, call_s=2, submission_s=60))
DOUBLE = "def double(x):\n    return 2 * x"
COUNTER = "class Counter:\n    count = 0\n    def add(self, n):\n        self.count += n"
ANSWERS = {
    "ada": [DOUBLE, COUNTER, "answer = 42"],
    "boris": [DOUBLE, "answer = 41"],
    "chen": ["def double(x):\n    return x**2", COUNTER],
    "dana": [DOUBLE, "import os\nos._exit(1)", "answer = 42"],
    "eli": ["raise ValueError('by hand')", COUNTER, "answer = 42"],
    "fei": [COUNTER],
    "zoë 🙂": [COUNTER, "answer = 42", "print('x' * 5000)"],
}
KILL_THE_WORKER = """
import os, signal
from pathlib import Path

def parent(process):
    return int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])

process = os.getpid()
while "classroom.desk" not in Path(f"/proc/{process}/cmdline").read_text():
    process = parent(process)
os.kill(parent(process), signal.SIGKILL)
"""


class DaskCluster:
    """A scheduler and worker processes of their own, each beneath a nanny that starts it again."""

    def __init__(self, folder, *, workers, **settings):
        self.folder = folder
        self.environment = {
            **os.environ,
            **{f"DASK_DISTRIBUTED__SCHEDULER__{name.upper()}": value for name, value in settings.items()},
        }
        self.processes = []
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self.scheduler = self._start("scheduler", "--host", self.address, "--no-show")
        if workers:
            self._start("worker", self.address, "--nworkers", str(workers), "--nthreads", "1", "--memory-limit", "0")
        deadline = time.monotonic() + 60
        with Client(self.address, timeout=60, set_as_default=False) as client:
            while len(client.nthreads()) < workers:
                assert time.monotonic() < deadline, (folder / "words").read_text()
                time.sleep(0.1)

    def _start(self, *command):
        with (self.folder / "words").open("a") as words:
            process = subprocess.Popen(
                [DASK, *command, "--no-dashboard"],
                cwd=self.folder, env=self.environment, stdout=words, stderr=words, start_new_session=True,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def worker(self):
        """Return the process of one worker."""
        with Client(self.address, timeout=20, set_as_default=False) as client:
            return min(client.run(os.getpid).values())

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in reversed(self.processes):
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="module")
def dask_cluster(tmp_path_factory):
    cluster = DaskCluster(tmp_path_factory.mktemp("dask"), workers=2, worker_ttl="8s", allowed_failures="1")
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("class")
    for name, answers in ANSWERS.items():
        cells = [{"cell_type": "code", "source": source} for source in answers]
        (folder / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))
    (folder / "broken.ipynb").write_text("{")
    return folder


@pytest.fixture(scope="module")
def here(doubling, folder, tmp_path_factory):
    """The folder and the results of the built-in workers."""
    out = tmp_path_factory.mktemp("here")
    return out, grade_folder(doubling, folder, out, plan=PLAN, workers=2)


def desks_of(worker):
    children = Path(f"/proc/{worker}/task").glob("*/children")
    found = [child for path in children for child in path.read_text().split()]
    return [child for child in found if b"classroom.desk" in Path(f"/proc/{child}/cmdline").read_bytes()]


def gone(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def without_time(results):
    return sorted((dataclasses.replace(one, seconds=0) for one in results), key=lambda one: one.page)


def submission(name, *cells):
    return Submission(name, name, Path("nowhere.ipynb"), tuple(("code", cell) for cell in cells), name)


@pytest.mark.sandbox
@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_a_worker_lost_in_the_middle_changes_no_result(doubling, folder, here, tmp_path, dask_cluster, fate):
    seen, desks = [], []

    def progress(result, done, total):
        seen.append(result.page)
        if done == 3:
            worker = dask_cluster.worker()
            desks.extend(desks_of(worker))
            os.kill(worker, fate)

    results = grade_folder(doubling, folder, tmp_path, plan=PLAN, cluster=dask_cluster.address, progress=progress)
    assert len(desks) == 1
    assert len(seen) == len(set(seen)) == 8
    assert without_time(results) == without_time(here[1])
    executed = {path.name for path in (here[0] / "executed").iterdir()}
    assert {path.name for path in (tmp_path / "executed").iterdir()} == executed
    database = sqlite3.connect(tmp_path / "results.sqlite")
    assert database.execute("SELECT count(*), max(gradings), min(final) FROM submissions").fetchone() == (8, 1, 1)
    database.close()
    deadline = time.monotonic() + 20
    while not all(map(gone, desks)):
        assert time.monotonic() < deadline, "the desk outlives its worker"
        time.sleep(0.1)


def test_a_submission_that_kills_its_workers_costs_itself_alone(doubling, tmp_path, dask_cluster):
    class_ = [
        submission("killer", KILL_THE_WORKER),
        *(submission(f"student{place}", DOUBLE, f"place = {place}") for place in range(2)),
    ]
    plan = dataclasses.replace(PLAN, sandboxed=False)
    results = list(grade_on_cluster(doubling, class_, plan=plan, executed=tmp_path, address=dask_cluster.address))
    assert {one.student: (one.points, one.problem) for one in results} == {
        "killer": (0, "the cluster's workers ended each time that this was graded"),
        **{f"student{place}": (4, "") for place in range(2)},
    }
    assert len(results) == 3


def test_a_set_up_cell_that_ends_the_desk_is_a_problem_as_with_built_in_workers(
    doubling, tmp_path, dask_cluster, monkeypatch
):
    monkeypatch.setattr(cluster_module, "_MORE_TRIES", 1)
    before = set(Path(tempfile.gettempdir()).glob("course-*/01_doubling.py"))
    path = tmp_path / "01_doubling.py"
    text = doubling.path.read_text().replace("import numpy as np\n", "import numpy as np\nimport os\nos._exit(1)\n")
    path.write_text(text)
    lesson = dataclasses.replace(doubling, path=path)
    plan = dataclasses.replace(PLAN, sandboxed=False)
    (result,) = grade_on_cluster(
        lesson, [submission("ada", DOUBLE)], plan=plan, executed=tmp_path, address=dask_cluster.address
    )
    assert result.problem == "the grader's own process ended while this was graded"
    left = set(Path(tempfile.gettempdir()).glob("course-*/01_doubling.py")) - before
    assert [one for one in left if one.read_text() == text] == []


def test_a_set_up_cell_that_fails_is_said_once_and_clearly(doubling, tmp_path, dask_cluster, monkeypatch):
    monkeypatch.setattr(cluster_module, "_MORE_TRIES", 0)
    path = tmp_path / "01_doubling.py"
    path.write_text(doubling.path.read_text().replace("import numpy as np\n", "import numpy as np\nnowhere\n"))
    lesson = dataclasses.replace(doubling, path=path)
    plan = dataclasses.replace(PLAN, sandboxed=False)
    with pytest.raises(CourseError, match="the set-up cell fails on the grader's side: NameError"):
        list(
            grade_on_cluster(
                lesson, [submission("ada", DOUBLE)], plan=plan, executed=tmp_path, address=dask_cluster.address
            )
        )


def test_other_versions_are_refused(doubling, tmp_path, dask_cluster, monkeypatch):
    monkeypatch.setattr(cluster_module, "versions", lambda: {**versions(), "Python": "3.9.1", "numpy": "1.0"})
    with pytest.raises(CourseError) as told:
        list(
            grade_on_cluster(
                doubling, [submission("ada", DOUBLE)], plan=PLAN, executed=tmp_path, address=dask_cluster.address
            )
        )
    assert re.fullmatch(
        r"the worker tcp://\S+ has Python 3\.\d+\.\d+, not 3\.9\.1; numpy \S+, not 1\.0: install the same versions"
        r" there as here, with `pip install 'course-lib\[classroom,cluster\]'`",
        str(told.value),
    )


class _Answers:
    """A cluster of which one worker says what is wanted."""

    address = "tcp://here:1"

    def __init__(self, answer):
        self.answer = answer

    def slots(self):
        return 1

    def ask(self, name, *_, **__):
        return {"tcp://there:2": self.answer}


def test_a_worker_without_the_course_or_without_a_sandbox_is_named():
    with pytest.raises(
        CourseError, match=r"worker tcp://there:2 cannot grade \(ModuleNotFoundError: no course\): inst"
    ):
        cluster_module._check_workers(_Answers(ModuleNotFoundError("no course")), PLAN)
    lacks = _Answers((versions(), "bubblewrap is missing"))
    with pytest.raises(CourseError, match=r"the worker tcp://there:2: bubblewrap is missing"):
        cluster_module._check_workers(lacks, PLAN)
    cluster_module._check_workers(lacks, dataclasses.replace(PLAN, sandboxed=False))


def test_a_cluster_without_workers_and_one_that_goes_away(doubling, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(cluster_module, "_SECONDS_TO_CONNECT", 2)
    alone = DaskCluster(tmp_path, workers=0)
    try:
        class_ = [submission("ada", DOUBLE)]
        grading = grade_on_cluster(doubling, class_, plan=PLAN, executed=tmp_path, address=alone.address)
        with pytest.raises(CourseError, match=r"has no workers: start some with `dask worker tcp://127"):
            list(grading)
        monkeypatch.setattr(cluster_module, "_check_workers", lambda *_: alone.scheduler.kill())
        grading = grade_on_cluster(doubling, class_, plan=PLAN, executed=tmp_path, address=alone.address)
        with pytest.raises(CourseError, match=r"the cluster is gone \(\w+\); start it, then the same command again"):
            list(grading)
        assert capfd.readouterr().err == ""
    finally:
        alone.stop()


def test_where_no_cluster_is_one_line_says_so(folder, tmp_path, monkeypatch, capsys, root):
    monkeypatch.setattr(cluster_module, "_SECONDS_TO_CONNECT", 1)
    command = ["grade", "03_convolution", str(folder), "--out", str(tmp_path / "out"), "--root", str(root)]
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        closed = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        assert main([*command, "--cluster", closed]) == 2
        silent.listen()
        assert main([*command, "--cluster", closed]) == 2
    assert main([*command, "--cluster", "here"]) == 2
    assert main([*command, "--cluster", closed, "--workers", "2"]) == 2
    assert main([*command, "--cluster", closed.replace("tcp", "tls")]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 5
    assert all(f"no cluster answers at {closed} (" in line for line in lines[:2])
    assert "--cluster needs tcp://HOST:PORT or tls://HOST:PORT, got here" in lines[2]
    assert "--cluster grades on all workers of the cluster; leave --workers out" in lines[3]
    assert "mend the address or its TLS settings" in lines[4]


def test_without_dask_one_line_says_what_to_install(doubling, folder, tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "course_lib.classroom.cluster")
    monkeypatch.delattr("course_lib.classroom.cluster")
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(CourseError, match=r"--cluster needs Dask: pip install 'course-lib\[classroom,cluster\]'"):
        grade_folder(doubling, folder, tmp_path / "out", plan=PLAN, cluster="tcp://127.0.0.1:1")
