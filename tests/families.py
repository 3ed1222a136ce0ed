"""What the tests of padding, purity, contract and shapes do with a whole family of laws."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from law_subjects import pool, right

from rnncheck.case import Array, Case
from rnncheck.engine import Verdict, judge
from rnncheck.implementation import Capabilities, Entry, Forward, Gradients, Implementation
from rnncheck.implementations.references import ALL, reference
from rnncheck.properties.registry import Check, all_checks
from rnncheck.properties.trial import Trial
from rnncheck.spec import RNNSpec

Arrays = Mapping[str, Array]
Mend = Callable[[RNNSpec, Arrays], Arrays]
MANUAL = reference("manual")

RIGHT_ONES = [("manual", 20), ("autodiff", 4), ("torch", 6), ("scalar", 4)]
"""On how many cases of those that a law applies to."""

DRAWN = {"padding": 200, "shapes": 100}
"""Cases among which these are looked for: 60, and more where few have what a family needs."""


def laws(family: str) -> list[Check]:
    """The laws of a family."""
    return [check for check in all_checks() if check.family == family]


def verdicts(
    law: Check, subject: Implementation, count: int, short: bool = False
) -> Iterator[tuple[Case, Verdict]]:
    """The law's verdict on some cases that have what it needs; short: of few steps."""
    # What it claims has no influence on what is drawn: without, subjects share a pool.
    can = replace(subject.capabilities, second_order=False, keeps_dtype=False, validates=())
    drawn = [e for e in pool(can, DRAWN.get(law.family, 60)) if law.lacks(e.case) is None]
    entries = [e for e in drawn if e.case.T <= 10] if short else drawn
    spread = np.linspace(0, len(entries) - 1, min(count, len(entries))).astype(int)
    for entry in (entries[i] for i in spread):  # a pool begins with its plainest cases
        verdict = judge(law, Trial(subject, entry))
        assert verdict.word != "error", verdict.message
        yield entry.case, verdict


def require_kept(name: str, count: int, law: Check) -> None:
    """A right network keeps a law, and most cases that the law is run on are witnesses."""
    found = list(verdicts(law, right(name), count, short=name in ("autodiff", "scalar")))
    assert {v.word for _, v in found} <= {"passed", "not_applicable", "refused"}
    passed = [(case, v.outcome) for case, v in found if v.outcome is not None]
    witnesses = [case for case, outcome in passed if outcome.witness]
    if name == "manual":
        assert len(witnesses) > len(passed) / 2
        assert {case.dtype.name for case in witnesses} == {"float32", "float64"}


def failures(law: Check, subject: Implementation, count: int = 12) -> list[Verdict]:
    """The verdicts by which a subject is found wrong, on short cases."""
    assert subject.capabilities.gradients or not law.needs_gradients
    return [v for _, v in verdicts(law, subject, count, short=True) if v.word == "failed"]


def wrong_arrays(found: list[Verdict]) -> set[str]:
    """What the failures that measured something find wrong."""
    assert found
    outcomes = [verdict.outcome for verdict in found if verdict.outcome is not None]
    return {e.array for outcome in outcomes for e in outcome.entries if e.ratio > 1.0}


@dataclass
class Lenient:
    """`manual`, whose entry first makes something of what it is given."""

    mend: Mend
    name: str = "lenient"
    capabilities: Capabilities = ALL
    takes_unbatched: bool = True

    def forward(self, case: Case) -> Forward:
        return MANUAL.forward(case)

    def gradients(self, case: Case) -> Gradients:
        return MANUAL.gradients(case)

    def enter(self, spec: RNNSpec, arrays: Arrays) -> Gradients:
        assert isinstance(MANUAL, Entry)
        return MANUAL.enter(spec, self.mend(spec, arrays))
