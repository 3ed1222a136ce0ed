"""A sequence in two parts: what comes later sees the state alone, and what came sooner sees nothing."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.properties.outcome import NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import agrees, exactly
from rnncheck.properties.routes.time_maps import (
    cuts,
    from_step,
    joined,
    joined_gradients,
    truncated,
    until,
)
from rnncheck.properties.trial import Refused, Trial


@check(
    "T > 1",
    "one direction",
    "every step put out",
    share="some",
    stays="it needs a forward pass alone, of any network",
)
def outputs_do_not_see_the_future(trial: Trial) -> Outcome:
    """f(x)[:k] = f(x[:k]), the outputs of the first k steps alone.

    Of a network that goes forward only; generated steps are of the future.
    """
    k = trial.case.T // 2
    output = trial.forward.output.copy()
    output[:k] = trial.on(until(trial.case, k)).forward.output
    return agrees(trial, {"output": output}, bool((trial.case.valid_steps() > k).any()))


@check(
    "T > 1",
    "one direction",
    share="some",
    stays="it is what streaming rests on, and holds for any network",
)
def chunks_carry_the_state(trial: Trial) -> Outcome:
    """f(x, h0) = f(x[:k], h0), then f(x[k:], h_k), output and final state.

    Rows of length n have min(n, k) steps in the first chunk and max(n - k, 0) in the second.
    """
    return _cut(trial, _carries_the_state)


def _carries_the_state(trial: Trial, k: int) -> Outcome:
    case, first = trial.case, trial.on(until(trial.case, k)).forward
    state = _final_state(first.h_n)
    second = trial.on(from_step(case, k, state)).forward
    whole = {
        "output": joined(case, k, first.output, second.output),
        "h_n": _final_state(second.h_n),
    }
    return agrees(trial, whole, _crosses(case, k, state))


@check(
    "T > 1",
    "one direction",
    "no truncation",
    needs_gradients=True,
    share="some",
    stays="it is what training in chunks rests on, and holds for any network",
)
def gradients_of_chunks_add(trial: Trial) -> Outcome:
    """dθ = dθ₁ + dθ₂, where dh0 of the second chunk is the first one's cotangent of h_n.

    x and h0 likewise: dx one after the other, dh0 that of the first chunk.
    """
    return _cut(trial, _gradients_add)


def _gradients_add(trial: Trial, k: int) -> Outcome:
    case, first = trial.case, until(trial.case, k)
    state = _final_state(trial.on(first).forward.h_n)
    later = trial.on(from_step(case, k, state)).gradients
    if "h0" not in later:
        raise NotApplicable("no gradient for h0 is given")
    carried = later["h0"].astype(case.dtype)
    sooner = trial.on(first.replace(d_h_n=carried)).gradients
    return agrees(trial, joined_gradients(sooner, later), _crosses(case, k, carried))


@check(
    "T > 1",
    "one layer",
    "one direction",
    "full lengths",
    "no generated steps",
    needs_gradients=True,
    share="some",
    stays="of a truncated gradient, neither differences nor a certificate can say anything",
)
def a_truncated_gradient_is_that_of_the_last_steps(trial: Trial) -> Outcome:
    """k links back from the last step: dL/dθ = that of the last k + 1 steps alone, from h_{T-k-2}.

    dx is 0 before these, and dh0 = 0. k is the case's own truncation if that leaves a step out, or
    else T - 2, which leaves out the first; the last k + 1 steps alone are not truncated.
    """
    base = trial.on(truncated(trial.case))
    case, k = base.case, base.case.spec.truncation or 0
    before = case.T - 1 - k
    state = _final_state(trial.on(until(case, before)).forward.h_n)
    alone = from_step(case, before, state)
    later = trial.on(alone.replace(spec=replace(alone.spec, truncation=None))).gradients
    found = {**later, "h0": np.zeros_like(case.h0)}
    if "x" in later:
        found["x"] = np.concatenate([np.zeros_like(case.x[:before]), later["x"]])
    return agrees(base, found, bool(later.get("h0", state).any()))


@check(
    "T > 1",
    "one direction",
    "every step put out",
    needs_gradients=True,
    share="some",
    stays="it is exact: one bit is enough",
)
def gradients_do_not_reach_the_future(trial: Trial) -> Outcome:
    """dx_s = 0 exactly for s ≥ k, if only outputs before k have a cotangent.

    Products with 0 are 0 while nothing overflows, so this holds bit for bit.
    """
    if "x" not in trial.gradients:
        raise NotApplicable("no gradient for x is given")
    if trial.envelope.overflowed:
        raise NotApplicable("something may overflow, and 0 · ∞ is not 0")
    k, case = trial.case.T // 2, trial.case
    d_output = case.d_output.copy()
    if not np.nan_to_num(d_output[:k]).any():
        d_output[:k] = 1.0
    d_output[k:] = 0.0
    gradients = trial.on(case.replace(d_output=d_output, d_h_n=np.zeros_like(case.d_h_n))).gradients
    dx = gradients["x"]
    return exactly({"x": (_later(dx, k), np.zeros_like(dx))}, bool(dx[:k].any()))


def _cut(trial: Trial, law: Callable[[Trial, int], Outcome]) -> Outcome:
    """The law at the first cut that the subject does not refuse."""
    *others, last = cuts(trial.case)
    for k in others:
        try:
            return law(trial, k)
        except Refused:
            continue
    return law(trial, last)


def _final_state(h_n: Array | None) -> Array:
    if h_n is None:
        raise NotApplicable("forward gives no h_n")
    return h_n


def _crosses(case: Case, k: int, carried: Array) -> bool:
    """Whether something other than 0 is carried over the cut in a row that goes on beyond it."""
    return bool(carried[:, case.valid_steps() > k].any())


def _later(dx: Array, k: int) -> Array:
    later = dx.copy()
    later[:k] = 0.0
    return later
