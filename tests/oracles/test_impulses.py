"""Impulses on the pre-activations: closed forms, the exact oracle, what they are for and what not."""

import numpy as np
import pytest
from oracles.drawing import READOUTS, draw

from rnncheck.implementation import Forward
from rnncheck.implementations.references import reference
from rnncheck.oracles.differences.impulse.black_box import black_box_differences, tail, widened
from rnncheck.oracles.differences.impulse.own import blocks, impulse_differences
from rnncheck.oracles.differences.impulse.tangents import impulse_tangents
from rnncheck.properties.trial import PoolCase
from rnncheck.spec import RNNSpec

MANUAL = reference("manual")
WAYS = {
    "own": (impulse_differences, 1e-9),
    "tangents": (impulse_tangents, 1e-14),
    "black box": (lambda case: black_box_differences(MANUAL.forward, case), 1e-9),
}
"""Each with the error that it is asked to keep, relative to the largest entry of an array."""

SPECS = [
    RNNSpec(3, 2),
    RNNSpec(2, 5, bias=False),
    RNNSpec(1, 1, nonlinearity="sigmoid"),
    RNNSpec(4, 3, nonlinearity="identity"),
    RNNSpec(3, 4, nonlinearity="relu"),
]


def assert_close(found, case, bound):
    """Every array within the bound of the exact gradient, relative to its largest entry."""
    truth = PoolCase(case).truth
    for name, value in found.items():
        assert value.shape == truth[name].hi.shape, name
        assert truth[name].error(value).max() <= bound * np.abs(truth[name].hi).max(), name


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda s: f"{s.nonlinearity}-{s.hidden_size}")
@pytest.mark.parametrize("sizes", [(6, 3), (1, 2), (9, 1)], ids=str)
def test_every_entry_is_the_exact_one(way, spec, sizes):
    differences, bound = WAYS[way]
    case = draw(spec, *sizes, seed=1)
    found = differences(case)
    assert set(found) == {*spec.parameter_shapes(), "x", "h0"}
    assert_close(found, case, bound)


@pytest.mark.parametrize("way", WAYS)
def test_a_linear_network_has_closed_forms(way):
    """δ_t = Σ_{s≥t} (Uᵀ)^{s-t} d_s, and with it dU = Σ δ_t h_{t-1}ᵀ."""
    differences, bound = WAYS[way]
    case = draw(RNNSpec(2, 3, nonlinearity="identity"), 4, 1)
    W, U, b, c = (case.parameters[name] for name in case.spec.parameter_shapes())
    d = case.d_output[:, 0].copy()
    d[-1] += case.d_h_n[0, 0]
    states = [case.h0[0, 0]]
    for x in case.x[:, 0]:
        states.append(W @ x + b + U @ states[-1] + c)
    power = np.linalg.matrix_power
    deltas = [sum(power(U.T, s - t) @ d[s] for s in range(t, 4)) for t in range(4)]
    found = differences(case)
    wanted = {
        "weight_ih_l0": sum(np.outer(e, x) for e, x in zip(deltas, case.x[:, 0], strict=True)),
        "weight_hh_l0": sum(np.outer(e, h) for e, h in zip(deltas, states, strict=False)),
        "bias_hh_l0": sum(deltas),
        "x": np.array([W.T @ e for e in deltas])[:, None],
        "h0": (U.T @ deltas[0])[None, None],
    }
    for name, exact in wanted.items():
        assert np.abs(found[name] - exact).max() <= bound * np.abs(exact).max(), name


@pytest.mark.parametrize("outputs", ["all", "last", "final"])
@pytest.mark.parametrize("readout", READOUTS[1:], ids=str)
def test_a_black_box_may_read_its_states_out(readout, outputs):
    case = draw(RNNSpec(3, 2, outputs=outputs, **readout), 5, 2)
    found = black_box_differences(MANUAL.forward, case)
    assert set(found) == {*RNNSpec(3, 2).parameter_shapes(), "x", "h0"}
    # The terms of a bias's sum cancel; what truncation leaves is of their size.
    truth, largest = PoolCase(case).truth, max(np.abs(value).max() for value in found.values())
    assert all(truth[name].error(value).max() <= 1e-9 * largest for name, value in found.items())


def test_states_that_nobody_gives_are_asked_for():
    def forward(case):
        return MANUAL.forward(case)._replace(h_n=None)

    case = draw(RNNSpec(2, 2, output_size=1), 3, 1)
    with pytest.raises(ValueError, match="neither put out nor given as h_n"):
        black_box_differences(forward, case)


@pytest.mark.parametrize("readout", [{}, {"output_size": 2}], ids=str)
def test_results_may_have_another_dtype(readout):
    def forward(case):
        output, h_n = MANUAL.forward(case)
        return Forward(output.astype(np.longdouble), h_n.astype(np.longdouble))

    case = draw(RNNSpec(3, 2, **readout), 4, 2)
    found = black_box_differences(forward, case)
    assert {value.dtype for value in found.values()} == {np.dtype(np.float64)}
    assert_close(found, case, 1e-9)


def test_an_impulse_of_0_changes_nothing():
    case = draw(RNNSpec(3, 2), 5, 2)
    output, h_n = MANUAL.forward(case)
    part = tail(MANUAL.forward, case, 2, output[1], (0.0, 0.5))
    assert part.unmoved.output.shape == (3, 2, 2)
    np.testing.assert_array_equal(part.moved[0], np.repeat(part.plain[:, None], 2, axis=1))
    assert (part.moved[1] != part.moved[0]).all()
    # Two dot products of 5 and 7 terms for numbers below 4, twice: below 2·12·4·u·4, thrice over.
    assert np.abs(part.unmoved.output - output[2:]).max() < 1e-13
    assert np.abs(part.unmoved.h_n - h_n).max() < 1e-13


def test_the_widened_case_adds_an_impulse_to_one_argument():
    case = draw(RNNSpec(3, 2), 4, 2)
    made = widened(case, 1, case.h0[0], (0.5, -0.5))
    W, wide = case.parameters["weight_ih_l0"], made.parameters["weight_ih_l0"]
    added = (made.x @ wide.T - np.tile(case.x[1:] @ W.T, (1, 5, 1)))[0].reshape(5, 2, 2)
    expected = np.zeros((5, 2, 2))
    expected[[1, 2, 3, 4], :, [0, 1, 0, 1]] = np.array([0.5, 0.5, -0.5, -0.5])[:, None]
    np.testing.assert_allclose(added, expected, atol=1e-13)  # 5 terms below 8, each off by u of it
    assert not made.x[1:, :, 3:].any()


@pytest.mark.parametrize(
    ("spec", "lengths"),
    [
        (RNNSpec(2, 2, 2), None),
        (RNNSpec(2, 2, bidirectional=True), None),
        (RNNSpec(2, 2, output_size=3), None),
        (RNNSpec(2, 2, truncation=1), None),
        (RNNSpec(2, 2, outputs="last"), None),
        (RNNSpec(2, 2), [3, 2]),
    ],
)
def test_what_our_own_are_not_for_is_said(spec, lengths):
    case = draw(spec, 3, 2, lengths=lengths)
    for differences in (impulse_differences, impulse_tangents):
        with pytest.raises(ValueError, match="one layer, one direction, full lengths"):
            differences(case)


def test_start_steps_are_taken_together_as_far_as_they_fit(monkeypatch):
    monkeypatch.setattr("rnncheck.oracles.differences.impulse.own.BLOCK", 100)
    assert list(blocks(7, 30)) == [(0, 3), (3, 6), (6, 7)]
    assert list(blocks(2, 1000)) == [(0, 1), (1, 2)]
    case = draw(RNNSpec(3, 2), 6, 3, seed=1)
    for differences, bound in (WAYS["own"], WAYS["tangents"]):
        assert_close(differences(case), case, bound)
