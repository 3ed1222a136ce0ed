"""From a finding to what the mistake is and where, where the numbers allow only one reading.

A wrong name is worse than none: an explanation is given only if it explains every case it is shown.
"""

from dataclasses import replace

from rnncheck.diagnosis.derived import derived_cases
from rnncheck.diagnosis.dictionary import Name, names
from rnncheck.diagnosis.divergence import first_divergence
from rnncheck.diagnosis.nature import nature
from rnncheck.diagnosis.place import where, where_it_showed
from rnncheck.diagnosis.rules import by_rule, faulty
from rnncheck.evidence import Evidence
from rnncheck.implementation import Implementation, locate
from rnncheck.properties.trial import Refused, Trial
from rnncheck.report import Finding, Where
from rnncheck.results import SubjectError

MOST_NAMES = 3
"""Faults of which a diagnosis says that it is one of them; of more it says nothing."""


def explained(evidence: Evidence) -> Finding:
    """The finding with its nature, and what the mistake is and where, as far as that can be told."""
    finding, trial = evidence.finding, evidence.trials[0]
    found, place = named(evidence), placed(evidence)
    try:
        words = _words(evidence, found, place)
    except (SubjectError, Refused):
        words = None
    return replace(
        finding, nature=nature(finding, trial), diagnosis=words, where=place,
        faults=tuple(str(name) for name in found),
    )  # fmt: skip


def named(evidence: Evidence, left_out: str = "") -> list[Name]:
    """The faults of the catalogue that do what the network does, on every case there is."""
    failed = [trial.entry for trial in evidence.trials]
    derived = derived_cases(evidence.check, evidence.make, failed[0])
    others = [entry for entry in evidence.others if entry not in failed]
    found = names(evidence.make, evidence.check, failed, [*derived, *others], left_out)
    return found if len(found) <= MOST_NAMES else []


def placed(evidence: Evidence) -> Where | None:
    """Where its gradient is wrong: if it has one that is, and a right forward pass."""
    subject, trials = evidence.make(), evidence.trials
    if not subject.capabilities.gradients:
        return None
    off = [_off(subject, trial) for trial in trials]
    if any("output" in arrays for arrays in off):
        return None
    shown = [trial for trial, arrays in zip(trials, off, strict=True) if arrays - {"error"}]
    raises = {"error"} if any("error" in arrays for arrays in off) else set()
    if not shown and not (raises | set(evidence.finding.wrong)) - {"output", "h_n"}:
        return None
    first = (shown or trials)[0]
    return where(subject, first.case) or (where_it_showed(subject, first) if shown else None)


def _off(subject: Implementation, trial: Trial) -> set[str]:
    """The arrays that are off; "error" for a backward pass that raises (on simpler networks it need not)."""
    fresh = Trial(subject, trial.entry)
    try:
        return set(faulty(fresh))
    except Refused:
        return set()
    except SubjectError as error:
        return {"error"} if error.symptom[:2] == ("raised", "backward") else {"output"}


def _words(evidence: Evidence, found: list[Name], place: Where | None) -> str | None:
    """At most ten lines: what the mistake is, where it is, and what that rests on."""
    trials = evidence.trials
    lines = _names_in_words(found)
    if not lines and evidence.finding.place:
        rule = by_rule(trials)
        count = f"all {len(trials)} failing cases tried" if trials[1:] else "the one case tried"
        lines = [f"{rule} (explains {count})"] if rule else []
    if place and place.terms:
        lines.append(_place_in_words(place, trials[0].subject))
    if not lines:
        divergence = first_divergence(trials[0])
        lines = [divergence] if divergence else []
    return "\n".join(lines) or None


def _names_in_words(found: list[Name]) -> list[str]:
    lines = [
        f"{' And: '.join(part.what for part in name.parts)} "
        f"({name}; {name.of and f'its {name.of} '}does the same on all {name.cases} cases tried)"
        for name in found
    ]
    return ["one of these:", *lines] if lines[1:] else lines


def _place_in_words(place: Where, subject: Implementation) -> str:
    """Which gradients are off in which terms, in the subject's own names."""
    names = {name: locate(subject, _canonical(name), ()).array for name in place.wrong}
    arrays = " and ".join(sorted(set(names.values())))
    shown = f" (it takes {place.feature} to show)" if place.feature else ""
    return f"the gradient for {arrays} is off{shown}: {TERMS.get(place.terms, place.terms)}"


def _canonical(name: str) -> str:
    return name if name in ("x", "h0", "weight_ho", "bias_o") else f"{name}_l0"


TERMS = {
    "every term": "in every term, by no common factor",
    "none counted": "it is 0 everywhere, as if it were never computed",
    "divided by T": "it is divided by T, averaged over the steps",
    "divided by B": "it is divided by B, averaged over the rows",
    "divided by T B": "it is divided by T B, averaged over steps and rows",
    "step 0": "in what step t = 0 adds to it",
    "last step": "in what the last step adds to it",
    "lag 0": "in what a step's own output adds to it; what comes from later steps is right",
    "steps but the first": "step t = 0 alone adds to it what it should",
    "steps but the last": "the last step alone adds to it what it should",
    "not finite": "it is no number, or infinite",
    "rows without steps": "in what the rows without steps add to it",
    "large entries": "where it is large; with small cotangents it is right",
    "steps in another order": "its steps stand in reverse order",
}
"""The terms of a sum in a sentence, where their short name is none."""
