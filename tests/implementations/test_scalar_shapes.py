"""The shapes that the class `RNN` takes and gives (even empty ones), and those it refuses."""

from typing import Any

import pytest

from rnncheck.implementations.scalar import RNN
from rnncheck.implementations.scalar.nested import full, shape_of

T, B, I, H, L, D = 3, 2, 4, 2, 2, 2  # noqa: E741


def numbers(*shape: int) -> Any:
    """Nested lists of ones."""
    return full(shape, lambda: 1.0)


@pytest.mark.parametrize(
    ("batch_first", "x", "h0", "message"),
    [
        (False, (T, B, 5), None, r"x has shape \(3, 2, 5\); it must have shape \(3, 2, 4\) \(st"),
        (True, (B, T, 5), None, r"x has shape \(2, 3, 5\); it must have shape \(2, 3, 4\) \(batch"),
        (False, (T, 5), None, r"x has shape \(3, 5\); it must have shape \(3, 4\) \(steps"),
        (False, (T, B, I, 1), None, r"x has shape \(3, 2, 4, 1\); it must have shape \(3, 2, 4\)"),
        (False, (I,), None, r"x has shape \(4,\); it must have shape \(4, 4\) \(steps"),
        (False, (T, B, I), (4, 3, H), r"h0 has shape \(4, 3, 2\); it must have shape \(4, 2, 2\)"),
        (True, (B, T, I), (2, B, H), r"h0 has shape \(2, 2, 2\); it must have shape \(4, 2, 2\)"),
        (False, (T, I), (4, 1, H), r"h0 has shape \(4, 1, 2\); it must have shape \(4, 2\)"),
        (False, (T, B, I), (4, H), r"h0 has shape \(4, 2\); it must have shape \(4, 2, 2\)"),
    ],
)  # fmt: skip
def test_wrong_shapes_are_named(batch_first: bool, x: Any, h0: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RNN(I, H, L, bidirectional=True, batch_first=batch_first)(numbers(*x), h0 and numbers(*h0))


def test_wrong_cotangents_are_named_in_the_layout_of_the_output() -> None:
    rnn = RNN(I, H, L, bidirectional=True, batch_first=True)
    rnn(numbers(B, T, I))
    with pytest.raises(ValueError, match=r"d_output has shape \(3, 2, 4\); .* \(2, 3, 4\)"):
        rnn.backward(numbers(T, B, D * H))
    with pytest.raises(ValueError, match=r"d_h_n has shape \(4, 2\); .* \(4, 2, 2\)"):
        rnn.backward(numbers(B, T, D * H), numbers(L * D, H))


@pytest.mark.parametrize(
    ("batch_first", "x", "h0", "output", "h_n"),
    [
        (False, (0, B, I), (L * D, B, H), [], (L * D, B, H)),
        (False, (0, I), (L * D, H), [], (L * D, H)),
        (False, (0, I), None, [], (L * D, 0)),  # [] alone is a batch of no rows
        (False, (T, 0, I), None, [[]] * T, (L * D, 0)),
        (False, (T, 0, I), (L * D, 0, H), [[]] * T, (L * D, 0)),
        (True, (B, 0, I), None, [[]] * B, (L * D, B, H)),
        (True, (0, T, I), None, [], (L * D, 0)),
    ],
)
def test_empty_steps_and_batches(batch_first: bool, x: Any, h0: Any, output: Any, h_n: Any) -> None:
    rnn = RNN(I, H, L, bidirectional=True, batch_first=batch_first)
    found, states = rnn(numbers(*x), h0 and numbers(*h0))
    assert found == output
    assert shape_of("h_n", states) == h_n
    gradient = rnn.backward(output)
    assert gradient["x"] == numbers(*x)
    assert shape_of("h0", gradient["h0"]) == h_n


@pytest.mark.parametrize(
    ("x", "h0", "output", "h_n"),
    [
        ((T, B, 0), None, (T, B, H), (1, B, H)),
        ((T, 0), None, (T, H), (1, H)),
        ((T, 0), (1, H), (T, H), (1, H)),
        ((T, 0), (1, 0, H), (T, 0), (1, 0)),
    ],
)
def test_no_inputs(x: Any, h0: Any, output: Any, h_n: Any) -> None:
    found, states = RNN(0, H)(numbers(*x), h0 and numbers(*h0))
    assert (shape_of("output", found), shape_of("h_n", states)) == (output, h_n)
