"""Differences of a subject's own forward pass, one entry of one array after the other."""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import Gradients
from rnncheck.oracles.differences.central import central_difference, widest_step
from rnncheck.oracles.differences.estimate import Estimate
from rnncheck.oracles.envelope import Envelope
from rnncheck.oracles.noise import Noise
from rnncheck.oracles.sampled import SampledNetwork
from rnncheck.properties.trial import Trial

NEARBY = (-1.0, -0.5, -0.25, -0.125, 0.0, 0.125, 0.25, 0.5, 1.0)
"""Parts of the widest step at which a difference looks for kinks of ReLU."""


Index = tuple[int, ...]
Losses = Mapping[tuple[Index, float], float]
"""L where the entry at the index has the value."""


def differences(
    trial: Trial, name: str, noise: float, known: Losses = MappingProxyType({})
) -> tuple[Array, Array]:
    """The derivative of L for every entry of an array, and the doubt about each.

    known: what has been found of L already. Of an entry that is no number, as in padding, nothing is said.
    """
    base = array_of(trial.case, name)
    value, doubt = np.zeros(base.shape), np.full(base.shape, np.inf)
    for index in zip(*np.nonzero(np.isfinite(base)), strict=True):
        estimate = entry_difference(trial, name, index, noise, known)
        value[index], doubt[index] = estimate.value, estimate.error
    return value, doubt


def entry_difference(
    trial: Trial, name: str, index: Index, noise: float, known: Losses = MappingProxyType({})
) -> Estimate:
    """The derivative of L for one entry of an array."""

    def loss(value: float) -> float:
        there = known.get((index, value))
        return entry_loss(trial, name, index, value) if there is None else there

    return central_difference(loss, float(array_of(trial.case, name)[index]), noise)


def entry_loss(trial: Trial, name: str, index: Index, value: float) -> float:
    """L, where one entry of an array has the value."""
    return _loss_of(trial, moved(trial.case, name, index, value))


def difference_along(trial: Trial, direction: Gradients, noise: float) -> Estimate:
    """The derivative of L along a direction through all of the arrays."""

    def loss(t: float) -> float:
        return _loss_of(trial, moved_along(trial.case, direction, t))

    return central_difference(loss, 0.0, noise)


def moved_along(case: Case, direction: Gradients, t: float) -> Case:
    """The case moved by t along a direction through its arrays."""
    moved = {n: a + t * direction[n] for n, a in case.arrays() if n in direction}
    inputs = {n: moved.pop(n) for n in ("x", "h0") if n in moved}
    return case.replace(parameters={**case.parameters, **moved}, **inputs)


def crosses_kink(case: Case, name: str, index: Index) -> bool:
    """Whether the steps of the difference take some argument of ReLU to, or across, 0.

    Several kinks at once can hide from the estimate of the jump; so a large error is settled here.
    """
    base = float(array_of(case, name)[index])
    step = widest_step(base)
    return changes_branch([moved(case, name, index, base + t * step) for t in NEARBY])


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
    unit = np.finfo(np.float64).eps / 2
    read = ~case.output_padding()[..., None]
    output, h_n = trial.forward
    for name, value, cotangent in (
        ("output", output, np.where(read, case.d_output, 0.0)),
        ("h_n", h_n, case.d_h_n),
    ):
        if value is None or not value.size:
            continue
        weight = np.abs(cotangent)
        total += float((weight * envelope[name].allowed).sum())
        total += (value.size + 1) * unit * float((weight * np.abs(value)).sum())
    return total


def array_of(case: Case, name: str) -> Array:
    """A parameter, or x or h0."""
    array: Array = case.parameters[name] if name in case.parameters else getattr(case, name)
    return array


def moved(case: Case, name: str, index: Index, value: float) -> Case:
    """The case with one entry of an array set to the value."""
    moved = case.copy()
    array_of(moved, name)[index] = value
    return moved


def _loss_of(trial: Trial, case: Case) -> float:
    output, h_n = trial.run_forward(case)
    loss = _inner(case.d_output, output)
    return loss if h_n is None else loss + _inner(case.d_h_n, h_n)


def _inner(cotangent: Array, value: Array) -> float:
    """<cotangent, value>, where padding is 0 whatever its cotangent says."""
    return float(np.sum(np.where(value == 0, 0.0, cotangent * value)))
