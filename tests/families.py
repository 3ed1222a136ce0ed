"""What the tests of padding, purity, contract and shapes do with a whole family of laws."""

from law_subjects import right, verdicts

from rnncheck.engine import Verdict
from rnncheck.implementation import Implementation
from rnncheck.properties.registry import Check, all_checks

RIGHT_ONES = [("manual", 60), ("autodiff", 30), ("torch", 40), ("scalar", 20)]


def laws(family: str) -> list[Check]:
    """The laws of a family."""
    return [check for check in all_checks() if check.family == family]


def applies(law: Check, subject: Implementation) -> bool:
    """Whether the engine would run the law on the subject at all."""
    return subject.capabilities.gradients or not law.needs_gradients


def require_kept(name: str, count: int, law: Check, dtypes: tuple[str, ...]) -> None:
    """A right network keeps a law, and most cases that the law is run on are witnesses."""
    found = [(trial.case, verdict) for trial, verdict in verdicts(law, right(name), count)]
    assert {v.word for _, v in found} <= {"passed", "not_applicable", "refused"}
    passed = [(case, v.outcome) for case, v in found if v.outcome is not None]
    witnesses = [case for case, outcome in passed if outcome.witness]
    assert len(witnesses) > len(passed) / 2
    assert {case.dtype.name for case in witnesses} >= set(dtypes)


def failures(law: Check, subject: Implementation, count: int = 40) -> list[Verdict]:
    """The verdicts by which a subject is found wrong; none of them is an error of the law's own."""
    assert applies(law, subject)
    found = [verdict for _, verdict in verdicts(law, subject, count)]
    assert "error" not in {v.word for v in found}, next(v for v in found if v.word == "error")
    return [v for v in found if v.word == "failed"]


def wrong_arrays(found: list[Verdict]) -> set[str]:
    """What the first failure finds wrong."""
    assert found
    assert found[0].outcome is not None, found[0].message
    return {entry.array for entry in found[0].outcome.entries if entry.ratio > 1.0}
