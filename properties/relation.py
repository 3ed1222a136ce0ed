"""What laws between runs have in common: the numbers of one, brought into the terms of another.

A law says that a right network gives the same by another route: the rows one by one, the steps in two
parts, the units in another order. Where that route is itself a right way of computing the case's own
network (the same local operations in another order or place), each of the two results is off
by one envelope of the case at most, so together they differ by two. That is what `agrees` allows, and no
second envelope need be worked out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array
from rnncheck.oracles.envelope import Envelope
from rnncheck.oracles.noise import Mask
from rnncheck.properties.outcome import Comparison, NotApplicable, Outcome
from rnncheck.properties.trial import Trial, judged
from rnncheck.results import SubjectError

UNIT = float(np.finfo(np.float64).eps / 2)


def agrees(
    trial: Trial, other: Mapping[str, Array], witness: bool, envelopes: float = 2.0
) -> Outcome:
    """The trial's own arrays against the same arrays by another route.

    other: by name, in the case's own terms and shapes; arrays that are not given are not compared.
    witness: whether a fault could have shown on this case. envelopes: how many of them the two may
    differ by; more than 2 only where the other route rounds more than the case itself.
    """
    own = trial.arrays
    named = [name for name in own if name in other]
    if not named:
        raise NotApplicable("nothing to compare")

    def compare(allowed: Envelope) -> Outcome:
        comparison = Comparison()
        for name in named:
            value, expected = own[name], other[name]
            if value.shape != expected.shape:
                raise SubjectError(
                    f"{name} has shape {expected.shape} by another route; here it has {value.shape}"
                )
            with np.errstate(invalid="ignore"):
                error = np.abs(value.astype(np.float64) - expected.astype(np.float64))
            limit = envelopes * allowed[name].allowed
            comparison.add(name, value, expected, error, limit, allowed[name].telling)
        return comparison.outcome(witness)

    outcome = judged(trial, compare, knows_truth=False)
    if outcome.failed and (trial.truth.kinks or trial.envelope.near_kinks):
        return Outcome((), witness=False, note="ReLU kinks: rounding decides its derivative there")
    return outcome


def exactly(pairs: Mapping[str, tuple[Array, Array]], witness: bool) -> Outcome:
    """Bit for bit: where nothing is computed differently. (value, expected) by name."""
    comparison = Comparison()
    for name, (value, expected) in pairs.items():
        comparison.add_exact(name, value, expected)
    return comparison.outcome(witness)


@dataclass(frozen=True)
class Measured:
    """Numbers with what each may be off by, and whether that says anything."""

    value: Array
    allowed: Array
    telling: Mask

    def __add__(self, other: "Measured") -> "Measured":
        """The sum, and the rounding of the sum."""
        value = self.value + other.value
        allowed = self.allowed + other.allowed + UNIT * np.abs(value)
        return Measured(value, allowed, self.telling & other.telling)

    def weighted(self, weights: Array, axis: int | tuple[int, ...]) -> "Measured":
        """Σ weights · numbers along axes; a sum of n products is rounded by (n + 1) u Σ |terms|."""
        weights = np.broadcast_to(weights.astype(np.float64), self.value.shape)
        terms = weights * self.value
        count = terms.size // max(np.sum(terms, axis=axis).size, 1)
        allowed = np.sum(np.abs(weights) * self.allowed, axis=axis)
        allowed = allowed + (count + 1) * UNIT * np.sum(np.abs(terms), axis=axis)
        telling = np.all(self.telling | (weights == 0), axis=axis)
        return Measured(np.sum(terms, axis=axis), allowed, np.asarray(telling))


def measured(trial: Trial, name: str, allowed: Envelope | None = None) -> Measured:
    """One of the trial's own arrays, with its envelope."""
    allowance = (allowed or trial.envelope)[name]
    return Measured(trial.arrays[name].astype(np.float64), allowance.allowed, allowance.telling)


def balances(sides: Mapping[str, tuple[Measured, Measured]], witness: bool) -> Outcome:
    """left = right for sums of the network's own numbers, within what each number may be off by."""
    comparison = Comparison()
    for name, (left, right) in sides.items():
        telling = np.atleast_1d(left.telling & right.telling)
        parts = [
            np.atleast_1d(part) for part in (left.value, right.value, left.allowed, right.allowed)
        ]
        value, expected, one, other = parts
        limit = one + other + np.finfo(np.float64).smallest_normal
        with np.errstate(invalid="ignore"):  # inf - inf, where a state has overflown
            error = np.abs(value - expected)
        comparison.add(name, value, expected, error, limit, telling)
    return comparison.outcome(witness)
