"""Is the gradient the derivative of the implementation's own forward pass? No oracle needed."""

from functools import partial

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.oracles.differences.central import central_difference, widest_step
from rnncheck.oracles.envelope import Envelope
from rnncheck.oracles.noise import Noise
from rnncheck.oracles.sampled import SampledNetwork
from rnncheck.properties.outcome import Comparison, NotApplicable, Outcome
from rnncheck.properties.registry import check
from rnncheck.properties.trial import Trial, judged

MOST_WORK = 3000
"""Entries times steps, rows and cells of a case: every entry takes seven forward passes, and a
larger case would show nothing that the exact oracle does not see sooner."""


@check(needs_gradients=True, costly=True)
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
        return comparison.outcome(case.T > 1)

    return judged(trial, compare, knows_truth=False)


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
    if case.spec.nonlinearity != "relu":
        return False
    base = float(_array(case, name)[index])
    step = widest_step(base)
    signs = [_signs(_moved(case, name, index, v)) for v in (base - step, base, base + step)]
    return any(bool((s != signs[1]).any()) for s in signs) or bool((signs[1] == 0).any())


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
