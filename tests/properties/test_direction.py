"""The laws of direction hold for right networks, and find a reverse direction that is wrong."""

import numpy as np
import pytest
from law_subjects import RIGHT, Altered, finds, pool, right, verdicts

from rnncheck.case import Case
from rnncheck.implementation import Capabilities, Forward, Gradients
from rnncheck.properties.direction import swapped, swapped_results
from rnncheck.properties.registry import named_checks
from rnncheck.properties.routes.parts import reversed_steps

SWAP, TWO = "swapped_directions_give_swapped_results", "two_directions_are_two_networks"
BY_ID = {law.id: law for law in named_checks([SWAP, TWO])}
ONE_LAYER = Capabilities(max_layers=1)


@pytest.mark.parametrize("name", ["manual", "autodiff", "scalar", "torch"])
def test_right_networks_keep_the_laws(name: str) -> None:
    if name == "torch":
        pytest.importorskip("torch")
    for law in BY_ID.values():
        found = [(t.case, v) for t, v in verdicts(law, right(name), 15 if name == "scalar" else 90)]
        assert {v.word for _, v in found} <= {"passed", "not_applicable", "refused"}
        passed = [(case, v.outcome) for case, v in found if v.outcome is not None]
        witnesses = [case for case, outcome in passed if outcome.witness]
        assert 4 * len(witnesses) >= len(passed) > 0
        assert name == "scalar" or {c.dtype.name for c in witnesses} == {"float32", "float64"}


def is_plain(case: Case) -> bool:
    """Two directions of one layer, every step put out."""
    spec = case.spec
    return spec.bidirectional and spec.output_size is None and spec.outputs == "all"


def with_reverse_of(case: Case, forward: Forward, other: Forward) -> Forward:
    """The reverse half of another result."""
    output, H = forward.output.copy(), case.spec.hidden_size
    assert forward.h_n is not None
    assert other.h_n is not None
    output[..., H:] = np.where(case.output_padding()[..., None], 0.0, other.output[..., H:])
    h_n = forward.h_n.copy()
    h_n[1::2] = other.h_n[1::2]
    return Forward(output, h_n)


def reverse_over_the_padding(case: Case, forward: Forward) -> Forward:
    """The reverse direction begins at T - 1 in every row, padding or not."""
    if not is_plain(case) or case.lengths is None:
        return forward
    steps = np.where(case.output_padding()[..., None], 0.0, case.x).astype(case.dtype)
    d_output = np.zeros_like(case.d_output)
    everywhere = case.replace(x=steps, d_output=d_output, lengths=None)
    return with_reverse_of(case, forward, RIGHT.forward(everywhere))


def not_flipped_back(case: Case, forward: Forward) -> Forward:
    """The reverse half in the order in which it was worked out."""
    if not is_plain(case):
        return forward
    output, H = forward.output.copy(), case.spec.hidden_size
    output[..., H:] = reversed_steps(output[..., H:], case.valid_steps())
    return Forward(output, forward.h_n)


def not_reversed(case: Case, forward: Forward) -> Forward:
    """Both directions read forward."""
    if not is_plain(case):
        return forward
    other = RIGHT.forward(case.replace(x=reversed_steps(case.x, case.valid_steps())))
    return not_flipped_back(case, with_reverse_of(case, forward, other))


def one_state_for_both(case: Case) -> Case:
    h0 = case.h0.copy()
    if case.spec.bidirectional:
        h0[1::2] = h0[::2]
    return case.replace(h0=h0)


def one_set_of_weights(case: Case) -> Case:
    names = case.spec.parameter_shapes()
    shared = {name: case.parameters[name.removesuffix("_reverse")] for name in names}
    return case.replace(parameters=shared)


def gradient_of_x_forward_only(case: Case, gradients: Gradients) -> Gradients:
    """d_← is forgotten in dL/dx."""
    if not is_plain(case):
        return gradients
    d_output, d_h_n, H = case.d_output.copy(), case.d_h_n.copy(), case.spec.hidden_size
    d_output[..., H:], d_h_n[1::2] = 0.0, 0.0
    part = RIGHT.gradients(case.replace(d_output=d_output, d_h_n=d_h_n))
    return gradients | {"x": part["x"]}


def states_swapped_in_the_gradient(case: Case, gradients: Gradients) -> Gradients:
    h0 = gradients["h0"].copy()
    if case.spec.bidirectional:
        h0[0], h0[1] = gradients["h0"][1], gradients["h0"][0]
    return gradients | {"h0": h0}


def both_gradients_to_the_first(case: Case, gradients: Gradients) -> Gradients:
    """Two sets of weights, one place for their gradients."""
    zero = {name: 0 * g for name, g in gradients.items() if name.endswith("_reverse")}
    sums = {
        n.removesuffix("_reverse"): gradients[n.removesuffix("_reverse")] + gradients[n]
        for n in zero
    }
    return gradients | zero | sums


FORWARD = [
    Altered("reverse over the padding", result=reverse_over_the_padding, can=ONE_LAYER),
    Altered("not flipped back", result=not_flipped_back, can=ONE_LAYER),
    Altered("not reversed", result=not_reversed, can=ONE_LAYER),
    Altered("one state for both", one_state_for_both),
    Altered("one set of weights", one_set_of_weights),
]
GRADIENTS = [
    (Altered("dx forward only", gradient=gradient_of_x_forward_only, can=ONE_LAYER), {"x"}),
    (Altered("one place for both", gradient=both_gradients_to_the_first), None),
]


@pytest.mark.parametrize("law", BY_ID)
@pytest.mark.parametrize("subject", FORWARD, ids=lambda subject: subject.name)
def test_a_wrong_reverse_direction_is_found(law: str, subject: Altered) -> None:
    assert finds(BY_ID[law], subject)


@pytest.mark.parametrize("law", BY_ID)
@pytest.mark.parametrize(("subject", "wrong"), GRADIENTS, ids=["dx", "weights"])
def test_a_wrong_gradient_is_found(law: str, subject: Altered, wrong: set[str] | None) -> None:
    found = finds(BY_ID[law], subject)
    assert found
    assert not found & {"output", "h_n"}
    assert wrong is None or found == wrong


def test_gradients_of_the_states_that_are_swapped_are_found_by_two_networks() -> None:
    """A swap commutes with σ, but two networks of one direction have nothing to swap."""
    subject = Altered("dh0 swapped", gradient=states_swapped_in_the_gradient)
    assert finds(BY_ID[TWO], subject) == {"h0"}


def test_swapping_twice_changes_nothing() -> None:
    seen = 0
    for entry in pool(right("manual").capabilities, 40):
        case = entry.case
        if not case.spec.bidirectional:
            continue
        twice = dict(swapped(swapped(case)).arrays())
        for name, array in case.arrays():
            assert np.array_equal(twice[name], array, equal_nan=True), name
        arrays = {"output": case.d_output, "h_n": case.d_h_n, **case.parameters}
        arrays |= {"x": case.x, "h0": case.h0}
        once = swapped_results(case, arrays)
        assert (
            not np.array_equal(once["weight_hh_l0"], arrays["weight_hh_l0"])
            or not once["weight_hh_l0"].any()
        )
        back = swapped_results(case, once)
        assert all(np.array_equal(back[n], a, equal_nan=True) for n, a in arrays.items())
        seen += 1
    assert seen > 5


def test_the_steps_of_a_row_are_reversed_and_its_padding_stays() -> None:
    steps = np.arange(8.0).reshape(4, 2, 1)
    assert reversed_steps(steps, np.array([3, 0]))[..., 0].tolist() == [
        [4.0, 1.0], [2.0, 3.0], [0.0, 5.0], [6.0, 7.0],
    ]  # fmt: skip
