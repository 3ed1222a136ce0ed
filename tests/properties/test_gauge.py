"""The laws of symmetry hold for right networks of every kind, and each finds what it is there for."""

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import networks
import numpy as np
import pytest
from altered_networks import Altered, changed, fails, laws_of, right, trials, verdicts, zeroed
from zoo.registry import ELMAN, OTHER_NETWORKS, WRONG_ELMAN

from rnncheck.case import Array, Case
from rnncheck.implementation import Capabilities, Forward, Gradients, Implementation

LAWS = [*laws_of("gauge"), "gradient_matches_complex_step"]
READ_OUT = Capabilities(readouts=("identity",), needs_readout=True, nonlinearities=("relu", "tanh"))
SLOW = {"value_graph", "jacobians"}
"""Networks of the zoo that would take most of the time: one builds a graph of Python numbers."""

SMOOTH = Capabilities(nonlinearities=("tanh", "identity"), dtypes=("float64",), truncation=False)


def judged(law: str, subject: Implementation, count: int) -> list[bool]:
    """Whether each case that the law applies to is a witness; none may fail."""
    found = [verdict for _, verdict in verdicts(law, subject, count)]
    assert {v.word for v in found} <= {"passed", "not_applicable", "refused"}, [
        v.message or v.outcome for v in found if v.word in ("failed", "error")
    ]
    return [v.outcome.witness for v in found if v.outcome]


@functools.cache
def limited(can: Capabilities) -> Implementation:
    """`manual`, asked for no more than `can`."""
    subject: Any = right("manual")
    return replace(subject, capabilities=can)  # type: ignore[no-any-return]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("name", "count"), [("scalar", 5), ("autodiff", 8), ("torch", 12)])
def test_right_networks_pass(name: str, count: int, law: str) -> None:
    if name == "torch":
        pytest.importorskip("torch")
    judged(law, right(name), count)


@pytest.mark.parametrize("law", LAWS)
def test_a_right_network_passes_and_a_fair_share_of_cases_are_witnesses(law: str) -> None:
    """Of all cases that the networks can run, of those with a readout, and of smooth ones."""
    witnesses = judged(law, right("manual"), 20)
    for can, count in ((READ_OUT, 15), (SMOOTH, 15)):
        witnesses += judged(law, limited(can), count)
    assert sum(witnesses) >= len(witnesses) / 4
    assert sum(witnesses) > 1


@pytest.mark.parametrize("name", sorted(ELMAN.keys() - SLOW))
def test_networks_as_people_write_them_pass(name: str) -> None:
    for law in LAWS:
        judged(law, ELMAN[name], 2)


# Networks that are not what they claim to be.


def overwritten(params: Any, x: Array, h0: Array) -> Any:
    """Every unit reads those before it as they are already at this step."""
    h, states = h0.copy(), []
    for t in range(len(x)):
        for j in range(h.shape[1]):
            a = x[t] @ params["W_ih"][j] + h @ params["W_hh"][j] + params["b"][j]
            h[:, j] = np.tanh(a)
        states.append(h.copy())
    return np.array(states), h


def with_activation(phi: Callable[[Array], Array], nonlinearity: str) -> Implementation:
    forward = functools.partial(networks.forward, tanh=phi)
    return networks.wrap(forward, name="other", nonlinearity=nonlinearity)


def at_least_minus_half(a: Array) -> Array:
    return np.maximum(np.tanh(a), -0.5)


def no_more_than(limit: float) -> Callable[[Array], Array]:
    return lambda a: np.clip(a, 0.0, limit)


def averaged_features(case: Case) -> Case:
    return case.replace(x=case.x / case.dtype.type(max(case.spec.input_size, 1)))


def without(bias: str) -> Callable[[Case], Case]:
    return lambda case: changed(case, **{bias: np.zeros_like})


def averaged_units(case: Case) -> Case:
    return changed(case, weight_hh=lambda u: u / u.dtype.type(len(u)))


def positive_biases(case: Case) -> Case:
    return changed(case, bias=np.abs)


# Gradients that are not those of the network.


def of_relu_without_transpose(
    params: Any, x: Array, h0: Array, d_output: Array, d_h_n: Array
) -> Any:
    """W_hh where W_hhᵀ belongs, in a network of ReLUs."""
    states, _ = networks.forward(params, x, h0, lambda a: np.maximum(a, 0.0))
    before = np.concatenate([h0[None], states])[:-1]
    deltas, dh = np.zeros_like(states), d_h_n
    for t in reversed(range(len(x))):
        deltas[t] = (dh + d_output[t]) * (states[t] > 0)
        dh = deltas[t] @ params["W_hh"].T
    rows = {"W_ih": np.einsum("tbi,tbj->ij", deltas, x)}
    rows["W_hh"] = np.einsum("tbi,tbj->ij", deltas, before)
    return {**rows, "b": deltas.sum(axis=(0, 1)), "x": deltas @ params["W_ih"], "h0": dh}


def with_bias_of(change: Callable[[Case, Array], Array]) -> Callable[[Case, Gradients], Gradients]:
    return lambda case, g: g | {n: change(case, a) for n, a in g.items() if n.startswith("bias_")}


def bias_in_the_weights(case: Case, g: Gradients) -> Gradients:
    name, bias = "weight_ih_l0", g.get("bias_ih_l0")
    return g if bias is None else g | {name: g[name] + bias[:, None]}


def clipped(case: Case, g: Gradients) -> Gradients:
    return {name: np.clip(a, -1, 1) for name, a in g.items()}


def other_state(case: Case, g: Gradients) -> Gradients:
    return g | {"h0": g["h0"][::-1]}


def doubled(name: str) -> Callable[[Case, Gradients], Gradients]:
    return lambda case, g: g | ({name: 2 * g[name]} if name in g else {})


def relative_to_the_largest(case: Case, forward: Forward) -> Forward:
    return Forward(forward.output / np.maximum(np.abs(forward.output).max(initial=0), 1), None)


RELU = networks.wrap(
    lambda params, x, h0: networks.forward(params, x, h0, lambda a: np.maximum(a, 0.0)),
    of_relu_without_transpose, "no transpose", nonlinearity="relu",
)  # fmt: skip

FAULTS: list[tuple[str, Implementation]] = [
    ("hidden_units_can_be_permuted", networks.wrap(overwritten, name="overwritten")),
    ("signs_of_units_can_be_flipped", with_activation(at_least_minus_half, "tanh")),
    ("units_can_be_rescaled", with_activation(no_more_than(1.0), "relu")),
    ("odd_networks_flip_with_their_inputs", Altered("positive biases", positive_biases)),
    ("homogeneous_networks_scale_with_their_inputs", with_activation(no_more_than(6.0), "relu")),
    ("homogeneous_networks_scale_with_their_inputs",
     Altered("relative", result=relative_to_the_largest)),
    ("biases_act_by_their_sum", OTHER_NETWORKS["one_bias_forgotten"]),
    ("biases_act_by_their_sum", Altered("no bias_ih", without("bias_ih"))),
    ("a_zero_feature_changes_nothing", Altered("averaged features", averaged_features)),
    ("a_zero_feature_changes_nothing", Altered("db in dW", gradient=bias_in_the_weights)),
    ("a_bias_is_the_weight_of_a_one", Altered("no bias_hh", without("bias_hh"))),
    ("a_bias_is_the_weight_of_a_one", WRONG_ELMAN["bias_of_one_step"]),
    ("a_feature_of_ones_learns_like_a_bias", WRONG_ELMAN["bias_averaged_over_the_batch"]),
    ("a_feature_of_ones_learns_like_a_bias",
     Altered("averaged", gradient=with_bias_of(lambda case, a: a / max(case.T, 1)))),
    ("a_dead_unit_changes_nothing", WRONG_ELMAN["no_transpose"]),
    ("a_dead_unit_changes_nothing", Altered("averaged units", averaged_units)),
    ("gradients_scale_with_cotangents", Altered("clipped", gradient=clipped)),
    ("gradients_scale_with_cotangents", WRONG_ELMAN["carry_clipped_at_0.1"]),
    ("gradients_add_over_cotangents", WRONG_ELMAN["mask_of_the_gradient"]),
    ("gradients_add_over_cotangents", Altered("clipped", gradient=clipped)),
    ("both_biases_have_one_gradient", WRONG_ELMAN["second_bias_zero"]),
    ("both_biases_have_one_gradient", Altered("bias_hh", gradient=doubled("bias_hh_l0"))),
    ("homogeneous_networks_obey_euler", Altered("no dh0", gradient=zeroed("h0"))),
    ("homogeneous_networks_obey_euler", WRONG_ELMAN["bias_of_one_row"]),
    ("homogeneous_networks_obey_euler", WRONG_ELMAN["mask_of_the_step_before"]),
    ("linear_readouts_obey_euler", WRONG_ELMAN["readout_bias_of_one_step"]),
    ("each_unit_conserves_its_charge", RELU),
    ("each_unit_conserves_its_charge", WRONG_ELMAN["backward_from_zeros"]),
    ("each_unit_conserves_its_charge", WRONG_ELMAN["mask_of_the_step_before"]),
    ("each_unit_conserves_its_charge", Altered("dh0 reversed", gradient=other_state)),
    ("each_unit_conserves_its_charge", Altered("dW_ih_l1", gradient=doubled("weight_ih_l1"))),
    ("each_unit_conserves_its_charge", Altered("dV", gradient=doubled("weight_ho"))),
    ("gradient_matches_complex_step", WRONG_ELMAN["carry_1e-9_too_small"]),
    ("gradient_matches_complex_step", WRONG_ELMAN["no_carry"]),
    ("gradient_matches_complex_step", Altered("dx", gradient=doubled("x"))),
    ("gradient_matches_complex_step",
     Altered("dV", gradient=doubled("weight_ho"), needs_readout=True, nonlinearities=("tanh",))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("law", "faulty"), FAULTS, ids=[f"{law}-{faulty.name}" for law, faulty in FAULTS]
)
def test_every_law_finds_what_it_is_there_for(law: str, faulty: Implementation) -> None:
    assert fails(law, faulty, 60)


def test_every_law_is_seen_to_fail() -> None:
    assert {law for law, _ in FAULTS} == set(LAWS)


def test_no_law_changes_the_case() -> None:
    """Others look at it too."""
    trial = trials(right("manual"), 20)[0]
    before = {name: array.copy() for name, array in trial.case.arrays()}
    for law in LAWS:
        judged(law, right("manual"), 1)
    for name, array in trial.case.arrays():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
