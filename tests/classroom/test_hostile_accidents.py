"""Notebooks that do harm without meaning it: each task still gets the marks that it earned."""

import nbformat
import pytest

# ruff: noqa: E501 - programs as data

DOUBLE = "def double(x):\n    return 2 * x"
COUNTER = """class Counter:
    def __init__(self):
        self.count = 0
    def add(self, n):
        self.count += n"""
ANSWER = "answer = 42"
ALL = [DOUBLE, COUNTER, ANSWER]
NO_DOUBLE, NO_COUNTER = {"double": 0.0}, {"counter": 0.0}


def around(*cells: str) -> list[str]:
    """Return a right notebook in which other cells stand before the last task."""
    return [DOUBLE, COUNTER, *cells, ANSWER]


def double(body: str, *before: str) -> list[str]:
    """Return a right notebook but for the body of `double`."""
    return [*before, "def double(x):\n" + "\n".join(f"    {line}" for line in body.split("\n")), COUNTER, ANSWER]


SWALLOW = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"

# name: cells, and the marks of tasks that are not full
CASES = {
    "everything right": (ALL, {}),
    "an aggressive reset, which would cull every module it does not know": (["%reset -f -s", *ALL], {}),
    "reordered, merged, with old versions above": (
        ["answer = 1", f"{ANSWER}\n{COUNTER}", "def double(x): pass", DOUBLE],
        {},
    ),
    "its own set-up is missing": (["del np", *ALL], {}),
    "all in one cell": (["\n".join(ALL)], {}),
    # loops and output
    "an endless loop in a cell": ([DOUBLE, "while True:\n    pass", ANSWER], NO_COUNTER),
    "an endless loop after a definition in the same cell": ([f"{DOUBLE}\nwhile True: pass", COUNTER, ANSWER], {}),
    "an endless loop in a function": (double("while True:\n    pass"), NO_DOUBLE),
    "a loop that swallows interrupts, in a function": (double(SWALLOW), NO_DOUBLE),
    "a loop that swallows interrupts, in a cell": (around(SWALLOW), {}),
    "a loop that ignores SIGINT": (
        around("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass"),
        {},
    ),
    "sleeps for an hour": (around("import time\ntime.sleep(3600)"), {}),
    "stops its own process": (around("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"), {}),
    "prints without end": (around("while True:\n    print('x' * 10_000)"), {}),
    "prints a lot in a function": (double("print('x' * 3_000_000)\nreturn 2 * x"), {}),
    "shows a huge value": (around("'x' * 30_000_000"), {}),
    "shows a huge page": (around("from IPython.display import HTML\nHTML('<b>' * 5_000_000)"), {}),
    "updates a display without end": (
        around("from IPython.display import display\nh = display(1, display_id=True)\nwhile True: h.update(2)"),
        {},
    ),
    "a thread that prints for ever": (
        around(
            "import threading, time\ndef chatter():\n    while True:\n        print('still here'); time.sleep(.01)\n"
            "threading.Thread(target=chatter).start()"
        ),
        {},
    ),
    # memory, disk, processes
    "a memory bomb in a cell": (around("hoard = []\nwhile True:\n    hoard.append(bytes(2**26) + b'x')"), {}),
    "a memory bomb in a function": (double("return bytearray(6 * 2**30)"), NO_DOUBLE),
    "an array too large to travel": (double("return np.zeros(60_000_000)", "import numpy as np"), NO_DOUBLE),
    "a string too large to travel": (
        [DOUBLE, "class Counter:\n    def add(self, n):\n        self.count = 'x' * 150_000_000", ANSWER],
        NO_COUNTER,
    ),
    "fills the disk": (
        around("for n in range(10**6):\n    open(f'file{n}', 'wb').write(bytes(2**20))"),
        {},
    ),
    "a huge file": (around("with open('/tmp/huge', 'wb') as f:\n    while True: f.write(bytes(2**24))"), {}),
    "a process bomb": (around("import os\nwhile True:\n    os.fork()"), {}),
    "a process bomb in a function": (double("import os\nwhile True:\n    os.fork()"), NO_DOUBLE),
    "a thread bomb": (
        around(
            "import threading, time\nwhile True:\n"
            "    threading.Thread(target=time.sleep, args=(99,), daemon=True).start()"
        ),
        {},
    ),
    "opens files without end": (around("kept = []\nwhile True:\n    kept.append(open('/dev/null'))"), {}),
    # ends
    "sys.exit, exit, quit": (["import sys\nsys.exit()", "exit()", "quit()", *ALL], {}),
    "sys.exit in a function": (double("import sys\nsys.exit(0)"), NO_DOUBLE),
    "the kernel is ended by a cell": ([DOUBLE, "import os\nos._exit(1)", ANSWER], NO_COUNTER),
    "os._exit in a function": (double("import os\nos._exit(0)"), NO_DOUBLE),
    "os.abort in a method": (
        [DOUBLE, "import os\nclass Counter:\n    count = 0\n    def add(self, n):\n        os.abort()", ANSWER],
        NO_COUNTER,
    ),
    "kills itself": (around("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"), {}),
    "is ended by an alarm": (around("import signal, time\nsignal.alarm(1)\ntime.sleep(2)"), {}),
    "shuts the kernel down politely": (around("get_ipython().kernel.do_shutdown(False)\nimport os\nos._exit(0)"), {}),
    "a segmentation fault in a function": (double("import ctypes\nreturn ctypes.string_at(0)"), NO_DOUBLE),
    "a segmentation fault in a cell": (around("import ctypes\nctypes.string_at(0)"), {}),
    "deep recursion": (double("return double(x)"), NO_DOUBLE),
    "recursion without its limit": (double("import sys\nsys.setrecursionlimit(10**9)\nreturn double(x)"), NO_DOUBLE),
    "closes every open file": (around("import os\nos.closerange(0, 500)"), {}),
    "closes its output": (around("import sys\nsys.stdout.close()", "import sys\nsys.stderr = None"), {}),
    "raises what is no Exception": (
        around("raise KeyboardInterrupt", "class Mine(BaseException): pass\nraise Mine"),
        {},
    ),
    # source
    "a syntax error in one task": (["def double(x:\n    return 2 * x", COUNTER, ANSWER], NO_DOUBLE),
    "an indentation error in one task": (["def double(x):\nreturn 2 * x", COUNTER, ANSWER], NO_DOUBLE),
    "a null byte in one task": ([DOUBLE + "\0", COUNTER, ANSWER], NO_DOUBLE),
    "Windows line ends": ([cell.replace("\n", "\r\n") for cell in ALL], {}),
    "tabs": ([cell.replace("    ", "\t") for cell in ALL], {}),
    "a line of a million characters": (around(f"x = {'1 + ' * 1_000}1", f"s = '{'x' * 1_000_000}'"), {}),
    "an expression nested too deeply": (around("(" * 5_000 + ")" * 5_000, "-" * 100_000 + "1"), {}),
    "200 small cells": (["x = 1"] * 200 + ALL, {}),
    "emoji and other scripts": (["größe = '🙂'\nданные = 1", *ALL], {}),
    "half a character": (["x = '?'  # \udcff".encode("utf-8", "replace").decode(), *ALL], {}),
    "only comments and empty cells": (["", "  \n", "# nothing", *ALL], {}),
    # names
    "names that shadow builtins": (
        ["list = dict = len = sum = range = type = isinstance = str = repr = open = 3", "print = None", *ALL],
        {},
    ),
    "np = 3": ([*ALL, "np = 3"], {}),
    "a variable with the function's name": ([*ALL, "double = double(3)"], NO_DOUBLE),
    "a definition that is deleted again": ([*ALL, "del double"], NO_DOUBLE),
    "everything is deleted": ([*ALL, "%reset -f"], dict.fromkeys(("double", "counter", "answer"), 0.0)),
    "globals are cleared before": (["globals().clear()", *ALL], {}),
    "changes the folder": (around("import os\nos.chdir('/')"), {}),
    "works in a folder that is gone": (
        around("import os\nos.mkdir('/tmp/a'); os.chdir('/tmp/a'); os.rmdir('/tmp/a')"),
        {},
    ),
    "empties the environment": (around("import os\nos.environ.clear()"), {}),
    # input and output
    "asks for input": (around("name = input('Your name? ')", "import getpass\ngetpass.getpass()"), {}),
    "asks for input in a function": (double("return 2 * float(input())"), NO_DOUBLE),
    "200 figures": (
        around("import matplotlib.pyplot as plt\nfor _ in range(200):\n    plt.figure(figsize=(1, 1))"),
        {},
    ),
    "widgets": (
        around("import ipywidgets\nipywidgets.interact(lambda x: x, x=(0, 9))", "ipywidgets.Button()"),
        {},
    ),
    "Colab": (
        [
            "from google.colab import drive\ndrive.mount('/content/drive')",
            "!pip install torch",
            "%tensorflow_version 2.x",
            "%cd /content",
            "!wget -q http://192.0.2.1/x",
            *ALL,
        ],
        {},
    ),
    "magics": (
        ["%matplotlib notebook", "%%bash\nexit 3", "%%html\n<b>", "%load_ext autoreload\n%autoreload 2", "double?"]
        + ["%%writefile notes.txt\nx", "%timeit -n1 -r1 1", "%nosuchmagic", "%%nosuchmagic\nx", *ALL],
        {},
    ),
    "warnings on stderr": (
        double("import sys, warnings, logging\nwarnings.warn('w')\nlogging.error('e')\nsys.stderr.write('s')\nreturn 2 * x"),
        {},
    ),
    "warnings are errors": (["import warnings\nwarnings.simplefilter('error')", *ALL], {}),
    "floating-point errors are raised": (["import numpy as np\nnp.seterr(all='raise')", *ALL], {}),
    "debug prints": (double("print(x, 'AssertionError: 0 of 4 points')\nreturn 2 * x"), {}),
    "a debugger": (around("breakpoint()", "import pdb\npdb.set_trace()", "%debug"), {}),
    # results
    "random results": (double("import random\nreturn x * random.random()"), NO_DOUBLE),
    "slow but finite": (double("import time\ntime.sleep(0.6)\nreturn 2 * x", "import time\ntime.sleep(1)"), {}),
    "too slow": (double("import time\ntime.sleep(9)\nreturn 2 * x"), NO_DOUBLE),
    "other right forms": (
        [
            "import functools, operator\ndouble = functools.partial(operator.mul, 2)",
            "from dataclasses import dataclass\n@dataclass\nclass Counter:\n    count: int = 0\n"
            "    def add(self, n):\n        self.count = self.count + n\n        return self",
            "import numpy as np\nanswer = np.int64(42)",
        ],
        {},
    ),
    "a coroutine instead of a function": (["async def double(x):\n    return 2 * x", COUNTER, ANSWER], NO_DOUBLE),
    "waits at the top level": (around("import asyncio\nawait asyncio.sleep(0.01)", "asyncio.run(main())"), {}),
    "several processes of its own": (
        double("import multiprocessing\nwith multiprocessing.get_context('fork').Pool(2) as pool:\n"
               "    pool.map(abs, [1, 2])\nreturn 2 * x"),
        {},
    ),
    "an endless generator": (double("while True:\n    yield x"), NO_DOUBLE),
    "contains itself": (double("loop = []\nloop.append(loop)\nreturn loop"), NO_DOUBLE),
    "a value that cannot be shown": (
        double("class Odd:\n    def __repr__(self): 1 / 0\n    __str__ = __class_getitem__ = __repr__\nreturn Odd()"),
        NO_DOUBLE,
    ),
    "the stubs": (["def double(x):\n    raise NotImplementedError", "class Counter: pass", "answer = ..."],
                  dict.fromkeys(("double", "counter", "answer"), 0.0)),
}  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("executed")


@pytest.fixture(scope="module")
def results(grade_many, folder):
    return grade_many({name: cells for name, (cells, _) in CASES.items()}, folder)


@pytest.mark.sandbox
@pytest.mark.parametrize("case", CASES)
def test_every_task_gets_the_marks_that_it_earned(results, case):
    result, wanted = results[case], {"double": 4.0, "counter": 2.0, "answer": 1.0} | CASES[case][1]
    assert result.problem == ""
    assert {task.name: task.points for task in result.tasks} == wanted


@pytest.mark.sandbox
def test_executed_notebooks_are_small_and_can_be_read(results, folder):
    assert len(list(folder.glob("*.ipynb"))) == len(CASES)
    for path in folder.glob("*.ipynb"):
        assert path.stat().st_size < 3_000_000
        nbformat.read(path, as_version=4)
