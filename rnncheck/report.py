"""`Report`: what the checks found out about one implementation."""

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path

from rnncheck.case import Case
from rnncheck.implementation import Place


class Status(StrEnum):
    """How a check ended. Only `passed` is good news; the rest says what kind of news it is."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not_applicable"
    VACUOUS = "vacuous"
    EXPECTED_FAILURE = "expected_failure"
    UNEXPECTED_PASS = "unexpected_pass"
    ERROR = "error"


class ExitCode(IntEnum):
    """What `rnncheck` exits with; of several implementations the worst counts."""

    CONFORMANT = 0
    FINDING = 1
    USAGE = 2
    HARNESS = 3
    NOTHING_TOLD = 5


_WORST_FIRST = (ExitCode.HARNESS, ExitCode.USAGE, ExitCode.FINDING, ExitCode.NOTHING_TOLD)


def worst(codes: list[ExitCode]) -> ExitCode:
    """The first that applies: harness, usage, finding, nothing told, conformant."""
    return next((code for code in _WORST_FIRST if code in codes), ExitCode.CONFORMANT)


@dataclass(frozen=True)
class Branch:
    """A comparison in somebody's code: file, line, relation, how often it held and did not hold."""

    file: str
    line: int
    relation: str
    held: int
    failed: int


@dataclass(frozen=True)
class Certificate:
    """What was proved of a network at the sizes and on the branches of one case.

    what: `gradient` (the backward is its own forward's derivative), `forward` (it is the
    definition's formula) or `second` (the second derivatives are the gradient's). sizes: of the
    case, in words; T: its steps. false_accept: an upper bound for the probability that what is not so
    is certified. branches: the code's comparisons, which went as they go on this case.
    """

    what: str
    sizes: str
    T: int
    false_accept: float
    branches: tuple[Branch, ...] = ()


@dataclass(frozen=True)
class Where:
    """The place of a gradient's mistake: which arrays are off, and which terms of their sums.

    A gradient is a sum of terms: from each output step t, by each state step s ≤ t (lag t - s), of each
    batch row. wrong: the arrays, in canonical names without layer and direction. terms: of
    these sums, in words (`lags 1 and up`, `divided by B`); empty if no words fit. feature: what a network
    must have beyond one layer and one direction for it to show.
    """

    wrong: tuple[str, ...]
    terms: str
    feature: str = ""


@dataclass(frozen=True)
class Finding:
    """One failure, on the smallest case that shows it.

    check: the property that does not hold. message: what is wrong, in words. measured, allowed:
    the largest error and what it may be, in the units of the array (None if no number was
    had). place: the entry where it is, in the author's own names. wrong: every array that is
    off, with its error as a fraction of what is allowed; right: those that are not.
    diagnosis: what the mistake is, if that can be told; faults: the entries of the catalogue that
    give the same numbers; where: the place of a gradient's mistake. nature: whether the formula is wrong
    (`structural`) or the arithmetic poor (`precision`), in words, where the code could be run
    exactly. case: the case; case_file: where it is kept.
    """

    check: str
    message: str
    case: Case
    measured: float | None = None
    allowed: float | None = None
    place: Place | None = None
    wrong: dict[str, float] = field(default_factory=dict)
    right: tuple[str, ...] = ()
    diagnosis: str | None = None
    faults: tuple[str, ...] = ()
    where: Where | None = None
    nature: str | None = None
    case_file: Path | None = None


@dataclass(frozen=True)
class CheckReport:
    """One check's tally over the pool.

    family: the file of `properties/` it stands in. cases: on which it was run; witnesses: of these,
    those able to expose a fault; refused: degenerate cases the subject would not take;
    not_applicable: cases outside its abilities. worst: the largest error seen as a
    fraction of what is allowed (None if nothing was measured). note: why it is not
    applicable, or what it had to leave out. certificates: what it has proved, a case each.
    """

    check: str
    family: str
    status: Status
    cases: int = 0
    witnesses: int = 0
    refused: int = 0
    not_applicable: int = 0
    worst: float | None = None
    note: str = ""
    finding: Finding | None = None
    certificates: tuple[Certificate, ...] = ()


_BAD = (Status.FAILED, Status.ERROR, Status.UNEXPECTED_PASS)


@dataclass(frozen=True)
class Report:
    """Every check's status for one implementation, with how to get the same report again."""

    implementation: str
    checks: tuple[CheckReport, ...]
    seed: int
    profile: str

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Every failure, in the order of the checks."""
        return tuple(c.finding for c in self.checks if c.finding is not None)

    @property
    def passed(self) -> bool:
        """Whether no check failed, erred or unexpectedly passed, and every family had a witness."""
        return self.exit_code == ExitCode.CONFORMANT

    @property
    def silent_families(self) -> tuple[str, ...]:
        """Families that apply but had no case able to expose a fault."""
        applicable = [c for c in self.checks if c.status is not Status.NOT_APPLICABLE]
        families = dict.fromkeys(c.family for c in applicable)
        told = {c.family for c in applicable if c.witnesses or c.status is Status.FAILED}
        return tuple(family for family in families if family not in told)

    @property
    def exit_code(self) -> ExitCode:
        """3 the harness failed, 1 a finding, 5 nothing (or nothing telling) checked, 0 conformant."""
        statuses = {c.status for c in self.checks}
        if Status.ERROR in statuses:
            return ExitCode.HARNESS
        if statuses & set(_BAD):
            return ExitCode.FINDING
        told_nothing = not any(c.witnesses for c in self.checks)
        if told_nothing or self.silent_families:
            return ExitCode.NOTHING_TOLD
        return ExitCode.CONFORMANT
