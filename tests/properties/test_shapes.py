"""The laws of shapes hold for right networks, and find axes that get lost and dtypes that change."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import networks
import numpy as np
import pytest
from families import RIGHT_ONES, Lenient, failures, laws, require_kept, verdicts
from law_subjects import Altered

from rnncheck.case import Array, Case
from rnncheck.implementation import Capabilities, Forward, Gradients
from rnncheck.implementations.references import ALL
from rnncheck.properties import shapes
from rnncheck.properties.registry import Check
from rnncheck.spec import RNNSpec

LAWS = {law.id: law for law in laws("shapes")}
Arrays = dict[str, Any]


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
@pytest.mark.parametrize(("name", "count"), RIGHT_ONES)
def test_right_networks_keep_the_laws(name: str, count: int, law: Check) -> None:
    if name == "torch":
        pytest.importorskip("torch")
    require_kept(name, count, law)


@pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)
def test_a_network_of_ones_own_keeps_the_laws(law: Check) -> None:
    words = {v.word for _, v in verdicts(law, networks.right, 20)}
    assert words <= {"passed", "not_applicable", "refused"}


def squeezed(params: Arrays, x: Any, h0: Any) -> Any:
    states, h = networks.forward(params, x, h0)
    return states.squeeze(), h


def backward_squeezed(params: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
    gradients = networks.backward(params, x, h0, d_output, d_h_n)
    return gradients | {"W_ih": gradients["W_ih"].squeeze()}


def with_h_n_of_several_steps(params: Arrays, x: Any, h0: Any) -> Any:
    states, h = networks.forward(params, x, h0)
    return (states, h) if len(x) > 1 else states


def one_step_at_least(params: Arrays, x: Any, h0: Any) -> Any:
    states, h = networks.forward(params, x, h0)
    return (states if len(x) else h0[None]), h


SHAPES = [
    ("sizes_of_one_keep_their_axis", squeezed, networks.backward, "for T = 1, forward's output"),
    (
        "sizes_of_one_keep_their_axis", networks.forward, backward_squeezed,
        "for I = 1, backward's gradient for W_ih",
    ),
    (
        "sizes_of_one_keep_their_axis", with_h_n_of_several_steps, networks.backward,
        "h_n is not given for T = 1, but given for T = ",
    ),
    (
        "sizes_of_zero_are_taken", one_step_at_least, networks.backward,
        "for T = 0, forward's output has shape (1, ",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("law", "forward", "backward", "told"), SHAPES)
def test_a_result_of_another_shape_is_told(
    law: str, forward: Any, backward: Any, told: str
) -> None:
    found = failures(LAWS[law], networks.wrap(forward, backward))
    assert any(verdict.message.startswith(told) for verdict in found)


def overflowing(case: Case, forward: Forward) -> Forward:
    """As of a softmax that does not subtract the largest."""
    output = forward.output.copy()
    output[np.abs(forward.output) > 0.9] = np.nan
    return Forward(output, forward.h_n)


def test_a_result_that_is_not_finite_is_found() -> None:
    found = failures(LAWS["results_are_finite"], Altered("overflows", result=overflowing))
    assert found
    assert found[0].outcome is not None
    assert {e.array for e in found[0].outcome.entries if e.ratio > 1} == {
        "finite entries of output"
    }


def in_double(case: Case, forward: Forward) -> Forward:
    return Forward(forward.output.astype(np.float64), forward.h_n)


def gradient_in_double(case: Case, gradients: Gradients) -> Gradients:
    return gradients | {"x": gradients["x"].astype(np.float64)}


KEEPS = replace(Capabilities(), keeps_dtype=True)


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        (Altered("output", result=in_double, can=KEEPS), "output is float64 where "),
        (Altered("x", gradient=gradient_in_double, can=KEEPS), "the gradient for x is float64 "),
    ],
)
def test_another_dtype_is_told_and_only_to_those_who_claim_to_keep_it(
    subject: Altered, told: str
) -> None:
    law = LAWS["results_keep_the_dtype"]
    assert {v.message.startswith(told) for v in failures(law, subject)} == {True}
    subject.capabilities = Capabilities()
    assert {v.word for _, v in verdicts(law, subject, 10)} == {"not_applicable"}
    claimed = networks.wrap(networks.forward, networks.backward, keeps_dtype=True)
    assert {v.word for _, v in verdicts(law, claimed, 10)} == {"passed"}


class Unbatched(Lenient):
    """`manual`, with something done to what an unbatched call gives."""

    def enter(self, spec: RNNSpec, arrays: Mapping[str, Array]) -> Gradients:
        found = super().enter(spec, arrays)
        return found if arrays["x"].ndim == 3 else self.done(found)

    def done(self, found: Gradients) -> Gradients:
        return found


class KeepsTheRow(Unbatched):
    def done(self, found: Gradients) -> Gradients:
        return found | {"h_n": found["h_n"][:, None]}


class Forgets(Unbatched):
    def done(self, found: Gradients) -> Gradients:
        return found | {"weight_hh_l0": 0.0 * found["weight_hh_l0"]}


def as_it_is(spec: RNNSpec, arrays: Mapping[str, Array]) -> Mapping[str, Array]:
    return arrays


def test_an_unbatched_call_that_gives_something_else_is_found() -> None:
    law = LAWS["unbatched_is_a_batch_of_one"]
    row = failures(law, KeepsTheRow(as_it_is, capabilities=ALL))
    assert "h_n of an unbatched input has shape" in row[0].message
    found = failures(law, Forgets(as_it_is, capabilities=ALL))
    outcomes = [v.outcome for v in found if v.outcome is not None]
    assert {e.array for o in outcomes for e in o.entries if e.ratio > 1} == {"weight_hh_l0"}
    assert not failures(law, Unbatched(as_it_is, capabilities=ALL))


@pytest.mark.parametrize("size", [0, 1])
def test_a_cut_has_the_size_and_the_numbers_of_the_case(size: int) -> None:
    law = LAWS["sizes_of_one_keep_their_axis"]
    case = next(case for case, _ in verdicts(law, Altered("right"), 20)
                if min(case.x.shape) > 1 and not case.spec.generated)  # fmt: skip
    for axis, cut in enumerate(shapes.CUTS.values()):
        short = cut(case, size)
        wanted = [size if i == axis else n for i, n in enumerate(case.x.shape)]
        assert list(short.x.shape) == wanted
        where = tuple(slice(size if i == axis else None) for i in range(3))
        np.testing.assert_array_equal(short.x, case.x[where])
