"""Whether the formula is wrong or the arithmetic poor: asked of the code in ball arithmetic."""

import math

from rnncheck.properties.trial import Refused, Trial, formula_is_off
from rnncheck.report import Finding
from rnncheck.results import SubjectError

AGAINST_TRUTH = (
    "forward_matches_truth", "gradient_matches_truth", "gradient_matches_own_forward",
    "agrees_with_references", "agrees_with_torch",
)  # fmt: skip
"""Checks of which a formula that is right on a case leaves nothing but the arithmetic to blame."""


def nature(finding: Finding, trial: Trial) -> str | None:
    """`structural: ...` or `precision: ...`, in words.

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
