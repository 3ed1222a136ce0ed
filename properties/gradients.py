"""Is the gradient the derivative of the implementation's own forward pass? No oracle needed."""

import functools
import operator
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import Gradients
from rnncheck.oracles.differences.central import central_difference, widest_step
from rnncheck.oracles.envelope import Envelope
from rnncheck.oracles.noise import Noise
from rnncheck.oracles.sampled import SampledNetwork
from rnncheck.properties.outcome import Comparison, NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.relation import Measured, balances, measured
from rnncheck.properties.routes.complex_run import tangents
from rnncheck.properties.routes.gauge_runs import settled
from rnncheck.properties.trial import Trial, judged

MOST_WORK = 3000
"""Entries times steps, rows and cells of a case: every entry takes seven forward passes, and a
larger case would show nothing that the exact oracle does not see sooner."""


NEARBY = (-1.0, -0.5, -0.25, -0.125, 0.0, 0.125, 0.25, 0.5, 1.0)
"""Parts of the widest step at which a difference looks for kinks of ReLU."""


@check(needs_gradients=True, share="few")
def gradient_matches_own_forward(trial: Trial) -> Outcome:
    """dL/dθ = lim (L(θ + ε) - L(θ - ε)) / 2ε, over every entry of every parameter, x and h0.

    L = <d_output, output> + <d_h_n, h_n> with the implementation's own forward pass, whatever
    network that is. Allowed is what rounding does to the gradient, and the differences' own
    error: truncation and jumps as estimated from three steps, and the noise of L by the envelope.
    """
    if trial.case.dtype != np.float64:
        raise NotApplicable("differences need float64")
    if trial.case.spec.truncation is not None:
        raise NotApplicable("truncated BPTT is not the derivative of the forward pass")
    gradients = trial.gradients
    case = trial.case
    entries = sum(array.size for array in gradients.values())
    if entries * case.T * case.B * case.spec.num_states > MOST_WORK:
        raise NotApplicable("the case is too large for differences")

    def compare(envelope: Envelope) -> Outcome:
        comparison, noise = Comparison(), loss_noise(trial, envelope)
        for name, gradient in gradients.items():
            value, doubt = differences(trial, name, noise)
            allowance = envelope[name]
            allowed = allowance.allowed + doubt
            error = np.abs(gradient.astype(np.float64) - value)
            telling = allowance.telling & np.isfinite(allowed)
            for index in zip(*np.nonzero(telling & (error > allowed)), strict=True):
                telling[index] = not crosses_kink(case, name, index)
            comparison.add(name, gradient, value, error, allowed, telling)
        return comparison.outcome(case.T > 1 and case.B > 0)

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
    if changes_branch([_along(case, along, t * widest_step(0.0)) for t in NEARBY]):
        raise NotApplicable("a ReLU's argument changes its sign within the steps")
    products = trial.hessian_vector(along)

    @functools.cache
    def moved(t: float) -> Gradients:
        return trial.run_gradients(_along(case, along, t))

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
        [_along(case, along, t * widest_step(0.0)) for t in NEARBY]
    ):
        raise NotApplicable("a ReLU's argument changes its sign within the steps")
    return outcome


def _along(case: Case, along: Gradients, t: float) -> Case:
    """The case moved by t along a direction through all of its arrays."""
    parameters = {n: a + t * along[n] if n in along else a for n, a in case.parameters.items()}
    inputs = {n: getattr(case, n) + t * along[n] for n in ("x", "h0") if n in along}
    return case.replace(parameters=parameters, **inputs)


def differences(trial: Trial, name: str, noise: float) -> tuple[Array, Array]:
    """The derivative of L for every entry of an array, and the doubt about each."""
    base = _array(trial.case, name)
    value, doubt = np.zeros(base.shape), np.zeros(base.shape)
    for index in np.ndindex(base.shape):
        loss = partial(_loss, trial, name, index)
        estimate = central_difference(loss, float(base[index]), noise)
        value[index], doubt[index] = estimate.value, estimate.error
    return value, doubt


def crosses_kink(case: Case, name: str, index: tuple[int, ...]) -> bool:
    """Whether the steps of the difference take some argument of ReLU to, or across, 0.

    Several kinks at once can hide from the estimate of the jump; so a large error is settled here.
    """
    base = float(_array(case, name)[index])
    step = widest_step(base)
    return changes_branch([_moved(case, name, index, base + t * step) for t in NEARBY])


def changes_branch(cases: list[Case]) -> bool:
    """Whether an argument of ReLU has different signs in the cases, or is 0 in one of them."""
    if cases[0].spec.nonlinearity != "relu":
        return False
    signs = [_signs(case) for case in cases]
    return any(bool((s != signs[0]).any() or (s == 0).any()) for s in signs)


def _signs(case: Case) -> Array:
    network = SampledNetwork(case, Noise(case.dtype, quiet=True))
    network.forward()
    arguments = [run.arguments[0][network.valid].ravel() for run in network.runs.values()]
    signs: Array = np.sign(np.concatenate(arguments))
    return signs


def loss_noise(trial: Trial, envelope: Envelope) -> float:
    """How far rounding may move L: Σ |cotangent| · envelope, and the last sum's own n·u·Σ|terms|."""
    case, total = trial.case, 0.0
    output, h_n = trial.forward
    for name, value, cotangent in (("output", output, case.d_output), ("h_n", h_n, case.d_h_n)):
        if value is None or not value.size:
            continue
        valid = value != 0
        weight = np.abs(np.where(valid, cotangent, 0.0))
        unit = np.finfo(np.float64).eps / 2
        total += float((weight * envelope[name].allowed).sum())
        total += (value.size + 1) * unit * float((weight * np.abs(value)).sum())
    return total


def _array(case: Case, name: str) -> Array:
    array: Array = case.parameters[name] if name in case.parameters else getattr(case, name)
    return array


def _moved(case: Case, name: str, index: tuple[int, ...], value: float) -> Case:
    moved = case.copy()
    _array(moved, name)[index] = value
    return moved


def _loss(trial: Trial, name: str, index: tuple[int, ...], value: float) -> float:
    case = _moved(trial.case, name, index, value)
    output, h_n = trial.run_forward(case)
    loss = _inner(case.d_output, output)
    return loss if h_n is None else loss + _inner(case.d_h_n, h_n)


def _inner(cotangent: Array, value: Array) -> float:
    """<cotangent, value>, where padding is 0 whatever its cotangent says."""
    return float(np.sum(np.where(value == 0, 0.0, cotangent * value)))


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


def _confirmed(trial: Trial, along: Gradients, outcome: Outcome) -> Outcome:
    """The failure, if differences of the forward pass along v exclude the gradient's slope as well."""
    case, worst = trial.case, outcome.worst
    assert worst is not None

    def loss(t: float) -> float:
        output, h_n = trial.run_forward(_along(case, along, t))
        total = _inner(case.d_output, output)
        return total if h_n is None else total + _inner(case.d_h_n, h_n)

    slope = central_difference(loss, 0.0, loss_noise(trial, trial.envelope))
    doubt = slope.error + worst.allowed
    if abs(slope.value - worst.value) > doubt and abs(slope.value - worst.expected) <= doubt:
        return outcome
    raise NotApplicable("its code drops imaginary parts, as far as differences can tell")
