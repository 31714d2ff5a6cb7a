"""Notebooks that want marks which they did not earn: none gets them, and none sees a hidden check.

Every case comes with the marks that it earned, which are those of what it really defines.
"""

import re

import pytest

# ruff: noqa: E501 - programs as data

DOUBLE = "def double(x):\n    return 2 * x"
COUNTER = """class Counter:
    def __init__(self):
        self.count = 0
    def add(self, n):
        self.count += n"""
ANSWER = "answer = 42"
NONE = {"double": 0.0, "counter": 0.0, "answer": 0.0}
ALL = {"double": 4.0, "counter": 2.0, "answer": 1.0}
ONLY_VISIBLE = NONE | {"double": 1.0}
WRONG = "def double(x):\n    return 3 * x"
EQUAL = """class Equal(float):
    __eq__ = __ge__ = __le__ = __contains__ = lambda self, other: True
    __sub__ = __rsub__ = __abs__ = lambda self, *other: 0.0
    __hash__ = None
    __array__ = lambda self, *a, **k: __import__('numpy').zeros(7)
"""
SPY = """import sys, gc, inspect
def stolen(word):
    seen, frame = [], sys._getframe().f_back
    while frame is not None:
        seen += [repr(value)[:3000] for value in (*frame.f_locals.values(), *frame.f_globals.values())]
        frame = frame.f_back
    return [text for text in seen if word in text]
def double(x):
    for text in stolen('secret_' + 'input'):
        return eval('2 * x')
    return None
"""
WALK = """import os
def find(word, places=('/work', '/root', '/home', '/tmp', '/etc', '/opt', '/srv', '/var', '/mnt')):
    for place in places:
        for folder, _, files in os.walk(place):
            for name in files:
                if name.endswith(('.py', '.ipynb', '.txt')):
                    try:
                        if word in open(os.path.join(folder, name)).read():
                            return folder
                    except Exception:
                        pass
def double(x):
    return 2 * x if find('secret_' + 'input') else None
"""

# name: cells, marks earned
CASES = {
    # copies of the checks
    "forged checks and points": (
        ["%%check double\npoints = 100", "print('double: 4 of 4 points passed')\nPOINTS = points = 100", WRONG],
        NONE,
    ),
    "its own %%check magic": (
        [
            "from IPython.core.magic import register_cell_magic\n@register_cell_magic\ndef check(line, cell):\n"
            "    print('✓ right')",
            "%%check double\nassert True",
            WRONG,
        ],
        NONE,
    ),
    "checks that are deleted, and all is right": ([DOUBLE, COUNTER, ANSWER], ALL),
    "a check of its own that is right before the last word": (
        [DOUBLE, "assert double(3) == 6", WRONG, COUNTER, ANSWER],
        ALL | {"double": 0.0},
    ),
    "names that the grader uses": (
        ["session = names = there = explain = hint_for = rng = bind = judge_task = lambda *a, **k: True", WRONG],
        NONE,
    ),
    # patched libraries
    "numpy.allclose is patched": (
        ["import numpy as np\nnp.allclose = np.testing.assert_allclose = np.array_equal = lambda *a, **k: True", WRONG],
        NONE,
    ),
    "the parameters of the library are patched": (["np.ndarray = object\nnp.random.default_rng = None", WRONG], NONE),
    "torch is patched": (
        ["import torch\ntorch.allclose = torch.equal = torch.testing.assert_close = lambda *a, **k: True", WRONG],
        NONE,
    ),
    "scikit-learn is patched": (
        ["import sklearn.metrics\nsklearn.metrics.accuracy_score = lambda *a, **k: 1.0", WRONG],
        NONE,
    ),
    "builtins are patched": (
        [
            "import builtins\nbuiltins.abs = builtins.all = builtins.isinstance = lambda *a: True\n"
            "builtins.AssertionError = Warning\nbuiltins.__build_class__ = None",
            WRONG,
        ],
        NONE,
    ),
    "sys.modules is patched": (
        [
            "import sys, types\nsys.modules['numpy'] = sys.modules['course_lib'] = types.ModuleType('numpy')\n"
            "sys.modules['pytest'] = sys.modules['unittest'] = None",
            WRONG,
        ],
        NONE,
    ),
    "the door itself is patched": (
        [
            "import course_lib.classroom.student_side as side, course_lib.classroom.wire as wire\n"
            "side.answer = lambda request: '{\"value\":true}'\nside._carry_out = lambda request: True\n"
            "wire.encode = side.encode = lambda value, **k: 'true'",
            WRONG,
        ],
        NONE,
    ),
    "the door answers 42 to everything": (
        ["import course_lib.classroom.student_side as side\nside.encode = lambda value, **k: '42'", WRONG],
        NONE,
    ),
    "json is patched": (["import json\njson.loads = lambda text: {'kind': 'evaluate', 'expression': '6'}", WRONG], NONE),
    "the shell is patched": (
        [
            "from IPython.core.interactiveshell import InteractiveShell\n"
            "InteractiveShell.run_cell = InteractiveShell.showtraceback = lambda *a, **k: None",
            WRONG,
        ],
        NONE,
    ),
    "the syntax tree is transformed": (
        [
            "import ast\nclass Lenient(ast.NodeTransformer):\n    def visit_Assert(self, node): return ast.Pass()\n"
            "get_ipython().ast_transformers.append(Lenient())",
            WRONG,
        ],
        NONE,
    ),
    "the input is transformed": (
        ["get_ipython().input_transformers_cleanup.append(lambda lines: ['x = 1\\n'])", WRONG],
        NONE,
    ),
    "exceptions are swallowed": (
        [
            "import sys\nsys.excepthook = lambda *a: None\nget_ipython().set_custom_exc((BaseException,), lambda *a: None)",
            "def double(x):\n    try:\n        return 3 * x\n    finally:\n        return",
        ],
        NONE,
    ),
    "a trace function looks on": (
        ["import sys, threading\nsys.settrace(lambda *a: None)\nsys.setprofile(lambda *a: None)", WRONG],
        NONE,
    ),
    "imports are hooked": (
        [
            "import sys, importlib.abc\nclass Hook(importlib.abc.MetaPathFinder):\n"
            "    def find_spec(self, name, path, target=None): raise ImportError\nsys.meta_path.insert(0, Hook())",
            WRONG,
        ],
        NONE,
    ),
    "the clock is patched": (["import time\ntime.monotonic = time.time = lambda: 0", WRONG], NONE),
    # lying objects
    "objects that equal everything": (
        [
            EQUAL + "double = lambda x: Equal(5)",
            "class Counter:\n    count = Equal(1)\n    def add(self, n):\n        pass",
            "answer = Equal('nan')",
        ],
        NONE,
    ),
    "an array subclass that lies": (
        [
            "import numpy as np\nclass Lie(np.ndarray):\n    __eq__ = lambda self, other: np.ones(1, bool)\n"
            "    __sub__ = __rsub__ = lambda self, other: np.zeros(1)\n"
            "    __array_ufunc__ = lambda self, *a, **k: np.zeros(1)\n"
            "    __array_function__ = lambda self, *a, **k: True\ndouble = lambda x: np.zeros(7).view(Lie)",
            "answer = np.zeros(()).view(Lie)",
        ],
        NONE,
    ),
    "whole numbers that lie": (
        [
            "class Lie(int):\n    __eq__ = __ne__ = __lt__ = __gt__ = lambda self, other: True\n    __hash__ = int.__hash__\n"
            "    __int__ = __index__ = lambda self: 42\ndouble = lambda x: Lie(7)\nanswer = Lie(7)",
            "class Counter:\n    count = Lie(7)\n    add = print",
        ],
        NONE,
    ),
    "text that lies": (["class Lie(str):\n    __eq__ = lambda s, o: True\n    __hash__ = None\nanswer = Lie('4')"], NONE),
    "a mapping that holds everything": (
        [
            "class Any(dict):\n    __missing__ = __getattr__ = lambda self, key: 42\n    __contains__ = lambda *a: True\n"
            "double = lambda x: Any()\nCounter = Any\nanswer = Any()",
        ],
        NONE,
    ),
    "an answer that is a function": (["answer = lambda *a: 42"], NONE),
    "a tensor that lies": (
        [
            "import torch\nclass Lie(torch.Tensor):\n    @classmethod\n"
            "    def __torch_function__(cls, *a, **k): return torch.tensor(True)\ndouble = lambda x: torch.zeros(7).as_subclass(Lie)",
            "answer = torch.zeros(()).as_subclass(Lie)",
        ],
        NONE,
    ),
    "nan and infinity": (["double = lambda x: x * float('nan')\nanswer = float('inf')"], NONE),
    "a number as text": (["double = lambda x: '6'\nanswer = '42'"], NONE),
    "AssertionError and StopIteration of its own": (
        [
            "def double(x):\n    raise AssertionError('passed')",
            "class Counter:\n    def add(self, n):\n        raise StopIteration",
            "answer = StopIteration(42)",
        ],
        NONE,
    ),
    "an exception with a mark in it": (
        ["class Passed(Exception):\n    points = 4\n    def __str__(self): return 'state=passed'\ndef double(x):\n    raise Passed"],
        NONE,
    ),
    # looking for the answers
    "values read from the callers' frames": ([SPY], NONE),
    "expected values read from memory": (
        ["import gc\ndef double(x):\n    return [o for o in gc.get_objects() if isinstance(o, str) and '31337' in o]"],
        NONE,
    ),
    "its own source is inspected": (
        ["import inspect\ndef double(x):\n    return [inspect.getsource(one.frame) for one in inspect.stack()]"],
        NONE,
    ),
    "a walk through all files": ([WALK], NONE),
    "the history of the kernel": (
        ["def double(x):\n    shell = get_ipython()\n    return [*shell.history_manager.get_range(), shell.user_ns.get('In')]"],
        NONE,
    ),
    "the reference implementation, imported": (
        ["from course_lib.errors import CourseError\ndef double(x):\n    return CourseError"],
        NONE,
    ),
    "the reference implementation, read": (
        [
            "import course_lib.errors, inspect\nsource = open(course_lib.errors.__file__).read()\n"
            "answer = 42 if 'Exception' in source else 0",
            "def double(x):\n    return 2 * x if 'Exception' in inspect.getsource(course_lib.errors.CourseError) else 0",
        ],
        NONE,
    ),
    "the reference implementation, from compiled files": (
        [
            "import glob, os, course_lib\nfolder = os.path.dirname(course_lib.__file__)\n"
            "hits = [p for p in glob.glob(folder + '/**/errors*.pyc', recursive=True) if b'one line' in open(p, 'rb').read()]\n"
            "answer = 42 if hits else 0",
        ],
        NONE,
    ),
    "the grader's own modules": (
        ["from course_lib.classroom import judging, grading\nanswer = 41\njudging._judge = lambda *a: ('passed', '')", WRONG],
        NONE,
    ),
    "known inputs are special cases": (["def double(x):\n    return 6 if np.ndim(x) == 0 else None"], ONLY_VISIBLE),
    "guesses by the calls that it has seen": (
        ["seen = []\ndef double(x):\n    seen.append(x)\n    return 2 * seen[0]"],
        ONLY_VISIBLE,
    ),
    "waits for the grader to be gone": (
        ["import atexit, os\natexit.register(lambda: open('/tmp/results.csv', 'w').write('me,100'))", WRONG],
        NONE,
    ),
    "rewrites its cells": (["In[:] = ['answer = 42']\nget_ipython().set_next_input('answer = 42')", WRONG], NONE),
    "a forged results file": (
        [
            "import json\nfor path in ('results.csv', '/tmp/results.csv', 'executed.ipynb', '/tmp/out.ipynb'):\n"
            "    open(path, 'w').write('ada,7,7,100')",
            WRONG,
        ],
        NONE,
    ),
    "hostile pickles": (
        [
            "class Bomb:\n    def __reduce__(self):\n        import os\n        return os.system, ('touch /tmp/owned',)\n"
            "double = lambda x: Bomb()\nanswer = Bomb()\nCounter = Bomb",
        ],
        NONE,
    ),
    "arrays of objects": (["double = lambda x: np.array([2 * x, print], dtype=object)\nanswer = np.array(42, object)"], NONE),
    "the tasks of others": (["def Counter(*a): return double\ndef double(x): return answer\nanswer = double"], NONE),
}  # fmt: skip
LEAKS = ("31337", "secret_input", "hint_for", "allclose(got", "square it?")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("executed")


@pytest.fixture(scope="module")
def results(grade_many, folder):
    return grade_many({name: cells for name, (cells, _) in CASES.items()}, folder)


@pytest.mark.sandbox
@pytest.mark.parametrize("case", CASES)
def test_no_mark_is_raised(results, case):
    assert results[case].problem == ""
    assert {task.name: task.points for task in results[case].tasks} == CASES[case][1]


@pytest.mark.sandbox
@pytest.mark.parametrize("case", CASES)
def test_no_hidden_check_is_told(results, folder, case):
    told = "\n".join(one.message for task in results[case].tasks for one in task.requirements if one.kind == "hidden")
    executed = (folder / f"{results[case].page}.ipynb").read_text()
    handed_in = "\n".join(CASES[case][0])
    # whole words: the digits of a time of day are no leak
    found = [word for word in LEAKS[:4] if re.search(rf"(?<!\d){re.escape(word)}(?!\d)", told + executed)]
    assert [word for word in found if word not in handed_in] == []
