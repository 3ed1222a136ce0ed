"""Arrays taken apart into rows of floats, whatever numbers they came with."""

from typing import Any

import numpy as np
import pytest

from rnncheck.implementations.scalar import backward, forward
from rnncheck.implementations.scalar.nested import rows_of
from rnncheck.spec import RNNSpec


@pytest.mark.parametrize(
    "array",
    [
        [[[1.0, 2.0], [3.0, 4.0]]],
        [[(1, 2.0), [3, 4]]],
        ([[True, 2.0], [np.float32(3.0), np.float64(4.0)]],),
    ],
)
def test_rows_are_floats(array: Any) -> None:
    rows = rows_of("x", array, (1, 2, 2))
    assert [[*row] for row in rows] == [[1.0, 2.0], [3.0, 4.0]]
    assert {type(number) for row in rows for number in row} == {float}


@pytest.mark.parametrize(
    ("array", "shape", "rows"),
    [
        ([1.0, 2.0], (2,), [[1.0, 2.0]]),
        ([], (0, 3), []),
        ([[], []], (2, 0), [[], []]),
        ([[], []], (2, 0, 3), []),
    ],
)
def test_few_axes_and_empty_ones(array: Any, shape: Any, rows: Any) -> None:
    assert rows_of("x", array, shape) == rows


@pytest.mark.parametrize("array", [[1.0, 2.0], [[1.0]], [[1.0, [2.0]]]])
def test_another_shape_is_refused(array: Any) -> None:
    with pytest.raises(ValueError, match=r"x (has shape|is ragged)"):
        rows_of("x", array, (1, 2))


def spoil(array: Any) -> None:
    """Put another number into every row."""
    for item in array:
        if isinstance(item, list):
            spoil(item)
        else:
            array[0] = 9.0


def test_a_tape_keeps_its_numbers_whatever_becomes_of_the_lists() -> None:
    spec = RNNSpec(1, 1, 2, nonlinearity="identity", output_size=1)
    parameters: dict[str, Any] = {
        name: [[2.0]] if len(shape) == 2 else [0.5]
        for name, shape in spec.parameter_shapes().items()
    }
    x, h0, masks = [[[3.0]]], [[[1.0]], [[1.0]]], [[[[0.5]]]]
    output, h_n, tape = forward(spec, parameters, x, h0, None, masks)
    first = backward(tape, [[[1.0]]], [[[0.0]], [[0.0]]])
    for array in (*parameters.values(), x, h0, masks, output, h_n, *first.values()):
        spoil(array)
    again = backward(tape, [[[1.0]]], [[[0.0]], [[0.0]]])
    assert again["weight_ho"] == [[2.0 * 0.5 * (2.0 * 3.0 + 2.0 + 1.0) + 3.0]]
    assert again["x"] == [[[2.0 * 2.0 * 0.5 * 2.0]]]
