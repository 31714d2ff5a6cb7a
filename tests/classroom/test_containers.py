"""Containers around kernels: with real engines where they are, else with a program that stands in for one.

The stand-in understands the commands that we give, and starts what is to run inside with a process tree of its own and
nothing else of a container: it shows that our side works, and says nothing about walls.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from course_lib.classroom import containers
from course_lib.classroom.cli import main
from course_lib.classroom.containers import (
    ENGINES,
    ContainerClient,
    Containers,
    container_command,
    kernels_from,
    why_no_container,
)
from course_lib.classroom.contract import LIMITS, canaries, kernels, try_everything
from course_lib.classroom.forbidden import FORBIDDEN
from course_lib.classroom.grading import GradingPlan
from course_lib.classroom.kernels import KernelLostError, StudentKernel
from course_lib.classroom.session import TimeLimits
from course_lib.classroom.submission import Submission
from course_lib.classroom.warm import WarmProcess
from course_lib.classroom.withhold import copy_without
from course_lib.classroom.workers import grade_class
from course_lib.errors import CourseError

ROOT = Path(__file__).parents[2]
STAND_IN = """#!{python}
import json, os, sys
words = sys.argv[1:]
with open("{log}", "a") as log:
    print(json.dumps(words), file=log)
if words[0] == "version":
    print("28.2.2")
if words[0] == "run":
    sources = dict(part.split("source=")[1].split(",target=") for part in words if part.startswith("type=bind"))
    shown = {{target.removesuffix(",readonly"): source for source, target in sources.items()}}
    os.makedirs("{home}", exist_ok=True)
    inside = words[words.index("course-kernel") + 1:]
    inside = [shown.get(word, word) for word in inside if not word.startswith(("HOME=", "PYTHONPATH="))]
    inside[2:2] = ["HOME={home}", "PYTHONPATH=" + os.path.dirname(shown["/course/course_lib"])]
    inside[inside.index("python3")] = "{python}"
    walls = ["bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "--as-pid-1", "--die-with-parent"]
    os.execvp("bwrap", [*walls, "--cap-add", "ALL", *inside])
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    return copy_without([], tmp_path_factory.mktemp("library") / "course_lib")


@pytest.fixture
def stand_in(tmp_path, monkeypatch) -> Path:
    """Put a docker of ours first on the path; return the file that gets its arguments, a line a call."""
    log = tmp_path / "calls"
    program(tmp_path / "bin" / "docker", STAND_IN.format(python=sys.executable, log=log, home=tmp_path / "home"))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return log


def program(path: Path, source: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(source)
    path.chmod(0o755)
    return path


def engine_that(monkeypatch, tmp_path, script: str) -> None:
    """Make the only docker and podman on the path a script of the shell's."""
    for name in ENGINES:
        program(tmp_path / "only" / name, f"#!/bin/sh\n{script}\n")
    monkeypatch.setenv("PATH", str(tmp_path / "only"))


def shown(kernel: StudentKernel, expression: str) -> str:
    text = kernel.ask({"kind": "evaluate", "expression": f"repr({expression})"}, time_limit_s=20)
    return json.loads(text)["value"]


@pytest.mark.sandbox
@pytest.mark.parametrize("engine", ENGINES)
def test_everything_that_is_forbidden_is_refused_in_a_container(engine, package):
    why = why_no_container(engine)
    if why:
        pytest.skip(f"needs {engine}: {why}")
    with canaries() as bait, kernels(package, engine=engine) as kinds:
        outcomes = list(try_everything(kinds[engine], bait))
    assert [str(one) for one in outcomes if not one.refused] == []
    assert len(outcomes) >= len(FORBIDDEN) + 4


@pytest.mark.sandbox
def test_a_kernel_in_a_container_is_used_like_any_other_and_leaves_nothing(stand_in, package, tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with (
        Containers("docker", package, limits=LIMITS) as walls,
        StudentKernel(package, limits=LIMITS, warm=walls.client) as kernel,
    ):
        walls.check()
        assert shown(kernel, "6 * 7") == "42"
        assert shown(kernel, "__import__('os').environ.get('COURSE_GRADING')") == "'1'"
        assert shown(kernel, "sorted(set(__import__('os').environ) & {'PATH', 'SECRET'})") == "['PATH']"
        first = kernel.process()
        assert Path(f"/proc/{first}").exists()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{first}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{first}").exists()
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.mark.sandbox
def test_a_kernel_that_ends_is_noticed_and_whoever_has_no_right_to_signal_it_hangs_up(stand_in, package, monkeypatch):
    def not_allowed(*arguments):
        raise PermissionError("not your process")

    client = ContainerClient("docker", package, limits=LIMITS)
    with (
        StudentKernel(package, limits=LIMITS, warm=client) as kernel,
        pytest.raises(KernelLostError, match="the kernel ended"),
    ):
        kernel.execute("import os\nos._exit(0)", time_limit_s=10)
    with StudentKernel(package, limits=LIMITS, warm=client) as kernel:
        monkeypatch.setattr(signal, "pidfd_send_signal", not_allowed)
        first = kernel.process()
    assert not Path(f"/proc/{first}").exists()


@pytest.mark.sandbox
def test_a_class_is_graded_in_containers(stand_in, doubling, tmp_path):
    cells = (("code", "def double(x):\n    return 2 * x"), ("code", "answer = 42"))
    submission = Submission("ada", "ada", tmp_path / "ada.ipynb", cells, "ada")
    plan = GradingPlan(times=TimeLimits(cell_s=10, call_s=5), limits=LIMITS, engine="docker")
    (result,) = grade_class(doubling, [submission], plan=plan, executed=tmp_path / "executed")
    assert {task.name: task.points for task in result.tasks}["double"] == 4
    assert result.sandboxed
    calls = [json.loads(line) for line in stand_in.read_text().splitlines()]
    assert [words[0] for words in calls] == ["version", "image", "run"]
    assert "numpy" in calls[-1][calls[-1].index("/course-door") + 1 :]  # imported before a call's seconds count


def test_the_engine_is_told_each_wall_and_each_bound(tmp_path):
    for engine in ENGINES:
        command = container_command(engine, package=tmp_path, door=tmp_path / "door", limits=LIMITS)
        given = " ".join(command)
        assert command[:2] == [engine, "run"]
        for wall in (
            "--network none", "--cap-drop ALL", "--read-only", "--security-opt no-new-privileges", "--ipc private",
            "--pull never", "--log-driver none", f"--pids-limit {LIMITS.processes + 16}", "--memory 848m",
            "--ulimit nofile=512:512", f"source={tmp_path},target=/course/course_lib,readonly", "env -i",
            "/dev/shm:rw,exec,nosuid,nodev,size=16m,mode=1777",
        ):  # fmt: skip
            assert wall in given
        assert "--env" not in command
        assert "privileged" not in command
        assert ("--read-only-tmpfs=false" in command) == (engine == "podman")
        user = int(command[command.index("--user") + 1].partition(":")[0])
        assert 60_600 <= user < 61_184  # numbers that neither accounts nor services get


def test_without_an_engines_name_it_is_bubblewrap(monkeypatch, package):
    monkeypatch.setattr(WarmProcess, "__init__", lambda self, package, **options: None)
    assert isinstance(kernels_from("", package, limits=LIMITS), WarmProcess)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_an_engine_lacks_is_said_with_its_cure(engine, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "/nowhere")
    assert why_no_container(engine).startswith(f"{engine} is missing: install it, or leave out --sandbox {engine}")
    engine_that(monkeypatch, tmp_path, "echo WARNING: something >&2; echo Cannot connect to the daemon. >&2; exit 1")
    assert f"{engine} does not work here (Cannot connect to the daemon): " in why_no_container(engine)
    engine_that(monkeypatch, tmp_path, "echo 3.4.4")
    assert f"{engine} 3.4.4 is too old, or another program under that name: wanted" in why_no_container(engine)
    engine_that(monkeypatch, tmp_path, 'if [ "$1" = version ]; then echo 99.1; else exit 1; fi')
    assert f"{engine} has no image course-kernel: build it once" in why_no_container(engine)
    assert f"{engine} build --tag course-kernel --file course_lib/classroom/container/" in why_no_container(engine)
    engine_that(monkeypatch, tmp_path, "echo 99.1")
    assert why_no_container(engine) == ""


def test_an_engine_that_does_not_answer_is_said(monkeypatch, tmp_path):
    program(tmp_path / "only" / "docker", "no program at all")
    monkeypatch.setenv("PATH", str(tmp_path / "only"))
    assert "docker does not work here ([Errno 8] Exec format error" in why_no_container("docker")


def test_elsewhere_than_on_linux_containers_are_refused(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert "grade on Linux itself" in why_no_container("docker")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            'echo "docker: Error response from daemon: no space." >&2; echo "See docker run --help" >&2; exit 125',
            "docker does not start a container: docker: Error response from daemon: no space; see `course doctor",
        ),
        ("exit 1", "docker does not start a container: no reason given; see"),
        ("exec sleep 60", "docker does not start a container: no reason given; see"),
    ],
)
def test_a_container_that_does_not_start_says_why_in_one_line(script, words, monkeypatch, tmp_path):
    path = os.environ["PATH"]
    engine_that(monkeypatch, tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path / 'only'}:{path}")
    monkeypatch.setattr(containers, "_SECONDS_TO_START", 0.5)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with pytest.raises(CourseError) as caught:
        StudentKernel(tmp_path, limits=LIMITS, warm=ContainerClient("docker", tmp_path, limits=LIMITS))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_who_calls_and_hangs_up_is_no_kernel(monkeypatch, tmp_path):
    script = (
        "import socket, sys\nline = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)\n"
        "door = next(word for word in sys.argv if 'course-door' in word and 'source=' in word)\n"
        "line.connect(door.split('source=')[1].split(',')[0])\nline.recv(10)"
    )
    program(tmp_path / "only" / "docker", f"#!{sys.executable}\n{script}\n")
    monkeypatch.setenv("PATH", f"{tmp_path / 'only'}:{os.environ['PATH']}")
    with pytest.raises(CourseError, match="docker does not start a container"):
        StudentKernel(tmp_path, limits=LIMITS, warm=ContainerClient("docker", tmp_path, limits=LIMITS))


def test_the_commands_say_in_one_line_what_cannot_be(monkeypatch, capsys, tmp_path):
    grade = ["grade", "03", str(tmp_path), "--out", str(tmp_path / "out"), "--sandbox", "podman"]
    assert main([*grade, "--no-sandbox"]) == 2
    assert capsys.readouterr().err == (
        "course: --sandbox podman and --no-sandbox contradict each other; leave one out\n"
    )
    assert main([*grade, "--cluster", "tcp://127.0.0.1:1"]) == 2
    assert capsys.readouterr().err == "course: --cluster grades with bubblewrap; leave out --sandbox podman\n"
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["doctor", "--sandbox", "podman"]) == 2
    assert capsys.readouterr().err.startswith("course: podman is missing: install it")


def test_the_image_is_built_from_what_the_ignore_file_lets_through():
    dockerfile = (ROOT / "course_lib/classroom/container/Dockerfile").read_text()
    (copied,) = [line.split()[1:-1] for line in dockerfile.splitlines() if line.startswith("COPY")]
    allowed = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    assert copied == allowed
    assert all((ROOT / name).is_file() for name in copied)
    assert "course_lib" not in " ".join(copied)
