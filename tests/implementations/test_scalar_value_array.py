"""`ValueArray`: what it holds, and how one gets at it; indexing is compared with NumPy's."""

import math
import operator
import random
import sys
from array import array as plain_array
from typing import Any

import numpy as np
import pytest

from rnncheck.implementations.scalar import Value, ValueArray

COUNTING = np.arange(24.0).reshape(2, 3, 4)


def counting() -> Any:
    """The numbers 0..23 in the shape (2, 3, 4); `Any`, as an element may be two things."""
    return ValueArray.from_numpy(COUNTING, "test")


def test_zeros() -> None:
    zeros = ValueArray.zeros((2, 3))
    assert zeros.to_list() == [[0.0] * 3] * 2
    assert (zeros.shape, zeros.dim(), len(zeros)) == ((2, 3), 2, 2)
    assert all(isinstance(value, Value) for row in zeros.values for value in row)  # type: ignore[union-attr]
    assert len({id(value) for value in zeros.flatten()}) == 6
    assert {value.label for value in zeros.flatten()} == {""}


def test_labels_are_indices() -> None:
    labels = [value.label for value in ValueArray.zeros((2, 2), "test").flatten()]
    assert labels == ["test_0_0", "test_0_1", "test_1_0", "test_1_1"]
    assert ValueArray([5.0], label="b").flatten()[0].label == "b_0"
    assert ValueArray(5.0, label="b").flatten()[0].label == "b"


def test_random_numbers_are_those_of_the_rng() -> None:
    drawn = ValueArray.random_uniform((2, 2), -3.0, 5.0, random.Random(1), "w")
    rng = random.Random(1)
    assert drawn.to_list() == [[rng.uniform(-3.0, 5.0) for _ in range(2)] for _ in range(2)]
    assert drawn.flatten()[3].label == "w_1_1"
    normal = ValueArray.random_normal((3,), 2.0, 0.5, random.Random(1), "w")
    rng = random.Random(1)
    assert normal.to_list() == [rng.gauss(2.0, 0.5) for _ in range(3)]


def test_random_numbers_have_their_mean_and_spread() -> None:
    n = 2000
    for drawn, mean, std in (
        (ValueArray.random_normal((n,), 3.0, 0.5, random.Random(0)), 3.0, 0.5),
        (ValueArray.random_uniform((n,), 1.0, 4.0, random.Random(0)), 2.5, 3.0 / math.sqrt(12)),
    ):
        numbers = drawn.to_numpy()
        # the mean deviates by std/√n, the standard deviation by less than that
        assert abs(numbers.mean() - mean) < 6 * std / math.sqrt(n)
        assert abs(numbers.std() - std) < 6 * std / math.sqrt(n)


@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (0,), (0, 3), (2, 0, 3)])
def test_numpy_there_and_back(shape: tuple[int, ...]) -> None:
    numbers = np.random.default_rng(0).standard_normal(shape)
    array = ValueArray.from_numpy(numbers)
    assert array.shape == shape
    assert array.to_list() == numbers.tolist()
    back = array.to_numpy()
    assert (back.shape, back.dtype) == (shape, np.float64)
    assert np.array_equal(back, numbers)
    assert ValueArray.zeros(shape).to_numpy().tolist() == np.zeros(shape).tolist()


def test_from_numpy_takes_anything_with_tolist() -> None:
    assert ValueArray.from_numpy(np.array([[1, 2]], np.int8)).to_list() == [[1.0, 2.0]]
    assert ValueArray.from_numpy(plain_array("d", [1.0, 2.0]), "a").to_list() == [1.0, 2.0]
    assert ValueArray.from_numpy([[1, 2], [3, 4]], "a").flatten()[2].label == "a_1_0"


def test_numpy_is_needed_for_to_numpy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    array = ValueArray.zeros((2,))
    with pytest.raises(ImportError):
        array.to_numpy()
    assert array.to_list() == [0.0, 0.0]


def test_values_stay_the_very_same() -> None:
    w, x = Value(1.0, label="w"), Value(2.0)
    array = ValueArray([[w, 3.0], [x, w]], label="test")
    assert array.flatten()[0] is w
    assert array.flatten()[3] is w
    assert [value.label for value in array.flatten()] == ["w", "test_0_1", "", "w"]
    (w * 5.0).backward()
    assert [value.grad for value in array.flatten()] == [5.0, 0.0, 0.0, 5.0]


KEYS = [
    0, -1, slice(None), slice(0, 1), slice(None, None, -1), slice(5, 9),
    (1, 2), (0, -1), (slice(None), 1), (1, slice(1, 3)), (slice(None), slice(0, 3, 2)),
    (slice(None), slice(None), -2), (0, slice(None), slice(2, None)), (slice(1, None), 0, 3), (),
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_get(key: Any) -> None:
    found, expected = counting()[key], COUNTING[key]
    assert (found.shape, found.dim()) == (expected.shape, expected.ndim)
    assert found.to_list() == expected.tolist()


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_set(key: Any) -> None:
    new = -1.0 - COUNTING[key]
    expected = COUNTING.copy()
    expected[key] = new
    for entries in (new, new.tolist(), ValueArray.from_numpy(new)):
        array = counting()
        array[key] = entries
        assert array.to_numpy().tolist() == expected.tolist()
    array[key] = 7.0
    expected[key] = 7.0
    assert array.to_list() == expected.tolist()


def test_one_element_is_a_value() -> None:
    array = counting()
    assert array[1, 2, 3] is array[1][2][3] is array.flatten()[-1]
    assert array[1, 2, -1].data == 23.0
    w = Value(0.5, label="w")
    array[0, 1, 2] = w
    assert array[0, 1, 2] is w
    array[0, 1, 3] = 8
    assert (array[0, 1, 3].data, array[0, 1, 3].label) == (8.0, "test_0_1_3")
    assert ValueArray(5.0)[()].data == 5.0  # type: ignore[union-attr]


def test_a_slice_is_a_view() -> None:
    array = counting()
    array[1][2][3] = 100.0
    array[:, 0][1, 1:3] = [200.0, 300.0]
    assert array.to_list()[1] == [
        [12.0, 200.0, 300.0, 15.0], [16.0, 17.0, 18.0, 19.0], [20.0, 21.0, 22.0, 100.0],
    ]  # fmt: skip
    assert array[0].label == "test"
    array[0, 0] = array[0, 0, ::-1]
    assert array.to_list()[0][0] == [3.0, 2.0, 1.0, 0.0]


def test_iteration_is_over_the_first_axis() -> None:
    assert [row.to_list() for row in counting()[0]] == COUNTING[0].tolist()
    assert [value.data for value in counting()[0, 0]] == [0.0, 1.0, 2.0, 3.0]
    with pytest.raises(TypeError, match="without axes"):
        len(ValueArray(1.0))


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (2, "index 2 is out of range for axis 0 of size 2"),
        ((0, -4), "index -4 is out of range for axis 1 of size 3"),
        ((0, 0, 0, 0), "4 indices for an array of 3 axes"),
    ],
)
def test_wrong_indices_are_named(key: Any, message: str) -> None:
    with pytest.raises(IndexError, match=message):
        counting()[key]
    with pytest.raises(IndexError, match=message):
        counting()[key] = 0.0


def test_what_does_not_fit_is_refused_whole() -> None:
    array = counting()
    with pytest.raises(ValueError, match=r"entries has shape \(2,\); it must have shape \(4,\)"):
        array[0, 0] = [1.0, 2.0]
    with pytest.raises(ValueError, match=r"entries has shape \(1,\); it must have shape \(\)"):
        array[0, 0, 0] = [1.0]
    with pytest.raises(TypeError):
        array[0, 0] = [1.0, 2.0, 3.0, None]
    assert array.to_list() == COUNTING.tolist()
    with pytest.raises(ValueError, match="entries is ragged"):
        ValueArray([[1.0], [1.0, 2.0]])
    with pytest.raises(ValueError, match=r"entries has shape \(2,\); it must have shape \(3,\)"):
        ValueArray([1.0, 2.0], shape=(3,))


@pytest.mark.parametrize(
    "operation", [operator.add, operator.sub, operator.mul, operator.truediv, operator.matmul]
)
def test_there_is_no_arithmetic(operation: Any) -> None:
    for other in (counting(), 2.0, Value(2.0)):
        with pytest.raises(TypeError):
            operation(counting(), other)
    with pytest.raises(TypeError):
        -counting()


def test_repr() -> None:
    assert repr(ValueArray.from_numpy(np.eye(2), "test")) == (
        "ValueArray('test', shape=(2, 2),\n  [[1, 0],\n   [0, 1]])"
    )
    assert repr(ValueArray([1.0, 2.0 / 3.0])) == "ValueArray(shape=(2,), [1, 0.666667])"
    assert repr(ValueArray(3.0)) == "ValueArray(shape=(), 3)"
    assert repr(ValueArray.zeros((0, 3))) == "ValueArray(shape=(0, 3),\n  [])"
    assert repr(ValueArray.zeros((2, 1, 2))) == (
        "ValueArray(shape=(2, 1, 2),\n  [[[0, 0]],\n   [[0, 0]]])"
    )
