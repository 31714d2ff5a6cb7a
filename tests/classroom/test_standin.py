import json

import numpy as np
import pytest

from course_lib.classroom import student_side
from course_lib.classroom.standin import Interruption, NotAttempted, Remote, StudentError, bind, read_reply, there_for
from course_lib.classroom.wire import WireError

STUDENT = """
import numpy as np
calls = []
limit = 3
todo = ...

def double(x):
    calls.append(x)
    return 2 * x

def picky(n):
    if n < 0:
        raise ValueError(f"negative: {n}")
    return n

def stub():
    raise NotImplementedError("write me")

def raises(kind):
    raise __builtins__[kind]("said by the student")

def spoiled():
    class Odd(Exception):
        def __str__(self):
            raise RuntimeError
    raise Odd

class Net:
    width = 5
    def __init__(self, scale=1):
        self.scale = scale
    def __call__(self, x):
        return self.scale * x
    def __len__(self):
        return 4
    def __getitem__(self, place):
        return place * 10
    def __iter__(self):
        return iter(range(3))
    def __contains__(self, x):
        return x == 7
    def __eq__(self, other):
        return True

def use(net, x):
    return net(x)

def endless():
    number = 0
    while True:
        yield number
        number += 1
"""


class LocalDoor:
    """A door that leads into this process."""

    def __init__(self) -> None:
        self.born = 0

    def ask(self, request):
        return read_reply(self, student_side.answer(json.dumps(request)))

    def generation(self):
        return self.born


@pytest.fixture
def student(monkeypatch):
    names = {"__builtins__": dict(vars(__import__("builtins")))}
    exec(STUDENT, names)
    monkeypatch.setattr(student_side, "_student_names", lambda: names)
    return names


@pytest.fixture
def door(student):
    return LocalDoor()


def test_a_call_goes_over_as_data_and_comes_back_as_data(door, student):
    x = np.array([1.0, 2.0])
    got = bind(door, "double")(x)
    np.testing.assert_array_equal(got, [2.0, 4.0])
    (received,) = student["calls"]
    assert received is not x


def test_keywords_travel_too(door):
    assert bind(door, "Net")(scale=3)(5) == 15


def test_a_plain_value_is_read_as_data(door):
    assert bind(door, "limit") == 3


def test_a_missing_name_and_an_unfilled_one_are_not_attempted(door):
    with pytest.raises(NotAttempted, match="`nothing` is not defined"):
        bind(door, "nothing")
    with pytest.raises(NotAttempted, match=r"`todo` is still `\.\.\.`"):
        bind(door, "todo")
    with pytest.raises(NotAttempted, match="write me"):
        bind(door, "stub")()


def test_not_attempted_cannot_be_taken_for_the_error_that_a_check_waits_for():
    assert not issubclass(Interruption, Exception)


def test_a_built_in_exception_can_be_caught_by_its_type_and_carries_the_words(door):
    with pytest.raises(ValueError, match="negative: -1") as caught:
        bind(door, "picky")(-1)
    assert isinstance(caught.value, StudentError)
    assert caught.value.kind == "ValueError"


@pytest.mark.parametrize(
    "kind", ["StopIteration", "AssertionError", "SystemExit", "KeyboardInterrupt", "GeneratorExit"]
)
def test_exceptions_that_would_steer_the_check_arrive_as_plain_student_errors(door, kind):
    with pytest.raises(StudentError) as caught:
        bind(door, "raises")(kind)
    assert type(caught.value) is StudentError
    assert caught.value.kind == kind


def test_a_loop_in_a_check_is_not_ended_by_a_students_stop_iteration(door):
    raises = bind(door, "raises")
    with pytest.raises(StudentError):
        list(map(raises, ["StopIteration"]))


def test_an_exception_that_cannot_be_described_is_described_anyway(door):
    with pytest.raises(StudentError) as caught:
        bind(door, "spoiled")()
    assert (caught.value.kind, str(caught.value)) == ("Odd", "")


def test_a_remote_object_answers_to_what_objects_do(door):
    net = bind(door, "Net")(2)
    assert isinstance(net, Remote)
    assert net(4) == 8
    assert net.width == 5
    assert len(net) == 4
    assert net[3] == 30
    assert list(net) == [0, 1, 2]
    assert 7 in net
    assert 8 not in net
    assert not hasattr(net, "height")
    assert repr(net) == "<a Net in the student's kernel>"


def test_a_remote_object_can_be_passed_back(door):
    assert bind(door, "use")(bind(door, "Net")(3), 4) == 12


def test_a_named_stand_in_can_be_passed_back_too(door):
    assert bind(door, "use")(bind(door, "double"), 4) == 8


def test_a_remote_object_that_claims_to_equal_everything_equals_nothing(door):
    net = bind(door, "Net")()
    assert net != 6
    assert net != bind(door, "Net")()


def test_an_endless_generator_gives_as_many_as_are_asked_for(door):
    numbers = iter(bind(door, "endless")())
    assert [next(numbers) for _ in range(4)] == [0, 1, 2, 3]


def test_there_builds_an_object_over_there(door):
    assert there_for(door)("np.arange(3).sum()") == 3
    layer = there_for(door)("torch.nn.Linear(2, 1)")
    assert isinstance(layer, Remote)
    assert layer.weight.shape == (1, 2)


def test_an_object_of_an_earlier_kernel_is_said_to_be_lost(door):
    net = bind(door, "Net")()
    double = bind(door, "double")
    door.born += 1
    with pytest.raises(StudentError, match="lost when the kernel was started again"):
        net(1)
    assert double(4) == 8


def test_an_object_of_the_check_cannot_be_sent(door):
    with pytest.raises(WireError, match=r"there\("):
        bind(door, "double")(lambda: 3)


def test_printing_does_not_matter(door, student, capsys):
    exec("def loud(x):\n    print('points: 100')\n    return x", student)
    assert bind(door, "loud")(1) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{}",
        '{"error":1}',
        '{"error":{"type":"E"}}',
        '{"value":',
        '{"value":{"ref":[1]}}',
        '{"value":{"ref":["a","b",1]}}',
        "[" * 100_000,
    ],
)
def test_a_forged_reply_can_only_be_refused(door, text):
    with pytest.raises(WireError):
        read_reply(door, text)
