"""What `gradcheck` found, as numbers; `report` puts it into words."""

import math
from dataclasses import dataclass

from rnncheck.black_box.entries import Entry, Index, Verdict
from rnncheck.black_box.report import report


@dataclass(frozen=True)
class ArrayResult:
    """One parameter: its name, its shape, and the entries that were looked at, in C order."""

    name: str
    shape: Index
    entries: tuple[Entry, ...]

    def having(self, verdict: Verdict) -> tuple[Entry, ...]:
        """The entries with this verdict."""
        return tuple(entry for entry in self.entries if entry.verdict is verdict)

    @property
    def size(self) -> int:
        """How many entries it has."""
        return math.prod(self.shape)

    @property
    def worst(self) -> Entry | None:
        """Of the entries found right or wrong, the one furthest off beside what is allowed."""
        decided = self.having(Verdict.RIGHT) + self.having(Verdict.WRONG)
        return max(decided, key=lambda entry: (entry.ratio, entry.gap), default=None)

    @property
    def is_wrong(self) -> bool:
        """Whether any entry is."""
        return bool(self.having(Verdict.WRONG))


@dataclass(frozen=True)
class GradientCheck:
    """The outcome of `gradcheck`; `str()` of it is the report.

    name: of the function. noise: by how much values of its loss may be off by rounding. calls: how
    often it was called. outside: what it raised where parameters were moved, if it did.
    certificate: what was proved besides, if anything was.
    """

    name: str
    arrays: tuple[ArrayResult, ...]
    noise: float
    calls: int
    outside: str | None = None
    certificate: str | None = None

    @property
    def checked(self) -> int:
        """How many entries were looked at."""
        return sum(len(array.entries) for array in self.arrays)

    @property
    def total(self) -> int:
        """How many entries there are."""
        return sum(array.size for array in self.arrays)

    @property
    def wrong(self) -> int:
        """How many entries are wrong."""
        return self._count(Verdict.WRONG)

    @property
    def undecided(self) -> int:
        """Of how many entries the differences say nothing."""
        return self._count(Verdict.UNDECIDED)

    @property
    def kinks(self) -> int:
        """How many entries are at a kink and between its slopes: a convention, as good as any."""
        return self._count(Verdict.KINK)

    def _count(self, verdict: Verdict) -> int:
        return sum(len(array.having(verdict)) for array in self.arrays)

    @property
    def findings(self) -> tuple[Entry, ...]:
        """The worst entry of every array that has a wrong one."""
        return tuple(a.worst for a in self.arrays if a.is_wrong and a.worst is not None)

    @property
    def worst(self) -> float:
        """The largest |claimed - value| / allowed of all entries right or wrong; above 1: wrong."""
        return max((a.worst.ratio for a in self.arrays if a.worst), default=0.0)

    @property
    def is_telling(self) -> bool:
        """Whether any entry was more than undecided, and more than noise."""
        return any(entry.is_telling for array in self.arrays for entry in array.entries)

    @property
    def passed(self) -> bool:
        """No entry is wrong, and something was told."""
        return self.is_telling and not self.wrong

    @property
    def text(self) -> str:
        """The report."""
        return report(self)

    def __str__(self) -> str:
        return self.text


class GradientError(AssertionError):
    """A gradient is not the derivative of its loss (or nothing could be told): see `result`."""

    def __init__(self, result: GradientCheck) -> None:
        super().__init__(result)
        self.result = result

    def __str__(self) -> str:
        return self.result.text
