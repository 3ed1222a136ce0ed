"""Truncated backpropagation through time, against the explicit sum over its lags."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from rnncheck.implementations.autodiff import backward, forward
from rnncheck.spec import Outputs, RNNSpec

Array = npt.NDArray[np.floating]

T, B = 6, 3
LENGTHS = np.array([6, 0, 4])


def draw(spec: RNNSpec) -> tuple[dict[str, Array], dict[str, Array]]:
    """Random parameters, and the other arrays."""
    rng = np.random.default_rng(0)
    parameters: dict[str, Array] = {
        n: 0.5 * rng.standard_normal(s) for n, s in spec.parameter_shapes().items()
    }
    return parameters, {n: rng.standard_normal(s) for n, s in spec.array_shapes(T, B).items()}


def sum_over_lags(
    k: int, p: dict[str, Array], x: Array, h0: Array, g: Array, g_n: Array
) -> dict[str, Array]:
    """One row of a tanh network with cotangents g of its outputs and g_n of its last state.

    δ_{t→t} = φ'(a_t) g_t and δ_{t→s} = φ'(a_s) W_hhᵀ δ_{t→s+1}, taken for 0 <= t - s <= k.
    """
    W_ih, W_hh = p["weight_ih_l0"], p["weight_hh_l0"]
    h = [h0]
    for x_t in x:
        h.append(np.tanh(W_ih @ x_t + p["bias_ih_l0"] + W_hh @ h[-1] + p["bias_hh_l0"]))
    got = {name: np.zeros_like(array) for name, array in p.items()}
    got |= {"x": np.zeros_like(x), "h0": np.zeros_like(h0)}
    for t in range(len(x)):
        at_h = g[t] + (g_n if t == len(x) - 1 else 0.0)
        for s in range(t, max(t - k, 0) - 1, -1):
            delta = (1 - h[s + 1] ** 2) * at_h
            got["weight_ih_l0"] += np.outer(delta, x[s])
            got["weight_hh_l0"] += np.outer(delta, h[s])
            got["bias_ih_l0"] += delta
            got["bias_hh_l0"] += delta
            got["x"][s] += W_ih.T @ delta
            at_h = W_hh.T @ delta
            if s == 0:
                got["h0"] += at_h
    if len(x) == 0:
        got["h0"] += g_n
    return got


def cotangents_of_states(spec: RNNSpec, d_output: Array, d_h_n: Array) -> tuple[Array, Array]:
    """(g, g_n) of `sum_over_lags` for every row. A single output is computed where h_n is."""
    if spec.outputs == "all":
        return d_output, d_h_n[0]
    single = d_output[0]
    if spec.outputs == "last":  # a row without steps has no last one
        single = np.where(LENGTHS[:, None] > 0, single, 0.0)
    return np.zeros((T, *single.shape)), d_h_n[0] + single


@pytest.mark.parametrize("outputs", ["all", "last", "final"])
@pytest.mark.parametrize("k", [0, 1, 2, 3, 5, 9])
def test_the_gradient_is_the_sum_over_lags_up_to_k(k: int, outputs: Outputs) -> None:
    """Rows of 6, 0 and 4 steps, with NaN in the padding, and cotangents of outputs and h_n.

    Each result sums fewer than B T T = 108 products of numbers below 10.
    """
    spec = RNNSpec(2, 3, truncation=k, outputs=outputs)
    p, rest = draw(spec)
    padding = np.arange(T)[:, None] >= LENGTHS
    rest["x"][padding] = np.nan
    if outputs == "all":
        rest["d_output"][padding] = np.nan
    elif outputs == "last":
        rest["d_output"][:, LENGTHS == 0] = np.nan
    _, _, tape = forward(spec, p, rest["x"], rest["h0"], LENGTHS)
    got = backward(tape, rest["d_output"], rest["d_h_n"])
    expected = {name: np.zeros_like(array) for name, array in got.items()}
    g, g_n = cotangents_of_states(spec, rest["d_output"], rest["d_h_n"])
    for b, n in enumerate(LENGTHS):
        row = sum_over_lags(k, p, rest["x"][:n, b], rest["h0"][0, b], g[:n, b], g_n[b])
        for name in p:
            expected[name] += row[name]
        expected["x"][:n, b] = row["x"]
        expected["h0"][0, b] = row["h0"]
    atol = 108 * 10 * np.finfo(np.float64).eps
    for name, array in expected.items():
        np.testing.assert_allclose(got[name], array, rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize("outputs", ["all", "last", "final"])
@pytest.mark.parametrize("k", [0, 1, 2, T - 1, T])
def test_truncation_cuts_gradients_and_no_values(k: int, outputs: Outputs) -> None:
    """The same output to the bit; from k = T-1 the same gradients too, and other ones below."""
    full = RNNSpec(2, 3, output_size=2, readout="softmax", outputs=outputs)
    cut = replace(full, truncation=k)
    p, rest = draw(full)
    output, h_n, tape = forward(cut, p, rest["x"], rest["h0"])
    full_output, full_h_n, full_tape = forward(full, p, rest["x"], rest["h0"])
    np.testing.assert_array_equal(output, full_output)
    np.testing.assert_array_equal(h_n, full_h_n)
    got = backward(tape, rest["d_output"], rest["d_h_n"])
    expected = backward(full_tape, rest["d_output"], rest["d_h_n"])
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "x", "h0"):
        same = np.array_equal(got[name], expected[name])
        assert same == (k >= T - 1), name
    np.testing.assert_array_equal(got["weight_ho"], expected["weight_ho"])


@pytest.mark.parametrize("k", range(T))
def test_scalar_linear_network_has_a_truncated_geometric_series(k: int) -> None:
    """w = 1/2, d_output = 1: dx_s = Σ w^j over lags j <= min(k, T-1-s); dh0 = Σ_{t<=k} w^(t+1).

    The cotangent 1 of h_n counts as another of the last output's. All exact.
    """
    spec = RNNSpec(1, 1, nonlinearity="identity", bias=False, truncation=k)
    p = {"weight_ih_l0": np.ones((1, 1)), "weight_hh_l0": np.full((1, 1), 0.5)}
    _, _, tape = forward(spec, p, np.ones((T, 1, 1)), np.zeros((1, 1, 1)))
    got = backward(tape, np.ones((T, 1, 1)), np.ones((1, 1, 1)))
    ones = [sum(0.5**j for j in range(min(k, T - 1 - s) + 1)) for s in range(T)]
    last = [0.5 ** (T - 1 - s) if T - 1 - s <= k else 0.0 for s in range(T)]
    np.testing.assert_array_equal(got["x"].ravel(), np.add(ones, last))
    dh0 = sum(0.5 ** (t + 1) for t in range(k + 1)) + (0.5**T if k == T - 1 else 0.0)
    assert got["h0"] == dh0
