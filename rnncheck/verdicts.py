"""What a check says of one case, of all that it has seen, and of the smallest one that fails."""

import traceback
from collections import Counter
from dataclasses import dataclass, field

from rnncheck.implementation import Capabilities, Place, locate
from rnncheck.properties.outcome import NOTHING, NotApplicable, Outcome
from rnncheck.properties.registry import Check
from rnncheck.properties.trial import Refused, Trial, has_torch
from rnncheck.report import Certificate, CheckReport, Finding, Status
from rnncheck.results import SubjectError, Symptom


@dataclass(frozen=True)
class Verdict:
    """What one check said of one case: passed, failed, refused, not_applicable or error.

    message, symptom: of an error of the subject (see `SubjectError`).
    """

    word: str
    outcome: Outcome | None = None
    message: str = ""
    symptom: Symptom = ()


def judge(check: Check, trial: Trial) -> Verdict:
    """Run one check on one trial; whatever the subject does, there is a verdict."""
    reason = inapplicable(check, trial)
    if reason:
        return Verdict("not_applicable", message=reason)
    try:
        outcome = check.law(trial)
    except NotApplicable as reason:
        return Verdict("not_applicable", message=str(reason))
    except Refused as refusal:
        return Verdict("refused", message=str(refusal))
    except SubjectError as error:
        return Verdict("failed", message=str(error), symptom=error.symptom)
    except Exception:
        return Verdict("error", message=traceback.format_exc())
    return Verdict("failed" if outcome.failed else "passed", outcome)


def inapplicable(check: Check, trial: Trial) -> str:
    """Why a check has nothing to ask of a subject on a case, without calling it; nothing if it has."""
    need = check.lacks(trial.case)
    if need:
        return f"needs {need}"
    missing = trial.subject.capabilities.missing(trial.case)
    return f"beyond its abilities: {missing}" if missing else ""


def beyond(check: Check, can: Capabilities) -> str:
    """Why a check cannot be run on any case of an implementation; nothing if it can."""
    if check.needs_gradients and not can.gradients:
        return "no backward pass"
    if check.needs_second_order and not can.second_order:
        return "no second derivatives"
    if check.needs_torch and not has_torch():
        return "torch is not installed (pip install 'rnncheck[torch]')"
    return ""


@dataclass
class Tally:
    """What one check has said so far."""

    check: Check
    words: Counter[str] = field(default_factory=Counter)
    witnesses: int = 0
    worst: float | None = None
    notes: Counter[str] = field(default_factory=Counter)
    certificates: list[Certificate] = field(default_factory=list)
    error: str = ""

    def add(self, verdict: Verdict) -> float | None:
        """Count a verdict; its ratio, if it measured one."""
        self.words[verdict.word] += 1
        note = verdict.message if verdict.word != "failed" else ""
        if verdict.outcome:
            note = verdict.outcome.note
            self.witnesses += verdict.outcome.witness
            if verdict.outcome.certificate:
                self.certificates.append(verdict.outcome.certificate)
        if verdict.word == "error":
            self.error = note
        elif note:
            self.notes[note] += 1
        entry = verdict.outcome.worst if verdict.outcome else None
        if entry is None:
            return None
        self.worst = max(self.worst or 0.0, entry.ratio)
        return entry.ratio

    @property
    def seen(self) -> int:
        """Cases that the check was really run on."""
        return self.words["passed"] + self.words["failed"] + self.words["error"]

    def report(self, finding: Finding | None) -> CheckReport:
        """The end of the check."""
        status = Status.PASSED if self.witnesses else Status.VACUOUS
        if not self.seen and not self.words["refused"]:
            status = Status.NOT_APPLICABLE
        if finding is not None:
            status = Status.FAILED
        if self.words["error"]:
            status = Status.ERROR
        common = self.notes.most_common(1)
        note = self.error or (common[0][0] if common else "")
        return CheckReport(
            self.check.id, self.check.family, status, self.seen, self.witnesses,
            self.words["refused"], self.words["not_applicable"], self.worst,
            note, finding, tuple(self.certificates),
        )  # fmt: skip


def describe(check: Check, trial: Trial, verdict: Verdict) -> Finding:
    """A failing verdict as a finding, in the subject's own names."""
    if verdict.outcome is None or verdict.outcome.worst is None:
        return Finding(check.id, verdict.message, trial.case)
    entries = verdict.outcome.by_array()
    worst = entries[0]
    own = (*trial.case.spec.parameter_shapes(), "x", "h0", "output", "h_n")
    known = worst.array in own
    place = Place(worst.array, worst.index)
    if known:
        place = locate(trial.subject, worst.array, worst.index)
    names = {
        e.array: locate(trial.subject, e.array, ()).array if e.array in own else e.array
        for e in entries
    }
    gradient = known and worst.array not in ("output", "h_n")
    value, expected = f"{worst.value:.9g}", f"{worst.expected:.9g}"
    if value == expected:
        value, expected = repr(worst.value), repr(worst.expected)
    exactly = " exactly" if worst.allowed <= NOTHING else f" ± {worst.allowed:.2g}"
    message = f"{'the gradient for ' if gradient else ''}{place} is {value}; it must be {expected}{exactly}"
    return Finding(
        check=check.id,
        message=message,
        case=trial.case,
        measured=worst.measured,
        allowed=worst.allowed,
        place=place,
        wrong={names[e.array]: e.ratio for e in entries if e.ratio > 1.0},
        right=tuple(sorted(names[e.array] for e in entries if e.ratio <= 1.0)),
    )
