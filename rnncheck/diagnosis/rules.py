"""Mistakes that need no entry in the catalogue: an array that is ignored, arithmetic of another dtype."""

from collections.abc import Sequence

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import locate
from rnncheck.oracles.envelope import Envelope, envelope
from rnncheck.oracles.noise import Mask
from rnncheck.oracles.truth import Truth, truth
from rnncheck.properties.trial import Trial


def by_rule(trials: Sequence[Trial]) -> str | None:
    """What the mistake is, if one rule explains every trial."""
    if not all(faulty(trial) for trial in trials):
        return None
    return _precision(trials) or _ignored_array(trials)


def faulty(trial: Trial) -> dict[str, Array]:
    """What there is to explain: the forward pass if it is wrong, else the gradients, if they are."""
    forward = {name: v for name, v in trial.forward._asdict().items() if v is not None}
    off = any(is_off(trial, name, value).any() for name, value in forward.items())
    if off or not trial.subject.capabilities.gradients:
        return forward if off else {}
    gradients = trial.gradients
    return gradients if any(is_off(trial, n, g).any() for n, g in gradients.items()) else {}


def is_off(trial: Trial, name: str, value: Array) -> Mask:
    """Which entries of an array are wrong."""
    return trial.truth[name].is_off(value, trial.envelope[name])


def _precision(trials: Sequence[Trial]) -> str | None:
    """The cases are in float64, and every state is a float32 as near as float32 comes to it.

    That the errors are small enough says nothing: a factor of 0.999999 is as small. But no
    computation in float64 gives numbers whose last 29 bits are all 0.
    """
    if any(trial.case.dtype != np.float64 for trial in trials):
        return None
    pairs = [(faulty(trial), trial) for trial in trials]
    if not all("output" in arrays and _are_float32(arrays) for arrays, _ in pairs):
        return None
    coarse = [(arrays, t.truth, envelope(t.case, np.float32)) for arrays, t in pairs]
    if not _explains_all(coarse):
        return None
    return (
        "the formula is right and the arithmetic is not: every error is as large as float32 makes it, "
        "so something in it is computed in float32 where float64 is claimed"
    )


def _ignored_array(trials: Sequence[Trial]) -> str | None:
    """The results are those of the same cases with one array set to 0."""
    for name, _ in trials[0].case.arrays():
        if name in ("lengths", "dropout_masks"):
            continue
        if _is_ignored(trials, name):
            what = "gradients are" if "weight_hh_l0" in faulty(trials[0]) else "output is"
            label = locate(trials[0].subject, name, ()).array
            return f"{label} is ignored: the {what} right for {label} = 0"
    return None


def _is_ignored(trials: Sequence[Trial], name: str) -> bool:
    explanations = []
    for trial in trials:
        if name not in dict(trial.case.arrays()):  # a network without biases, say
            return False
        changed = _without(trial.case, name)
        allowed = envelope(changed)
        explanations.append((faulty(trial), truth(changed, allowed), allowed))
    return _explains_all(explanations)


def _are_float32(arrays: dict[str, Array]) -> bool:
    """Whether every number is one that float32 has."""
    with np.errstate(all="ignore"):
        return all(bool((a == a.astype(np.float32)).all()) for a in arrays.values())


def _without(case: Case, name: str) -> Case:
    if name in case.parameters:
        zero = np.zeros_like(case.parameters[name])
        return case.replace(parameters={**case.parameters, name: zero})
    return case.replace(**{name: np.zeros_like(getattr(case, name))})


Explanation = tuple[dict[str, Array], Truth, Envelope]
"""What the subject gave, and what it would be if the mistake were the one supposed."""


def _explains_all(explanations: Sequence[Explanation]) -> bool:
    """Whether nothing contradicts the supposition, and some case could have."""
    for arrays, exact, allowed in explanations:
        if any(exact[name].is_off(value, allowed[name]).any() for name, value in arrays.items()):
            return False
    return any(_tells(*explanation) for explanation in explanations)


def _tells(arrays: dict[str, Array], exact: Truth, allowed: Envelope) -> bool:
    return any(
        bool((allowed[name].telling & (allowed[name].allowed < np.abs(exact[name].hi))).any())
        for name in arrays
    )
