"""What the doctor says of machines that lack something."""

import socket
import subprocess
import sys
from contextlib import nullcontext
from importlib import metadata
from pathlib import Path

import pytest

from course_lib.classroom import contract, doctor, machine, sandbox_trial
from course_lib.classroom.cli import main
from course_lib.classroom.contract import Outcome
from course_lib.classroom.doctor import Finding, examine
from course_lib.classroom.forbidden import FORBIDDEN


def finding(name):
    return next(item for item in examine() if item.name == name)


@pytest.fixture(autouse=True)
def _short_name_of_python(monkeypatch):
    """Cures name the Python that runs: here by a short name."""
    monkeypatch.setattr(doctor, "_this_python", lambda: "python")


@pytest.fixture
def no_kernel(monkeypatch):
    monkeypatch.setattr(doctor, "_ask_kernel", lambda: ("/elsewhere/python", "2.13.0", "4", "NVIDIA H200"))


def test_this_machine_has_what_the_course_needs():
    found = {item.name: item for item in examine()}
    assert found["Python"].state == "has"
    assert found["Jupyter kernel"].value == "python3 starts this Python"
    assert found["torch"].state == "has"
    assert "torch" in found["packages"].value
    assert all(item.cure for item in found.values() if item.state == "lacks")
    assert found["folder"].state == "has"
    assert not any("\n" in str(item) for item in found.values())


def test_a_finding_is_one_line_with_a_sign_and_a_cure():
    assert str(Finding("GPU", "optional", "none")) == "○ GPU: none"
    assert str(Finding("GPU", "has", "H200")) == "✓ GPU: H200"
    assert str(Finding("disk", "lacks", "1 GB", "make room")) == "✗ disk: 1 GB → make room"
    assert str(Finding("torch", "lacks", "no:\n  libc.so\n", "mend it")) == "✗ torch: no: libc.so → mend it"


@pytest.mark.parametrize(("version", "state"), [((3, 10, 9), "lacks"), ((3, 11, 0), "has"), ((3, 14, 0), "lacks")])
def test_only_python_3_11_to_3_13_will_do(version, state):
    assert doctor._python(version).state == state
    cure = "wanted 3.11 to 3.13: make clean, then make lab PYTHON=python3.12"
    assert doctor._python(version).cure == (cure if state == "lacks" else "")


def test_a_missing_and_an_old_package_are_named_with_what_is_wanted(monkeypatch, no_kernel):
    versions = {"papermill": "", "nbclient": "0.1"}
    monkeypatch.setattr(
        doctor, "version_of", lambda name: versions.get(name, metadata.version(name) if name != "distributed" else "")
    )
    item = finding("to build and grade")
    assert item.state == "lacks"
    assert item.value == "nbclient 0.1 (wanted >=0.10), papermill missing (wanted >=2.6)"
    assert item.cure == "python -m pip install --editable '.[classroom]'"
    assert finding("many machines").state == "optional"


def test_a_torch_that_is_too_old_is_told_with_the_wanted_version(monkeypatch, no_kernel):
    version_of = doctor.version_of
    monkeypatch.setattr(doctor, "version_of", lambda name: "2.5.1" if name == "torch" else version_of(name))
    assert str(finding("packages")) == "✗ packages: torch 2.5.1 (wanted >=2.8) → python -m pip install --editable ."


def test_what_only_some_need_is_optional(monkeypatch, no_kernel):
    version_of = doctor.version_of
    monkeypatch.setattr(doctor, "version_of", lambda name: "" if "openslide" in name else version_of(name))
    item = finding("scanners' slide files")
    assert str(item).startswith("○ scanners' slide files: openslide-bin missing (wanted >=4.0), openslide-python")
    assert item.cure == "python -m pip install --editable '.[slides]'"


def test_python_is_named_as_one_would_type_it_here(monkeypatch, tmp_path):
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv" / "bin" / "python"))
    assert doctor._this_python() == ".venv/bin/python"
    assert doctor._install("lab") == ".venv/bin/python -m pip install --editable '.[lab]'"
    monkeypatch.setattr(sys, "executable", "/usr/bin/python3")
    assert doctor._this_python() == "/usr/bin/python3"


def test_a_package_that_is_not_installed_at_all_is_told(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", missing)
    (item,) = doctor._packages()
    assert str(item) == "✗ course-lib: not installed → python -m pip install --editable '.[dev]'"


def test_little_memory_and_disk_are_told(monkeypatch, no_kernel):
    monkeypatch.setattr(doctor, "memory_gb", lambda: 2.0)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 1e9})())
    assert str(finding("memory")) == "✗ memory: 2.0 GB → wanted 4 GB: close other programs, or use Colab"
    assert str(finding("free disk")) == "✗ free disk: 1.0 GB → wanted 2 GB: make room, such as with pip cache purge"
    monkeypatch.setattr(doctor, "memory_gb", lambda: 0.0)
    assert str(finding("memory")) == "○ memory: this system does not tell → see that it has 4 GB"


def test_a_folder_in_which_nothing_can_be_saved_is_told():
    item = doctor._writable(Path("/proc"))  # read-only for root too
    assert str(item).startswith("✗ folder: nothing can be saved in /proc (")
    assert item.cure == "copy the course into a folder of your own, and work there"


def test_a_port_that_is_taken_is_no_problem_and_says_so():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        item = doctor._port(port)
    assert str(item) == (
        f"○ port: another program has {port} → JupyterLab takes the next one and prints its address; "
        "to choose: make lab PORT=8899"
    )
    assert str(doctor._port(port)) == f"✓ port: {port} is free for JupyterLab"


def test_a_sandbox_that_cannot_start_says_why_and_what_to_do(monkeypatch):
    monkeypatch.setattr("course_lib.classroom.sandbox.why_no_sandbox", lambda: "")
    refusal = subprocess.CompletedProcess([], 1, "", "bwrap: No permissions to create new namespace\n")
    monkeypatch.setattr(doctor.subprocess, "run", lambda *args, **options: refusal)
    item = doctor.examine_sandbox()
    assert item.value == "bubblewrap cannot isolate (bwrap: No permissions to create new namespace)"
    assert item.cure == doctor._allow_namespaces()
    monkeypatch.setattr(doctor.subprocess, "run", _slow)
    assert "bubblewrap does not start" in doctor.examine_sandbox().value
    monkeypatch.setattr("course_lib.classroom.sandbox.why_no_sandbox", lambda: "bwrap is missing: install it (apt)")
    assert str(doctor.examine_sandbox()) == "✗ sandbox for grading: bwrap is missing → install it (apt)"
    monkeypatch.setattr("course_lib.classroom.sandbox.why_no_sandbox", lambda: "no Linux")
    assert doctor.examine_sandbox().cure == "install bubblewrap with the system's package manager"


def test_elsewhere_than_on_linux_the_sandbox_is_no_problem_of_a_student(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    item = doctor.examine_sandbox()
    assert (item.state, item.value) == ("optional", "needs Linux")
    assert item.cure.startswith("nothing to do for lessons; grade on Linux")


@pytest.mark.parametrize(
    ("name", "value", "cure"),
    [
        (
            "kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
        ("kernel/unprivileged_userns_clone", "0", "sudo sysctl kernel.unprivileged_userns_clone=1"),
        ("user/max_user_namespaces", "0", "sudo sysctl user.max_user_namespaces=10000"),
        ("user/max_user_namespaces", "96343", "in a container, start it with --security-opt seccomp=unconfined"),
    ],
)
def test_the_setting_that_keeps_from_namespaces_is_named_with_its_cure(monkeypatch, tmp_path, name, value, cure):
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_text(f"{value}\n")
    monkeypatch.setattr(doctor, "_SYSCTL", tmp_path)
    assert cure in doctor._allow_namespaces()


def _slow(*args, **options):
    raise subprocess.TimeoutExpired("bwrap", 20)


def test_a_kernel_of_another_python_is_told(no_kernel):
    found = {item.name: item for item in doctor._kernel()}
    assert found["Jupyter kernel"].value == "python3 starts another Python, /elsewhere/python"
    assert "ipykernel install --sys-prefix" in found["Jupyter kernel"].cure
    assert str(found["GPU"]) == "✓ GPU: NVIDIA H200"


def test_a_kernel_that_does_not_start_or_has_no_torch_is_told(monkeypatch):
    monkeypatch.setattr("jupyter_client.manager.start_new_kernel", _broken)
    (item,) = doctor._kernel()
    assert item.value == "python3 does not start (no such program)"
    monkeypatch.setattr("jupyter_client.manager.start_new_kernel", _no_runtime)
    (item,) = doctor._kernel()
    assert item.cure.startswith("make that folder writable, or name another: export JUPYTER_RUNTIME_DIR=")
    monkeypatch.undo()
    monkeypatch.setattr(doctor, "_this_python", lambda: "python")
    monkeypatch.setattr(doctor, "_ASK_KERNEL", "import no_such_torch")
    (item,) = doctor._kernel()
    assert str(item) == "✗ torch: No module named 'no_such_torch' → python -m pip install --editable ."


def test_a_kernel_that_never_answers_and_a_plain_installation_are_told(monkeypatch):
    class Silent:
        def execute_interactive(self, *args, **options):
            raise TimeoutError

        def stop_channels(self):
            pass

        def shutdown_kernel(self, now):
            pass

    monkeypatch.setattr("jupyter_client.manager.start_new_kernel", lambda **options: (Silent(), Silent()))
    (item,) = doctor._kernel()
    assert str(item) == (
        "✗ Jupyter kernel: python3 starts and does not answer → close other programs, or restart the machine"
    )
    monkeypatch.setitem(sys.modules, "jupyter_client.manager", None)
    (item,) = doctor._kernel()
    assert str(item) == "✗ Jupyter kernel: no jupyter_client → python -m pip install --editable '.[classroom]'"


def _broken(**options):
    raise RuntimeError("no such program")


def _no_runtime(**options):
    raise PermissionError(13, "Permission denied", "/home/ada/.local/share/jupyter/runtime")


def test_a_gpu_that_torch_cannot_use_is_told(monkeypatch):
    monkeypatch.setattr(doctor, "_ask_kernel", lambda: (sys.executable, "2.13.0+cpu", "4", ""))
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    *_, item = doctor._kernel()
    assert str(item).startswith(
        "○ GPU: NVIDIA's is here, torch 2.13.0+cpu cannot use it → lessons run without it; to use"
    )


def test_where_am_i_prints_versions_device_and_minutes(capsys, monkeypatch):
    machine.where_am_i(minutes_cpu=5, minutes_gpu=2)
    shown = capsys.readouterr().out
    assert shown.startswith("Python 3.")
    assert "torch 2." in shown
    assert "CPU cores" in shown
    monkeypatch.setattr(machine, "_gpu_here", lambda torch: "GPU H200")
    machine.where_am_i(minutes_cpu=5, minutes_gpu=2)
    assert capsys.readouterr().out.endswith("GPU H200\nThis lesson takes about 2 minutes here.\n")
    machine.where_am_i()
    assert "minutes" not in capsys.readouterr().out


def test_a_containers_share_of_cores_and_memory_is_counted(monkeypatch):
    shares = {"/sys/fs/cgroup/cpu.max": "150000 100000", "/sys/fs/cgroup/memory.max": "3000000000"}
    monkeypatch.setattr(machine, "_read", lambda path: shares[path])
    monkeypatch.setattr(machine.os, "sched_getaffinity", lambda process: set(range(16)))
    assert machine.cores() == 2
    assert machine.memory_gb() == 3.0
    shares.update({"/sys/fs/cgroup/cpu.max": "max 100000", "/sys/fs/cgroup/memory.max": "max"})
    assert machine.cores() == 16
    assert machine.memory_gb() > 0
    monkeypatch.undo()
    assert machine._read("/no/such/file") == ""


@pytest.fixture
def holes(monkeypatch):
    """Stand in for the contract: give a list whose names are the things that are not refused."""
    found: list[str] = []

    def try_everything(start, bait):
        yield Outcome(
            "read the answers", "read the answers" not in found, "OSError: [Errno 2] no", "it could copy them"
        )

    monkeypatch.setattr(contract, "try_everything", try_everything)
    monkeypatch.setattr(contract, "kernels", lambda package, engine: nullcontext({"cold": None, "warm": None}))
    monkeypatch.setattr("course_lib.classroom.withhold.copy_without", lambda names, folder: folder)
    monkeypatch.setattr(sandbox_trial, "_refuse_without_sandbox", lambda engine: None)
    return found


def test_a_sandbox_that_holds_is_said(holes, capsys):
    assert main(["doctor", "--sandbox"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("Every submission is graded in a sandbox")
    assert shown.count("  ✓ refused: read the answers (no)\n") == 2
    assert sandbox_trial.count_attempts() == 2 * (len(FORBIDDEN) + 4)
    assert shown.endswith("All 2 attempts are refused: notebooks from strangers can be graded on this machine.\n")


def test_on_a_terminal_a_bar_moves_with_the_attempts(holes, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes what it writes to for a terminal
    moved = []
    monkeypatch.setattr("rich.progress.Progress.advance", lambda self, task, by=1: moved.append(by))
    assert main(["doctor", "--sandbox"]) == 0
    assert moved == [1, 1]


def test_without_rich_there_is_no_bar_and_the_doctor_still_looks(holes, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    assert main(["doctor", "--sandbox"]) == 0
    assert "All 2 attempts are refused" in capsys.readouterr().out


def test_a_hole_in_the_sandbox_is_said_with_a_cure_and_an_exit_status(holes, capsys):
    holes.append("read the answers")
    assert main(["doctor", "--sandbox"]) == 1
    shown = capsys.readouterr().out
    assert "  ✗ NOT refused: read the answers: it could copy them (OSError: [Errno 2] no)" in shown
    assert "2 of 2 attempts are NOT refused. → Do not grade notebooks from strangers here: update Linux" in shown


def test_without_a_sandbox_there_is_nothing_to_try(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["doctor", "--sandbox"]) == 2
    assert "bubblewrap (the program bwrap) is missing" in capsys.readouterr().err
    monkeypatch.undo()
    monkeypatch.setattr(
        sandbox_trial, "examine_sandbox", lambda: Finding("sandbox for grading", "lacks", "no", "mend it")
    )
    monkeypatch.setattr("course_lib.classroom.sandbox.why_no_sandbox", lambda: "")
    assert main(["doctor", "--sandbox"]) == 2
    assert capsys.readouterr().err == "course: sandbox for grading: no; mend it\n"
