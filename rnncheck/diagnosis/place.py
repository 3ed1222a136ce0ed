"""Where a gradient is wrong: which arrays, and which terms of the sums that they are."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.diagnosis.experiments import Experiment, experiments, simplest_first
from rnncheck.diagnosis.pattern import pattern
from rnncheck.diagnosis.terms import Term, Truth, is_off, read_terms, true_gradients
from rnncheck.implementation import Implementation
from rnncheck.properties.trial import PoolCase, Refused, Trial
from rnncheck.report import Where
from rnncheck.results import SubjectError
from rnncheck.spec import RNNSpec

AS_FAILED = "such a case as failed"
"""Stands for what it takes to show a mistake that none of the simpler networks shows."""


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


def where_it_showed(subject: Implementation, trial: Trial) -> Where:
    """What can be said of the failing case alone, where no experiment shows the mistake."""
    run = _run(subject, Experiment(trial.case))
    names = list(dict.fromkeys(map(_plain, sorted(run.off))))
    words = "not finite" if _has_no_numbers(run) else _units(run.off, run.found, run.right)
    return Where(tuple(names), words or "", AS_FAILED)


@dataclass(frozen=True)
class _Run:
    """What an experiment gave, what is right, and the arrays that are off."""

    experiment: Experiment
    found: dict[str, Array]
    right: Truth
    off: list[str]


def _has_no_numbers(run: _Run) -> bool:
    return not all(np.isfinite(run.found[name]).all() for name in run.off)


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
    whole, large, small = runs[0], runs[1], runs[len(first)]
    if (whole.off or large.off) and not small.off:
        return told(terms="large entries")
    pieces = [
        term
        for run in runs
        if run.experiment.t is not None
        for term in read_terms(run.experiment, run.found, run.right, names)
    ]
    pieces = _without_borrowed(pieces)
    words = _reordered(names, whole.found, whole.right)
    empty = set(np.flatnonzero(case.valid_steps() == 0).tolist())
    words = words or (pattern(pieces, case.T, case.B, empty) if pieces else None)
    if words in (None, "every term") and any(map(_has_no_numbers, runs)):
        words = "not finite"
    if words in (None, "every term"):
        words = _brought(names, case.spec) or _units_of_any(names, runs, case.spec) or words
    return told(terms=words or "")


def _without_borrowed(terms: Sequence[Term]) -> list[Term]:
    """Without those of a bias that other steps have spoilt: in W_ih, where steps are told apart, it shows."""
    tell = {(m.t, m.s, m.b): m.is_right for m in terms if m.array.startswith("weight_ih")}
    spoilt = {(t, b) for (t, _, b), right in tell.items() if not right}
    return [
        m
        for m in terms
        if not m.array.startswith("bias")
        or m.is_right
        or (m.t, m.b) not in spoilt
        or not tell.get((m.t, m.s, m.b), False)
    ]


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


def _units_of_any(names: Sequence[str], runs: Sequence[_Run], spec: RNNSpec) -> str | None:
    """`_units` of everything at once; of ReLU's, whose units are in turn at rest, of the first step alone."""
    some = [run for run in runs if run.experiment.t == 0 and spec.nonlinearity == "relu"]
    return next(filter(None, (_units(names, r.found, r.right) for r in (runs[0], *some))), None)


def _units(names: Sequence[str], found: Mapping[str, Array], right: Truth) -> str | None:
    """Of every array that has a row for each unit, the same rows are off, and not all.

    A row that is right because nothing reaches its unit does not count as right.
    """
    rows, reached = [], np.zeros(1, bool)
    for name in names:
        if _plain(name) in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            value, exact = found[name], right.gradients[name]
            with np.errstate(invalid="ignore"):
                off = ~(np.abs(value - exact) <= right.allowed[name])
            rows.append(off.reshape(len(off), -1).any(axis=1))
            reached = reached | exact.reshape(len(off), -1).any(axis=1)
    if not rows or any((one != rows[0]).any() for one in rows) or not rows[0].any():
        return None
    return "some units" if (reached & ~rows[0]).any() else None


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
