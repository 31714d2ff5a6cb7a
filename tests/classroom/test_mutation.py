from pathlib import Path

import pytest

from course_lib.classroom.lesson import read_lesson
from course_lib.classroom.markers import without_markers
from course_lib.classroom.mutation import mutants
from course_lib.errors import CourseError

SOLUTIONS = sorted((Path(__file__).parents[2] / "solutions").glob("[0-9]*.py"))


def cell(*body, head="def f(image, kernel, stride=1):", above="", below=""):
    inside = [f"    {line}" for line in ("### BEGIN SOLUTION", *body, "### END SOLUTION")]
    return "\n".join(line for line in (head, above, *inside, below) if line)


def slips(*body, **around):
    return [one.after for one in mutants(cell(*body, **around), most=1000)]


@pytest.mark.parametrize(
    ("code", "slip"),
    [
        ("return image + kernel", "return image - kernel"),
        ("return image + kernel", "return image"),
        ("return image + kernel", "return kernel"),
        ("return image - kernel", "return kernel - image"),
        ("return image // stride", "return image / stride"),
        ("return image + kernel", "return image + image"),
        ("return image < 3", "return image <= 3"),
        ("return image < 3", "return image < 4"),
        ("return image < 3", "return image < 2"),
        ("return image == 3", "return image != 3"),
        ("return image[0]", "return image[1]"),
        ("return image[0]", "return image[-1]"),
        ("return g(image, keep=True)", "return g(image, keep=False)"),
        ("return g(image, keep=True)", "return g(image)"),
        ("return image and kernel", "return image or kernel"),
        ("return image and kernel", "return image"),
        ("return not image", "return image"),
        ("return -image", "return image"),
        ("return image if stride else kernel", "return image if not stride else kernel"),
        ("return [one for one in image if one]", "return [one for one in image if not one]"),
        ("return g(image, kernel)", "return g(kernel, image)"),
        ("return image[kernel, stride]", "return image[stride, kernel]"),
        ("return image[kernel:stride]", "return image[kernel + 1:stride]"),
        ("return image[kernel:stride]", "return image[kernel:stride - 1]"),
        ("return image[::stride]", "return image[::stride + 1]"),
        ("return image[::stride]", "return image[:]"),
        ("return range(stride)", "return range(stride - 1)"),
        ("return image.sum(axis=1)", "return image.sum(axis=0)"),
        ("return image.sum(axis=(0, 2))", "return image.sum(axis=(0,))"),
        ("return image.sum(axis=1)", "return image.mean(axis=1)"),
        ("return image.sum(axis=1)", "return image"),
        ("return np.log(image)", "return image"),
    ],
)
def test_each_kind_of_slip_is_made(code, slip):
    assert slip in slips(code)


def test_statements_are_forgotten_and_intermediate_values_returned():
    body = ("total, seen = 0, 1", "for one in image:", "    total += one", "    seen = seen + 1", "return total / seen")
    found = mutants(cell(*body), most=1000)
    lines = {(one.line, one.after) for one in found}
    assert {(5, "nothing"), (5, "total = one"), (5, "total -= one"), (6, "nothing"), (7, "return seen")} <= lines
    assert (3, "nothing") not in lines  # nobody overlooks names that are missing
    assert (4, "for one in image: … return total / seen") in lines


def test_a_block_is_forgotten_or_runs_without_its_condition():
    assert {"nothing", "g(image)"} <= set(slips("if stride:", "    g(image)"))
    assert slips("with quiet():", "    g()") == ["g()", "nothing"]


def test_only_what_stands_between_the_marks_is_changed():
    source = cell("return size * 2", above="    size = image + 1", below="    return size - 3")
    assert all("size = image + 1" in one.source and "return size - 3" in one.source for one in mutants(source))
    assert {one.line for one in mutants(source)} == {4}


def test_what_compiles_to_the_same_is_left_out():
    found = mutants(cell('"""Words."""', "return image + 1"))
    assert len({one.source for one in found}) == len(found)
    assert "return image * 1" not in [one.after for one in found]  # `return image` is there already
    assert slips("return image.sum(axis=(0, 1))").count("return image.sum(axis=(1, 0))") == 0
    assert "return np.abs(kernel - image)" not in slips("return np.abs(image - kernel)")
    assert all('"""' in one.source for one in found)


def test_the_order_is_that_of_the_lines_and_a_draw_is_repeatable():
    source = cell(*(f"x{n} = image + {n}" for n in range(2, 40)), "return x2")
    everything = mutants(source, most=10_000)
    drawn = mutants(source, most=20, seed="a")
    assert len(drawn) == 20
    assert drawn == [one for one in everything if one in drawn]
    assert drawn == mutants(source, most=20, seed="a") != mutants(source, most=20, seed="b")
    assert [one.line for one in everything] == sorted(one.line for one in everything)


def test_a_slip_that_makes_no_difference_is_excused_with_its_reason():
    excused = ("# equivalent: `kernel.shape` `[-1]`: an image is square", "return image.shape[0]")
    found = {one.after: one.excuse for one in mutants(cell(*excused, head="def f(image, kernel):"))}
    assert found["return kernel.shape[0]"] == "an image is square"
    assert found["return image.shape[1]"] == ""
    assert without_markers(cell(*excused)).count("\n") == 1  # the comment is for the checks, not for readers


def test_an_excuse_that_nothing_needs_is_an_error():
    with pytest.raises(CourseError, match=r"a solution excuses `image\[7\]` \(why\), which no slip in its line gives"):
        mutants(cell("# equivalent: `image[7]`: why", "return image[0]"))


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)
def test_the_course_has_slips_in_every_task_and_all_of_them_are_python(path):
    for task in read_lesson(path).tasks:
        found = mutants(task.source, most=10_000)
        assert found
        for one in found:
            compile(one.source, "<mutant>", "exec")
            assert one.before != one.after
