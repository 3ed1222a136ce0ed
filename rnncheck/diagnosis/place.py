"""Where a gradient is wrong: which arrays, and which terms of the sums that they are."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.diagnosis.experiments import Experiment, experiments, simplest_first
from rnncheck.diagnosis.pattern import pattern
from rnncheck.diagnosis.terms import Truth, is_off, read_terms, true_gradients
from rnncheck.implementation import Implementation
from rnncheck.properties.trial import PoolCase, Refused, Trial
from rnncheck.report import Where
from rnncheck.results import SubjectError
from rnncheck.spec import RNNSpec


def where(subject: Implementation, case: Case) -> Where | None:
    """The place of a gradient's mistake, on the simplest kind of network that shows it.

    subject: fresh, or one whose earlier calls do not matter. case: one on which its gradient is
    wrong. None if it is right on all that was tried, or cannot be run.
    """
    for feature, made in simplest_first(case, subject.capabilities):
        try:
            found = _on(subject, feature, made)
        except (SubjectError, Refused):
            continue
        if found is not None:
            return found
    return None


@dataclass(frozen=True)
class _Run:
    """What an experiment gave, what is right, and the arrays that are off."""

    experiment: Experiment
    found: dict[str, Array]
    right: Truth
    off: list[str]


def _run(subject: Implementation, experiment: Experiment) -> _Run:
    found = Trial(subject, PoolCase(experiment.case)).gradients
    right = true_gradients(experiment)
    return _Run(experiment, found, right, is_off(found, right))


def _on(subject: Implementation, feature: str, case: Case) -> Where | None:
    first, more = experiments(case)
    runs = [_run(subject, experiment) for experiment in first]
    if not any(run.off for run in runs):
        return None
    runs += [_run(subject, experiment) for experiment in more]
    names = sorted(set().union(*(run.off for run in runs)))
    told = functools.partial(Where, tuple(dict.fromkeys(map(_plain, names))), feature=feature)
    whole, small = runs[0], runs[len(first)]
    if not small.off:
        return told(terms="large entries")
    pieces = [
        term
        for run in runs
        if run.experiment.t is not None
        for term in read_terms(run.experiment, run.found, run.right, names)
    ]
    found, right = whole.found, whole.right
    words = _reordered(names, found, right)
    words = words or (pattern(pieces, case.T, case.B) if pieces else None)
    if words in (None, "every term"):
        words = _units(names, found, right) or _brought(names, case.spec) or words
    return told(terms=words or "")


def _reordered(names: Sequence[str], found: Mapping[str, Array], right: Truth) -> str | None:
    """d_x alone is off, and right if the steps of what one direction adds are read backwards."""
    if list(names) != ["x"]:
        return None
    for part, as_run in right.parts:
        for order in (part[::-1], as_run, as_run[::-1]):
            reordered = right.gradients["x"] - part + order
            if (np.abs(found["x"] - reordered) <= right.allowed["x"]).all():
                return "steps in another order"
    return None


def _units(names: Sequence[str], found: Mapping[str, Array], right: Truth) -> str | None:
    """Of every array that has a row for each unit, the same rows are off, and not all."""
    rows = []
    for name in names:
        if _plain(name) in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            off = np.abs(found[name] - right.gradients[name]) > right.allowed[name]
            rows.append(off.reshape(len(off), -1).any(axis=1))
    if not rows or any((one != rows[0]).any() for one in rows) or rows[0].all():
        return None
    return "some units"


def _plain(name: str) -> str:
    """weight_ih_l0_reverse -> weight_ih."""
    return name.partition("_l")[0] if "_l" in name else name


def _brought(names: Sequence[str], spec: RNNSpec) -> str | None:
    """Where terms cannot be told apart: what brings those that are off, by which arrays they are in.

    If δ of a cell is off, both of its matrices' gradients are.
    """
    if spec.bidirectional and list(names) == ["x"]:
        return "what the other direction brings"
    cells = {n.partition("_l")[2] for n in names if n.startswith("weight_hh")}
    if not cells or cells != {n.partition("_l")[2] for n in names if n.startswith("weight_ih")}:
        return None
    if not any(cell.startswith(str(spec.num_layers - 1)) for cell in cells):
        return "what the layer above brings"
    if spec.generated:
        return "what the generated steps bring"
    return "what the other direction brings" if spec.bidirectional else None
