import json
import math
from collections import namedtuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from course_lib.classroom.wire import WireError, WireLimits, decode, encode

Size = namedtuple("Size", "height width")
plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False),
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(value, back):
    return type(value) is type(back) and value == back


@given(plain_values)
def test_plain_data_comes_back_as_it_went(value):
    assert same(value, decode(encode(value)))


@pytest.mark.parametrize(
    "value",
    [..., {1, 2}, frozenset({"a"}), range(2, 9, 3), slice(None, 4, None), 2**5000, -(2**70), (), [], {}, "\ud800", b""],
    ids=repr,
)
def test_the_rarer_plain_values_come_back_too(value):
    assert same(value, decode(encode(value)))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int16).reshape(2, 3)[:, ::2],
        np.array(2.5, dtype=np.float32),
        np.zeros((0, 3)),
        np.array([True, False]),
        np.array(["a", "bcd"]),
        np.array([1 + 2j]),
        np.array([np.nan, np.inf, -0.0]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_arrays_keep_values_shape_and_dtype(array):
    back = decode(encode(array))
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.complex64])
def test_tensors_keep_values_shape_and_dtype(dtype):
    tensor = torch.tensor([[0, 1, 2], [3, 0, 1]]).to(dtype).T
    back = decode(encode(tensor))
    assert back.dtype == dtype
    assert torch.equal(back, tensor)


def test_a_tensor_says_whether_it_carries_a_graph():
    weights = torch.ones(2, requires_grad=True)
    assert decode(encode(weights * 2)).requires_grad
    assert not decode(encode(weights.detach())).requires_grad


def test_numpy_scalars_and_dtypes_keep_their_kind():
    assert type(decode(encode(np.float32(0.5)))) is np.float32
    assert decode(encode(np.dtype("int8"))) == np.int8
    assert decode(encode(torch.float16)) is torch.float16


def test_a_named_tuple_keeps_its_fields_and_is_equal_to_a_plain_one():
    back = decode(encode(Size(3, 4)))
    assert back.width == 4
    assert back == (3, 4)


def test_an_object_that_claims_to_equal_everything_arrives_as_what_it_is():
    class Equal(int):
        def __eq__(self, other):
            return True

        __hash__ = int.__hash__

        def __repr__(self):
            return "6"

        def __int__(self):
            return 6

    back = decode(encode(Equal(5)))
    assert type(back) is int
    assert back == 5


def test_not_a_number_stays_not_a_number():
    assert math.isnan(decode(encode(float("nan"))))


@pytest.mark.parametrize(
    "value",
    [object(), len, lambda: 0, np.array([object()]), math],
    ids=["object", "len", "lambda", "objects", "module"],
)
def test_anything_else_is_refused_with_the_way_out(value):
    with pytest.raises(WireError, match=r"build other objects over there with there\("):
        encode(value)


def test_anything_else_goes_through_the_hooks():
    thing = object()
    text = encode([1, thing], unknown=lambda value: {"ref": [7]})
    assert decode(text, resolve=lambda kind, payload: (kind, payload)) == [1, ("ref", [7])]


def test_a_list_that_holds_itself_is_refused_not_followed():
    endless = []
    endless.append(endless)
    with pytest.raises(WireError, match="levels deep"):
        encode(endless)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ([0] * 101, "more than 100 values"),
        ("a" * 1001, "1,003 characters are too many"),
        (2**999, "1,000 bits"),
        (np.zeros(1000), "too large to send"),
    ],
    ids=["values", "characters", "integer", "array"],
)
def test_what_is_too_large_is_not_sent(value, words):
    with pytest.raises(WireError, match=words):
        encode(value, limits=WireLimits(characters=1000, values=100, integer_bits=512))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 100_000,
        '{"a":1,"b":2}',
        '{"nobody":[1]}',
        '{"array":["<f8",[3],"AAAA"]}',
        '{"array":["O",[1],"AAAAAAAAAAA="]}',
        '{"array":["<f8",[-1],""]}',
        '{"array":["<f8",[1099511627776,1099511627776],""]}',
        '{"scalar":["<i8",[1],"AAAAAAAAAAA="]}',
        '{"tensor":["exec",[1],"AAAA",false]}',
        '{"int":"' + "f" * 10_000 + '"}',
        '{"dict":[[[1],2]]}',
        '{"set":[[1]]}',
        '{"range":[0,1,0]}',
        '{"named":["__import__(1)",["x"],[1]]}',
        '{"named":["A",["_x"],[1]]}',
        '{"dtype":["os","system"]}',
        '{"bytes":5}',
        json.dumps({"tuple": {"x": 1}}),
        "9" * 10_000,
    ],
    ids=lambda text: text[:30],
)
def test_a_strangers_text_can_only_be_refused(text):
    with pytest.raises(WireError):
        decode(text)


def test_a_strangers_text_is_held_to_the_limits():
    with pytest.raises(WireError, match="too large"):
        decode("[" + "1," * 600 + "1]", limits=WireLimits(characters=1000))
    with pytest.raises(WireError, match="more than 100 values"):
        decode(json.dumps([1] * 101), limits=WireLimits(values=100))
    with pytest.raises(WireError, match="nested too deeply"):
        decode("[" * 50 + "]" * 50)


def test_something_that_is_no_text_is_refused():
    with pytest.raises(WireError, match="not text but a NoneType"):
        decode(None)


def test_millions_of_small_values_are_not_even_read():
    with pytest.raises(WireError, match="the answer holds more than 500,000 values"):
        decode("[" + "[]," * 2_000_000 + "{")
