"""The stream in which the engine speaks: plain data, so that it can cross a process boundary."""

from dataclasses import dataclass
from pathlib import Path

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


Event = Started | Running | Checked | Found | CheckEnded | Finished | Unusable
