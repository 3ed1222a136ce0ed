"""The gradient of anything: a function of one's own against differences of its own loss."""

from rnncheck.black_box.check import gradcheck
from rnncheck.black_box.entries import Entry, Verdict
from rnncheck.black_box.result import ArrayResult, GradientCheck, GradientError

__all__ = ["ArrayResult", "Entry", "GradientCheck", "GradientError", "Verdict", "gradcheck"]
