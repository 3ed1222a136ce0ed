"""Each closed form holds for right networks, and finds the faults it is there for."""

from dataclasses import replace

import networks
import numpy as np
import pytest
from altered_networks import Altered, changed, fails, laws_of, verdicts
from zoo.registry import WRONG_ELMAN

from rnncheck.case import Array, Case
from rnncheck.implementation import Forward, Gradients
from rnncheck.implementations.faulty.catalogue import named
from rnncheck.implementations.faulty.cell import CellTape
from rnncheck.implementations.faulty.plain import Plain
from rnncheck.properties.routes.closed_maps import SQUARINGS, spectral_norm

LAWS = laws_of("closed")


def linear(case: Case) -> Case:
    """The nonlinearity left out."""
    return case.replace(spec=replace(case.spec, nonlinearity="identity"))


def relu_6(case: Case, forward: Forward) -> Forward:
    return Forward(np.minimum(forward.output, 6.0), forward.h_n)


def without_second_bias(case: Case) -> Case:
    return changed(case, bias_hh=np.zeros_like)


def with_weight_decay(case: Case, gradients: Gradients) -> Gradients:
    return gradients | {n: gradients[n] + 1e-4 * a for n, a in case.parameters.items()}


class NeverCleared(Altered):
    """Gradients are added to those of the call before, as in a buffer that nobody clears."""

    left: Gradients

    def gradients(self, case: Case) -> Gradients:
        found = self.right.gradients(case)
        left = getattr(self, "left", {})
        total = {
            n: g + left[n] if n in left and left[n].shape == g.shape else g
            for n, g in found.items()
        }
        self.left = found
        return total


def of_batch_mean(case: Case, gradients: Gradients) -> Gradients:
    """The gradients for the biases averaged over the batch, those for the weights summed."""
    rows = max(case.B, 1)
    return {n: g / rows if n.startswith("bias") else g for n, g in gradients.items()}


def relu_network(slope_at_zero: float | Array, lift: float = 0.0) -> object:
    """One layer of ReLU, wrapped, whose derivative at 0 is chosen; lift: what is added to each state."""

    def forward(params: networks.Arrays, x: Array, h0: Array) -> object:
        return networks.forward(params, x, h0, lambda a: np.maximum(a, 0.0) + lift)

    def backward(
        params: networks.Arrays, x: Array, h0: Array, d_output: Array, d_h_n: Array
    ) -> object:
        states, _ = networks.forward(params, x, h0, lambda a: np.maximum(a, 0.0))
        gradients = {name: np.zeros_like(array) for name, array in params.items()}
        dx, dh = np.zeros_like(x), d_h_n
        for t in reversed(range(len(x))):
            before = states[t - 1] if t else h0
            a = x[t] @ params["W_ih"].T + before @ params["W_hh"].T + params["b"]
            at_zero = np.resize(slope_at_zero, a.shape)
            delta = (dh + d_output[t]) * np.where(a == 0, at_zero, a > 0)
            gradients["W_ih"] += delta.T @ x[t]
            gradients["W_hh"] += delta.T @ before
            gradients["b"] += delta.sum(axis=0)
            dx[t] = delta @ params["W_ih"]
            dh = delta @ params["W_hh"]
        return {**gradients, "x": dx, "h0": dh}

    return networks.wrap(forward, backward, f"slope {slope_at_zero}", nonlinearity="relu")


def fault(name: str) -> Plain:
    """An entry of the catalogue."""
    return named(name).make()


class HalfAtTheKink(Plain):
    """ReLU'(0) = 1/2, of as many layers and directions as are asked for."""

    def slope(self, tape: CellTape, t: int) -> Array | float:
        if tape.cell.nonlinearity != "relu":
            return super().slope(tape, t)
        return np.where(tape.a[t] == 0, 0.5, tape.a[t] > 0).astype(tape.a.dtype)


KINK = "relu_has_one_slope_at_zero"
STEP = "one_step_has_a_closed_form"
FAULTS = [
    ("values_stay_in_range", Altered("linear", case=linear)),
    ("saturation_is_a_constant", Altered("no b_hh", case=without_second_bias)),
    ("saturation_is_a_constant", Altered("ReLU6", result=relu_6, nonlinearities=("relu",))),
    (KINK, relu_network(-1.0)),
    (KINK, relu_network(2.0)),
    (KINK, relu_network(np.array([0.0, 1.0, 1.0]))),
    (KINK, relu_network(0.0, lift=1e-3)),
    (STEP, Altered("linear", case=linear)),
    (STEP, networks.wrap(networks.forward, networks.no_transpose, "no transpose")),
    *((STEP, WRONG_ELMAN[n]) for n in ("one_minus_h", "cosh_not_squared", "d_h_n_ignored")),
    ("constant_input_ties_weights_to_biases", Altered("mean", gradient=of_batch_mean)),
    ("constant_input_ties_weights_to_biases", WRONG_ELMAN["bias_of_one_step"]),
    ("no_cotangent_no_gradient", Altered("decay", gradient=with_weight_decay)),
    ("no_cotangent_no_gradient", NeverCleared("never cleared")),
    *(("saturation_does_not_overflow", fault(n)) for n in ("tanh_overflows", "sigmoid_overflows")),
    *(
        ("constant_readout_is_its_bias", fault(n))
        for n in ("softmax_without_shift", "softmax_shifted_down_only", "readout_bias_left_out")
    ),
    ("softmax_gradients_cancel", fault("softmax_diagonal")),
]


@pytest.mark.parametrize(("law", "wrong"), FAULTS, ids=lambda value: getattr(value, "name", value))
def test_a_fault_is_found(law: str, wrong: Altered) -> None:
    assert fails(law, wrong)


def test_every_law_has_a_fault() -> None:
    assert {law for law, _ in FAULTS} == set(LAWS)


@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0])
def test_any_one_slope_at_zero_is_right_and_is_told(slope: float) -> None:
    found = [v.outcome for _, v in verdicts(KINK, relu_network(slope), 40) if v.outcome]
    assert found
    assert not any(outcome.failed for outcome in found)
    assert {outcome.note for outcome in found if outcome.witness} == {f"ReLU'(0) = {slope:g}"}


def test_a_slope_of_a_half_is_right_in_several_layers_too() -> None:
    """Cotangents of a lower layer's h_n go through fewer kinks than those from above: not to be mixed."""
    found = [(case, v) for case, v in verdicts(KINK, HalfAtTheKink(), 60) if v.outcome]
    assert any(case.spec.num_layers > 1 and case.d_h_n.any() for case, _ in found)
    assert {verdict.word for _, verdict in found} == {"passed"}


def test_the_bound_of_a_norm_is_above_it_and_tight() -> None:
    rotation = np.array([[3.0, 4.0], [-4.0, 3.0]])  # of norm 5
    above = 2.0 ** (1 / 2 ** (SQUARINGS + 2))
    for scale in (1.0, 2.0**-500, 2.0**500):
        assert 5.0 <= spectral_norm(scale * rotation) / scale <= 5.0 * above * (1 + 1e-12)
    assert spectral_norm(np.diag([-3.0, 2.0, 0.0])) >= 3.0
    assert spectral_norm(np.ones((4, 4))) == pytest.approx(4.0, rel=1e-9)
    assert spectral_norm(np.zeros((3, 3))) == 0.0
