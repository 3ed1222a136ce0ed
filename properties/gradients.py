"""Is the gradient the derivative of the implementation's own forward pass? No oracle needed."""

import functools
import operator
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from rnncheck.case import Array
from rnncheck.implementation import Gradients
from rnncheck.oracles.differences.central import central_difference, widest_step
from rnncheck.oracles.envelope import Envelope
from rnncheck.properties.outcome import Comparison, NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import Measured, balances, measured
from rnncheck.properties.routes.complex_run import tangents
from rnncheck.properties.routes.entry_runs import (
    NEARBY,
    changes_branch,
    difference_along,
    loss_noise,
    moved_along,
)
from rnncheck.properties.routes.gauge_runs import settled
from rnncheck.properties.routes.own_differences import OwnDifferences
from rnncheck.properties.trial import Trial, judged


@check(needs_gradients=True, share="few")
def gradient_matches_own_forward(trial: Trial) -> Outcome:
    """dL/dθ = lim (L(θ + ε) - L(θ - ε)) / 2ε, over every entry of every parameter, x and h0.

    L = <d_output, output> + <d_h_n, h_n> with the implementation's own forward pass, whatever
    network that is. Where it is one of a_t = W x_t + U h_{t-1} + b, differences of L by each a_t give
    all entries; what these accuse is looked at again, entry by entry. Allowed is what rounding does to
    the gradient, and the differences' own error: truncation and jumps as estimated from three steps
    and more, and the noise of L by the envelope.
    """
    if trial.case.dtype != np.float64:
        raise NotApplicable("differences need float64")
    if trial.case.spec.truncation is not None:
        raise NotApplicable("truncated BPTT is not the derivative of the forward pass")
    own = OwnDifferences(trial)

    def compare(envelope: Envelope) -> Outcome:
        comparison, estimates = Comparison(), own.estimates(envelope)
        for name, gradient in trial.gradients.items():
            found, allowance = estimates[name], envelope[name]
            allowed = allowance.allowed + found.doubt
            error = np.abs(gradient.astype(np.float64) - found.value)
            telling = allowance.telling & found.telling & np.isfinite(allowed)
            comparison.add(name, gradient, found.value, error, allowed, telling)
        return comparison.outcome(trial.case.T > 1 and trial.case.B > 0)

    return judged(trial, compare, knows_truth=False)


@check(
    needs_gradients=True,
    needs_second_order=True,
    share="few",
    stays="no fault of the catalogue has second derivatives",
)
def hessian_vector_matches_differences(trial: Trial) -> Outcome:
    """∇<∇L, v> = lim (∇L(θ + tv) - ∇L(θ - tv)) / 2t, for every entry and a random v of ±1.

    Differences of the implementation's own gradients, along one line through all arrays. Allowed
    is the differences' error: from three steps and more, and from the rounding of the gradients by
    the envelope, which no step of at most 1/32 leaves below 32 envelopes. Where the
    steps cross a kink of ReLU nothing is said.
    """
    case = trial.case
    if case.dtype != np.float64:
        raise NotApplicable("differences need float64")
    if case.spec.truncation is not None:
        raise NotApplicable("truncated BPTT is the gradient of nothing")
    gradients, random = trial.gradients, np.random.default_rng(case.T + 100 * case.B)
    along = {name: random.choice((-1.0, 1.0), g.shape) for name, g in gradients.items()}
    if changes_branch([moved_along(case, along, t * widest_step(0.0)) for t in NEARBY]):
        raise NotApplicable("a ReLU's argument changes its sign within the steps")
    products = trial.hessian_vector(along)

    @functools.cache
    def moved(t: float) -> Gradients:
        return trial.run_gradients(moved_along(case, along, t))

    comparison = Comparison()
    for name, product in products.items():
        value, doubt = np.zeros(product.shape), np.zeros(product.shape)
        for index in np.ndindex(product.shape):
            noise = float(trial.envelope[name].allowed[index])
            entry = central_difference(lambda t: float(moved(t)[name][index]), 0.0, noise)  # noqa: B023 - called at once
            value[index], doubt[index] = entry.value, entry.error
        telling = trial.envelope[name].telling & np.isfinite(doubt)
        comparison.add(name, product, value, np.abs(product - value), doubt, telling)
    outcome = comparison.outcome(case.T > 1)
    if outcome.failed and changes_branch(
        [moved_along(case, along, t * widest_step(0.0)) for t in NEARBY]
    ):
        raise NotApplicable("a ReLU's argument changes its sign within the steps")
    return outcome


@check(
    "an analytic nonlinearity",
    "float64",
    "no truncation",
    needs_gradients=True,
    share="some",
    stays="it resolves 1e-14 in code that cannot be run over a field",
)
def gradient_matches_complex_step(trial: Trial) -> Outcome:
    """<d, J v> = <Jᵀ d, v>: J v = Im f(θ + i h v) / h by the own forward at h = 1e-30, Jᵀ d the gradient.

    v is ±1 in every entry of every array: one run sees them all, and nothing is subtracted. Allowed on
    either side is Σ |v| · envelope of the gradient, since J v makes the transposed roundings (a
    product U h' is off by n·u·|U||h'|, and δᵀ of that is what the carry Uᵀδ is off by along v), and
    the rounding of the sum. A complex number can lose its imaginary part on the way (in |z|, say):
    only what central differences along v confirm counts as a failure.
    """
    case, gradients = trial.case, trial.gradients
    random = np.random.default_rng(case.T + 100 * case.B)
    along = {name: random.choice((-1.0, 1.0), g.shape) for name, g in gradients.items()}
    if "x" in along:
        along["x"][np.arange(case.T)[:, None] >= case.valid_steps()[None, :]] = 0.0
    forward = tangents(trial, along)
    cotangents = {"output": np.where(case.output_padding()[..., None], 0.0, case.d_output)}
    cotangents["h_n"] = case.d_h_n

    def compare(envelopes: list[Envelope]) -> Outcome:
        backward = _dot({n: measured(trial, n, envelopes[0]) for n in along}, along)
        summed = _dot({n: _exact(v) for n, v in forward.items()}, cotangents)
        along_v = replace(summed, allowed=summed.allowed + backward.allowed)
        return balances({"<gradient, v>": (backward, along_v)}, case.T > 1)

    outcome = settled([trial], compare)
    if not outcome.failed:
        return outcome
    return _confirmed(trial, along, outcome)


def _exact(numbers: Array) -> Measured:
    return Measured(numbers, np.zeros(numbers.shape), np.ones(numbers.shape, bool))


def _dot(numbers: Mapping[str, Measured], weights: Mapping[str, Array]) -> Measured:
    """Σ weight · number over all arrays."""
    parts = (m.weighted(weights[n], tuple(range(m.value.ndim))) for n, m in numbers.items())
    return functools.reduce(operator.add, parts)


def _confirmed(trial: Trial, direction: Gradients, outcome: Outcome) -> Outcome:
    """The failure, if differences of the forward pass along v exclude the gradient's slope as well."""
    worst = outcome.worst
    assert worst is not None
    slope = difference_along(trial, direction, loss_noise(trial, trial.envelope))
    doubt = slope.error + worst.allowed
    if abs(slope.value - worst.value) > doubt and abs(slope.value - worst.expected) <= doubt:
        return outcome
    raise NotApplicable("its code drops imaginary parts, as far as differences can tell")
