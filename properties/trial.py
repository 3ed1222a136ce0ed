"""One case and one implementation: truth, envelope and results, each worked out once."""

import importlib.util
import os
import sysconfig
import traceback
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from rnncheck.case import Case
from rnncheck.implementation import Forward, Gradients, Implementation
from rnncheck.oracles.envelope import Envelope, envelope
from rnncheck.oracles.truth import Truth, truth
from rnncheck.properties.outcome import Outcome
from rnncheck.results import SubjectError, read_array

Result = TypeVar("Result")
_OURS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Refused(Exception):
    """The subject would not take a degenerate case (T = 0, B = 0, a length of 0); that is its right."""


class PoolCase:
    """A case with its truth and envelope, worked out once for every subject and check."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.others: dict[str, Trial] = {}

    @cached_property
    def envelope(self) -> Envelope:
        """What a correct network may stray, in the case's dtype."""
        return envelope(self.case)

    @cached_property
    def loose_envelope(self) -> Envelope:
        """The same for activations that err by u of 1, not of h (a hand-made tanh)."""
        return envelope(self.case, absolute_activation=True)

    @cached_property
    def truth(self) -> Truth:
        """The exact output, final state and gradients."""
        return truth(self.case, self.envelope)


class Trial:
    """What a check sees. The subject gets copies, so that it cannot spoil the case or the truth."""

    def __init__(self, subject: Implementation, entry: PoolCase) -> None:
        self.subject, self.entry, self.case = subject, entry, entry.case

    @property
    def envelope(self) -> Envelope:
        """The allowance of every array."""
        return self.entry.envelope

    @property
    def truth(self) -> Truth:
        """The exact value of every array."""
        return self.entry.truth

    @cached_property
    def forward(self) -> Forward:
        """The subject's output and final state. Raises SubjectError or Refused."""
        return self.run_forward(self.case)

    @cached_property
    def gradients(self) -> Gradients:
        """The subject's gradients. Raises SubjectError or Refused."""
        case = self.case
        result = self._call("backward", lambda: self.subject.gradients(case.copy()))
        shapes = case.spec.parameter_shapes() | {"x": case.x.shape, "h0": case.h0.shape}
        two_biases = 2 in self.subject.capabilities.bias_vectors
        needed = [n for n in case.spec.parameter_shapes() if two_biases or "bias_hh" not in n]
        missing = [name for name in needed if name not in result]
        if missing:
            raise SubjectError(f"the gradients lack {', '.join(missing)}")
        return {
            name: read_array(result[name], f"the gradient for {name}", shape)
            for name, shape in shapes.items()
            if name in result
        }

    def run_forward(self, case: Case) -> Forward:
        """The subject's forward on any case of the same spec."""
        result = self._call("forward", lambda: self.subject.forward(case.copy()))
        shapes = case.spec.array_shapes(case.T, case.B)
        output = read_array(result.output, "output", shapes["output"])
        if result.h_n is None:
            return Forward(output, None)
        return Forward(output, read_array(result.h_n, "h_n", shapes["h_n"]))

    def other(self, name: str, make: Callable[[], Implementation]) -> "Trial":
        """The same case in another implementation's hands, run once for all subjects."""
        if name not in self.entry.others:
            self.entry.others[name] = Trial(make(), self.entry)
        return self.entry.others[name]

    def _call(self, what: str, run: Callable[[], Result]) -> Result:
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return run()
        except SubjectError:
            raise
        except (Exception, SystemExit) as error:
            if self.case.is_degenerate and isinstance(error, Exception):
                raise Refused(str(error)) from error
            raise SubjectError(f"{what} raised {_tell(error)}") from error


PRECISION = (
    "right in formula, poor in precision: an activation is off by u of 1 where u of h is usual "
    "(as a hand-made (eᵃ - e⁻ᵃ)/(eᵃ + e⁻ᵃ) is)"
)


def judged(trial: Trial, compare: Callable[[Envelope], Outcome]) -> Outcome:
    """A comparison by the envelope, and if it fails, by that of an imprecise activation.

    A hand-made tanh is off by u, not by u·|h|: tens of envelopes where |h| is tiny, and still no
    mistake in the formula. It passes with a note; one that overflows does not.
    """
    outcome = compare(trial.envelope)
    if not outcome.failed:
        return outcome
    loose = compare(trial.entry.loose_envelope)
    return outcome if loose.failed else replace(loose, note=PRECISION)


def _tell(error: BaseException) -> str:
    """An exception in one line: its type, its text, and the line of the subject's file."""
    try:
        text = str(error).partition("\n")[0]
    except Exception:
        text = "(its text cannot be had)"
    frames = traceback.extract_tb(error.__traceback__)
    libraries = (*(sysconfig.get_path(n) for n in ("stdlib", "purelib", "platlib")), _OURS)
    theirs = [f for f in frames if not os.path.abspath(f.filename).startswith(libraries)]
    where = (
        f" ({os.path.basename(theirs[-1].filename)}, line {theirs[-1].lineno})" if theirs else ""
    )
    return f"{type(error).__name__}{': ' + text if text else ''}{where}"


def has_torch() -> bool:
    """Whether torch is installed, without importing it."""
    return importlib.util.find_spec("torch") is not None
