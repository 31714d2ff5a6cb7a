"""The marks never leak: whatever is written around a solution, students get a stub or the author gets an error."""

import ast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from course_lib.classroom.markers import BEGIN, END, bound_names, looks_like_a_marker, make_stub, without_markers
from course_lib.errors import CourseError

SPELLINGS = [
    "### begin solution",
    "###BEGIN SOLUTION",
    "# BEGIN SOLUTION",
    "#### BEGIN SOLUTION",
    "### BEGIN  SOLUTION",
    "### BEGIN SOLUTION ",
    "### BEGIN SOLUTION: step 1",
    "### BEGIN\tSOLUTION",
    "### BEGIN\u00a0SOLUTION",
    "### BEGIN_SOLUTION",
    "### SOLUTION BEGIN",
    "# Begin of solution",
    "## BEGN SOLUTION",
    "### BEGIN SOLUTIONS",
    "# BEGINSOLUTION",
    "###  BEGIN HIDDEN TESTS",
    "# start solution",
    "＃＃＃ BEGIN SOLUTION",
    "\t### BEGIN SOLUTION",
    "pass  ### BEGIN SOLUTION",
]


def stub_of(source: str, *, task: str = "f", defines: tuple[str, ...] = ("f",)) -> str:
    return make_stub(source, task=task, defines=defines, place="solutions/01_x.py", line=1)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_whatever_looks_like_a_mark_is_one_or_an_error(spelling):
    assert looks_like_a_marker(spelling)
    source = f"def f():\n    {spelling}\n    return 'SECRET'\n    {END}"
    with pytest.raises(CourseError, match="looks like a solution mark and is not one"):
        stub_of(source)


@pytest.mark.parametrize(
    "comment",
    [
        "# the resolution at the end",
        "x = 1  # spacing",
        "# beginners: a solution exists for every case",
        "# 1 grid",
        "",
    ],
)
def test_ordinary_comments_are_left_alone(comment):
    assert not looks_like_a_marker(comment)


@st.composite
def solved_functions(draw):
    """A function with code of every depth, and a region around some whole statements of one block."""
    lines: list[str] = ["def f(x):", '    """Contract."""']
    number = 0

    def block(indent: int, depth: int, may_be_region: bool) -> bool:
        nonlocal number
        has_region = False
        for _ in range(draw(st.integers(1, 3))):
            region = may_be_region and not has_region and draw(st.booleans())
            if region:
                lines.append(" " * indent + BEGIN)
            word = "SECRET" if region else "given"
            number += 1
            kind = draw(st.sampled_from(["line", "string", "if", "comment", "nested"]))
            if kind == "line" or depth == 0:
                lines.append(" " * indent + f"x = {word!r} + str({number})")
            elif kind == "string":
                lines.extend([" " * indent + f'x = """{word}', f"{word} {number}", f'  {word}"""'])
            elif kind == "comment":
                lines.extend([" " * indent + f"# {word} {number}", " " * indent + f"x = {word!r}"])
            elif kind == "nested":
                lines.extend([" " * indent + f"def {word}_{number}():", " " * (indent + 4) + f"return {word!r}"])
            else:
                lines.append(" " * indent + f"if x == {word!r}:")
                if region:
                    lines.append(" " * (indent + 4) + f"x = {word!r}")
                else:
                    has_region |= block(indent + 4, depth - 1, may_be_region)
            if region:
                lines.append(" " * indent + END)
                has_region = True
        return has_region

    assume(block(4, 2, True))
    return lines


@given(solved_functions())
def test_a_stub_is_python_that_says_what_is_open_and_holds_no_line_of_a_solution(lines):
    source = "\n".join(lines)
    ast.parse(source)
    stub = stub_of(source)
    ast.parse(stub)
    assert "SECRET" not in stub
    assert "SOLUTION" not in stub
    assert stub.count("raise NotImplementedError(") == source.count(BEGIN)
    assert '"""Contract."""' in stub
    assert without_markers(source).splitlines() == [line for line in lines if line.strip() not in (BEGIN, END)]


@given(solved_functions(), st.data())
def test_a_mark_that_is_changed_moved_or_lost_leaks_nothing(lines, data):
    marks = [index for index, line in enumerate(lines) if line.strip() in (BEGIN, END)]
    index = data.draw(st.sampled_from(marks))
    slip = data.draw(st.sampled_from(["spelling", "indentation", "lost", "twice"]))
    if slip == "spelling":
        begin = lines[index].strip() == BEGIN
        odd = data.draw(st.sampled_from([item for item in SPELLINGS if "pass" not in item]))
        lines[index] = lines[index].replace(BEGIN if begin else END, odd if begin else odd.replace("BEGIN", "END"))
    elif slip == "indentation":
        indent = len(lines[index]) - len(lines[index].lstrip())
        lines[index] = " " * data.draw(st.integers(0, 12).filter(lambda n: n != indent)) + lines[index].strip()
    elif slip == "lost":
        del lines[index]
    else:
        lines.insert(index, lines[index])
    with pytest.raises(CourseError):
        stub_of("\n".join(lines))


@given(solved_functions(), st.data())
def test_marks_put_anywhere_give_a_stub_without_what_is_between_them_or_an_error(lines, data):
    plain = [line.replace("SECRET", "given") for line in lines if line.strip() not in (BEGIN, END)]
    first = data.draw(st.integers(1, len(plain) - 1))
    last = data.draw(st.integers(first, len(plain) - 1))
    indent = " " * data.draw(st.sampled_from([0, 4, 8]))
    between = [f"{line}  # SECRET" if '"""' not in line else line for line in plain[first : last + 1]]
    source = "\n".join([*plain[:first], indent + BEGIN, *between, indent + END, *plain[last + 1 :]])
    try:
        ast.parse(source)
    except SyntaxError:  # the reader of lessons refuses this before
        return
    try:
        stub = stub_of(source)
    except CourseError:
        return
    assert "SECRET" not in stub
    ast.parse(stub)


def test_each_of_several_regions_is_a_numbered_gap():
    source = f"def f(x):\n    {BEGIN}\n    y = x\n    {END}\n    y += 1\n    {BEGIN}\n    return y\n    {END}"
    assert stub_of(source) == (
        'def f(x):\n    raise NotImplementedError("f: gap 1 of 2 is yours to fill")\n    y += 1\n'
        '    raise NotImplementedError("f: gap 2 of 2 is yours to fill")'
    )


def test_a_region_in_a_method_leaves_the_class_whole():
    method = f"    def f(self):\n        {BEGIN}\n        return 1\n        {END}"
    source = f"class A:\n{method}\n\n    def g(self):\n        return 2"
    stub = stub_of(source)
    assert 'raise NotImplementedError("f: write your code here")' in stub
    assert stub.endswith("        return 2")


def test_a_decorator_belongs_to_its_function():
    source = f"def f():\n    {BEGIN}\n    @cache\n    def g():\n        return 1\n    return g\n    {END}"
    assert "cache" not in stub_of(source)
    cut = f"def f():\n    @cache\n    {BEGIN}\n    def g():\n        return 1\n    return g\n    {END}"
    with pytest.raises(CourseError, match="cuts the statement of line 2 in two"):
        stub_of(cut)


def test_a_region_that_begins_in_a_condition_or_a_block_that_ends_before_it_is_refused():
    condition = f"def f(x):\n    if (x and\n        {BEGIN}\n        x):\n        x = 2\n        {END}\n    return x"
    with pytest.raises(CourseError, match="without its regions the cell is not Python"):
        stub_of(condition)
    block = f"def f(x):\n    if x:\n    {BEGIN}\n        x = 2\n    x = 3\n    {END}\n    return x"
    with pytest.raises(CourseError, match="cuts the statement of line 2 in two"):
        stub_of(block)


def test_marks_within_a_long_string_are_refused():
    source = f'def f():\n    """A text\n    {BEGIN}\n    about it.\n    {END}\n    """\n    return 1'
    with pytest.raises(CourseError, match="cuts the statement of line 2 in two"):
        stub_of(source)


def test_names_are_found_wherever_a_statement_binds_them():
    source = (
        "import os.path\nfrom a import b as c\nfor i, (j, *k) in x:\n    pass\nwith y as z:\n    n: int = 1\n"
        "async def g(): h = 1\nclass D: e = 1\nm = [p for p in q]\no.attribute = 1\n"
    )
    assert bound_names(ast.parse(source).body) == {"os", "c", "i", "j", "k", "z", "n", "g", "D", "m"}
