import random
import re
import time
from pathlib import Path

import pytest

from course_lib.classroom.similarity import LENGTH, Pair, similar_pairs
from course_lib.classroom.submission import Submission

STATEMENTS = (
    "{a} = np.pad({b}, {n})", "{a} = {b} @ {c} - {n}", "{a}[{n}:] += {b}.sum(axis={n})", "{a} = sorted({b}, key=len)",
    "{a} = [{b} * {n} for {c} in range({n})]", "assert {a} is not {b}", "{a} = {{'x': {b}, 'y': ({c}, {n})}}",
    "{a} = {b} if {c} > {n} else -{b}", "print('{a}', {b}, end='')", "{a} = lambda {b}, {c}: {b} // {c}",
    "{a} = np.where({b} < {n}, {c}, {a})", "{a}.append(({b}, {c}))", "del {a}[{n}], {b}", "{a} ^= {b} << {n} | {c}",
)  # fmt: skip


def invented(seed, lines=25):
    """The cell of a student who thought alone."""
    draw = random.Random(seed)
    names = ["data", "total", "kernel", "image", "row"]
    body = [
        draw.choice(STATEMENTS).format(
            a=draw.choice(names), b=draw.choice(names), c=draw.choice(names), n=draw.randint(0, 9)
        )
        for _ in range(lines)
    ]
    return "def double(value):\n    " + "\n    ".join(body) + "\n    return total\n"


def disguised(cell):
    """The same with other names, numbers, texts, comments and spaces."""
    for name, other in {"data": "d1", "total": "summe", "kernel": "noyau", "image": "bild", "row": "r"}.items():
        cell = re.sub(rf"\b{name}\b", other, cell)
    cell = re.sub(r"\b\d\b", "77", cell).replace("'x'", '"first"').replace(" + ", "+")
    return cell.replace("):\n", "):  # all my own work\n\n    # really\n", 1)


def hand_in(student, *cells, kind="code"):
    return Submission(student, f"page-{student}", Path("x.ipynb"), tuple((kind, cell) for cell in cells))


@pytest.fixture
def class_():
    """Twelve students who thought alone."""
    return [hand_in(f"s{seed}", invented(seed)) for seed in range(12)]


def names(pairs):
    return [(one.left.student, one.right.student) for one in pairs]


def test_who_thinks_alone_resembles_nobody(class_, doubling):
    assert similar_pairs(class_, doubling) == ()


def test_other_names_numbers_texts_and_comments_hide_nothing(class_, doubling):
    (pair,) = similar_pairs([*class_, hand_in("copy", disguised(invented(3)))], doubling)
    assert (pair.left.student, pair.right.student, pair.right.page) == ("s3", "copy", "page-copy")
    assert pair.alike == pytest.approx(1)
    assert pair.shared > 100
    assert all(line.shared for line in pair.left.lines[1:-2])
    assert {line.text for line in pair.right.lines if line.shared} > set(disguised(invented(3)).splitlines()[4:-1])


def test_half_a_copy_is_marked_where_it_is_one(class_, doubling):
    lines = invented(3).splitlines()
    own = invented(99).splitlines()
    half = "\n".join([*lines[:20], *own[15:]])
    (pair,) = similar_pairs([*class_, hand_in("half", half)], doubling)
    assert 0.5 < pair.alike < 0.95
    assert {line.text for line in pair.right.lines if line.shared} >= set(lines[1:19])
    assert not any(line.shared for line in pair.right.lines[-6:-1])


def test_cells_in_another_order_are_still_the_same(class_, doubling):
    one, two = invented(50), invented(51).replace("double", "counter")
    pairs = similar_pairs([*class_, hand_in("ada", one, two), hand_in("bo", two, "x = 1", one)], doubling)
    assert names(pairs) == [("ada", "bo")]


def test_what_was_given_and_what_the_exercise_knows_is_no_sign(doubling):
    template = [cell.source for cell in doubling.cells if cell.role in ("setup", "code", "check")]
    stubs = [task.stub for task in doubling.tasks]
    right = [task.source for task in doubling.tasks]
    checks = [f"%%check x\n{invented(5)}"]
    assert similar_pairs([hand_in(name, *template, *stubs, *checks) for name in "ab"], doubling) == ()
    assert similar_pairs([hand_in(name, *template, *right * 9) for name in "ab"], doubling) == ()


def test_what_a_tenth_of_the_class_wrote_is_no_sign(doubling):
    alone = [hand_in(f"s{seed}", invented(seed)) for seed in range(40)]
    same = [hand_in(f"t{seed}", invented(1000), invented(2000 + seed, lines=5)) for seed in range(6)]
    assert similar_pairs([*alone[:34], *same], doubling) == ()  # 6 of 40
    assert names(similar_pairs([*alone[:34], *same[:2]], doubling)) == [("t0", "t1")]


def test_the_pair_that_shares_most_comes_first_and_the_list_ends(class_, doubling):
    long = [hand_in(name, invented(60, lines=80)) for name in ("anna", "bert")]
    short = [hand_in(name, invented(61, lines=10)) for name in ("carl", "dora")]
    pairs = similar_pairs([*class_, *short, *long], doubling)
    assert names(pairs) == [("anna", "bert"), ("carl", "dora")]
    assert names(similar_pairs([*class_, *short, *long], doubling, most=1)) == [("anna", "bert")]


def test_little_code_is_no_evidence(class_, doubling):
    tiny = "def double(value):\n    return value ** 1 // 1 + value - 0 * len(str(value))\n"
    assert similar_pairs([*class_, hand_in("ada", tiny), hand_in("bo", tiny)], doubling) == ()


@pytest.mark.parametrize("count", [0, 1])
def test_nobody_and_one_have_no_pairs(count, doubling):
    assert similar_pairs([hand_in("ada", invented(1))] * count, doubling) == ()


def test_prose_is_not_compared(doubling):
    assert similar_pairs([hand_in(name, invented(1), kind="markdown") for name in "ab"], doubling) == ()


@pytest.mark.parametrize(
    "hostile",
    [
        "(" * 59_000, '"""' + "x" * 59_000, "'" * 59_001, "\\\n" * 29_000, "\0" * 59_000, "\ufeff" * 20_000,
        "\n".join(" " * depth + "if 1:" for depth in range(300)), "  x\n y\n" * 8_000, "é" * 59_000, "f'{" * 19_000,
        "0" * 59_000, "1_" * 29_000, "a=" * 29_000 + "1", "\x0c\x0b\x1c\u2028" * 9_000, "!ls\n%time\n?x\n" * 4_000,
    ],
)  # fmt: skip
def test_what_is_no_python_stops_nothing_and_takes_no_long(hostile, class_, doubling):
    began = time.process_time()
    pairs = similar_pairs([*class_, hand_in("eve", hostile, invented(3)), hand_in("mal", hostile * 50)], doubling)
    assert ("s3", "eve") in names(pairs) or len(hostile) > 20_000
    assert time.process_time() - began < 10
    assert all(isinstance(one, Pair) and len(one.left.lines) <= 80 for one in pairs)


def test_a_slip_costs_only_what_comes_after_it_in_its_cell(class_, doubling):
    broken = disguised(invented(3)) + "\nx = (1,\n"
    assert names(similar_pairs([*class_, hand_in("ada", broken)], doubling)) == [("s3", "ada")]
    assert names(similar_pairs([*class_, hand_in("ada", "x = 'open", invented(3))], doubling)) == [("s3", "ada")]


def test_long_cells_and_wide_lines_are_cut_on_the_page(class_, doubling):
    cell = invented(7, lines=150) + "z = " + " + ".join(["value"] * 200)
    (pair,) = similar_pairs([*class_[:3], hand_in("ada", cell), hand_in("bo", cell)], doubling)
    assert len(pair.left.lines) == 80
    assert pair.left.left_out == len(cell.splitlines()) - 80
    assert max(len(line.text) for line in pair.left.lines) <= 200


def test_a_fragment_is_longer_than_one_common_phrase():
    assert len(["for", "i", "in", "range", "(", "len", "(", "x", ")", ")", ":"]) < LENGTH
