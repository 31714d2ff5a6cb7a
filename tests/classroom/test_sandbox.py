import contextlib
import json
import os
import subprocess
import time
from functools import partial
from pathlib import Path

import pytest

from course_lib.classroom.kernels import KernelLostError, KernelTimeoutError, StudentKernel
from course_lib.classroom.sandbox import SandboxLimits, own_user, sandbox_command, why_no_sandbox
from course_lib.classroom.warm import WarmProcess
from course_lib.classroom.withhold import copy_without
from course_lib.errors import CourseError

HERE = Path(__file__).resolve()
SOLUTIONS = HERE.parents[2] / "solutions"
FILL = "[open(f'{}/f{{n}}', 'wb').write(bytes(2**20)) for n in range(20)]"
LISTEN = "__import__('socket').create_connection(('{}', 80), 2)"
COMMANDS = "[open(f'/proc/{p}/cmdline').read() for p in __import__('os').listdir('/proc') if p.isdigit()]"
BOMB = """
import os, time
for _ in range(6):
    if os.fork() == 0:
        hoard = b"x" * 300 * 2**20
        time.sleep(60)
time.sleep(60)
"""
NAMES = "__import__('IPython').get_ipython().user_ns[{!r}]"
LIMITS = SandboxLimits(memory_mb=4_096, resident_mb=800, disk_mb=16)
FORKS = """
import os, time
count = 0
try:
    while count < 500:
        if os.fork() == 0:
            time.sleep(1)
            os._exit(0)
        count += 1
except OSError:
    pass
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory) -> Path:
    return copy_without(["course_lib.errors.CourseError"], tmp_path_factory.mktemp("library") / "course_lib")


@pytest.fixture(scope="module", params=["cold", "warm"])
def start(request, package):
    """A function that starts a kernel, anew or by a fork; both must hold the same contract."""
    with pytest.MonkeyPatch.context() as patch, contextlib.ExitStack() as stack:
        patch.setenv("SECRET_TOKEN", "hunter2")
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
@pytest.mark.parametrize(
    ("what", "expression", "refusal"),
    [
        ("the network", LISTEN.format("192.0.2.1"), "OSError"),
        ("the loopback of the host", LISTEN.format("127.0.0.1"), "ConnectionRefusedError"),
        ("accounts", "open('/etc/shadow').read()", "FileNotFoundError"),
        ("the checkout", f"open({str(HERE)!r}).read()", "FileNotFoundError"),
        ("answers", f"__import__('os').listdir({str(SOLUTIONS)!r})", "FileNotFoundError"),
        ("what only root may read", "open('/proc/1/mem', 'rb').read(1)", "Error"),
        ("writing to the system", "open('/usr/x', 'w')", "OSError: [Errno 30]"),
        ("writing to the root", "open('/x', 'w')", "OSError: [Errno 30]"),
        ("writing to devices", "open('/dev/x', 'w')", "OSError: [Errno 30]"),
        ("writing to the library", "open(__import__('course_lib').__file__, 'a')", "Error: [Errno"),
        ("writing to the packages", "open(__import__('numpy').__file__, 'a')", "Error: [Errno"),
        ("mounting", "__import__('subprocess').run(['mount', '-t', 'tmpfs', 'x', '/mnt'], check=True)", "Error"),
        ("becoming root", "__import__('os').setuid(0)", "Error: [Errno"),
        ("a memory bomb", "len(bytearray(6 * 2**30))", "MemoryError"),
        ("a huge file", "open('/tmp/a', 'wb').write(bytes(17 * 2**20))", "OSError: [Errno 27]"),
        ("filling the disk", FILL.format("/tmp"), "OSError: [Errno 28]"),
        ("filling the shared memory", FILL.format("/dev/shm"), "OSError: [Errno 28]"),
        ("what is withheld", "__import__('course_lib.errors').errors.CourseError()", "is what a task"),
    ],
    ids=lambda value: value if " " in value and "(" not in value else "",
)  # fmt: skip
def test_the_sandbox_refuses(kernel, what, expression, refusal):
    assert refusal in shown(kernel, expression)


@pytest.mark.sandbox
def test_what_is_withheld_cannot_be_read_on_the_disk_either(kernel):
    source = shown(kernel, "open(__import__('course_lib.errors').errors.__file__).read()")
    assert "class CourseError" in source
    assert "Exception" not in source


@pytest.mark.sandbox
def test_no_secret_of_the_environment_is_inside(kernel):
    everything = shown(kernel, "[open(f'/proc/{p}/environ').read() for p in ('self', __import__('os').getpid())]")
    assert "hunter2" not in everything
    assert "hunter2" not in shown(kernel, "dict(__import__('os').environ)")
    first = shown(kernel, "open('/proc/1/environ').read()")
    assert "hunter2" not in first
    assert "PATH" not in first


@pytest.mark.sandbox
def test_only_its_own_processes_are_seen(kernel):
    seen = shown(kernel, COMMANDS)
    assert "course_lib.classroom" in seen
    assert "test_sandbox" not in seen


@pytest.mark.sandbox
def test_the_student_is_nobody_with_no_rights(kernel):
    assert int(shown(kernel, "__import__('os').getuid()")) != 0
    assert "CapEff:\\t0000000000000000" in shown(kernel, "open('/proc/self/status').read()")
    assert "NoNewPrivs:\\t1" in shown(kernel, "open('/proc/self/status').read()")


@pytest.mark.sandbox
def test_a_fork_bomb_is_bounded(start):
    with start() as kernel:
        assert kernel.execute(FORKS, time_limit_s=20)["status"] == "ok"
        assert 10 < int(shown(kernel, NAMES.format("count"))) < 100


@pytest.mark.sandbox
def test_an_endless_loop_is_interrupted_and_the_kernel_lives_on(kernel):
    with pytest.raises(KernelTimeoutError, match=r"no answer within 0\.5 s"):
        kernel.execute("while True:\n    pass", time_limit_s=0.5)
    assert kernel.interrupt()
    assert shown(kernel, "1 + 1") == "2"


@pytest.mark.sandbox
def test_many_processes_together_may_not_hold_more_memory_than_one(start):
    with start() as kernel, pytest.raises(KernelLostError):
        kernel.execute(BOMB, time_limit_s=30)


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
        pytest.skip("no bubblewrap here")  # the command line needs its path
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
