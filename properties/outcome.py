"""What a check found on one case: the worst entry of every array it compared."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rnncheck.case import Array
from rnncheck.report import Certificate

NOTHING = float(np.finfo(np.float64).smallest_subnormal)
"""The allowance where nothing may be off: a value that is not the right one is off by more."""


class NotApplicable(Exception):
    """The check does not apply to this case; the message says why."""


@dataclass(frozen=True)
class Entry:
    """The entry of an array that is worst: its error, what is allowed, and both values."""

    array: str
    index: tuple[int, ...]
    measured: float
    allowed: float
    value: float
    expected: float

    @property
    def ratio(self) -> float:
        """The error as a fraction of what is allowed; above 1 is wrong."""
        return self.measured / self.allowed


@dataclass(frozen=True)
class Outcome:
    """The worst entry of each array compared; `witness`: whether a fault could have shown.

    note: what was left out of the comparison, or what is worth knowing although it passed.
    certificate: if nothing was measured, but proved.
    """

    entries: tuple[Entry, ...]
    witness: bool
    note: str = ""
    certificate: Certificate | None = None

    def by_array(self) -> tuple[Entry, ...]:
        """The worst entry of each array, worst array first, however often it was compared."""
        worst: dict[str, Entry] = {}
        for entry in sorted(self.entries, key=lambda e: -e.ratio):
            worst.setdefault(entry.array, entry)
        return tuple(worst.values())

    @property
    def worst(self) -> Entry | None:
        """The entry with the largest fraction of what is allowed."""
        return max(self.entries, key=lambda e: e.ratio, default=None)

    @property
    def failed(self) -> bool:
        """Whether some entry is off by more than is allowed."""
        return self.worst is not None and self.worst.ratio > 1.0


@dataclass
class Comparison:
    """Collects the worst entry of each array; `witness` tells whether all of them could tell."""

    entries: list[Entry] = field(default_factory=list)
    telling: bool = True

    def add(
        self,
        name: str,
        value: Array,
        expected: Array,
        error: Array,
        allowed: Array,
        telling: npt.NDArray[np.bool_],
    ) -> None:
        """Compare one array, entry by entry.

        An entry that is not finite where the truth is, or is compared with one that is NaN, fails
        with an infinite error. The array is telling if some entry's allowance is smaller than the
        entry itself (so that leaving it out would show), or everything in it is exactly 0 and must stay so.
        """
        if not value.size:
            return
        error = np.where(np.isfinite(value) & ~np.isnan(error), error, np.inf)
        with np.errstate(all="ignore"):
            ratios = np.where(telling, error / allowed, -1.0)
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(ratios)), ratios.shape))
        if telling.any():
            pick = (float(a[index]) for a in (error, allowed, value, expected))
            self.entries.append(Entry(name, index, *pick))
        seen = telling & (allowed < np.abs(expected))
        zero = telling.all() and not expected.any() and np.isfinite(allowed).all()
        self.telling = self.telling and bool(seen.any() or zero)

    def add_exact(self, name: str, value: Array, expected: Array) -> None:
        """Compare one array bit for bit; only the sign of a zero is left open, and NaN is NaN."""
        with np.errstate(all="ignore"):
            error = np.abs(value.astype(np.float64) - expected.astype(np.float64))
            same = (value == expected) | (np.isnan(value) & np.isnan(expected))
        error = np.where(same, 0.0, np.maximum(np.nan_to_num(error, nan=np.inf), 2.0 * NOTHING))
        if not value.size:
            return
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(error)), error.shape))
        found, wanted = float(value[index]), float(expected[index])
        self.entries.append(Entry(name, index, float(error[index]), NOTHING, found, wanted))

    def outcome(self, witness: bool, note: str = "") -> Outcome:
        """The outcome; a case is a witness only if every array compared was telling."""
        return Outcome(tuple(self.entries), witness and self.telling, note)
