"""Subjects for the laws of batch, direction and layers: right ones, and `manual` with something altered."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace

from rnncheck.case import Case
from rnncheck.engine import Verdict, judge
from rnncheck.implementation import Capabilities, Forward, Gradients, Implementation
from rnncheck.implementations.references import reference
from rnncheck.loading import built_in
from rnncheck.pool import Source
from rnncheck.properties.registry import Check
from rnncheck.properties.strategies import build
from rnncheck.properties.trial import PoolCase, Trial

RIGHT = reference("manual")
READ_OUT = Capabilities(readouts=("identity",), needs_readout=True)
"""Of networks with a linear readout, of which a general pool has few."""


class Altered:
    """`manual` on an altered case, or with altered results; what is altered is told the case."""

    def __init__(
        self,
        name: str,
        case: Callable[[Case], Case] = lambda case: case,
        result: Callable[[Case, Forward], Forward] = lambda case, forward: forward,
        gradient: Callable[[Case, Gradients], Gradients] = lambda case, gradients: gradients,
        can: Capabilities | None = None,
    ) -> None:
        self.name, self.capabilities = name, can or Capabilities()
        self.alter, self.result, self.gradient = case, result, gradient

    def forward(self, case: Case) -> Forward:
        return self.result(case, RIGHT.forward(self.alter(case)))

    def gradients(self, case: Case) -> Gradients:
        return self.gradient(case, RIGHT.gradients(self.alter(case)))


def right(name: str, can: Capabilities | None = None) -> Implementation:
    """A reference or torch, asked for no more than `can`."""
    subject = built_in(name)
    if can is None:
        return subject
    return replace(subject, capabilities=can)  # type: ignore[type-var]


@functools.cache
def pool(can: Capabilities, count: int) -> tuple[PoolCase, ...]:
    """The first cases of a general pool; laws share their envelopes."""
    return tuple(PoolCase(build(draw)) for draw in Source(can, "general", 1, count).draw())


def verdicts(law: Check, subject: Implementation, count: int) -> Iterator[tuple[Trial, Verdict]]:
    """What the law says of the subject, case by case."""
    for entry in pool(subject.capabilities, count):
        trial = Trial(subject, entry)
        yield trial, judge(law, trial)


def finds(law: Check, subject: Implementation, count: int = 200) -> set[str]:
    """The arrays that the law finds wrong on the first case on which it fails; none if it never does."""
    for _, verdict in verdicts(law, subject, count):
        assert verdict.word != "error", verdict.message
        if verdict.word == "failed":
            assert verdict.outcome is not None, verdict.message
            return {entry.array for entry in verdict.outcome.entries if entry.ratio > 1.0}
    return set()
