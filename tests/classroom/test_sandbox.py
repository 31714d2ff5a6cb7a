import contextlib
import json
import os
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from course_lib.classroom.kernels import KernelLostError, KernelTimeoutError, StudentKernel
from course_lib.classroom.sandbox import SandboxLimits, own_user, sandbox_command, shown_folders, why_no_sandbox
from course_lib.classroom.warm import WarmProcess
from course_lib.classroom.withhold import copy_without
from course_lib.errors import CourseError

LIMITS = SandboxLimits(memory_mb=4_096, resident_mb=800, disk_mb=16)


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    return copy_without(["course_lib.errors.CourseError"], tmp_path_factory.mktemp("library") / "course_lib")


@pytest.fixture(scope="module", params=["cold", "warm"])
def start(request, package):
    """A function that starts a kernel, anew or by a fork; what both refuse is tried in test_contract.py."""
    with contextlib.ExitStack() as stack:
        client = None
        if request.param == "warm":
            client = stack.enter_context(WarmProcess(package, limits=LIMITS)).client
        yield partial(StudentKernel, package, limits=LIMITS, warm=client)


@pytest.fixture(scope="module")
def kernel(start):
    with start() as kernel:
        yield kernel


def shown(kernel: StudentKernel, expression: str) -> str:
    text = kernel.ask({"kind": "evaluate", "expression": f"repr({expression})"}, time_limit_s=20)
    found = json.loads(text)
    return found["value"] if "value" in found else f"{found['error']['type']}: {found['error']['message']}"


def runs(mark: str) -> bool:
    return mark in subprocess.run(["ps", "ax"], capture_output=True, text=True, check=True).stdout


@pytest.mark.sandbox
def test_what_is_withheld_can_neither_be_used_nor_read_on_the_disk(kernel):
    assert "is what a task" in shown(kernel, "__import__('course_lib.errors').errors.CourseError()")
    source = shown(kernel, "open(__import__('course_lib.errors').errors.__file__).read()")
    assert "class CourseError" in source
    assert "Exception" not in source


@pytest.mark.sandbox
def test_an_endless_loop_is_interrupted_and_the_kernel_lives_on(kernel):
    with pytest.raises(KernelTimeoutError, match=r"no answer within 0\.5 s"):
        kernel.execute("while True:\n    pass", time_limit_s=0.5)
    assert kernel.interrupt()
    assert shown(kernel, "1 + 1") == "2"


@pytest.mark.sandbox
def test_nothing_survives_a_kernel_that_ends(start, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mark = str(time.monotonic_ns())
    with start() as kernel:
        command = f"import subprocess\nchild = subprocess.Popen(['sleep', '{mark}'], start_new_session=True)"
        kernel.execute(command, time_limit_s=10)
        assert runs(mark)
        with pytest.raises(KernelLostError, match="the kernel ended"):
            kernel.execute("import os\nos._exit(0)", time_limit_s=10)
    deadline = time.monotonic() + 5
    while runs(mark):
        assert time.monotonic() < deadline, "a process outlived its sandbox"
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.sandbox
def test_a_kernel_that_cannot_start_says_why_in_one_line(package):
    with pytest.raises(CourseError, match=r"does not start: .*; `course doctor` says what is missing") as caught:
        StudentKernel(package, limits=SandboxLimits(memory_mb=20))
    assert "\n" not in str(caught.value)


@pytest.mark.sandbox
def test_without_the_sandbox_the_limits_and_the_filtered_library_stay(package):
    with StudentKernel(package, limits=LIMITS, sandboxed=False) as kernel:
        assert "is what a task" in shown(kernel, "__import__('course_lib.errors').errors.CourseError()")
        assert "MemoryError" in shown(kernel, "len(bytearray(6 * 2**30))")


@pytest.mark.sandbox
def test_a_python_below_a_folder_that_can_be_written_is_still_seen(package, tmp_path, monkeypatch):
    (tmp_path / "module.py").write_text("x = 1")
    tmp_path.chmod(0o755)
    *pythons, library = shown_folders()
    for module in ("sandbox", "warm"):
        monkeypatch.setattr(f"course_lib.classroom.{module}.shown_folders", lambda: [*pythons, str(tmp_path), library])
    with WarmProcess(package, limits=LIMITS) as warm, StudentKernel(package, limits=LIMITS, warm=warm.client) as kernel:
        assert shown(kernel, f"open('{tmp_path}/module.py').read()") == "'x = 1'"
        assert "Error: [Errno" in shown(kernel, f"open('{tmp_path}/module.py', 'a')")


def test_without_bubblewrap_it_says_how_to_install_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "/nowhere")
    assert "sudo apt install bubblewrap" in why_no_sandbox()
    with pytest.raises(CourseError, match="--no-sandbox if you trust every submission"):
        sandbox_command(["true"], package=tmp_path, limits=LIMITS, user=None)


def test_elsewhere_than_on_linux_it_says_what_is_needed(monkeypatch):
    monkeypatch.setattr("sys.platform", "darwin")
    assert "needs Linux with bubblewrap" in why_no_sandbox()


def test_an_ordinary_user_gets_a_user_namespace_and_root_another_user(tmp_path):
    if why_no_sandbox():
        pytest.skip("needs bubblewrap")  # the command line needs its path
    ordinary = sandbox_command(["true"], package=tmp_path, limits=LIMITS, user=None)
    assert "--unshare-user" in ordinary
    assert "--reuid" not in ordinary
    root = sandbox_command(["true"], package=tmp_path, limits=LIMITS, user=60_123)
    assert "--unshare-user" not in root
    assert root[root.index("--reuid") + 1] == "60123"


def test_the_user_number_belongs_to_no_account():
    import pwd

    with pytest.raises(KeyError):
        pwd.getpwuid(own_user())
    assert own_user() != os.getuid()


@pytest.mark.parametrize("value", [0, -1, 1.5, None])
def test_limits_must_be_whole_numbers_of_at_least_one(value):
    with pytest.raises(ValueError, match="processes needs a whole number of at least 1, got"):
        SandboxLimits(processes=value)
