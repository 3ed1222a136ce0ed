"""Truncated back-propagation against its meaning: every output sees a window of steps."""

from dataclasses import replace

import numpy as np
import pytest

from rnncheck.implementations.manual import backward, forward
from rnncheck.spec import RNNSpec

Array = np.ndarray
T, B = 5, 3
LENGTHS = np.array([5, 0, 3])


def draw(spec: RNNSpec, low: int, high: int) -> dict[str, Array]:
    """Parameters, x, h0, d_output and d_h_n: whole numbers in [low, high], cotangents in [-2, 2].

    Sums and products of them are exact, whatever the order.
    """
    rng = np.random.default_rng(4)
    shapes = spec.parameter_shapes() | spec.array_shapes(T, B)
    drawn = {}
    for name, shape in shapes.items():
        bounds = (-2, 2) if name.startswith("d_") else (low, high)
        drawn[name] = rng.integers(*bounds, size=shape, endpoint=True).astype(float)
    return drawn


def gradients(spec: RNNSpec, a: dict[str, Array], lengths: Array) -> dict[str, Array]:
    """What `backward` says."""
    tape = forward(spec, a, a["x"], a["h0"], lengths)[2]
    return backward(tape, a["d_output"], a["d_h_n"])


def windowed_gradients(
    spec: RNNSpec, a: dict[str, Array], lengths: Array, k: int
) -> dict[str, Array]:
    """The output of step t sees the window t-k..t only; a single output is that of step n_b - 1.

    Each window is a network of its own, fully back-propagated, that starts from the state before
    it as from a constant; only the window that reaches step 0 sees h0.
    """
    full = replace(spec, truncation=None, outputs="all")
    x, h0 = a["x"], a["h0"]
    states = forward(replace(full, output_size=None), a, x, h0, lengths)[0]
    total = {name: np.zeros_like(a[name]) for name in [*spec.parameter_shapes(), "x", "h0"]}
    for b, n in enumerate(lengths):
        row = np.s_[:, b : b + 1]
        if n == 0:
            total["h0"][row] += a["d_h_n"][row]
            if spec.outputs == "final":
                read_from_the_start(spec, a, total, b)
        for t in range(n):
            is_last, first = t == n - 1, max(0, t - k)
            window = np.s_[first : t + 1, b : b + 1]
            before = states[None, first - 1, b : b + 1] if first else h0[row]
            output, _, tape = forward(full, a, x[window], before)
            d_output = np.zeros_like(output)
            if spec.outputs == "all" or is_last:
                d_output[-1] = a["d_output"][t if spec.outputs == "all" else 0, b]
            part = backward(tape, d_output, a["d_h_n"][row] * is_last)
            for name in spec.parameter_shapes():
                total[name] += part[name]
            total["x"][window] += part["x"]
            if first == 0:
                total["h0"][row] += part["h0"]
    return total


def read_from_the_start(
    spec: RNNSpec, a: dict[str, Array], total: dict[str, Array], b: int
) -> None:
    """A row without steps has output W_ho h0 + b_o (or h0): adds the gradients of that."""
    d, state = a["d_output"][0, b], a["h0"][0, b]
    if spec.output_size is None:
        total["h0"][0, b] += d
    else:
        total["h0"][0, b] += a["weight_ho"].T @ d
        total["weight_ho"] += np.outer(d, state)
        total["bias_o"] += d


@pytest.mark.parametrize("lengths", [np.full(B, T), LENGTHS], ids=["full", "padded"])
@pytest.mark.parametrize("nonlinearity", ["relu", "identity"])
@pytest.mark.parametrize("output_size", [None, 2])
@pytest.mark.parametrize("outputs", ["all", "last", "final"])
@pytest.mark.parametrize("k", [0, 1, 2, 3, 4, 100])
def test_truncation_is_a_sum_over_windows(k, outputs, output_size, nonlinearity, lengths):
    """`==` is meant; padding of NaN, in d_output too, is in the way of none of it."""
    spec = RNNSpec(
        2, 3, 1, nonlinearity, True, output_size=output_size, truncation=k, outputs=outputs
    )
    # More often positive than not: a relu that is off would cut the links by itself.
    a = draw(spec, -1, 3)
    expected = windowed_gradients(spec, a, lengths, k)
    padding = np.arange(T)[:, None] >= lengths
    a["x"][padding] = np.nan
    if outputs != "final":
        a["d_output"][padding[: len(a["d_output"])]] = np.nan
    found = gradients(spec, a, lengths)
    for name in expected:
        assert np.abs(expected[name]).max() < 2**53, "not exact any more"
        assert (found[name] == expected[name]).all(), name

    untruncated = gradients(replace(spec, truncation=None), a, lengths)
    same = all((found[name] == untruncated[name]).all() for name in found)
    assert same == (k >= T - 1), "a shorter truncation changes the gradient of these numbers"


@pytest.mark.parametrize("outputs", ["all", "last", "final"])
@pytest.mark.parametrize("k", [T - 1, T, 10**9])
def test_truncation_that_drops_nothing_is_none(k, outputs):
    """The same bits, by the same equation, whatever the rounding."""
    spec = RNNSpec(2, 3, output_size=2, outputs=outputs, truncation=k)
    a = {name: values / 3 for name, values in draw(spec, -3, 3).items()}
    found = gradients(spec, a, LENGTHS)
    for name, values in gradients(replace(spec, truncation=None), a, LENGTHS).items():
        assert found[name].tobytes() == values.tobytes(), name
