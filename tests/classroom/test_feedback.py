"""What students see of their answers: three states, never an exception, nothing left behind."""

import html
import re

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from course_lib.classroom.feedback import judge, there


class Notebook:
    """A kernel without a process: runs cells, and gives back what they display."""

    def __init__(self, tmp_path):
        config = Config()
        config.HistoryManager.enabled = False
        InteractiveShell.clear_instance()
        self.shell = InteractiveShell.instance(config=config, ipython_dir=str(tmp_path))
        self.shell.run_line_magic("load_ext", "course_lib.classroom")

    def run(self, source):
        with capture_output() as seen:
            result = self.shell.run_cell(source)
        self.error = result.error_before_exec or result.error_in_exec
        return [output.data for output in seen.outputs]

    def check(self, source):
        (shown,) = self.run(source)
        assert self.error is None, "a check stopped the notebook"
        return shown["text/plain"]


@pytest.fixture
def notebook(tmp_path):
    yield Notebook(tmp_path)
    InteractiveShell.clear_instance()


HALF = '%%check half: of an even number\nvalue = half(6)\nassert value == 3, f"half(6) gave {value}. Wanted: 3."\n'


def test_a_stub_is_not_attempted_and_says_what_to_do(notebook):
    notebook.run('def half(x):\n    raise NotImplementedError("half: write your code here")')
    assert notebook.check(HALF) == "○ half: of an even number · not attempted\n  half: write your code here."


def test_a_check_before_its_task_cell_asks_to_run_that_cell_first(notebook):
    assert "not attempted\n  There is no `half` yet: run the cell above first, it makes it." in notebook.check(HALF)


def test_an_open_name_is_not_attempted(notebook):
    notebook.run("answer = ...  # your answer")
    assert "○ answer · not attempted\n  `answer` is still `...`" in notebook.check(
        "%%check answer\nassert answer == 1, 'no'"
    )


def test_a_wrong_value_is_not_yet_and_shows_the_message(notebook):
    notebook.run("def half(x): return x")
    assert notebook.check(HALF) == "✗ half: of an even number · not yet\n  half(6) gave 6. Wanted: 3."


def test_a_right_answer_is_right_and_asks_the_question_after(notebook):
    notebook.run("def half(x): return x / 2")
    assert notebook.check(HALF) == "✓ half: of an even number · right"
    assert notebook.check(HALF + "# after: Why not x // 2?\n").endswith("right\n  Why not x // 2?")


def test_an_exception_names_function_line_and_call_of_the_students_code(notebook):
    notebook.run("def half(x):\n    nothing = 0\n    return x / nothing")
    shown = notebook.check(HALF)
    assert "✗ half: of an even number · not yet" in shown
    assert "Your code stopped with ZeroDivisionError: division by zero" in shown
    assert "In `half`, line 3 of its cell: `return x / nothing`" in shown
    assert "It was asked for: `value = half(6)`" in shown
    assert shown.endswith("hold at that moment?")


def test_the_deepest_line_of_the_student_is_named_not_the_librarys(notebook):
    notebook.run("import json\ndef helper(x): return json.loads(x)\ndef half(x):\n    return helper('{')")
    shown = notebook.check(HALF)
    assert "JSONDecodeError" in shown
    assert "In `helper`, line 2" in shown


@pytest.mark.parametrize(
    "body",
    [
        "raise SystemExit(3)",
        "raise GeneratorExit",
        "return half(x)",
        "raise type('Odd', (BaseException,), {'__str__': lambda self: 1 / 0})()",
        "raise ExceptionGroup('many', [ValueError('one')])",
        "assert False",
        "import os; os.no_such_thing",
        "raise AssertionError(object())",
        "raise StopIteration",
    ],
)
def test_whatever_the_code_does_is_not_yet_and_the_notebook_goes_on(notebook, body):
    notebook.run(f"def half(x):\n    {body}")
    shown = notebook.check(HALF)
    assert shown.startswith("✗ half: of an even number · not yet\n  Your code stopped with ")
    assert "In `half`, line 2" in shown


def test_an_interrupt_goes_through(notebook):
    notebook.run("def half(x):\n    raise KeyboardInterrupt")
    assert notebook.run(HALF) == []
    assert isinstance(notebook.error, KeyboardInterrupt)


def test_wrong_arguments_are_told_with_the_call(notebook):
    notebook.run("def half(): return 3")
    shown = notebook.check(HALF)
    assert "half() takes 0 positional arguments but 1 was given" in shown
    assert "It was asked for: `value = half(6)`" in shown


def test_an_unknown_name_in_the_students_code_is_not_yet(notebook):
    notebook.run("def half(x): return y / 2")
    assert "✗" in notebook.check(HALF)
    assert "Your code stopped with NameError: name 'y' is not defined" in notebook.check(HALF)


def test_not_implemented_is_not_attempted_only_where_the_student_says_so(notebook):
    notebook.run("def half(x): raise NotImplementedError")
    assert "○ half: of an even number · not attempted\n  Write your code in the cell above." in notebook.check(HALF)
    notebook.run("import torch\nclass Half(torch.nn.Module):\n    pass\nhalf = Half()")
    assert "✗ half: of an even number · not yet\n  Your code stopped with NotImpl" in notebook.check(HALF)


def test_a_gap_that_is_still_open_is_named(notebook):
    notebook.run('def half(x):\n    y = x\n    raise NotImplementedError("half: gap 2 of 2 is yours to fill")')
    assert "not attempted\n  half: gap 2 of 2 is yours to fill." in notebook.check(HALF)


def test_a_check_leaves_nothing_behind_and_takes_nothing_away(notebook):
    notebook.run("def half(x): return x / 2\nvalue = 'mine'\nrng = 'mine too'")
    before = set(notebook.shell.user_ns)
    notebook.check(HALF + "def helper(): return value\nassert helper() == 3, 'no'\nfor temporary in range(3): pass")
    assert set(notebook.shell.user_ns) == before
    assert notebook.shell.user_ns["value"] == "mine"
    assert notebook.shell.user_ns["rng"] == "mine too"


def test_a_check_has_a_seeded_generator_and_there(notebook):
    source = '%%check t\nassert rng.integers(1000) == 850, "seed"\nassert there("np.ones(2).sum()") == 2, "there"'
    assert "✓" in notebook.check(source)
    assert "✓" in notebook.check(source)


def test_asserts_are_kept_in_an_optimised_kernel():
    assert judge("assert False, 'kept'", {}).lines == ("kept",)


def test_a_check_that_was_changed_into_no_python_is_told(notebook):
    shown = notebook.check("%%check half\nassert half(6 == 3, 'no'\n")
    assert "The check itself was changed (line 1): copy it from the notebook handed out." in shown


def test_a_check_without_a_name_asks_for_one(notebook):
    assert "Name the task: %%check output_size" in notebook.check("%%check\nassert 1, 'x'")


def test_dollars_and_braces_in_a_requirement_are_text(notebook):
    assert "✓ t: costs $5 {x} · right" in notebook.check("%%check t: costs $5 {x}\nassert 1, 'x'")


def test_html_stresses_what_stands_in_asterisks_and_the_text_keeps_them(notebook):
    (shown,) = notebook.run("%%check t: the *other* axis\nassert 1, 'x'")
    assert "the <em>other</em> axis" in shown["text/html"]
    assert "the *other* axis" in shown["text/plain"]


def test_html_escapes_what_students_write_and_says_symbol_and_word(notebook):
    notebook.run("def half(x): return '<script>alert(1)</script> `a < b`'")
    (shown,) = notebook.run(HALF)
    assert "<script>" not in shown["text/html"]
    assert "<code>a &lt; b</code>" in shown["text/html"]
    assert "✗" in shown["text/html"]
    assert "<b>not yet</b>" in shown["text/html"]
    text = html.unescape(re.sub(r"<[^>]+>", "", shown["text/html"]))
    assert "half(6) gave" in text


def test_only_the_symbol_and_the_border_are_coloured_so_that_text_reads_on_dark_and_light(notebook):
    notebook.run("def half(x): return 1")
    (shown,) = notebook.run(HALF)
    assert re.findall(r"(?<![-\w])color:#\w+", shown["text/html"]) == ["color:#D55E00"]
    assert "background" not in shown["text/html"]


def test_progress_shows_every_task_with_the_checks_that_are_right(notebook):
    notebook.run("def half(x): return x / 2\nanswer = ...")
    notebook.check(HALF)
    notebook.check("%%check half: of an odd number\nassert half(3) == 1, 'no'")
    notebook.check("%%check answer: is 42\nassert answer == 42, 'no'")
    shown = notebook.check("%progress half=2 answer=1 area=1")
    assert shown.splitlines() == [
        "0 of 3 tasks right",
        "  ✗ half    not yet        1 of 2 checks right",
        "  ○ answer  not attempted  0 of 1 check right",
        "  ○ area    not attempted  0 of 1 check right",
    ]
    notebook.run("answer = 42")
    notebook.check("%%check answer: is 42\nassert answer == 42, 'no'")
    assert "1 of 3 tasks right" in notebook.check("%progress half=2 answer area")


def test_progress_counts_checks_that_were_not_run_as_open(notebook):
    notebook.run("def half(x): return x / 2")
    notebook.check(HALF)
    assert notebook.check("%progress half=2").endswith("✗ half  not yet        1 of 2 checks right")


def test_progress_without_tasks_says_what_to_do(notebook):
    assert notebook.check("%progress") == "No task was checked yet: run a cell that begins with %%check."


def test_progress_is_kept_when_the_extension_is_loaded_again(notebook):
    notebook.run("def half(x): return x / 2")
    notebook.check(HALF)
    notebook.run("%reload_ext course_lib.classroom")
    assert "1 of 1 tasks right" in notebook.check("%progress half")


def test_there_has_torch_when_it_is_asked_for():
    assert there("torch.zeros(2, 3).shape[1]") == 3


def test_the_check_sees_functions_that_use_the_students_own_names(notebook):
    notebook.run("factor = 0.5\ndef half(x): return np.multiply(x, factor)\nimport numpy as np")
    assert "✓" in notebook.check(HALF)
    notebook.run("factor = np.float64(1)")
    assert "✗" in notebook.check(HALF)
    assert notebook.shell.user_ns["factor"] == np.float64(1)
