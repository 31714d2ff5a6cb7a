"""Warm kernels as the desk uses them: by the kernelspec `course-warm`."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

from course_lib.classroom import provisioner

SPECS = Path(provisioner.__file__).parent / "jupyter"
ORPHAN = """
import os, sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="course-warm")
client.execute_interactive("import os; print(os.getpid(), flush=True)")
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module", autouse=True)
def _kernelspec(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(SPECS))
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        patch.setattr(provisioner, "_IDLE_S", 20)
        yield


@contextlib.contextmanager
def a_kernel(**options):
    manager, client = start_new_kernel(kernel_name="course-warm", extra_arguments=["--log-level=ERROR"], **options)
    try:
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def _is_dead(process: Path) -> bool:
    with contextlib.suppress(OSError):
        return process.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    return True


def said(client, source: str) -> str:
    words = []

    def hear(message):
        content = message["content"]
        words.append(content.get("text", "") + "".join(content.get("data", {})) + content.get("ename", ""))

    client.execute_interactive(source, timeout=60, output_hook=hear)
    return "".join(words).strip()


def test_a_kernel_has_the_libraries_its_folder_and_its_environment(tmp_path):
    with a_kernel(cwd=str(tmp_path), env={**os.environ, "FAVOURITE": "blue"}) as (_, client):
        assert said(client, "import sys; print('torch' in sys.modules, 'sklearn' in sys.modules)") == "True True"
        assert said(client, "import os; print(os.getcwd(), os.environ['FAVOURITE'])") == f"{tmp_path} blue"
        assert said(client, "print(__name__, sys.argv[0].endswith('.py'), sys.path[0] == '')") == "__main__ True True"
        assert "image/png" in said(client, "import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()")


def test_nothing_leaks_from_one_kernel_to_the_next(tmp_path):
    spoil = "json.spoilt = os.environ['SPOILT'] = '1'; x = 1; os.chdir('/')"
    look = "print('x' in globals(), 'SPOILT' in os.environ, hasattr(json, 'spoilt'), os.getcwd())"
    draw = "print(random.random(), np.random.rand(), torch.rand(1).item())"
    drawn = []
    for _ in range(2):
        with a_kernel(cwd=str(tmp_path)) as (_, client):
            said(client, "import json, os, random, numpy as np, torch")
            assert said(client, look) == f"False False False {tmp_path}"
            drawn += said(client, draw).split()
            said(client, spoil)
    assert len(set(drawn)) == 6


def test_a_kernel_is_interrupted_and_restarted():
    with a_kernel() as (manager, client):
        assert said(client, "import os, signal, threading; x = 1; print(threading.active_count() < 20)") == "True"
        first = said(client, "print(os.getpid())")
        stop = "threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()\nwhile True: pass"
        assert said(client, stop) == "KeyboardInterrupt"
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=60)
        assert said(client, "print('x' in globals())") == "False"
        assert said(client, "import os; print(os.getpid())") != first


def test_a_kernel_ends_when_whoever_asked_for_it_is_killed():
    done = subprocess.run([sys.executable, "-c", ORPHAN], capture_output=True, text=True, check=True, timeout=120)
    kernel = Path("/proc", done.stdout.split()[0])
    deadline = time.monotonic() + 10
    while kernel.exists() and not _is_dead(kernel):
        assert time.monotonic() < deadline, "the kernel outlived its client"
        time.sleep(0.05)


def test_where_nothing_can_be_forked_the_kernel_starts_as_any_other(monkeypatch, caplog):
    def refuse(*_):
        raise OSError("no such thing here")

    monkeypatch.setattr(provisioner, "ask_for_kernel", refuse)
    with a_kernel() as (_, client):
        assert said(client, "import sys; print('torch' in sys.modules)") == "False"


def test_a_folder_that_others_can_enter_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = tmp_path / f"course-warm-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(OSError, match="not a folder of this user's own"):
        provisioner._folder()


def test_another_setting_of_what_is_read_at_import_means_another_process():
    assert provisioner._key({"OMP_NUM_THREADS": "1"}) != provisioner._key({"OMP_NUM_THREADS": "2"})
    assert provisioner._key({"HOME": "/a"}) == provisioner._key({"HOME": "/b"})
