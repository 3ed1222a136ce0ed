"""Right networks with something done to their cases or results: small faults for the tests of laws."""

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.engine import Verdict, judge
from rnncheck.implementation import Capabilities, Forward, Gradients, Implementation
from rnncheck.implementations.references import reference
from rnncheck.loading import built_in
from rnncheck.pool import Pools, Source
from rnncheck.properties.registry import all_checks, named_checks
from rnncheck.properties.trial import Trial

POOLS = Pools()


class Altered:
    """`manual`, with `case` done to what it is given, `result` and `gradient` to what it returns."""

    def __init__(
        self,
        name: str,
        case: Callable[[Case], Case] = lambda case: case,
        result: Callable[[Case, Forward], Forward] = lambda case, forward: forward,
        gradient: Callable[[Case, Gradients], Gradients] = lambda case, gradients: gradients,
        **can: object,
    ) -> None:
        self.name, self.right = name, reference("manual")
        self.alter, self.result, self.gradient = case, result, gradient
        self.capabilities = replace(Capabilities(), **can)  # type: ignore[arg-type]

    def forward(self, case: Case) -> Forward:
        return self.result(case, self.right.forward(self.alter(case)))

    def gradients(self, case: Case) -> Gradients:
        return self.gradient(case, self.right.gradients(self.alter(case)))


@functools.cache
def trials(subject: Implementation, count: int) -> tuple[Trial, ...]:
    """The subject on a pool of cases that it can run; what a case takes is worked out once."""
    source = Source(subject.capabilities, "general", 0, count)
    return tuple(Trial(subject, entry) for entry in POOLS.get(source).values())


def verdicts(check_id: str, subject: Implementation, count: int) -> Iterator[tuple[Case, Verdict]]:
    """What a check says of each case of the pool."""
    (check,) = named_checks([check_id])
    for trial in trials(subject, count):
        yield trial.case, judge(check, trial)


def laws_of(family: str) -> list[str]:
    """The ids of a family's checks."""
    return [check.id for check in all_checks() if check.family == family]


@functools.cache
def right(name: str) -> Implementation:
    """A reference, or torch, by its name."""
    return built_in(name)


@functools.cache
def manual_in(dtype: str) -> Implementation:
    """`manual`, of one dtype."""
    return Altered("manual", dtypes=(dtype,))


def fails(check_id: str, subject: Implementation, count: int = 100) -> bool:
    """Whether a check fails on some case of the pool; an error or a SubjectError is none."""
    for _, verdict in verdicts(check_id, subject, count):
        assert verdict.word != "error", verdict.message
        if verdict.word == "failed":
            assert verdict.outcome is not None, verdict.message
            return True
    return False


def changed(case: Case, **parameters: Callable[[Array], Array]) -> Case:
    """The case with a function applied to every parameter whose name begins so."""
    own = dict(case.parameters)
    for start, change in parameters.items():
        own |= {name: change(array) for name, array in own.items() if name.startswith(start)}
    return case.replace(parameters=own)


def zeroed(*names: str) -> Callable[[Case, Gradients], Gradients]:
    """Gradients of which some are 0."""
    return lambda case, g: g | {name: np.zeros_like(g[name]) for name in names}
