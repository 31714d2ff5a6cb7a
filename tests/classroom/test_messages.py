import html
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.classroom.messages import as_html, explain, hint_for, reveal, same_value, show_value


def test_a_known_wrong_value_gets_its_own_hint_and_any_other_the_question():
    known = [(30, "On how many sides?"), (31, "Which way is it rounded?")]
    assert (
        explain("size(32)", 30, "32", known=known, ask="Draw it.") == "size(32) gave 30. Wanted: 32. On how many sides?"
    )
    assert explain("size(32)", 31.0, "32.", known=known, ask="Draw it.").endswith(
        "Wanted: 32. Which way is it rounded?"
    )
    assert explain("size(32)", 7, "32", known=known, ask="Draw it.").endswith("Draw it.")
    assert explain("size(32)", 7, "32") == "size(32) gave 7. Wanted: 32."


def test_a_hint_alone_shows_neither_value_nor_input():
    assert hint_for(30, known=[(30, "On how many sides?")], otherwise="Look again.") == "On how many sides?"
    assert hint_for(None, known=[(30, "On how many sides?")], otherwise="Look again.") == "Look again."


@pytest.mark.parametrize(
    ("got", "wrong"),
    [
        (1.0005, 1),
        (np.float32(0.5), 0.5),
        ([1, 2], (1, 2)),
        (np.array([[1.0, 2.0]]), [[1, 2]]),
        (torch.tensor([1.0, 2.0]), [1, 2]),
        (torch.tensor([1.0], dtype=torch.bfloat16), np.array([1])),
        (torch.ones(2, requires_grad=True), [1, 1]),
        (float("nan"), np.nan),
        (True, True),
        (np.array([True, False]), [True, False]),
        ("text", "text"),
        (None, None),
        ((1, "a"), [1, "a"]),
        ({"a": 1, "b": [2]}, {"b": (2.0,), "a": 1}),
        ([[1], [2, 3]], [[1], [2, 3]]),
        ([], []),
        (2 + 1j, 2 + 1j),
        (np.zeros(0), np.zeros(0)),
    ],
)
def test_values_that_are_the_same_whatever_holds_them(got, wrong):
    assert same_value(got, wrong)


class Odd:
    """Claims to equal everything."""

    def __eq__(self, other):
        return True

    def __hash__(self):
        return 0

    def __repr__(self):
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("got", "wrong"),
    [
        (1.01, 1),
        (1, True),
        (0, False),
        ([1, 2], [[1, 2]]),
        (np.ones(3), 1),
        ([1, 2], [1, 2, 3]),
        ("1", 1),
        (None, 0),
        (Odd(), 1),
        (1, Odd()),
        (Odd(), Odd()),
        ([[1], [2, 3]], [[1], [2, 4]]),
        ({"a": 1}, {"a": 1, "b": 2}),
        (np.array(["a"]), np.array(["a"])),
        (2e-3, 0),
        ("a", b"a"),
    ],
)
def test_values_that_are_not_the_same(got, wrong):
    assert not same_value(got, wrong)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None (is a `return` missing?)"),
        (..., "`...`"),
        (1 / 3, "0.333333"),
        (float("inf"), "inf"),
        (np.int64(3), "3"),
        (np.float32(0.1), "0.1"),
        (True, "True"),
        ((1, 2.0), "(1, 2)"),
        ((1,), "(1,)"),
        ([np.float64(0.5)], "[0.5]"),
        ("a\nb", r"'a\nb'"),
        (np.arange(3), "an array [0, 1, 2]"),
        (np.float64([[1, 2]]), "an array [[1, 2]]"),
        (np.zeros((64, 3, 5, 5)), "an array of shape (64, 3, 5, 5)"),
        (np.zeros((0, 3)), "an array of shape (0, 3), empty"),
        (torch.tensor([1.5]), "a tensor [1.5]"),
        (torch.zeros(20), "a tensor of shape (20,)"),
        (torch.tensor(2.0), "2"),
        (list(range(50)), "a list of 50 values"),
        ({"a": 1}, "{'a': 1}"),
        (2**70, "1180591620717411303424"),
        (Odd(), "a Odd"),
        (10**400, "1" + "0" * 158 + "…"),
    ],
)
def test_a_value_is_shown_in_a_few_words(value, shown):
    assert show_value(value) == shown


def test_a_long_text_is_cut():
    assert len(show_value("x" * 10_000)) < 200
    assert len(show_value([[["x" * 50] * 10] * 10] * 10)) <= 160


@pytest.mark.parametrize(
    ("prediction", "actual", "words"),
    [
        (None, 28, "○ It is 28 px. You typed no prediction"),
        (28, 28, "✓ You said 28 and it is 28 px."),
        (0.97, 0.9734, "≈ You said 0.97 and it is 0.9734 px: close."),
        (30, 28, "→ You said 30 and it is 28 px."),
        ("Smaller ", "smaller", "✓ You said 'Smaller ' and it is 'smaller' px."),
        ((6, 28, 28), (6, 28, 28), "✓ You said (6, 28, 28) and it is (6, 28, 28) px."),
        ((28, 28), (6, 28, 28), "→ You said (28, 28)"),
        (Odd(), 28, "→ You said a Odd and it is 28 px."),
        (..., 28, "○ It is 28 px."),
    ],
)
def test_a_prediction_is_compared_kindly_in_one_line(capsys, prediction, actual, words):
    reveal(prediction, actual, unit="px")
    shown = capsys.readouterr().out
    assert shown.startswith(words)
    assert shown.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("which *other* axis?", "which <em>other</em> axis?"),
        ("*two words*, *a*", "<em>two words</em>, <em>a</em>"),
        ("`a*b*c` and `<b>`", "<code>a*b*c</code> and <code>&lt;b&gt;</code>"),
        ("*<b>bold</b>*", "*&lt;b&gt;bold&lt;/b&gt;*"),
        ("2 * 3 * 4, 2*3*4, f(*args, **kwargs), [*a, *b]", "2 * 3 * 4, 2*3*4, f(*args, **kwargs), [*a, *b]"),
        ("a lone ` and a lone *", "a lone ` and a lone *"),
        ("", ""),
    ],
)
def test_backticks_are_code_and_asterisks_stress_but_times_is_times(text, shown):
    assert as_html(text) == shown


@given(st.text(alphabet="ab *`<>&\"'\n_") | st.text())
def test_no_tag_but_those_two_and_no_letter_lost(text):
    shown = as_html(text)
    assert set(re.findall(r"<[^>]*>", shown)) <= {"<code>", "</code>", "<em>", "</em>"}
    without = str.maketrans("", "", "*`")
    assert html.unescape(re.sub(r"<[^>]*>", "", shown)).translate(without) == text.translate(without)
