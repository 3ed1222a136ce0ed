"""rnncheck tells the author of a recurrent network whether it is right, and if not, what is wrong."""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rnncheck.black_box import GradientCheck, GradientError, gradcheck
    from rnncheck.case import Case
    from rnncheck.checking import assert_correct, check
    from rnncheck.implementation import Capabilities, Forward, Implementation
    from rnncheck.report import Finding, Report, Status
    from rnncheck.results import SubjectError, UsageError
    from rnncheck.spec import RNNSpec
    from rnncheck.wrapping import wrap

__all__ = [
    "Capabilities",
    "Case",
    "Finding",
    "Forward",
    "GradientCheck",
    "GradientError",
    "Implementation",
    "RNNSpec",
    "Report",
    "Status",
    "SubjectError",
    "UsageError",
    "assert_correct",
    "check",
    "gradcheck",
    "wrap",
]

_HOMES = {
    "Capabilities": "implementation", "Case": "case", "Finding": "report", "Forward": "implementation",
    "GradientCheck": "black_box", "GradientError": "black_box",
    "Implementation": "implementation", "RNNSpec": "spec", "Report": "report", "Status": "report",
    "SubjectError": "results", "UsageError": "results", "assert_correct": "checking",
    "check": "checking", "gradcheck": "black_box", "wrap": "wrapping",
}  # fmt: skip


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for: importing rnncheck itself costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'rnncheck' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"rnncheck.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
