"""The stream in which the engine speaks: plain data, so that it can cross a process boundary."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from rnncheck.report import CheckReport, Finding, Report


@dataclass(frozen=True)
class Started:
    """A run begins: which implementation, which checks, how many steps of work there are."""

    implementation: str
    checks: tuple[str, ...]
    steps: int


@dataclass(frozen=True)
class Running:
    """The subject is about to be called by a check on a case that is on disk already."""

    check: str
    family: str
    case_file: Path


@dataclass(frozen=True)
class Checked:
    """A check has seen a case; ratio: its largest error as a fraction of what is allowed."""

    check: str
    verdict: str
    ratio: float | None


@dataclass(frozen=True)
class Found:
    """A check has failed; the smallest case that shows it is on disk."""

    finding: Finding


@dataclass(frozen=True)
class CheckEnded:
    """A check has seen all of its cases."""

    report: CheckReport


@dataclass(frozen=True)
class Finished:
    """The run is over."""

    report: Report


@dataclass(frozen=True)
class Unusable:
    """A file cannot be checked, or not to its end; the message names it and says why."""

    target: str
    message: str


@dataclass(frozen=True)
class Side:
    """An array in its author's names and orientation; of a result, also what it must be.

    allowed: how far from `expected` each entry may be; off: which are further.
    """

    name: str
    value: npt.NDArray[Any] | None
    expected: npt.NDArray[Any] | None = None
    allowed: npt.NDArray[Any] | None = None
    off: npt.NDArray[Any] | None = None


@dataclass(frozen=True)
class Replayed:
    """A kept case in an implementation's hands: what went in, and what came out.

    sizes, origin: of the case, in words. trouble: why there are no results.
    """

    implementation: str
    sizes: str
    origin: str
    given: tuple[Side, ...]
    results: tuple[Side, ...]
    trouble: str = ""


Event = Started | Running | Checked | Found | CheckEnded | Finished | Unusable | Replayed
