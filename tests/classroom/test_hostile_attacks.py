"""Notebooks that attack the grader, the machine or other students: nothing is reached, nothing is left, the class goes on.

What a submission finds it would show: bait is laid out on the host, and none of it may come back in a mark, a message
or an executed notebook.
"""

import contextlib
import os
import time
from pathlib import Path

import numpy
import pytest

from course_lib.classroom.contract import canaries

# ruff: noqa: E501 - programs as data
CHECKOUT = Path(__file__).resolve().parents[2]
DOUBLE = "def double(x):\n    return 2 * x"
COUNTER = """class Counter:
    def __init__(self):
        self.count = 0
    def add(self, n):
        self.count += n"""
ANSWER = "answer = 42"
ALL = {"double": 4.0, "counter": 2.0, "answer": 1.0}
NONE = dict.fromkeys(ALL, 0.0)
SLEEP = f"{1000 + time.time() % 1:.9f}"


def around(*cells: str) -> list[str]:
    """Return a right notebook in which other cells stand before the last task."""
    return [DOUBLE, COUNTER, *cells, ANSWER]


def message(kind: str, content: str, *, socket: str = "iopub_socket", more: str = "") -> str:
    """Return a cell that sends a message of its own making to whoever listens."""
    return (
        "kernel = get_ipython().kernel\n"
        f"for _ in range(20):\n    kernel.session.send(kernel.{socket}, {kind!r}, {content}, parent=kernel.get_parent(){more})"
    )


LOOK = """
import glob, os
def look(paths):
    for path in paths:
        for one in glob.glob(path):
            try:
                print(one, os.listdir(one) if os.path.isdir(one) else open(one, 'rb').read()[:500])
            except Exception as problem:
                print(type(problem).__name__)
"""
DAEMON = f"""
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execvp('sleep', ['sleep', '{SLEEP}'])
    os._exit(0)
"""
RAW = """
import os, socket
for name in os.listdir('/proc/self/fd'):
    try:
        os.write(int(name), {what})
    except OSError:
        pass
"""

# name: cells, marks earned
CASES = {
    "other students' files": (around(LOOK + f"look(['/tmp/*', '/tmp/*/*', '/home/*', '/root/*', '{CHECKOUT}/*', '*', '../*'])"), ALL),
    "the gradebook": (around(LOOK + "look(['/**/results.csv', '/**/gradebook*', '/**/*.sqlite'])"), ALL),
    "the grader's memory": (around(LOOK + "look(['/proc/*/mem', '/proc/*/maps', '/proc/*/environ', '/dev/mem', '/proc/kcore'])"), ALL),
    "the grader's open files": (around(LOOK + "look(['/proc/*/fd/*', '/proc/*/cwd/*', '/proc/*/root/*'])"), ALL),
    "what is open already": (around(LOOK + "look(f'/proc/self/fd/{n}' for n in range(200))"), ALL),
    "secrets of the environment": (around("import os\nprint(os.environ)", "!env; cat /proc/1/environ"), ALL),
    "what was mounted": (around(LOOK + "look(['/proc/mounts', '/proc/self/mountinfo', '/proc/1/root'])"), ALL),
    "signals to all": (
        around("import os\nfor n in range(1, 40_000):\n    try:\n        if n not in (os.getpid(),): os.kill(n, 9)\n    except OSError: pass"),
        ALL,
    ),
    "kills its parent": (around("import os, signal\nfor s in (9, 15, 2, 1, 19):\n    try: os.kill(os.getppid(), s)\n    except OSError: pass"), ALL),
    "kills its group": (around("import os\nos.killpg(0, 9)"), ALL),
    "kills all that it may": (around("import os\nos.kill(-1, 9)"), ALL),
    "debugs its parent": (around("import ctypes, os\nprint(ctypes.CDLL(None).ptrace(16, os.getppid(), 0, 0))"), ALL),
    "sockets to loopback": (
        around("import socket\nfor port in range(1, 3000):\n    with socket.socket() as s:\n        if s.connect_ex(('127.0.0.1', port)) == 0: print('open', port)"),
        ALL,
    ),
    "sockets by name": (around("import socket\nfor path in open('/proc/net/unix').read().split():\n    if path[0] in '@/':\n        try:\n            s = socket.socket(socket.AF_UNIX); s.connect(path.replace('@', chr(0))); print('connected', path)\n        except OSError: pass"), ALL),
    "a daemon": (around(DAEMON), ALL),
    "a daemon from a function": ([f"def double(x):\n    {DAEMON.strip().replace(chr(10), chr(10) + '    ')}\n    return 2 * x", COUNTER, ANSWER], ALL),
    "many daemons": (around(f"for _ in range(30):{DAEMON.replace(chr(10), chr(10) + '    ')}"), ALL),
    "a daemon that ignores signals": (
        around(f"import os, signal\nif os.fork() == 0:\n    os.setsid()\n    [signal.signal(s, signal.SIG_IGN) for s in (1, 2, 3, 15)]\n    os.execvp('sleep', ['sleep', '{SLEEP}'])"),
        ALL,
    ),
    "writes through all that is open": (around(RAW.format(what="b'{}' * 100")), ALL),
    "writes to the library": (
        around("import course_lib, numpy\nfor m in (course_lib, numpy):\n    try: open(m.__file__, 'w').write('raise SystemExit')\n    except OSError as e: print(e)"),
        ALL,
    ),
    "links out of its room": (
        around("import os\nfor way in (os.symlink, os.link):\n    try: way('/etc', '/tmp/way' + way.__name__)\n    except OSError: pass", LOOK + "look(['/tmp/way*', '/tmp/way*/passwd'])"),
        ALL,
    ),
    "mounts and namespaces": (around("!unshare -r id; mount -t tmpfs x /mnt; bwrap --bind / / id; nsenter -t 1 -a id; su -c id; sudo id"), ALL),
    "system calls": (
        around("import ctypes\nlibc = ctypes.CDLL(None)\nfor number in (101, 165, 155, 272, 308, 321, 323, 425, 435, 246, 175, 310, 311, 438):\n    print(libc.syscall(number, 0, 0, 0, 0, 0))"),
        ALL,
    ),
    "a system call of another kind": (
        around("import ctypes\nctypes.CDLL(None).syscall(0x40000000 + 39)"),
        ALL,
    ),
    # the grader's own channels
    "a forged answer to its own cell": (around(message("execute_reply", "{'status': 'ok', 'execution_count': 1}", socket="iopub_socket")), ALL),
    "forged ends of cells": (around(message("status", "{'execution_state': 'idle'}")), ALL),
    "outputs of no known form": (
        around(
            message("display_data", "{'data': 3, 'metadata': []}"),
            message("display_data", "{'data': {'text/html': 5, 3: {}}, 'metadata': {'x': 1}, 'transient': 4}"),
            message("execute_result", "[]"),
            message("stream", "{'name': 7}"),
            message("error", "{'ename': 3, 'evalue': [], 'traceback': 'x'}"),
            message("update_display_data", "{'transient': {'display_id': []}}"),
            message("no_such_type", "{}"),
            message("clear_output", "{'wait': 3}"),
        ),
        ALL,
    ),
    "outputs nested too deeply": (
        around("deep = []\nfor _ in range(900): deep = [deep]", message("display_data", "{'data': {'application/json': deep}, 'metadata': {}}")),
        ALL,
    ),
    "outputs nested a little less deeply": (
        around(
            "deep = []\nfor _ in range(450): deep = [deep]",
            message("display_data", "{'data': {'application/json': deep}, 'metadata': {}}"),
            message("execute_result", "{'data': {}, 'metadata': {}, 'execution_count': deep}"),
            message("status", "{'execution_state': 'busy', 'execution_count': deep}"),
        ),
        ALL,
    ),
    "outputs that grow when they are shown": (
        around(
            message("display_data", "{'data': {}, 'metadata': {}, 'transient': {'display_id': 'a'}}"),
            message("update_display_data", "{'data': {'text/plain': 'x' * 5_000_000}, 'metadata': {}, 'transient': {'display_id': 'a'}}"),
        ),
        ALL,
    ),
    "widgets that grow": (
        around(
            "from ipykernel.comm import Comm\ncomm = Comm(target_name='jupyter.widget', data={'state': {}})",
            "for n in range(20): comm.send({'state': {f's{n}': 'x' * 1_000_000}, 'buffer_paths': [[f's{n}']]}, buffers=[b'x' * 1_000_000])",
        ),
        ALL,
    ),
    "huge forged outputs": (around(message("display_data", "{'data': {'text/plain': 'x' * 20_000_000}, 'metadata': {}}")), ALL),
    "messages without a signature": (around("kernel = get_ipython().kernel\nfor _ in range(50):\n    kernel.iopub_socket.send_multipart([b'x', b'<IDS|MSG>', b'bad', b'{}', b'{}', b'{}', b'{'])"), ALL),
    "widgets that never end": (around("from ipykernel.comm import Comm\nfor n in range(300):\n    Comm(target_name=f't{n}', data={'x': ['y'] * 99})"), ALL),
    "the session's key is used": (around("import glob, os\nprint(len(open(os.path.expanduser('~/.connection.json')).read()))\nget_ipython().kernel.session.key = b'other'"), ALL),
    "asks for a shutdown": (around(message("shutdown_request", "{'restart': True}")), ALL),
    "answers questions before they come": (
        [
            "import os\nfor n in range(3, 200):\n    for number in range(1, 30):\n        try: os.write(n, f'{number} {{\"value\":42}}\\n'.encode())\n        except OSError: break",
            "def double(x):\n    return 3 * x",
        ],
        None,
    ),
    "answers that are no answers": (
        [
            "import course_lib.classroom.student_side as side\n"
            "texts = iter(['', '{', 'null', '{\"value\":{\"ref\":[1]}}', '{\"value\":{\"ref\":[-1,\"x\",true]}}', '{\"error\":3}', '{\"value\":' + '[' * 9999 + '}', '{\"value\":{\"array\":[\"<f8\",[-1],\"\"]}}', '{\"value\":{\"array\":[\"O\",[1],\"AAAA\"]}}', '{\"value\":{\"named\":[\"x\",[\"__class__\"],[1]]}}', '{\"value\":NaN}', '{\"value\":1e999}', '{\"value\":{\"slice\":[1]}}'] * 50)\n"
            "side.answer = lambda request: next(texts)",
        ],
        NONE,
    ),
    "an answer without end": (
        ["import course_lib.classroom.student_side as side\nside.answer = lambda request: '[' * 200_000_000"],
        NONE,
    ),
    "an answer of a million small things": (
        ["import course_lib.classroom.student_side as side\nside.answer = lambda request: '{\"value\":[' + '[],' * 20_000_000 + '[]]}'"],
        NONE,
    ),
    "a shape that needs all memory": (["import numpy as np\nclass Huge:\n    pass\ndef double(x):\n    return np.broadcast_to(np.float64(1), (2**30,))"], NONE),
    "a shape that fills the grader's memory": (["import numpy as np\ndef double(x):\n    return np.zeros((70_000_000, 1), np.uint8)", COUNTER, ANSWER], ALL | {"double": 0.0}),
    "a whole number without end": (["def double(x):\n    return 1 << 10**9\nanswer = 7 ** 10_000"], NONE),
    "exceptions of every kind": (
        [
            "import builtins\nkinds = [k for k in vars(builtins).values() if isinstance(k, type) and issubclass(k, BaseException)]\n"
            "def double(x):\n    kind = kinds.pop()\n    try: problem = kind('x')\n    except TypeError: problem = kind('utf8', b'x', 0, 1, 'y') if 'Unicode' in kind.__name__ else kind('x', [ValueError()])\n    raise problem",
            COUNTER,
            ANSWER,
        ],
        ALL | {"double": 0.0},
    ),
    "words for a page": (
        ["def double(x):\n    raise ValueError('<script>alert(1)</script>=cmd|x!A1\\x1b[2J\\x00\\ud800')", COUNTER, "answer = '<img src=x onerror=alert(1)>'"],
        ALL | {"double": 0.0, "answer": 0.0},
    ),
    "the last one is right": (around(), ALL),
}  # fmt: skip


def libraries() -> dict[str, str]:
    """Return the files that an attack writes to."""
    import course_lib

    return {module.__file__: Path(module.__file__).read_text() for module in (course_lib, numpy)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("executed")


@pytest.fixture(scope="module")
def graded(grade_many, folder, tmp_path_factory):
    """Results; what the executed notebooks say; the bait; whether the libraries' files are what they were."""
    before = libraries()
    neighbour = tmp_path_factory.mktemp("class") / "neighbour.ipynb"
    with canaries() as bait:
        neighbour.write_text(bait["secret"])
        results = grade_many({name: cells for name, (cells, _) in CASES.items()}, folder)
        assert neighbour.read_text() == bait["secret"]
        assert Path(bait["private"]).read_text() == "a secret of the host"
    return results, bait, libraries() == before


@pytest.mark.sandbox
@pytest.mark.parametrize("case", CASES)
def test_an_attack_earns_what_its_tasks_earn(graded, case):
    result, wanted = graded[0][case], CASES[case][1]
    marks = {task.name: task.points for task in result.tasks}
    assert result.problem == ""
    if wanted is None:  # whatever the forged answers do to it: no more than a forged number can earn
        assert marks["double"] == marks["counter"] == 0
    else:
        assert marks == wanted


@pytest.mark.sandbox
@pytest.mark.parametrize("case", CASES)
def test_no_bait_comes_back(graded, folder, case):
    results, bait, _ = graded
    told = "\n".join(one.message for task in results[case].tasks for one in task.requirements)
    executed = (folder / f"{results[case].page}.ipynb").read_text()
    for word in (bait["secret"], bait["mark"], "a secret of the host", "root:", "uid=0", "connected ", "open 22"):
        assert word not in told + executed
    assert len(executed) < 1_000_000


@pytest.mark.sandbox
def test_nothing_survives_and_nothing_is_changed(graded):
    deadline, left = time.monotonic() + 5, ["?"]
    while left and time.monotonic() < deadline:
        left = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                left += [process.name] if SLEEP.encode() in (process / "cmdline").read_bytes() else []
    assert left == []
    assert graded[2]
    assert "secret" not in os.environ.get("COURSE_SECRET", "")
