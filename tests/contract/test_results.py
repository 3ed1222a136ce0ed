"""`read_array` and `describe`: an array of the right shape, or one message that says all."""

import re
from typing import Any

import numpy as np
import pytest
from contract.drawing import assert_same_bits

from rnncheck.results import SubjectError, describe, read_array


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_floats_are_taken_as_they_are(dtype):
    array = np.array([[np.nan, -0.0, np.inf]], dtype)
    assert_same_bits(read_array(array, "y", (1, 3)), array)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint32])
def test_whole_numbers_are_read_as_float64(dtype):
    assert_same_bits(read_array(np.arange(3, dtype=dtype), "y", (3,)), np.array([0.0, 1.0, 2.0]))


def test_a_numpy_number_has_no_axes():
    assert read_array(np.float32(2), "y", ()).shape == ()
    with pytest.raises(SubjectError, match=re.escape("y has shape (); expected a NumPy array of")):
        read_array(np.float32(2), "y", (1,))


@pytest.mark.parametrize("shape", [(0,), (0, 2), (3, 0), (3, 0, 7)])
def test_an_empty_array_is_taken_for_any_empty_shape(shape):
    assert read_array(np.zeros((0, 5)), "y", shape).shape == shape
    with pytest.raises(SubjectError, match=re.escape("y has shape (0, 5); expected a NumPy array")):
        read_array(np.zeros((0, 5)), "y", (1, 5))
    with pytest.raises(SubjectError, match=r"y has shape \(2,\)"):
        read_array(np.zeros(2), "y", shape)


@pytest.mark.parametrize("value", [None, [1.0], (1.0,), {}, 1.0, 1, "text", object])
def test_what_is_no_array_is_described(value):
    what = re.escape(f"the y is {describe(value)}; expected a NumPy array of shape (1,) = (time)")
    with pytest.raises(SubjectError, match=f"^{what}$"):
        read_array(value, "the y", (1,), "time")


@pytest.mark.parametrize("dtype", ["object", "complex128", "bool", "<U1", "datetime64[s]"])
def test_arrays_of_something_else_are_told(dtype):
    array = np.zeros(1, dtype)
    with pytest.raises(SubjectError, match=re.escape(f"y is an array of {array.dtype}; expected")):
        read_array(array, "y", (1,))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None (is a return statement missing?)"),
        ([1, 2], "a list of 2"),
        ((1,), "a tuple of 1"),
        ({"a": 1, 2: 3}, "a dict with 'a', 2"),
        ({}, "a dict with nothing"),
        (np.zeros((2, 3)), "an array of shape (2, 3)"),
        (1.5, "float 1.5"),
    ],
)
def test_values_in_words(value: Any, words: str):
    assert describe(value) == words


def test_no_description_is_long():
    assert len(describe("x" * 10_000)) <= 120
