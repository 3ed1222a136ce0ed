"""The laws of batch hold for right networks, and find rows that are mixed up."""

import numpy as np
import pytest
from law_subjects import RIGHT, Altered, finds, pool, right, verdicts

from rnncheck.case import Array, Case
from rnncheck.implementation import Forward, Gradients
from rnncheck.properties import batch
from rnncheck.properties.registry import named_checks

LAWS = named_checks(
    [
        "a_row_alone_gives_the_same",
        "reordered_rows_give_reordered_results",
        "gradients_add_up_over_the_rows",
        "copies_of_the_rows_give_the_same",
    ]
)
BY_ID = {law.id: law for law in LAWS}


@pytest.mark.parametrize("name", ["manual", "autodiff", "scalar", "torch"])
def test_right_networks_keep_the_laws(name: str) -> None:
    if name == "torch":
        pytest.importorskip("torch")
    for law in LAWS:
        found = [(t.case, v) for t, v in verdicts(law, right(name), 15 if name == "scalar" else 40)]
        assert {v.word for _, v in found} <= {"passed", "not_applicable", "refused"}
        passed = [(case, v.outcome) for case, v in found if v.outcome is not None]
        witnesses = [case for case, outcome in passed if outcome.witness]
        assert 4 * len(witnesses) >= len(passed) > 0
        assert name == "scalar" or {c.dtype.name for c in witnesses} == {"float32", "float64"}


def carried_over(case: Case) -> Case:
    """Each row begins where the row before it ended."""
    h0 = case.h0.copy()
    for b in range(1, case.B):
        before = batch.rows(case.replace(h0=h0), slice(b - 1, b))
        h_n = RIGHT.forward(before).h_n
        assert h_n is not None
        h0[:, b] = h_n[:, 0]
    return case.replace(h0=h0)


def mixed_up_in_large_batches(case: Case) -> Case:
    """Each row begins where the row before it should: beyond a hundred rows."""
    return case.replace(h0=np.roll(case.h0, 1, axis=1)) if case.B > 100 else case


def first_state_for_all(case: Case) -> Case:
    """h0 is broadcast from its first row."""
    return case.replace(h0=np.repeat(case.h0[:, :1], case.B, axis=1))


def sorted_by_length(array: Array, case: Case) -> Array:
    return array[:, np.argsort(-case.valid_steps(), kind="stable")]


def never_unsorted(case: Case, forward: Forward) -> Forward:
    """Rows are sorted by their lengths, and stay so."""
    assert forward.h_n is not None
    return Forward(sorted_by_length(forward.output, case), sorted_by_length(forward.h_n, case))


def dx_never_unsorted(case: Case, gradients: Gradients) -> Gradients:
    return gradients | {"x": sorted_by_length(gradients["x"], case)}


def mean_over_the_rows(case: Case, gradients: Gradients) -> Gradients:
    """A mean where the sum belongs."""
    return {n: g if n in batch.BY_ROW else g / max(case.B, 1) for n, g in gradients.items()}


def of_the_last_row(case: Case, gradients: Gradients) -> Gradients:
    """Assigned row by row where it should be added up."""
    last = RIGHT.gradients(batch.rows(case, slice(-1, None)))
    return {n: g if n in batch.BY_ROW else last[n] for n, g in gradients.items()}


def dropout_of_the_first_row(case: Case) -> Case:
    masks = case.dropout_masks
    if masks is None or not case.B:
        return case
    return case.replace(dropout_masks=np.repeat(masks[:, :, :1], case.B, axis=2))


def last_rows_left_out(case: Case, gradients: Gradients) -> Gradients:
    """In the parameters' gradients of more than 500 rows."""
    whole = RIGHT.gradients(batch.rows(case, slice(500)))
    return {n: g if n in batch.BY_ROW else whole[n] for n, g in gradients.items()}


def later_rows_zero(case: Case, forward: Forward) -> Forward:
    output = forward.output.copy()
    output[:, 700:] = 0.0
    return Forward(output, forward.h_n)


def one_odd_row(case: Case, gradients: Gradients) -> Gradients:
    """A row that no other knows of, and whose cotangents are 0, is given a gradient."""
    dx = gradients["x"].copy()
    dx[:, 300:301] += 1.0
    return gradients | {"x": dx}


FAULTS = [
    ("copies_of_the_rows_give_the_same", Altered("last rows", gradient=last_rows_left_out)),
    ("copies_of_the_rows_give_the_same", Altered("later rows", result=later_rows_zero)),
    ("copies_of_the_rows_give_the_same", Altered("odd row", gradient=one_odd_row)),
    ("copies_of_the_rows_give_the_same", Altered("mean", gradient=mean_over_the_rows)),
    ("copies_of_the_rows_give_the_same", Altered("mixed up", mixed_up_in_large_batches)),
    ("a_row_alone_gives_the_same", Altered("carries over", carried_over)),
    ("a_row_alone_gives_the_same", Altered("first state", first_state_for_all)),
    ("a_row_alone_gives_the_same", Altered("never unsorted", result=never_unsorted)),
    ("a_row_alone_gives_the_same", Altered("first mask", dropout_of_the_first_row)),
    ("reordered_rows_give_reordered_results", Altered("carries over", carried_over)),
    ("reordered_rows_give_reordered_results", Altered("first state", first_state_for_all)),
    ("reordered_rows_give_reordered_results", Altered("never unsorted", result=never_unsorted)),
    ("reordered_rows_give_reordered_results", Altered("dx", gradient=dx_never_unsorted)),
    ("reordered_rows_give_reordered_results", Altered("last row", gradient=of_the_last_row)),
    ("gradients_add_up_over_the_rows", Altered("mean", gradient=mean_over_the_rows)),
    ("gradients_add_up_over_the_rows", Altered("last row", gradient=of_the_last_row)),
    ("gradients_add_up_over_the_rows", Altered("first state", first_state_for_all)),
    ("gradients_add_up_over_the_rows", Altered("dx", gradient=dx_never_unsorted)),
]


@pytest.mark.parametrize(
    ("law", "subject"), FAULTS, ids=lambda value: getattr(value, "name", value)
)
def test_rows_that_are_mixed_up_are_found(law: str, subject: Altered) -> None:
    assert finds(BY_ID[law], subject)


def test_a_mean_is_found_in_the_parameters_alone() -> None:
    found = finds(
        BY_ID["gradients_add_up_over_the_rows"], Altered("mean", gradient=mean_over_the_rows)
    )
    assert found
    assert not found & set(batch.BY_ROW)


def test_the_rows_of_a_case_are_a_case_of_its_own() -> None:
    for entry in pool(right("manual").capabilities, 40):
        case = entry.case
        halves = [batch.rows(case, part) for part in (slice(1), slice(1, None))]
        assert sum(half.B for half in halves) == case.B
        assert np.array_equal(batch.joined([h.x for h in halves]), case.x, equal_nan=True)
        assert np.array_equal(batch.joined([h.h0 for h in halves]), case.h0)


def test_equal_rows_and_rows_without_steps_are_no_witness() -> None:
    found = 0
    for entry in pool(right("manual").capabilities, 40):
        case = entry.case
        if case.B < 2 or case.T < 1 or case.lengths is not None or case.spec.generated:
            continue
        same = batch.rows(case, np.zeros(case.B, dtype=np.intp))
        assert not batch.rows_differ(same)
        assert not batch.rows_differ(case.replace(lengths=np.zeros(case.B, dtype=np.int64)))
        zero = {"d_output": 0 * case.d_output, "d_h_n": 0 * case.d_h_n}
        assert batch.reached_rows(case.replace(**zero)) == 0
        found += 1
    assert found > 5
