import pytest

from course_lib.classroom.topics import course_settings, find_root, find_topics
from course_lib.errors import CourseError

SOURCES = {"notebooks/03_convolution.py": "", "solutions/03_convolution.py": "", "notebooks/04_lenet.py": ""}


def test_the_course_is_found_from_any_folder_inside_it(make_course):
    root = make_course({}, repository="https://example.org")
    (root / "a" / "b").mkdir(parents=True)
    assert find_root(root / "a" / "b") == root
    assert course_settings(root) == {"repository": "https://example.org"}


def test_another_project_is_no_course(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.other]\n")
    with pytest.raises(
        CourseError, match=r"no course at .* or above it; wanted a folder whose pyproject\.toml has \[tool\.co"
    ):
        find_root(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.course\n")
    assert course_settings(tmp_path) is None


@pytest.mark.parametrize("name", ["03_convolution", "convolution", "03"])
def test_a_topic_is_found_by_stem_name_or_number(make_course, name):
    assert find_topics(make_course(SOURCES), [name]) == ("03_convolution",)


def test_all_topics_are_named_once_and_in_order(make_course):
    assert find_topics(make_course(SOURCES)) == ("03_convolution", "04_lenet")
    assert find_topics(make_course(SOURCES), ["04", "03", "lenet"]) == ("03_convolution", "04_lenet")


def test_an_unknown_topic_names_those_there_and_the_nearest(make_course):
    root = make_course(SOURCES)
    with pytest.raises(
        CourseError, match=r'no topic "lnet"; wanted one of 03_convolution, 04_lenet; did you mean "lenet"\?'
    ):
        find_topics(root, ["lnet"])
    with pytest.raises(CourseError, match=r'no topic "x"; wanted one of \(none there yet\)$'):
        find_topics(root / "a", ["x"])
