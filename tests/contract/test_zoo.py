"""The zoo is what it says: its right networks are right, each of its wrong ones is wrong.

An Elman network is judged as any is, by the envelope about the reference; a black box by central
differences of its own loss, which bring their error with them.
"""

import importlib
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
from contract.drawing import B, H, I, O, draw
from flint import arb
from zoo import elman_checkpoints
from zoo.planting import planted
from zoo.registry import (
    ELMAN,
    INEXACT_LOSSES,
    LOSSES,
    OTHER_NETWORKS,
    UNSEEN_BY_FLOATS,
    WRONG_ELMAN,
    WRONG_LOSSES,
)

import rnncheck
from rnncheck.case import Case
from rnncheck.implementations import manual
from rnncheck.oracles import balls
from rnncheck.oracles.differences.central import central_difference
from rnncheck.oracles.differences.estimate import noise_level
from rnncheck.oracles.envelope import envelope
from rnncheck.spec import RNNSpec
from rnncheck.wrapping import Wrapped

CHECKS = ("forward_matches_truth", "gradient_matches_truth")


def short(wrapped: Wrapped) -> Case:
    """Seven steps of large numbers; the loss has no term at the fourth."""
    case = drawn(wrapped, 7)
    case.d_output[3] = 0.0
    return case


def persistent(wrapped: Wrapped) -> Case:
    """Forty steps of a tanh network through an orthogonal matrix, with a drive so weak that
    gradients live on; of another network the short case.
    """
    if wrapped.capabilities.nonlinearities != ("tanh",):
        return short(wrapped)
    case = drawn(wrapped, 40)
    own = {name: value / 1000 for name, value in case.parameters.items() if name != "weight_ho"}
    own["weight_hh_l0"], _ = np.linalg.qr(case.parameters["weight_hh_l0"])
    return case.replace(parameters={**case.parameters, **own}, h0=case.h0 / 1000)


def drawn(wrapped: Wrapped, t: int) -> Case:
    """A case of the kind that the network takes."""
    can = wrapped.capabilities
    spec = RNNSpec(
        I, H, nonlinearity=can.nonlinearities[0], bias=can.bias_vectors != (0,),
        output_size=O if can.needs_readout else None,
    )  # fmt: skip
    case = draw(spec, t, B if can.batch_size is None else 1, seed=1, dtype=can.dtypes[0])
    if can.bias_vectors == (1,):
        zeros = np.zeros_like(case.parameters["bias_hh_l0"])
        case = case.replace(parameters={**case.parameters, "bias_hh_l0": zeros})
    if not can.initial_state:
        case = case.replace(h0=np.zeros_like(case.h0))
    if not can.final_state:
        case = case.replace(d_h_n=np.zeros_like(case.d_h_n))
    assert can.missing(case) is None
    return case


def excess(wrapped: Wrapped, case: Case) -> tuple[float, float]:
    """The largest distance from the reference, of the output and of the gradient.

    In units of what two right networks may have: each may stray by its envelope, so that twice the
    envelope is between them; a tanh made by hand has the envelope of one.
    """
    allowed = envelope(case, absolute_activation=True)
    assert allowed.near_kinks == 0
    output, _, tape = manual.forward(case.spec, case.parameters, case.x, case.h0)
    expected = manual.backward(tape, case.d_output, case.d_h_n) | {"output": output}

    def largest(found: Mapping[str, Any]) -> float:
        assert all(allowed[name].telling.all() for name in found)
        return max(
            float((np.abs(value - expected[name]) / (2 * allowed[name].allowed)).max())
            for name, value in found.items()
        )

    return largest({"output": wrapped.forward(case).output}), largest(wrapped.gradients(case))


@pytest.mark.parametrize("name", ELMAN)
def test_a_right_network_passes(name):
    assert rnncheck.check(ELMAN[name], profile="quick", checks=CHECKS).passed
    for make in (short, persistent):
        assert max(excess(ELMAN[name], make(ELMAN[name]))) <= 1


@pytest.mark.parametrize("name", WRONG_ELMAN)
def test_a_wrong_gradient_differs(name):
    wrong = WRONG_ELMAN[name]
    output, gradient = excess(wrong, short(wrong))
    if gradient <= 1:
        output, gradient = excess(wrong, persistent(wrong))
    assert output <= 1 < gradient


@pytest.mark.parametrize("name", OTHER_NETWORKS)
def test_another_network_has_another_output_and_its_own_gradient(name):
    network = OTHER_NETWORKS[name]
    assert excess(network, short(network))[0] > 1
    own = rnncheck.check(network, profile="quick", checks=("gradient_matches_own_forward",))
    assert own.passed


@pytest.mark.parametrize("name", UNSEEN_BY_FLOATS)
def test_what_no_float_shows_differs_in_balls(name):
    wrong = importlib.import_module(f"zoo.planted_{name}")
    case = short(wrong.rnn)
    assert max(excess(wrong.rnn, case)) <= 1

    def in_balls(array: Any) -> Any:
        return np.array([arb(float(v)) for v in array.flat], dtype=object).reshape(array.shape)

    names = {"W_ih": "weight_ih_l0", "W_hh": "weight_hh_l0", "bias": "bias_ih_l0"}
    with balls.precision(256):
        arguments = [
            {own: in_balls(case.parameters[role]) for own, role in names.items()},
            *(in_balls(a) for a in (case.x, case.h0[0], case.d_output, case.d_h_n[0])),
        ]
        found, expected = (module.backward(*arguments) for module in (wrong, elman_checkpoints))
        assert found.keys() == expected.keys()
        pairs = [pair for k in found for pair in zip(found[k].flat, expected[k].flat, strict=True)]
        assert any(not one.overlaps(other) for one, other in pairs)


def entries(params: dict[str, Any]) -> list[tuple[str, tuple[int, ...]]]:
    return [(name, index) for name, value in params.items() for index in np.ndindex(value.shape)]


def loss_at(function: Any, params: Any, name: str, index: tuple[int, ...], value: float) -> float:
    moved = {own: array.copy() for own, array in params.items()}
    moved[name][index] = value
    return float(function(moved)[0])


def derivative(function: Any, params: Any, name: str, index: tuple[int, ...]) -> Any:
    """dL/dp for one entry, from values of the loss."""
    loss, at = partial(loss_at, function, params, name, index), float(params[name][index])
    return central_difference(loss, at, noise_level(loss, at))


@pytest.mark.parametrize("name", LOSSES)
def test_a_right_loss_agrees_with_its_differences(name):
    function, params = LOSSES[name]()
    _, grads = function(params)
    assert {k: g.shape for k, g in grads.items()} == {k: p.shape for k, p in params.items()}
    told = set()
    for own, index in entries(params):
        estimate = derivative(function, params, own, index)
        assert estimate.allows(float(grads[own][index])), (own, index)
        told |= {own} if estimate.says_something else set()
    assert told == set(params)


@pytest.mark.parametrize("name", WRONG_LOSSES | INEXACT_LOSSES)
def test_a_wrong_loss_does_not(name):
    function, params = (WRONG_LOSSES | INEXACT_LOSSES)[name]()
    _, grads = function(params)
    assert any(
        not derivative(function, params, own, index).allows(float(grads[own][index]))
        for own, index in entries(params)
    )


@pytest.mark.parametrize("name", LOSSES | WRONG_LOSSES)
def test_a_loss_remembers_nothing(name):
    function, params = (LOSSES | WRONG_LOSSES)[name]()
    (first, grads), (second, again) = function(params), function(params)
    assert first == second
    assert all(np.array_equal(grads[own], again[own]) for own in grads)


@pytest.mark.parametrize(("old", "times"), [("np.tansh", 0), ("np.zeros_like", 2)])
def test_a_mistake_is_planted_in_one_place_or_refused(old, times):
    with pytest.raises(ValueError, match=rf"typo: {times} times in elman_checkpoints.py: '{old}'"):
        planted("typo", "elman_checkpoints", (old, "np.ones"))
