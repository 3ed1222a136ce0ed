"""Where a gradient is wrong: which arrays, and which terms of the sums that they are."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.diagnosis.experiments import experiments, simplest_first
from rnncheck.diagnosis.pattern import pattern
from rnncheck.diagnosis.terms import Truth, is_off, read_terms, true_gradients
from rnncheck.implementation import Implementation
from rnncheck.properties.trial import PoolCase, Refused, Trial
from rnncheck.report import Where
from rnncheck.results import SubjectError


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


def _on(subject: Implementation, feature: str, case: Case) -> Where | None:
    runs = [(e, _gradients(subject, e.case)) for e in experiments(case)]
    rights = [true_gradients(experiment) for experiment, _ in runs]
    off = [is_off(found, right) for (_, found), right in zip(runs, rights, strict=True)]
    names = sorted(set().union(*off))
    if not names:
        return None
    whole, small = 0, 2
    told = functools.partial(Where, tuple(dict.fromkeys(map(_plain, names))), feature=feature)
    if not off[small]:
        return told(terms="large entries")
    pieces = [
        term
        for (experiment, found), right in zip(runs, rights, strict=True)
        if experiment.t is not None and right.delta is not None
        for term in read_terms(experiment, found, right, names)
    ]
    words = pattern(pieces, case.T, case.B) if pieces else None
    if words in (None, "every term"):
        found, right = runs[whole][1], rights[whole]
        words = _reordered(names, found, right) or _units(names, found, right) or words
    return told(terms=words or BY_FEATURE.get(feature, ""))


def _gradients(subject: Implementation, case: Case) -> dict[str, Array]:
    return Trial(subject, PoolCase(case)).gradients


def _reordered(names: Sequence[str], found: Mapping[str, Array], right: Truth) -> str | None:
    """d_x alone is off, and right if its steps are read backwards."""
    if list(names) != ["x"]:
        return None
    error = np.abs(found["x"][::-1] - right.gradients["x"])
    return "steps in another order" if (error <= right.allowed["x"]).all() else None


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


BY_FEATURE = {
    "two directions": "what the other direction brings",
    "generated steps": "what the generated steps bring",
    "layers": "what the layer above brings",
}
"""Where terms cannot be told apart: what brings those that are off."""
