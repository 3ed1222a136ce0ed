"""The laws of layers hold for right networks, and find what goes wrong between them and at the end."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from law_subjects import READ_OUT, RIGHT, Altered, finds, right, verdicts

from rnncheck.case import Case
from rnncheck.implementation import Capabilities, Forward, Gradients
from rnncheck.properties.registry import named_checks

BELOW, DOWN = "each_layer_reads_the_one_below", "each_layer_hands_its_gradient_down"
LAST, PUT_OUT = "the_last_output_is_the_final_state", "the_final_state_can_be_put_out"
EMPTY = ("no_steps_leave_the_state", "an_empty_row_keeps_its_state", "empty_rows_have_no_gradient")
NO_STEPS, EMPTY_ROW, NO_GRADIENT = EMPTY
DOUBLED, BIAS = "a_doubled_readout_doubles_the_output", "without_weights_the_readout_is_its_bias"
TWO_LAYERS = Capabilities(max_layers=2)
BY_ID = {law.id: law for law in named_checks([BELOW, DOWN, LAST, PUT_OUT, *EMPTY, DOUBLED, BIAS])}


@pytest.mark.parametrize("name", ["manual", "autodiff", "scalar", "torch"])
def test_right_networks_keep_the_laws(name: str) -> None:
    if name == "torch":
        pytest.importorskip("torch")
    for law in (BELOW, DOWN, LAST, PUT_OUT, *EMPTY):
        found = [
            (t.case, v)
            for t, v in verdicts(BY_ID[law], right(name), 15 if name == "scalar" else 40)
        ]
        assert {v.word for _, v in found} <= {"passed", "not_applicable", "refused"}
        passed = [(case, v.outcome) for case, v in found if v.outcome is not None]
        witnesses = [case for case, outcome in passed if outcome.witness]
        assert 4 * len(witnesses) >= len(passed) or (name == "torch" and law in EMPTY)
        if witnesses and name != "scalar":
            assert {case.dtype.name for case in witnesses} == {"float32", "float64"}


@pytest.mark.parametrize("law", [DOUBLED, BIAS])
@pytest.mark.parametrize("name", ["manual", "autodiff", "scalar"])
def test_right_readouts_keep_the_laws(name: str, law: str) -> None:
    found = [
        v for _, v in verdicts(BY_ID[law], right(name, READ_OUT), 10 if name == "scalar" else 40)
    ]
    assert {v.word for v in found} <= {"passed", "not_applicable"}
    passed = [v.outcome for v in found if v.outcome is not None]
    assert 4 * sum(outcome.witness for outcome in passed) >= len(passed) > 0


def state_of_the_first_layer(case: Case) -> Case:
    """Every layer begins from the state of layer 0."""
    D = case.spec.num_directions
    return case.replace(h0=np.tile(case.h0[:D], (case.spec.num_layers, 1, 1)))


def without_dropout(case: Case) -> Case:
    return case.replace(dropout_masks=None)


def weights_of_the_second_layer(case: Case) -> Case:
    """A list of weights that is overwritten: the third layer has those of the second."""
    parameters = {n: case.parameters[n.replace("_l2", "_l1")] for n in case.parameters}
    return case.replace(parameters=parameters)


def nothing_comes_down(case: Case, gradients: Gradients) -> Gradients:
    """The first layer's gradients are those of its own final state alone."""
    D = case.spec.num_directions
    if case.spec.num_layers == 1:
        return gradients
    d_h_n = case.d_h_n.copy()
    d_h_n[D:] = 0.0
    own = RIGHT.gradients(case.replace(d_output=np.zeros_like(case.d_output), d_h_n=d_h_n))
    h0 = gradients["h0"].copy()
    h0[:D] = own["h0"][:D]
    first = {name: own[name] for name in own if "_l0" in name or name == "x"}
    return gradients | first | {"h0": h0}


def final_states_of(step: Callable[[Case], int]) -> Callable[[Case, Forward], Forward]:
    """h_n of the top layer read from one step of the output for all rows and directions."""

    def read(case: Case, forward: Forward) -> Forward:
        spec = case.spec
        if spec.output_size or spec.outputs != "all" or not case.T or forward.h_n is None:
            return forward
        h_n = forward.h_n.copy()
        halves = np.split(forward.output[step(case)], spec.num_directions, axis=-1)
        h_n[-spec.num_directions :] = np.stack(halves)
        return Forward(forward.output, h_n)

    return read


def gradient_of_the_last_output(case: Case, gradients: Gradients) -> Gradients:
    """The cotangent of the final state goes to the last step's, in reverse the first one processed."""
    if case.spec.outputs != "final":
        return gradients
    return RIGHT.gradients(case.replace(spec=replace(case.spec, outputs="last")))


def last_output_for_the_final_state(case: Case, forward: Forward) -> Forward:
    """The same on the way forward."""
    if case.spec.outputs != "final":
        return forward
    return RIGHT.forward(case.replace(spec=replace(case.spec, outputs="last")))


def zero_final_state(case: Case, forward: Forward) -> Forward:
    """Where there are no steps, h_n is what it was allocated as."""
    assert forward.h_n is not None
    return Forward(forward.output, np.where((case.valid_steps() > 0)[:, None], forward.h_n, 0.0))


def one_step_at_least(case: Case, forward: Forward) -> Forward:
    """A row without steps is given one."""
    if case.lengths is None or not case.T:
        return forward
    longer = case.replace(lengths=np.maximum(case.lengths, 1))
    return RIGHT.forward(longer.replace(x=np.nan_to_num(case.x)))


def no_gradient_of_the_state(case: Case, gradients: Gradients) -> Gradients:
    """dL/dh0 is what comes from the first step, also where there is none."""
    return gradients | {"h0": np.where((case.valid_steps() > 0)[:, None], gradients["h0"], 0.0)}


def padding_in_the_bias(case: Case, gradients: Gradients) -> Gradients:
    """A step of padding adds its cotangent to the bias."""
    padded = float(case.T * case.B - case.valid_steps().sum())
    return {n: g + padded if n.startswith("bias_ih") else g for n, g in gradients.items()}


def squashed(case: Case, forward: Forward) -> Forward:
    """A nonlinearity where the readout has none."""
    return Forward(np.tanh(forward.output), forward.h_n)


def twice_the_bias(case: Case) -> Case:
    """c is added twice."""
    own = {n: 2 * a if n == "bias_o" else a for n, a in case.parameters.items()}
    return case.replace(parameters=own)


def bias_in_the_padding(case: Case, forward: Forward) -> Forward:
    """The padding is 0 before the readout, and not after it."""
    c = case.parameters.get("bias_o", np.zeros(1))
    padding = case.output_padding()[..., None]
    return Forward(np.where(padding, c, forward.output), forward.h_n)


def sign_of_the_gradient(case: Case, gradients: Gradients) -> Gradients:
    """The gradient of c is clipped to its sign."""
    return (
        gradients | {"bias_o": np.sign(gradients["bias_o"])} if "bias_o" in gradients else gradients
    )


FAULTS = [
    (BELOW, Altered("state of the first layer", state_of_the_first_layer)),
    (BELOW, Altered("without dropout", without_dropout)),
    (BELOW, Altered("weights of the second layer", weights_of_the_second_layer)),
    (DOWN, Altered("nothing comes down", gradient=nothing_comes_down, can=TWO_LAYERS)),
    (DOWN, Altered("weights of the second layer", weights_of_the_second_layer)),
    (LAST, Altered("at T - 1", result=final_states_of(lambda case: -1))),
    (LAST, Altered("at step 0", result=final_states_of(lambda case: 0))),
    (LAST, Altered("zero", result=zero_final_state)),
    (PUT_OUT, Altered("gradient of the last", gradient=gradient_of_the_last_output)),
    (PUT_OUT, Altered("the last", result=last_output_for_the_final_state)),
    (NO_STEPS, Altered("zero", result=zero_final_state)),
    (NO_STEPS, Altered("no gradient of h0", gradient=no_gradient_of_the_state)),
    (EMPTY_ROW, Altered("zero", result=zero_final_state)),
    (EMPTY_ROW, Altered("one step at least", result=one_step_at_least)),
    (EMPTY_ROW, Altered("no gradient of h0", gradient=no_gradient_of_the_state)),
    (NO_GRADIENT, Altered("no gradient of h0", gradient=no_gradient_of_the_state)),
    (NO_GRADIENT, Altered("padding in the bias", gradient=padding_in_the_bias)),
    (DOUBLED, Altered("squashed", result=squashed, can=READ_OUT)),
    (DOUBLED, Altered("signs", gradient=sign_of_the_gradient, can=READ_OUT)),
    (BIAS, Altered("squashed", result=squashed, can=READ_OUT)),
    (BIAS, Altered("bias twice", twice_the_bias, can=READ_OUT)),
    (BIAS, Altered("bias in the padding", result=bias_in_the_padding, can=READ_OUT)),
]


@pytest.mark.parametrize(
    ("law", "subject"), FAULTS, ids=[f"{law}-{subject.name}" for law, subject in FAULTS]
)
def test_a_fault_is_found(law: str, subject: Altered) -> None:
    assert finds(BY_ID[law], subject)


def test_a_gradient_that_does_not_come_down_is_found_below_alone() -> None:
    found = finds(BY_ID[DOWN], FAULTS[3][1])
    assert found
    assert all(name in ("x", "h0") or "_l0" in name for name in found)
    assert finds(BY_ID[BELOW], FAULTS[3][1]) == set()


def test_of_a_short_row_h_n_alone_is_found() -> None:
    assert finds(BY_ID[LAST], FAULTS[5][1]) == {"h_n"}
