"""Gradients of the scalar network that are known in closed form. The numbers are dyadic: exact."""

from typing import Any

from rnncheck.implementations.scalar import backward, forward
from rnncheck.implementations.scalar.nested import elements
from rnncheck.spec import Nonlinearity, RNNSpec

Array = Any
"""Nested lists of numbers."""


def run(
    nonlinearity: Nonlinearity, w: float, u: float, x: list[float], h0: float,
    d_output: list[float], d_h_n: float,
) -> tuple[Array, dict[str, Array]]:  # fmt: skip
    """The last state and the gradient of `h_t = φ(w x_t + u h_{t-1})`."""
    parameters: dict[str, Array] = {
        "weight_ih_l0": [[w]],
        "weight_hh_l0": [[u]],
        "bias_ih_l0": [0.0],
        "bias_hh_l0": [0.0],
    }
    spec = RNNSpec(1, 1, nonlinearity=nonlinearity)
    _, h_n, tape = forward(spec, parameters, [[[x_t]] for x_t in x], [[[h0]]])
    return h_n, backward(tape, [[[d]] for d in d_output], [[[d_h_n]]])


def test_geometric_sum() -> None:
    # h_t = w Σ_s u^{t-s} x_s + u^{t+1} h0 of x = 1, u = 1/2; the loss is the last state alone
    h = [4.0 / 2 ** (t + 1) + 2.0 * (2.0 - 2.0**-t) for t in range(4)]
    before = [4.0, *h[:3]]
    h_n, gradient = run(
        "identity", w=2.0, u=0.5, x=[1.0] * 4, h0=4.0, d_output=[0.0] * 4, d_h_n=1.0
    )
    assert h_n == [[[h[3]]]]
    assert gradient == {
        "weight_ih_l0": [[1.875]],  # Σ_s u^s
        "weight_hh_l0": [[sum(0.5 ** (3 - t) * h_prev for t, h_prev in enumerate(before))]],
        "bias_ih_l0": [1.875],
        "bias_hh_l0": [1.875],
        "x": [[[2.0 * 0.5 ** (3 - s)]] for s in range(4)],
        "h0": [[[0.5**4]]],
    }


def test_relu_has_derivative_0_at_0() -> None:
    _, gradient = run("relu", w=1.0, u=1.0, x=[-1.0], h0=1.0, d_output=[1.0], d_h_n=1.0)
    assert not any(elements(list(gradient.values())))


def test_five_thousand_steps() -> None:
    # h_t = Σ_{s<=t} u^{t-s} + u^{t+1} h0 with u = 1, so that nothing fades: h_t = t + 1
    T = 5000
    h_n, gradient = run(
        "identity", w=1.0, u=1.0, x=[1.0] * T, h0=0.0, d_output=[0.0] * T, d_h_n=1.0
    )
    assert h_n == [[[float(T)]]]
    assert gradient["weight_ih_l0"] == [[float(T)]]  # h_{T-1} / w
    assert gradient["weight_hh_l0"] == [[T * (T - 1) / 2]]  # Σ_t h_{t-1}
    assert gradient["h0"] == [[[1.0]]]
