"""Each law of time holds for right networks, and finds the faults it is there for."""

import networks
import numpy as np
import pytest
from altered_networks import Altered, fails, laws_of, zeroed

from rnncheck.case import Array, Case
from rnncheck.implementation import Forward, Gradients

LAWS = laws_of("time")


def without_h0(case: Case) -> Case:
    return case.replace(h0=np.zeros_like(case.h0))


def reverse_half_not_flipped_back(case: Case, forward: Forward) -> Forward:
    output, H = forward.output.copy(), case.spec.hidden_size
    if case.spec.bidirectional and case.spec.output_size is None:
        output[..., H:] = output[::-1, :, H:]
    return Forward(output, forward.h_n)


def without_hidden_path_at_rest(params: networks.Arrays, x: Array, h0: Array) -> object:
    """A state of 0 is taken for none, and b_hh is left out with it."""
    h, states = h0, np.zeros((*x.shape[:2], h0.shape[1]))
    for t in range(len(x)):
        a = x[t] @ params["W_ih"].T + params["b"]
        if h.any():
            a = a + h @ params["W_hh"].T + params["c"]
        h = states[t] = np.tanh(a)
    return states, h


def h0_not_carried(case: Case, gradients: Gradients) -> Gradients:
    """The cotangent of h_n handed through as that of h0."""
    return gradients | {"h0": gradients["h0"] + case.d_h_n}


def one_step_late(case: Case) -> Case:
    """x[t - 1] for x[t], which is the last step at the first."""
    return case.replace(x=np.roll(case.x, 1, axis=0))


MLX = networks.wrap(
    without_hidden_path_at_rest,
    name="no b_hh at rest",
    params={"W_ih": "hidden input", "W_hh": "hidden prev", "b": "hidden", "c": "hidden"},
)
FAULTS = [
    ("first_state_is_an_input", Altered("h0 ignored", case=without_h0)),
    ("first_state_is_an_input", Altered("no dh0", gradient=zeroed("h0"))),
    (
        "steps_without_recurrence_are_independent",
        Altered("not flipped back", result=reverse_half_not_flipped_back),
    ),
    ("zero_state_is_a_limit", MLX),
    ("gradients_grow_no_faster_than_the_weights", Altered("handed on", gradient=h0_not_carried)),
    ("rest_before_the_start_changes_nothing", Altered("late", case=one_step_late)),
]


@pytest.mark.parametrize(("law", "wrong"), FAULTS, ids=lambda value: getattr(value, "name", value))
def test_a_fault_is_found(law: str, wrong: Altered) -> None:
    assert fails(law, wrong)


def test_every_law_has_a_fault() -> None:
    assert {law for law, _ in FAULTS} == set(LAWS)
