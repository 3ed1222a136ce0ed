"""The laws of contract hold for right networks, and find entries that take what is no input."""

from collections.abc import Callable
from typing import Any

import networks
import numpy as np
import pytest
from families import (
    RIGHT_ONES,
    Arrays,
    Lenient,
    Mend,
    failures,
    laws,
    require_kept,
    verdicts,
    wrong_arrays,
)
from law_subjects import Altered

from rnncheck.case import Array, Case
from rnncheck.implementation import Forward, Gradients
from rnncheck.implementations.references import reference
from rnncheck.properties import bad_inputs
from rnncheck.properties.registry import Check
from rnncheck.spec import RNNSpec

LAWS = {law.id: law for law in laws("contract")}
MANUAL = reference("manual")


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize(("name", "count"), RIGHT_ONES)
def test_right_networks_keep_the_laws(name: str, count: int, law: Check) -> None:
    if name == "torch":
        pytest.importorskip("torch")
    require_kept(name, min(count, 12), law)


def broadcasts_h0(spec: RNNSpec, arrays: Arrays) -> Arrays:
    shape = (spec.num_states, arrays["x"].shape[1], spec.hidden_size)
    try:
        return {**arrays, "h0": np.broadcast_to(arrays["h0"], shape).copy()}
    except ValueError:
        return arrays


def cuts_features(spec: RNNSpec, arrays: Arrays) -> Arrays:
    return {**arrays, "x": arrays["x"][..., : spec.input_size]}


def broadcasts_cotangents(spec: RNNSpec, arrays: Arrays) -> Arrays:
    shape = (*arrays["x"].shape[:2], spec.output_features)
    try:
        return {**arrays, "d_output": np.broadcast_to(arrays["d_output"], shape).copy()}
    except ValueError:
        return arrays


def flattens_biases(spec: RNNSpec, arrays: Arrays) -> Arrays:
    return {**arrays, "bias_ih_l0": arrays["bias_ih_l0"].reshape(-1)} if spec.bias else arrays


def casts(name: str) -> Mend:
    def mend(spec: RNNSpec, arrays: Arrays) -> Arrays:
        return {**arrays, name: arrays[name].astype(arrays["weight_hh_l0"].dtype)}

    return mend


def changes_lengths(change: Callable[[Array, int, int], Array]) -> Mend:
    def mend(spec: RNNSpec, arrays: Arrays) -> Arrays:
        T, B = arrays["x"].shape[:2]
        return {**arrays, "lengths": change(arrays["lengths"], T, B)}

    return mend


LENIENT: list[tuple[str, Mend, str]] = [
    ("wrong_shapes_are_refused", broadcasts_h0, "h0 of shape "),
    ("wrong_shapes_are_refused", cuts_features, "x of shape "),
    ("wrong_shapes_are_refused", broadcasts_cotangents, "d_output of shape "),
    ("wrong_shapes_are_refused", flattens_biases, "bias_ih_l0 of shape "),
    ("wrong_dtypes_are_refused", casts("x"), "x of int64 where the parameters are float"),
    ("wrong_dtypes_are_refused", casts("h0"), "h0 of int64 where the parameters are float"),
    (
        "wrong_lengths_are_refused",
        changes_lengths(lambda n, T, B: np.minimum(n, T)), "(a length of T + 1), was taken",
    ),
    (
        "wrong_lengths_are_refused",
        changes_lengths(lambda n, T, B: np.abs(n)), "(a length of -1), was taken",
    ),
    (
        "wrong_lengths_are_refused",
        changes_lengths(lambda n, T, B: n.astype(np.int64)), "(lengths of floats), was taken",
    ),
    (
        "wrong_lengths_are_refused",
        changes_lengths(lambda n, T, B: n[:B]), "(a length too many), was taken",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("law", "mend", "told"), LENIENT)
def test_an_entry_that_takes_what_is_wrong_is_found(law: str, mend: Mend, told: str) -> None:
    found = failures(LAWS[law], Lenient(mend), 12)
    assert any(told in verdict.message for verdict in found)
    assert all("was taken: it must be refused" in verdict.message for verdict in found)


def starts_from_zeros(spec: RNNSpec, arrays: Arrays) -> Arrays:
    return {**arrays, "h0": np.zeros_like(arrays["h0"])}


def refuses_negative_x(spec: RNNSpec, arrays: Arrays) -> Arrays:
    if (arrays["x"] < 0).any():
        raise ValueError("x must be positive")
    return arrays


def test_an_entry_to_another_network_is_found() -> None:
    assert "h_n" in wrong_arrays(failures(LAWS["good_input_is_taken"], Lenient(starts_from_zeros)))


def test_an_entry_that_refuses_a_right_input_is_found() -> None:
    found = failures(LAWS["good_input_is_taken"], Lenient(refuses_negative_x))
    assert "an input as it should be raised ValueError: x must be positive" in found[0].message


def sums_rows(case: Case, forward: Forward) -> Forward:
    """output + 0 · the mean of x over the rows, as of a batch norm that is switched off."""
    return Forward(forward.output + 0.0 * case.x.sum(), forward.h_n)


def sums_gradients(case: Case, gradients: Gradients) -> Gradients:
    return gradients | {"h0": gradients["h0"] + 0.0 * gradients["x"].sum()}


def test_nan_that_spreads_over_the_rows_is_found() -> None:
    law = LAWS["nan_stays_in_its_row"]
    assert wrong_arrays(failures(law, Altered("rows", result=sums_rows))) == {"output"}
    assert wrong_arrays(failures(law, Altered("rows", gradient=sums_gradients))) == {"h0"}


def no_nan(case: Case) -> Case:
    if np.isnan(case.x).any():
        raise ValueError("x holds NaN")
    return case.replace(lengths=None) if case.lengths is None else case


def test_to_refuse_nan_is_no_fault() -> None:
    law = LAWS["nan_stays_in_its_row"]
    found = [v for case, v in verdicts(law, Altered("strict", no_nan), 24) if case.lengths is None]
    assert {v.word for v in found} == {"not_applicable"}
    assert "it refuses NaN in x: forward raised ValueError: x holds NaN" in found[0].message


def checked_forward(params: dict[str, Any], x: Any, h0: Any) -> Any:
    hidden, inputs = params["W_ih"].shape
    shapes = {"W_ih": (hidden, inputs), "W_hh": (hidden, hidden), "b": (hidden,)}
    if x.shape[2] != inputs or h0.shape != (x.shape[1], hidden):
        raise ValueError("sizes")
    if {n: p.shape for n, p in params.items()} != shapes:
        raise ValueError("parameters")
    if len({a.dtype for a in (x, h0, *params.values())}) > 1:
        raise TypeError("dtypes")
    return networks.forward(params, x, h0)


def checked_backward(
    params: dict[str, Any], x: Any, h0: Any, d_output: Any, d_h_n: Any
) -> dict[str, Any]:
    states, h_n = checked_forward(params, x, h0)
    if d_output.shape != states.shape or d_h_n.shape != h_n.shape:
        raise ValueError("cotangents")
    return networks.backward(params, x, h0, d_output, d_h_n)


REFUSALS = ["wrong_shapes_are_refused", "wrong_dtypes_are_refused", "good_input_is_taken"]


@pytest.mark.parametrize("law", REFUSALS)
def test_functions_of_ones_own_are_asked_only_if_they_claim_to_validate(law: str) -> None:
    silent = [v for _, v in verdicts(LAWS[law], networks.right, 5)]
    assert {v.word for v in silent} == {"not_applicable"}
    assert "does not claim to validate" in silent[0].message
    claims = networks.wrap(checked_forward, checked_backward, validates=True)
    assert {v.word for _, v in verdicts(LAWS[law], claims, 12)} == {"passed"}


def test_a_claim_that_is_not_kept_is_found() -> None:
    claims = networks.wrap(networks.forward, networks.backward, validates=True)
    found = failures(LAWS["wrong_shapes_are_refused"], claims, 12)
    assert found
    assert not failures(LAWS["good_input_is_taken"], claims, 12)
    assert failures(LAWS["wrong_dtypes_are_refused"], claims, 12)


def test_every_wrong_input_differs_from_the_right_one_in_one_array() -> None:
    case = next(case for case, _ in verdicts(LAWS["wrong_shapes_are_refused"], MANUAL, 60)
                if case.T > 2 and case.B > 2)  # fmt: skip
    good = bad_inputs.good(case)
    changed = set()
    for told, wrong in bad_inputs.wrong_shapes(case):
        (name,) = (n for n in good if wrong[n].shape != good[n].shape)
        assert told.startswith(f"{name} of shape {wrong[name].shape}")
        changed.add(name)
    assert changed == set(good)
