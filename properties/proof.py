"""Is it right as a formula? Its own code, run on other numbers than floats, without a tolerance."""

from collections.abc import Callable

import numpy as np

from rnncheck.oracles import balls
from rnncheck.oracles.following.numbers import Objects, Unfollowed
from rnncheck.oracles.own_code import distance, nearest_floats
from rnncheck.oracles.truth import Exact
from rnncheck.properties.outcome import Comparison, NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.trial import Trial

MOST_WORK = 3000
"""Entries times steps and rows: a larger case is not settled by differences of its own code."""


@check(needs_gradients=True, kind="proof")
def gradient_is_certified(trial: Trial) -> Outcome:
    """<w, J u> = <Jᵀ w, u>, exactly: the backward is the derivative of its own forward.

    The implementation's own code runs on numbers of a prime field of 2⁶¹ - 1 elements, with tangents;
    everything is random. No rounding, no step, no tolerance: a backward that is not the derivative of
    its forward is certified with a probability below 1e-15. It certifies or abstains: if the two
    sides differ the code is run again in ball arithmetic, and only what is wrong there is a finding.
    """
    if trial.case.spec.truncation is not None:
        raise NotApplicable("truncated BPTT is not the derivative of the forward pass")
    certificate = trial.proof.gradient
    if certificate:
        return Outcome((), trial.case.T > 1, certificate=certificate)
    return _settled(trial, _gradients_off)


@check(kind="proof")
def forward_is_certified(trial: Trial) -> Outcome:
    """f(case) = the definition's formula, exactly, with tanh and exp as random oracles.

    In the same field and with the same oracles, for every step, row and unit: the forward is the
    network that it claims to be. If it differs the code is run again in ball arithmetic, as for
    `gradient_is_certified`, and only what is wrong there is a finding.
    """
    certificate = trial.proof.forward
    if certificate:
        return Outcome((), trial.case.T > 1, certificate=certificate)
    return _settled(trial, _forward_off)


@check(
    needs_gradients=True,
    needs_second_order=True,
    kind="proof",
    stays="no fault of the catalogue has second derivatives",
)
def hessian_vector_is_certified(trial: Trial) -> Outcome:
    """∇<∇L, v> = the derivative of ∇L along v, exactly, for every entry.

    The gradients themselves run with tangents v, and these are compared with `hessian_vector`.
    If they differ nothing is said here: `hessian_vector_matches_differences` does.
    """
    if trial.case.spec.truncation is not None:
        raise NotApplicable("truncated BPTT is the gradient of nothing")
    certificate = trial.proof.second
    if certificate is None:
        raise NotApplicable("not certified")
    return Outcome((), trial.case.T > 1, certificate=certificate)


def _settled(trial: Trial, compare: Callable[[Trial], Comparison]) -> Outcome:
    """A finding if ball arithmetic shows one; otherwise nothing is said."""
    if trial.truth.kinks or trial.envelope.near_kinks:
        raise NotApplicable("not certified; ReLU's derivative at 0 is a convention")
    try:
        outcome = compare(trial).outcome(trial.case.T > 1)
    except Unfollowed as reason:
        raise NotApplicable(f"not certified, and ball arithmetic does not tell: {reason}") from None
    if outcome.failed:
        return outcome
    raise NotApplicable("not certified, and not wrong in ball arithmetic either")


def _forward_off(trial: Trial) -> Comparison:
    """The code's own output in ball arithmetic against the truth."""
    comparison = Comparison()
    for name, values in trial.own_code.forward.items():
        _compare(trial, comparison, name, values)
    return comparison


def _gradients_off(trial: Trial) -> Comparison:
    """The code's own gradients in ball arithmetic, against those of its own forward.

    If that forward is the network's, these are the truth; otherwise, differences of it with a step
    of 2⁻⁸⁰, for every entry.
    """
    comparison, own = Comparison(), trial.own_code
    right = not _forward_off(trial).outcome(witness=True).failed
    entries = sum(gradient.size for gradient in own.gradients.values())
    if not right and entries * trial.case.T * trial.case.B > MOST_WORK:
        raise NotApplicable("not certified; the case is too large for differences of its code")
    for name, values in own.gradients.items():
        if right:
            _compare(trial, comparison, name, values)
            continue
        slopes = [own.slope(name, index) for index in np.ndindex(values.shape)]
        hi, lo, radius = balls.rounded(slopes, values.shape)
        _compare(trial, comparison, name, values, Exact(hi, lo, radius))
    return comparison


def _compare(
    trial: Trial, comparison: Comparison, name: str, values: Objects, exact: Exact | None = None
) -> None:
    """One array of balls against what it must be, allowed what rounding of floats could do."""
    exact, allowance = exact or trial.truth[name], trial.envelope[name]
    least, _ = distance(values, exact.hi, exact.lo, trial.own_code.bits)
    limit = allowance.allowed + exact.radius
    comparison.add(name, nearest_floats(values), exact.hi, least, limit, allowance.telling)
