"""One case and one implementation: truth, envelope and results, each worked out once."""

import copy
import hashlib
import importlib.util
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import (
    Fleet,
    Forward,
    Gradients,
    Handed,
    Implementation,
    Layout,
    SecondOrder,
    handed,
)
from rnncheck.oracles.envelope import Envelope, envelope
from rnncheck.oracles.following.numbers import Unfollowed
from rnncheck.oracles.own_code import OwnCode, distance
from rnncheck.oracles.proof import Proof, prove
from rnncheck.oracles.truth import Truth, truth
from rnncheck.properties.outcome import NotApplicable, Outcome
from rnncheck.results import SubjectError, lacking, read_array, tell

Result = TypeVar("Result")

SLOW = 0.25
"""Seconds of a forward pass that is not run on other numbers, where it would take a hundred times that."""


class Refused(Exception):
    """The subject would not take a degenerate case (T = 0, B = 0, a length of 0); that is its right."""


class PoolCase:
    """A case with its truth and envelope, worked out once for every subject and check.

    keeps: whether the cases that checks derive from it are kept too, for the next subject: worth its
    memory where hundreds of them meet the same few cases.
    """

    def __init__(self, case: Case, keeps: bool = False) -> None:
        self.case, self.keeps = case, keeps
        self.others: dict[str, Trial] = {}
        self._derived: dict[bytes, PoolCase] = {}

    def derived(self, case: Case) -> "PoolCase":
        """Another case, made from this one."""
        if not self.keeps:
            return PoolCase(case)
        return self._derived.setdefault(fingerprint(case), PoolCase(case))

    def keeping(self) -> "PoolCase":
        """The same, with all that is known of it, for use by many subjects."""
        kept = copy.copy(self)
        kept.keeps, kept._derived = True, dict(self._derived)
        return kept

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


def fingerprint(case: Case) -> bytes:
    """A digest of every number of a case: equal for equal cases."""
    digest = hashlib.blake2b(repr(case.spec).encode(), digest_size=16)
    for name, array in case.arrays():
        digest.update(f"{name} {array.shape} {array.dtype}".encode())
        digest.update(array.tobytes())
    return digest.digest()


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
        return self.run_gradients(self.case)

    def run_gradients(self, case: Case) -> Gradients:
        """The subject's gradients on any case of the same spec."""
        result = self._call("backward", lambda: self.subject.gradients(case.copy()))
        return self._read_gradients(result, "the gradient for")

    def hessian_vector(self, vectors: Gradients) -> Gradients:
        """How the subject's gradients change along v. Raises SubjectError or Refused."""
        subject = self.subject
        assert isinstance(subject, SecondOrder)
        own = {name: vector.copy() for name, vector in vectors.items()}
        result = self._call("second", lambda: subject.hessian_vector(self.case.copy(), own))
        return self._read_gradients(result, "the second derivative for")

    def _read_gradients(self, result: Gradients, what: str) -> Gradients:
        case = self.case
        shapes = case.spec.parameter_shapes() | {"x": case.x.shape, "h0": case.h0.shape}
        two_biases = 2 in self.subject.capabilities.bias_vectors
        needed = [n for n in case.spec.parameter_shapes() if two_biases or "bias_hh" not in n]
        missing = [name for name in needed if name not in result]
        if missing:
            raise SubjectError(f"the gradients lack {', '.join(missing)}", lacking(missing))
        return {
            name: read_array(result[name], f"{what} {name}", shape)
            for name, shape in shapes.items()
            if name in result
        }

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """Everything that the subject gives: `output`, `h_n` if it has it, gradients if it has them."""
        given = {name: v for name, v in self.forward._asdict().items() if v is not None}
        return given | (self.gradients if self.subject.capabilities.gradients else {})

    def on(self, case: Case) -> "Trial":
        """The subject on another case. Raises NotApplicable if that is beyond its abilities."""
        missing = self.subject.capabilities.missing(case)
        if missing:
            raise NotApplicable(f"beyond its abilities: {missing}")
        return Trial(self.subject, self.entry.derived(case))

    @cached_property
    def proof(self) -> Proof:
        """What can be certified of the subject's own code. Raises NotApplicable with the reason."""
        start = time.perf_counter()
        _ = self.forward
        if time.perf_counter() - start > SLOW:
            raise NotApplicable(
                f"one call takes more than {SLOW} s; on other numbers, many times that"
            )
        try:
            return prove(self.subject, self.case, self.case.origin)
        except Unfollowed as reason:
            raise NotApplicable(f"its code cannot be followed: {reason}") from None

    @cached_property
    def own_code(self) -> OwnCode:
        """The subject's code in ball arithmetic."""
        return OwnCode(self.subject, self.case)

    @cached_property
    def formula_error(self) -> dict[str, tuple[Array, Array]] | None:
        """By array, how far the formula is from the truth, from below and from above.

        That is, the subject's own code in ball arithmetic. None if it cannot be run so.
        """
        try:
            arrays = dict(self.own_code.forward)
            if self.subject.capabilities.gradients:
                arrays |= self.own_code.gradients
        except Unfollowed:
            return None
        bits = self.own_code.bits
        arrays = {n: a for n, a in arrays.items() if a.size}
        exact = {name: self.truth[name] for name in arrays}
        return {n: distance(a, exact[n].hi, exact[n].lo, bits) for n, a in arrays.items()}

    def run_forward(self, case: Case) -> Forward:
        """The subject's forward on any case of the same spec."""
        result = self._call("forward", lambda: self.subject.forward(case.copy()))
        return self._read_forward(result, case)

    def run_fleet(self, moved: Mapping[str, Array]) -> Forward:
        """The subject's forward on K networks at once: the case's, but for arrays (K, ...) in its place."""
        subject, case = self.subject, self.case
        assert isinstance(subject, Fleet)
        own = {name: array.copy() for name, array in moved.items()}
        result = self._call("forward_fleet", lambda: subject.forward_fleet(case.copy(), own))
        K, shapes = len(next(iter(moved.values()))), case.spec.array_shapes(case.T, case.B)
        output = read_array(result.output, "output of the fleet", (K, *shapes["output"]))
        if result.h_n is None:
            return Forward(output, None)
        return Forward(output, read_array(result.h_n, "h_n of the fleet", (K, *shapes["h_n"])))

    def handed(self, layout: Layout) -> Handed:
        """The subject's calls on this case, and the arrays that it gets, for the caller to watch.

        Both raise SubjectError or Refused, as `forward` and `gradients` do.
        """
        held = handed(self.subject, self.case, layout)
        return Handed(
            held.arrays,
            lambda: self._read_forward(self._call("forward", held.forward), self.case),
            lambda: self._read_gradients(
                self._call("backward", held.gradients), "the gradient for"
            ),
        )

    def _read_forward(self, result: Forward, case: Case) -> Forward:
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
            symptom = ("raised", what, type(error).__name__)
            raise SubjectError(f"{what} raised {tell(error)}", symptom) from error


PRECISION = (
    "right in formula, poor in precision: an activation is off by u of 1 where u of h is usual "
    "(as a hand-made (eᵃ - e⁻ᵃ)/(eᵃ + e⁻ᵃ) is)"
)


def judged(
    trial: Trial, compare: Callable[[Envelope], Outcome], knows_truth: bool = True
) -> Outcome:
    """A comparison by the envelope, and if it fails, by that of an imprecise activation.

    A hand-made tanh is off by u, not by u·|h|: tens of envelopes where |h| is tiny, and still no
    mistake in the formula. It passes with a note; one that overflows does not, nor one whose formula
    is shown to be wrong in ball arithmetic. knows_truth: whether it is the truth that the formula
    is to give (and not what the subject's own forward says).
    """
    outcome = compare(trial.envelope)
    if not outcome.failed:
        return outcome
    loose = compare(trial.entry.loose_envelope)
    if loose.failed or (knows_truth and formula_is_off(trial)):
        return outcome
    return replace(loose, note=PRECISION)


def formula_is_off(trial: Trial, *names: str) -> bool:
    """Whether the subject's code, in ball arithmetic, is further from the truth than floats may be.

    names: of the arrays to look at (none: all). False if its code does not run on balls.
    """
    errors = trial.formula_error or {}
    for name in names or errors:
        least, allowance = errors[name][0], trial.envelope[name]
        limit = allowance.allowed + trial.truth[name].radius
        if (allowance.telling & (least > limit)).any():
            return True
    return False


def has_torch() -> bool:
    """Whether torch is installed, without importing it."""
    return importlib.util.find_spec("torch") is not None
