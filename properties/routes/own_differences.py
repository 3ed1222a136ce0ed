"""Differences of a subject's own forward pass for every entry: by impulses where that is sound.

Impulses never accuse alone: what they find off is looked at entry by entry, and where that does not
bear them out they are given up.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array
from rnncheck.oracles.envelope import Envelope
from rnncheck.oracles.noise import Mask
from rnncheck.properties.outcome import NotApplicable
from rnncheck.properties.routes.entry_runs import (
    crosses_kink,
    differences,
    entry_difference,
    loss_noise,
)
from rnncheck.properties.routes.fleet_runs import fleet_losses
from rnncheck.properties.routes.impulse_runs import impulse_runs
from rnncheck.properties.trial import Trial

MOST_WORK = 6000
"""Steps of rows that one value of a difference may take, over all impulses: T/2 · T·B·H."""

MOST_BY_ENTRIES = 3000
"""The same over all entries, one by one: entries times steps, rows and cells. Every entry takes nine
values and more, in as many calls; a larger case would show nothing that the exact oracle does not
see sooner."""


@dataclass
class Estimates:
    """The derivative by every entry of an array, the doubt about each, and which may be told."""

    value: Array
    doubt: Array
    telling: Mask


class Unfounded(Exception):
    """Impulses say of an entry what its own differences do not bear out."""


class OwnDifferences:
    """All derivatives of a trial's L; NotApplicable where they would take too much work."""

    def __init__(self, trial: Trial) -> None:
        self.trial, self.gradients = trial, trial.gradients
        self.runs = impulse_runs(trial, MOST_WORK)
        if self.runs is None:
            self._require_affordable(list(self.gradients))

    def estimates(self, envelope: Envelope) -> dict[str, Estimates]:
        """By the names of the gradients."""
        noise = loss_noise(self.trial, envelope)
        if self.runs is not None and self.runs.is_founded(envelope, noise):
            try:
                return self._by_impulses(self.runs.differences(envelope), envelope, noise)
            except Unfounded:
                pass
        self._require_affordable(list(self.gradients))
        return {name: self._by_entries(name, envelope, noise) for name in self.gradients}

    def _require_affordable(self, names: Sequence[str]) -> None:
        if sum(self.gradients[name].size for name in names) > self._most_entries:
            raise NotApplicable("the case is too large for differences")

    @property
    def _most_entries(self) -> int:
        """How many entries may be looked at one after the other."""
        case = self.trial.case
        return MOST_BY_ENTRIES // max(case.T * case.B * case.spec.num_states, 1)

    def _by_entries(self, name: str, envelope: Envelope, noise: float) -> Estimates:
        """Fleets never accuse alone either: what is off by their values is looked at without them."""
        known = fleet_losses(self.trial, name)
        value, doubt = differences(self.trial, name, noise, known)
        found = Estimates(value, doubt, np.ones(value.shape, bool))
        for index in self._off(name, found, envelope):
            found.telling[index] = not crosses_kink(self.trial.case, name, index)
            if known and found.telling[index]:
                entry = entry_difference(self.trial, name, index, noise)
                found.value[index], found.doubt[index] = entry.value, entry.error
        return found

    def _by_impulses(
        self, impulses: dict[str, tuple[Array, Array]], envelope: Envelope, noise: float
    ) -> dict[str, Estimates]:
        """A readout's entries one by one, those of the cell by what impulses say."""
        self._require_affordable([name for name in self.gradients if name not in impulses])
        found = {}
        for name in self.gradients:
            if name not in impulses:
                found[name] = self._by_entries(name, envelope, noise)
                continue
            value, doubt = impulses[name]
            found[name] = Estimates(value, doubt, np.ones(value.shape, bool))
            self._complete(name, found[name], noise)
            self._confirm(name, found[name], envelope, noise)
        return found

    def _complete(self, name: str, found: Estimates, noise: float) -> None:
        """The own differences of the entries of which impulses say nothing, if these are not too many."""
        silent = list(zip(*np.nonzero(np.isinf(found.doubt)), strict=True))
        if len(silent) <= self._most_entries:
            for index in silent:
                entry = entry_difference(self.trial, name, index, noise)
                found.value[index], found.doubt[index] = entry.value, entry.error

    def _confirm(self, name: str, found: Estimates, envelope: Envelope, noise: float) -> None:
        """Put an entry's own differences where impulses find it off, worst first, until one is.

        The entries that are then left say nothing. Raises Unfounded if an entry is not off at all, or if
        more of them would have to be looked at than may be.
        """
        off = self._off(name, found, envelope)
        for place, index in enumerate(off):
            if place == self._most_entries:
                raise Unfounded
            found.telling[index] = False
            if crosses_kink(self.trial.case, name, index):
                continue
            entry = entry_difference(self.trial, name, index, noise)
            found.value[index], found.doubt[index] = entry.value, entry.error
            if not entry.says_something:
                continue
            if index not in self._off(name, found, envelope):
                raise Unfounded
            for other in off[place:]:
                found.telling[other] = other == index
            return

    def _off(self, name: str, found: Estimates, envelope: Envelope) -> list[tuple[int, ...]]:
        """The entries of the gradient that are off by more than is allowed, worst first."""
        allowed = envelope[name].allowed + found.doubt
        error = np.abs(self.gradients[name].astype(np.float64) - found.value)
        off = envelope[name].telling & np.isfinite(allowed) & ~(error <= allowed)
        places: list[tuple[int, ...]] = list(zip(*np.nonzero(off), strict=True))
        with np.errstate(all="ignore"):
            ratio = np.nan_to_num(error / allowed, nan=np.inf)
        return sorted(places, key=lambda index: -float(ratio[index]))
