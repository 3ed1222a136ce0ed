"""Truncated BPTT in the scalar network, against explicit sums over the lags it keeps."""

import math
import random
from dataclasses import replace
from typing import Any

import pytest

from rnncheck.implementations.scalar import backward, forward
from rnncheck.implementations.scalar.nested import elements, full, map_nested
from rnncheck.spec import Readout, RNNSpec

U = 2.0**-53
Array = Any
"""Nested lists of numbers."""
ROWS = ("x", "h0", "d_output", "d_h_n")


def run(
    spec: RNNSpec, parameters: dict[str, Array], x: Array, h0: Array,
    d_output: Array, d_h_n: Array, lengths: list[int] | None = None,
) -> dict[str, Array]:  # fmt: skip
    """The gradient."""
    return backward(forward(spec, parameters, x, h0, lengths)[2], d_output, d_h_n)


def scalar_network(w: float, u: float) -> dict[str, Array]:
    """`h_t = φ(w x_t + u h_{t-1})`."""
    return {
        "weight_ih_l0": [[w]],
        "weight_hh_l0": [[u]],
        "bias_ih_l0": [0.0],
        "bias_hh_l0": [0.0],
    }


@pytest.mark.parametrize("k", range(6))
def test_explicit_sum_over_lags_of_a_scalar_network(k: int) -> None:
    # δ_{t→s} = c_t Π_{s<r<=t} u (1 - h_r²) · (1 - h_s²), with c_t the cotangent of h_t
    w, u, h0 = 0.7, -1.3, 0.4
    xs, ds, d_last = [0.3, -0.8, 0.5, 1.1], [1.0, -2.0, 0.5, 3.0], 0.25
    h = [h0]
    for x in xs:
        h.append(math.tanh(w * x + u * h[-1]))
    slope = [1.0 - h_t * h_t for h_t in h[1:]]
    c = [*ds[:-1], ds[-1] + d_last]
    delta = [
        sum(
            c[t] * math.prod(u * slope[r] for r in range(s + 1, t + 1)) * slope[s]
            for t in range(s, min(s + k, 3) + 1)
        )
        for s in range(4)
    ]
    found = run(
        RNNSpec(1, 1, truncation=k), scalar_network(w, u),
        [[[x]] for x in xs], [[[h0]]], [[[d]] for d in ds], [[[d_last]]],
    )  # fmt: skip
    expected = {
        "weight_ih_l0": [sum(d * x for d, x in zip(delta, xs, strict=True))],
        "weight_hh_l0": [sum(d * before for d, before in zip(delta, h, strict=False))],
        "bias_ih_l0": [sum(delta)],
        "bias_hh_l0": [sum(delta)],
        "x": [w * d for d in delta],
        "h0": [u * delta[0]],
    }
    # Some 50 roundings on either side, of terms whose magnitudes add up to less than
    # Σ|c| Σ 1.3^lag max|x, w, u, h| < 6.75 · 6.2 · 1.3 < 60.
    for name, numbers in expected.items():
        assert list(elements(found[name])) == pytest.approx(numbers, rel=0, abs=100 * U * 60)


@pytest.mark.parametrize("k", range(5))
def test_geometric_sum_is_cut_off(k: int) -> None:
    # h_t = Σ_s u^{t-s} w x_s and the loss is h_3: exactly the lags 0..k are left
    found = run(
        RNNSpec(1, 1, nonlinearity="identity", truncation=k), scalar_network(2.0, 0.5),
        [[[1.0]]] * 4, [[[8.0]]], [[[0.0]]] * 4, [[[1.0]]],
    )  # fmt: skip
    kept = [0.5 ** (3 - s) if 3 - s <= k else 0.0 for s in range(4)]
    assert found["x"] == [[[2.0 * factor]] for factor in kept]
    assert found["weight_ih_l0"] == [[sum(kept)]]
    assert found["h0"] == [[[0.0625 if k >= 3 else 0.0]]]


def add(total: Array, more: Array) -> Array:
    """Element by element."""
    if isinstance(total, list):
        return [add(t, m) for t, m in zip(total, more, strict=True)]
    return total + more


def random_arrays(spec: RNNSpec, T: int, B: int) -> dict[str, Array]:
    """Every array of a case, uniform in ±1, by name."""
    rng = random.Random(f"{T}, {B}")
    shapes = spec.parameter_shapes() | spec.array_shapes(T, B)
    return {name: full(shape, lambda: rng.uniform(-1, 1)) for name, shape in shapes.items()}


def sum_over_windows(spec: RNNSpec, k: int, arrays: dict[str, Array], n: int) -> dict[str, Array]:
    """The truncated gradient of a row of n steps, as a sum of full gradients (spec: without k).

    One for each output alone, of the window of k + 1 steps that ends with it, starting from the
    state before the window as from any given numbers. h_n is an output of the last window.
    """
    parameters = {name: arrays[name] for name in spec.parameter_shapes()}
    x, h0, d_output, d_h_n = (arrays[name] for name in ROWS)
    total = {name: zeros_like(arrays[name]) for name in (*parameters, "x", "h0")}
    if n == 0:
        total["h0"] = d_h_n
    for t in range(n):
        first = max(t - k, 0)
        start = forward(spec, parameters, x[:first], h0)[1]
        d = [[[0.0] * spec.output_features]] * (t - first) + [d_output[t]]
        d_last = d_h_n if t == n - 1 else [[[0.0] * spec.hidden_size]]
        one = run(spec, parameters, x[first : t + 1], start, d, d_last)
        x_before, x_after = total["x"][:first], total["x"][t + 1 :]
        one["x"] = [*zeros_like(x_before), *one["x"], *zeros_like(x_after)]
        if first > 0:
            one["h0"] = zeros_like(h0)
        total = {name: add(array, one[name]) for name, array in total.items()}
    return total


def zeros_like(array: Array) -> Array:
    """0 for every number."""
    return map_nested(lambda _: 0.0, array)


def assert_close(found: dict[str, Array], expected: dict[str, Array], tolerance: float) -> None:
    """Every number of every array within this of the other."""
    assert list(found) == list(expected)
    for name, array in expected.items():
        numbers = list(elements(array))
        assert list(elements(found[name])) == pytest.approx(numbers, rel=0, abs=tolerance)


# Two ways to the same products, added in another order. With 5 steps and at most 3 rows a number
# is a sum of up to 3·5·5 terms, each of them at most 2 cotangents times weights of a row sum of
# at most 2, at up to 4 steps and in the readout.
TERMS = 3 * 5 * 5
TOLERANCE = TERMS * U * TERMS * 2 * 2**5


@pytest.mark.parametrize("n", [0, 1, 3, 5])
@pytest.mark.parametrize("readout", [None, "softmax"])
@pytest.mark.parametrize("k", [0, 1, 2, 4, 9])
def test_each_output_on_its_own_window(k: int, readout: Readout | None, n: int) -> None:
    spec = RNNSpec(2, 2)
    if readout is not None:
        spec = replace(spec, output_size=2, readout=readout)
    arrays = random_arrays(spec, T=5, B=1)
    expected = sum_over_windows(spec, k, arrays, n)
    assert_close(gradient(replace(spec, truncation=k), arrays, [n]), expected, TOLERANCE)


def gradient(spec: RNNSpec, arrays: dict[str, Array], lengths: list[int]) -> dict[str, Array]:
    """`run` on these arrays."""
    parameters = {name: arrays[name] for name in spec.parameter_shapes()}
    x, h0, d_output, d_h_n = (arrays[name] for name in ROWS)
    return run(spec, parameters, x, h0, d_output, d_h_n, lengths)


@pytest.mark.parametrize("k", [4, 5, 100])
def test_a_long_truncation_is_none(k: int) -> None:
    arrays = random_arrays(RNNSpec(2, 2), T=5, B=3)
    truncated, full_bptt = (
        gradient(RNNSpec(2, 2, truncation=one), arrays, [5, 0, 3]) for one in (k, None)
    )
    assert_close(truncated, full_bptt, TOLERANCE)


def test_the_rows_of_a_batch_are_truncated_on_their_own() -> None:
    spec = RNNSpec(2, 2, truncation=1)
    arrays = random_arrays(spec, T=5, B=3)
    lengths = [5, 0, 3]
    together = gradient(spec, arrays, lengths)
    total = {name: zeros_like(arrays[name]) for name in spec.parameter_shapes()}
    for b, n in enumerate(lengths):
        row = {name: [[step[b]] for step in arrays[name]] for name in ROWS}
        alone = gradient(spec, arrays | row, [n])
        total = {name: add(array, alone[name]) for name, array in total.items()}
        for name in ("x", "h0"):
            assert [step[b] for step in together[name]] == [v for (v,) in alone[name]]
    assert_close({name: together[name] for name in total}, total, TOLERANCE)


def test_a_truncated_tape_may_be_swept_again() -> None:
    spec = RNNSpec(1, 1, nonlinearity="identity", truncation=1)
    tape = forward(spec, scalar_network(1.0, 0.5), [[[1.0]]] * 3, [[[1.0]]])[2]
    first = backward(tape, [[[1.0]]] * 3, [[[0.0]]])
    assert first["x"] == [[[1.5]], [[1.5]], [[1.0]]]
    assert backward(tape, [[[0.0]]] * 3, [[[4.0]]])["x"] == [[[0.0]], [[2.0]], [[4.0]]]
    assert backward(tape, [[[1.0]]] * 3, [[[0.0]]]) == first


def test_a_truncated_sequence_of_no_steps() -> None:
    spec = RNNSpec(1, 1, truncation=0)
    found = run(spec, scalar_network(1.0, 1.0), [], [[[2.0]]], [], [[[3.0]]])
    assert (found["x"], found["h0"], found["weight_hh_l0"]) == ([], [[[3.0]]], [[0.0]])


@pytest.mark.parametrize("k", [0, 3, 100])
def test_each_output_visits_its_own_window_alone(k: int) -> None:
    # the readout's node and those of the states t, ..., t-k: all that it depends on and is not cut
    T = 40
    spec = RNNSpec(1, 1, output_size=1, truncation=k)
    arrays = random_arrays(spec, T, B=2)
    parameters = {name: arrays[name] for name in spec.parameter_shapes()}
    tape = forward(spec, parameters, arrays["x"], arrays["h0"])[2]
    visits: list[int] = []

    def counted(back: Any) -> Any:
        def back_and_count(grad: Any, node: Any) -> None:
            back(grad, node)
            visits.append(len(grad))

        return back_and_count

    for row in tape.rows:
        row.trace.nodes[:] = [(counted(back), *rest) for back, *rest in row.trace.nodes]
    backward(tape, arrays["d_output"], arrays["d_h_n"])
    assert len(visits) == 2 * sum(1 + min(t, k) + 1 for t in range(T))
    # an output, k + 1 states and as many x, and the state before them
    assert max(visits) == 1 + 2 * min(k + 1, T) + 1
