"""The values of L that differences need, by a fleet, where the subject has one: K of them in a call."""

import numpy as np

from rnncheck.case import Array
from rnncheck.implementation import Forward
from rnncheck.oracles.differences.central import first_values
from rnncheck.properties.routes.entry_runs import (
    Index,
    Losses,
    array_of,
    entry_loss,
    loss_noise,
    moved,
)
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.results import SubjectError

NETWORKS = 1024
"""In one call, at most: differences are for small cases."""


def fleet_losses(trial: Trial, name: str) -> Losses:
    """L at every value that the difference of an entry of the array always takes; {} without fleets.

    Raises SubjectError if the fleet's is not the forward's,
    as far as one entry, drawn at random, tells.
    """
    base = array_of(trial.case, name)
    entries = list(zip(*np.nonzero(np.isfinite(base)), strict=True))
    if not trial.subject.capabilities.fleet or not entries:
        return {}
    moves = [(index, value) for index in entries for value in first_values(float(base[index]))]
    known: dict[tuple[Index, float], float] = {}
    for start in range(0, len(moves), NETWORKS):
        part = moves[start : start + NETWORKS]
        arrays = np.repeat(base[None], len(part), axis=0)
        for array, (index, value) in zip(arrays, part, strict=True):
            array[index] = value
        known.update(zip(part, _losses(trial, trial.run_fleet({name: arrays})), strict=True))
    random = np.random.default_rng([trial.case.T, trial.case.B, base.size])
    index, value = moves[random.integers(len(moves))]
    there = Trial(trial.subject, PoolCase(moved(trial.case, name, index, value)))
    own, found = entry_loss(trial, name, index, value), known[index, value]
    if abs(own - found) > 2.0 * loss_noise(there, there.envelope):  # what is off in either of them
        place = ", ".join(map(str, index))
        raise SubjectError(
            f"forward_fleet is not forward: where {name}[{place}] is {value}, "
            f"<d_output, output> + <d_h_n, h_n> is {found} by the one and {own} by the other"
        )
    return known


def _losses(trial: Trial, fleet: Forward) -> list[float]:
    """L of every network; padding is 0 whatever its cotangent says."""
    case = trial.case
    total = _inner(case.d_output, fleet.output)
    if fleet.h_n is not None:
        total = total + _inner(case.d_h_n, fleet.h_n)
    return [float(loss) for loss in total]


def _inner(cotangent: Array, values: Array) -> Array:
    terms = np.where(values == 0, 0.0, cotangent * values)
    total: Array = terms.reshape(len(values), -1).sum(axis=1)
    return total
