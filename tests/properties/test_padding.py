"""The laws of padding hold for right networks, and find networks that read or write it."""

import numpy as np
import pytest
from families import RIGHT_ONES, failures, laws, require_kept, verdicts, wrong_arrays
from law_subjects import Altered

from rnncheck.case import Case
from rnncheck.implementation import Capabilities, Forward, Gradients
from rnncheck.properties import padding
from rnncheck.properties.registry import Check

LAWS = {law.id: law for law in laws("padding")}
ONE_LAYER = Capabilities(
    max_layers=1, bidirectional=False, readouts=(), outputs=("all",), generation=False
)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize(("name", "count"), RIGHT_ONES)
def test_right_networks_keep_the_laws(name: str, count: int, law: Check) -> None:
    if name == "torch":
        pytest.importorskip("torch")
    require_kept(name, count, law)


def lengths_ignored(case: Case) -> Case:
    return case.replace(lengths=None)


def one_step_short(case: Case) -> Case:
    if case.lengths is None:
        return case
    return case.replace(lengths=np.maximum(case.lengths - 1, 0))


def masked_by_product(case: Case, gradients: Gradients) -> Gradients:
    """dx · mask, where mask is 0 in the padding: 0 · NaN is NaN."""
    kept = ~padding.input_padding(case)[..., None]
    return gradients | {"x": np.where(kept, gradients["x"], 0.0 * case.x)}


def sum_over_all_steps(case: Case, forward: Forward) -> Forward:
    """h_n + 0 · Σ x, over padding too."""
    assert forward.h_n is not None
    return Forward(forward.output, forward.h_n + 0.0 * case.x.sum(axis=(0, 2))[:, None])


def state_held(case: Case, forward: Forward) -> Forward:
    """The padding of output holds something."""
    output = forward.output.copy()
    output[case.output_padding()] = 0.5
    return Forward(output, forward.h_n)


def gradient_left_in_padding(case: Case, gradients: Gradients) -> Gradients:
    return gradients | {"x": gradients["x"] + padding.input_padding(case)[..., None]}


def mean_over_T(case: Case, gradients: Gradients) -> Gradients:
    return {name: array / max(case.T, 1) for name, array in gradients.items()}


def last_step_as_state(case: Case, forward: Forward) -> Forward:
    """h_n is the last step of output, also where that is padding."""
    assert forward.h_n is not None
    return Forward(forward.output, forward.output[-1:] if case.T else forward.h_n)


FAULTS = [
    ("padding_may_hold_any_number", Altered("reads on", lengths_ignored), "h_n"),
    ("nan_in_the_padding_stays_there", Altered("reads on", lengths_ignored), "h_n"),
    ("nan_in_the_padding_stays_there", Altered("dx", gradient=masked_by_product), "x"),
    ("nan_in_the_padding_stays_there", Altered("sum", result=sum_over_all_steps), "h_n"),
    ("padding_of_the_results_is_zero", Altered("y", result=state_held), "the padding of output"),
    (
        "padding_of_the_results_is_zero",
        Altered("dx", gradient=gradient_left_in_padding), "the padding of the gradient for x",
    ),
    ("more_padding_changes_nothing", Altered("mean", gradient=mean_over_T), "weight_hh_l0"),
    (
        "more_padding_changes_nothing",
        Altered("h_n", result=last_step_as_state, can=ONE_LAYER), "h_n",
    ),
    (
        "more_padding_changes_nothing", Altered("y", result=state_held), "the padding of output",
    ),
    ("a_row_ends_at_its_length", Altered("short", one_step_short), "h_n"),
    ("a_row_ends_at_its_length", Altered("reads on", lengths_ignored), "h_n"),
]  # fmt: skip


@pytest.mark.parametrize(("law", "subject", "array"), FAULTS)
def test_a_fault_is_found_where_it_is(law: str, subject: Altered, array: str) -> None:
    assert array in wrong_arrays(failures(LAWS[law], subject))


def test_a_mask_that_multiplies_is_right_as_long_as_the_padding_is_finite() -> None:
    subject = Altered("sum", result=sum_over_all_steps)
    found = [v for _, v in verdicts(LAWS["padding_may_hold_any_number"], subject, 24)]
    assert {v.word for v in found} <= {"passed", "not_applicable"}
    assert any(v.word == "passed" for v in found)


def test_a_row_alone_is_its_valid_steps() -> None:
    law = LAWS["a_row_ends_at_its_length"]
    case = next(case for case, v in verdicts(law, Altered("right"), 5) if v.word == "passed")
    row = padding.shortest_row(case)
    alone = padding.only_row(case, row)
    assert case.lengths is not None
    assert (alone.T, alone.B, alone.lengths) == (case.lengths[row], 1, None)
    np.testing.assert_array_equal(alone.x[:, 0], case.x[: alone.T, row])
