"""Each law of a sequence in two parts holds for right networks, and finds the faults it is there for."""

from dataclasses import replace

import numpy as np
import pytest
from altered_networks import Altered, fails, laws_of, right, zeroed

from rnncheck.case import Case
from rnncheck.engine import judge
from rnncheck.implementation import Forward, Gradients
from rnncheck.properties.registry import named_checks
from rnncheck.properties.routes.time_maps import cuts
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.spec import RNNSpec

LAWS = laws_of("chunks")


def without_h0(case: Case) -> Case:
    return case.replace(h0=np.zeros_like(case.h0))


def centred(case: Case) -> Case:
    """Normalised over time, as no network that goes forward can do."""
    return case.replace(x=case.x - case.x.mean(axis=0))


def state_not_updated(case: Case, forward: Forward) -> Forward:
    """h0 given back as h_n."""
    return Forward(forward.output, case.h0)


def dx_backwards(case: Case, gradients: Gradients) -> Gradients:
    return gradients | {"x": gradients["x"][::-1].copy()}


def one_link_less(case: Case) -> Case:
    """A gradient that goes k links back has k + 1 lags; it gets k."""
    k = case.spec.truncation
    return case.replace(spec=replace(case.spec, truncation=k - 1)) if k else case


def not_truncated_at_the_first_step(case: Case) -> Case:
    """k = T - 2 is taken for a truncation that leaves nothing out."""
    whole = case.spec.truncation == case.T - 2
    return case.replace(spec=replace(case.spec, truncation=None)) if whole else case


def in_time_without_d_h_n(case: Case) -> Case:
    return case.replace(d_h_n=np.zeros_like(case.d_h_n))


FAULTS = [
    ("outputs_do_not_see_the_future", Altered("centred", case=centred)),
    ("chunks_carry_the_state", Altered("h0 ignored", case=without_h0)),
    ("chunks_carry_the_state", Altered("h_n is h0", result=state_not_updated)),
    ("gradients_of_chunks_add", Altered("d_h_n ignored", case=in_time_without_d_h_n)),
    ("gradients_of_chunks_add", Altered("no dh0", gradient=zeroed("h0"))),
    (
        "a_truncated_gradient_is_that_of_the_last_steps",
        Altered("one link less", case=one_link_less),
    ),
    (
        "a_truncated_gradient_is_that_of_the_last_steps",
        Altered("not at the first step", case=not_truncated_at_the_first_step),
    ),
    ("gradients_do_not_reach_the_future", Altered("dx backwards", gradient=dx_backwards)),
]


@pytest.mark.parametrize(("law", "wrong"), FAULTS, ids=lambda value: getattr(value, "name", value))
def test_a_fault_is_found(law: str, wrong: Altered) -> None:
    assert fails(law, wrong)


def test_every_law_has_a_fault() -> None:
    assert {law for law, _ in FAULTS} == set(LAWS)


def test_who_refuses_rows_without_steps_is_cut_within_the_shortest_row() -> None:
    def refuse(case: Case) -> Case:
        if case.is_degenerate:
            raise ValueError("every row needs a step")
        return without_h0(case)

    random, spec = np.random.default_rng(0), RNNSpec(2, 3)
    shapes = spec.parameter_shapes() | spec.array_shapes(T=6, B=2)
    arrays = {name: random.standard_normal(shape) for name, shape in shapes.items()}
    case = Case(
        spec=spec,
        parameters={name: arrays[name] for name in spec.parameter_shapes()},
        **{name: arrays[name] for name in ("x", "h0", "d_output", "d_h_n")},
        lengths=np.array([2, 6]),
    )
    assert cuts(case) == [3, 1]  # at 3 nothing is left of the first row
    (check,) = named_checks(["chunks_carry_the_state"])
    verdict = judge(check, Trial(Altered("refuses", case=refuse), PoolCase(case)))
    assert verdict.word == "failed"
    assert verdict.outcome is not None
    right_one = judge(check, Trial(right("manual"), PoolCase(case)))
    assert right_one.outcome is not None
    assert right_one.outcome.witness
    assert right_one.word == "passed"
