"""From a finding to what the mistake is, where the numbers allow only one reading.

A wrong name is worse than none: a rule speaks only if it explains every failing case it is shown.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import locate
from rnncheck.oracles.envelope import Envelope, envelope
from rnncheck.oracles.noise import Mask
from rnncheck.oracles.truth import Truth, truth
from rnncheck.properties.trial import Refused, Trial, formula_is_off
from rnncheck.report import Finding
from rnncheck.results import SubjectError

AGAINST_TRUTH = (
    "forward_matches_truth", "gradient_matches_truth", "gradient_matches_own_forward",
    "agrees_with_references", "agrees_with_torch",
)  # fmt: skip
"""Checks of which a formula that is right on a case leaves nothing but the arithmetic to blame."""


def explained(finding: Finding, trials: Sequence[Trial]) -> Finding:
    """The finding with its nature and, if one rule explains every trial, what the mistake is."""
    return replace(finding, nature=nature(finding, trials[0]), diagnosis=diagnose(finding, trials))


def nature(finding: Finding, trial: Trial) -> str | None:
    """Whether the formula is wrong or the arithmetic poor: asked of the code in ball arithmetic.

    None where the code does not run on balls, where the question is whether a wrong forward has its
    own gradient, or where other runs than that of the case may be to blame.
    """
    if finding.measured is None or not finding.allowed:
        return None
    try:
        errors = trial.formula_error
        if errors is None:
            return None
        off = {name for name in errors if formula_is_off(trial, name)}
    except (SubjectError, Refused):
        return None
    if finding.check == "gradient_matches_own_forward" and off & {"output", "h_n"}:
        return None
    if off:
        return "structural: in exact arithmetic its formula is wrong too"
    if finding.check not in AGAINST_TRUTH:
        return None
    if not math.isfinite(finding.measured):
        return "precision: in exact arithmetic its formula is right; its floats overflow"
    digits = math.log10(finding.measured / finding.allowed)
    return (
        "precision: in exact arithmetic its formula is right; its floats lose "
        f"{digits:.1f} digits more than {trial.case.dtype} may"
    )


Rule = Callable[[Sequence[Trial]], str | None]


def diagnose(finding: Finding, trials: Sequence[Trial]) -> str | None:
    """What the mistake is, in a sentence or two; None unless one rule explains every trial.

    trials: the smallest failing case first, then others on which the same check fails.
    """
    if finding.place is None:
        return None
    try:
        if not all(_faulty(trial) for trial in trials):
            return None
        for rule in (_precision, _ignored_array, _no_gradient, _carry):
            words = rule(trials)
            if words:
                count = (
                    f"all {len(trials)} failing cases tried" if trials[1:] else "the one case tried"
                )
                return f"{words} (explains {count})"
    except (SubjectError, Refused):
        return None
    return None


def _precision(trials: Sequence[Trial]) -> str | None:
    """The cases are in float64, and every state is a float32 as near as float32 comes to it.

    That the errors are small enough says nothing: a factor of 0.999999 is as small. But no
    computation in float64 gives numbers whose last 29 bits are all 0.
    """
    if any(trial.case.dtype != np.float64 for trial in trials):
        return None
    pairs = [(_faulty(trial), trial) for trial in trials]
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
            what = "gradients are" if "weight_hh_l0" in _faulty(trials[0]) else "output is"
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
        explanations.append((_faulty(trial), truth(changed, allowed), allowed))
    return _explains_all(explanations)


def _are_float32(arrays: dict[str, Array]) -> bool:
    """Whether every number is one that float32 has."""
    with np.errstate(all="ignore"):
        return all(bool((a == a.astype(np.float32)).all()) for a in arrays.values())


def _no_gradient(trials: Sequence[Trial]) -> str | None:
    """What is wrong is 0 everywhere, and the rest is right."""
    silent: set[str] = set()
    for trial in trials:
        arrays = _faulty(trial)
        wrong = {n for n, value in arrays.items() if _is_off(trial, n, value)}
        if "output" in arrays or not wrong or any(arrays[name].any() for name in wrong):
            return None
        silent |= wrong
    labels = " and ".join(sorted(locate(trials[0].subject, name, ()).array for name in silent))
    return f"the gradient for {labels} is 0 everywhere, as if it were never computed"


def _carry(trials: Sequence[Trial]) -> str | None:
    """δ of the last step is right, and what the first carry back gives is wrong."""
    seen = False
    for trial in trials:
        case, arrays = trial.case, _faulty(trial)
        if "x" not in arrays or case.spec.num_states > 1 or case.lengths is not None or not case.T:
            return None
        off = _off(trial, "x", arrays["x"])
        if off[-1:].any():
            return None
        seen = seen or (case.T > 1 and bool(off[-2:].any()))
    if not seen:
        return None
    recurrent = locate(trials[0].subject, "weight_hh_l0", ()).array
    return (
        "the gradient is right at the last step and wrong from the one before on: the fault is in "
        f"what is carried from step t to t-1, dh_(t-1) = {recurrent}ᵀ δ_t (a missing transpose of "
        f"{recurrent}, say, a carry that is dropped, or weights that change in between)"
    )


def _faulty(trial: Trial) -> dict[str, Array]:
    """What there is to explain: the forward pass if it is wrong, else the gradients, if they are."""
    forward = {name: v for name, v in trial.forward._asdict().items() if v is not None}
    off = any(_is_off(trial, name, value) for name, value in forward.items())
    if off or not trial.subject.capabilities.gradients:
        return forward if off else {}
    gradients = trial.gradients
    return gradients if any(_is_off(trial, n, g) for n, g in gradients.items()) else {}


def _off(trial: Trial, name: str, value: Array) -> Mask:
    return trial.truth[name].is_off(value, trial.envelope[name])


def _is_off(trial: Trial, name: str, value: Array) -> bool:
    return bool(_off(trial, name, value).any())


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
