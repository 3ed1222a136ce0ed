"""Truncated back-propagation in balls against sums over single lags, each product written out."""

from typing import Any, get_args

import pytest
from flint import arb
from oracles.digits import BITS, assert_agree, gradients
from oracles.drawing import READOUTS, draw, label

from rnncheck.case import Case
from rnncheck.oracles import balls
from rnncheck.oracles.balls import Ball, Matrix
from rnncheck.oracles.truth import exact_balls
from rnncheck.spec import Nonlinearity, Outputs, RNNSpec

T, B = 5, 3

PHI: dict[str, Any] = {
    "tanh": (Ball.tanh, lambda a: 1 / a.cosh() ** 2),
    "relu": (lambda a: a if a > 0 else arb(0), lambda a: arb(int(a > 0))),
    "sigmoid": (lambda a: 1 / (1 + (-a).exp()), lambda a: 1 / (2 + a.exp() + (-a).exp())),
    "identity": (lambda a: a, lambda a: arb(1)),
}
"""Each φ beside its derivative, in another form than that of the package."""


def truncated() -> list[Case]:
    """Every φ with no lag, some, all but one, all of them (k = T - 1) and more."""
    found = []
    for i, k in enumerate((0, 1, 2, T - 2, T - 1, T + 4)):
        for j, nonlinearity in enumerate(get_args(Nonlinearity)):
            spec = RNNSpec(
                3, 2, nonlinearity=nonlinearity, truncation=k,
                outputs=get_args(Outputs)[(i + j) % 3], **READOUTS[(i + 3 * j) % 7],
            )  # fmt: skip
            found.append(draw(spec, T, B, seed=10 * i + j, lengths=[[T, 0, 3], None][i % 2]))
    return found


@pytest.mark.parametrize("case", truncated(), ids=label)
def test_truncation_keeps_the_lags_up_to_k_and_no_others(case: Case) -> None:
    """δ_s = Σ_{t=s}^{s+k} φ'_s W_hhᵀ φ'_{s+1} ... W_hhᵀ φ'_t g_t."""
    with balls.precision(BITS):
        found = gradients(case)
        assert_agree(found, by_lags(case))


@pytest.mark.parametrize("k", [0, T - 2, T - 1, T])
def test_with_fewer_links_than_steps_something_is_left_out(k: int) -> None:
    case = draw(RNNSpec(3, 2, truncation=k), T, B)
    with balls.precision(BITS):
        found, full = gradients(case)["h0"], gradients(without_truncation(case))["h0"]
    # At k = T - 2 the last output no longer reaches the first step, and so not h0.
    assert [a.overlaps(b) for a, b in zip(found, full, strict=True)] == [k >= T - 1] * len(full)


def without_truncation(case: Case) -> Case:
    return case.replace(spec=RNNSpec(**{**vars(case.spec), "truncation": None}))


def by_lags(case: Case) -> dict[str, list[Ball]]:
    """The readout's gradients as without truncation, the cell's as sums over single lags."""
    H, I = case.spec.hidden_size, case.spec.input_size  # noqa: E741
    W_ih, W_hh = (balls.matrix(case.parameters[f"weight_{n}_l0"]) for n in ("ih", "hh"))
    d_W_ih, d_W_hh, d_b = balls.zeros(H, I), balls.zeros(H, H), balls.zeros(H)
    d_x = [[balls.zeros(I) for _ in range(case.B)] for _ in range(case.T)]
    d_h0: list[Ball] = []
    for b in range(case.B):
        states, deltas = deltas_of_row(case, b, W_ih, W_hh)
        for s, delta in enumerate(deltas):
            d_W_ih += delta * balls.column(case.x[s, b]).transpose()
            d_W_hh += delta * states[s].transpose()
            d_b += delta
            d_x[s][b] = W_ih.transpose() * delta
        first = W_hh.transpose() * deltas[0] if deltas else reaching(case, b, 0, states[0], 0)
        d_h0 += first.entries()
    found = {"weight_ih_l0": d_W_ih.entries(), "weight_hh_l0": d_W_hh.entries()}
    found |= {"bias_ih_l0": d_b.entries(), "bias_hh_l0": d_b.entries()}
    full, _ = exact_balls(without_truncation(case))
    found |= {name: full[name] for name in case.spec.parameter_shapes() if name not in found}
    return {**found, "x": [v for row in d_x for c in row for v in c.entries()], "h0": d_h0}


def deltas_of_row(
    case: Case, b: int, W_ih: Matrix, W_hh: Matrix
) -> tuple[list[Matrix], list[Matrix]]:
    """The states of a row from h0 on, and δ of every step."""
    value, derivative = PHI[case.spec.nonlinearity]
    bias = balls.column(case.parameters["bias_ih_l0"]) + balls.column(case.parameters["bias_hh_l0"])
    states, slopes, deltas = [balls.column(case.h0[0, b])], [], []
    n, k = int(case.valid_steps()[b]), case.spec.truncation
    assert k is not None
    for t in range(n):
        a = W_ih * balls.column(case.x[t, b]) + W_hh * states[-1] + bias
        states.append(balls.elementwise(value, a))
        slopes.append(diagonal([derivative(v) for v in a.entries()]))
    for s in range(n):
        deltas.append(balls.zeros(case.spec.hidden_size))
        for t in range(s, min(s + k, n - 1) + 1):
            product = slopes[s]
            for r in range(s + 1, t + 1):
                product = product * W_hh.transpose() * slopes[r]
            deltas[s] += product * reaching(case, b, t, states[t + 1], n)
    return states, deltas


def diagonal(entries: list[Ball]) -> Matrix:
    matrix = balls.zeros(len(entries), len(entries))
    for i, entry in enumerate(entries):
        matrix[i, i] = entry
    return matrix


def reaching(case: Case, b: int, t: int, state: Matrix, n: int) -> Matrix:
    """g_t: what reaches the state of step t (or h0, if n is 0) other than through a next step."""
    outputs, last = case.spec.outputs, t >= n - 1
    g = balls.column(case.d_h_n[0, b]) if last else balls.zeros(case.spec.hidden_size)
    if not {"all": n > 0, "last": last and n > 0, "final": last}[outputs]:
        return g
    d = balls.column(case.d_output[t if outputs == "all" else 0, b])
    return g + through_readout(case, d, state)


def through_readout(case: Case, d: Matrix, state: Matrix) -> Matrix:
    """Vᵀ ψ'(V h + c) d, where the ψ' of softmax is the matrix of its partial derivatives."""
    spec = case.spec
    if spec.output_size is None:
        return d
    V = balls.matrix(case.parameters["weight_ho"])
    s = V * state
    if spec.readout_bias:
        s += balls.column(case.parameters["bias_o"])
    if spec.readout != "softmax":
        return V.transpose() * diagonal([PHI[spec.readout][1](v) for v in s.entries()]) * d
    powers = [v.exp() for v in s.entries()]
    p = [power / sum(powers, arb(0)) for power in powers]
    slopes = [p_i * (int(i == j) - p_j) for i, p_i in enumerate(p) for j, p_j in enumerate(p)]
    return V.transpose() * Matrix(len(p), len(p), slopes) * d
