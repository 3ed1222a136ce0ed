"""What a network does, call by call, as far as another can be found to do the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array
from rnncheck.implementation import Implementation
from rnncheck.oracles.envelope import SAFETY
from rnncheck.properties.registry import Check
from rnncheck.properties.trial import PoolCase, Refused, Trial
from rnncheck.results import SubjectError, Symptom
from rnncheck.verdicts import judge

ROUTES = 2.0
"""Envelopes that two computations of the same faulty numbers may differ by: one each."""

SAMPLES = 4
"""How often a network is run with its arguments moved, to see what rounding does to it."""

Seen = dict[str, Array] | Symptom
"""The arrays that a call gave, or the symptom of its error."""

REFUSED: Symptom = ("refused",)
"""An error on a degenerate case: anybody may raise it, so it says nothing."""


@dataclass(frozen=True)
class Calls:
    """A call, and the one before it, if there was any: what is kept from that shows in this one."""

    entry: PoolCase
    before: PoolCase | None = None

    @property
    def work(self) -> int:
        """What they cost, in steps of a row of a cell."""
        cases = [one.case for one in (self.before, self.entry) if one]
        return sum(case.T * case.B * case.spec.num_states for case in cases)

    @property
    def is_lively(self) -> bool:
        """Whether there are steps and rows enough for most mistakes to show."""
        return self.entry.case.T > 2 and self.entry.case.B > 1


def observe(subject: Implementation, calls: Calls) -> Seen:
    """Output, h_n and gradients of a call (or two, where gradients take another)."""
    if calls.before:
        observe(subject, Calls(calls.before))
    trial = Trial(subject, calls.entry)
    try:
        return trial.arrays
    except SubjectError as error:
        return error.symptom
    except Refused:
        return REFUSED


def forward_of(seen: Seen) -> Seen:
    """What the forward pass has given: its arrays; of an error, all there is."""
    if isinstance(seen, tuple):
        return seen
    return {name: array for name, array in seen.items() if name in ("output", "h_n")}


def is_same(one: Seen, make: Callable[[], Implementation], calls: Calls) -> bool:
    """Whether another network, made afresh, gives the same in all that both give, but for rounding."""
    other = observe(make(), calls)
    if isinstance(one, tuple) or isinstance(other, tuple):
        return one == other or REFUSED in (one, other)
    return len(_near(one, other, make, calls, whole=True)) == len(one.keys() & other.keys())


def explained_by(make: Callable[[], Implementation], one: Seen, calls: Calls) -> set[str]:
    """The names of the arrays, or of the error, that another network gives as well."""
    other = observe(make(), calls)
    if isinstance(one, tuple) or isinstance(other, tuple):
        return {"error"} if one == other or REFUSED in (one, other) else set()
    return _near(one, other, make, calls)


def _near(
    one: dict[str, Array], other: dict[str, Array], make: Callable[[], Implementation],
    calls: Calls, whole: bool = False,
) -> set[str]:  # fmt: skip
    """The arrays that are the same within what rounding can do to the right numbers, or to the other's.

    whole: of interest only if it is all of them.
    """
    both, entry = one.keys() & other.keys(), calls.entry
    near = {name for name in both if is_near(one[name], other[name], name, entry)}
    left = {name for name in both - near if _agree_in_most_digits(one[name], other[name])}
    if not left or (whole and near | left != both):
        return near
    moved = rounding(make, other, calls)
    return near | {n for n in left if is_near(one[n], other[n], n, entry, moved[n])}


def is_near(one: Array, other: Array, name: str, entry: PoolCase, moved: Array | float = 0) -> bool:
    """Whether two arrays of one name are the same within the envelope.

    A fault's numbers may be larger than the right ones, and then its rounding is too: the envelope
    grows with them. moved: what rounding does to the other's numbers, if the right ones do not tell.
    """
    if one.shape != other.shape:
        return False
    if not one.size:
        return True
    allowance, exact = entry.envelope[name], entry.truth[name].hi
    with np.errstate(all="ignore"):
        largest, usual = np.max(np.abs(other)), np.max(np.abs(exact))
        growth = max(1.0, float(largest / usual)) if usual > 0 and np.isfinite(largest) else 1.0
        near = np.abs(one - other) <= ROUTES * (growth * allowance.allowed + moved)
        same = near | (one == other) | (np.isnan(one) & np.isnan(other))
    return bool((same | ~allowance.telling).all())


def rounding(
    make: Callable[[], Implementation], found: dict[str, Array], calls: Calls
) -> dict[str, Array]:
    """How far a network's results move if all its arguments move by n u, the error of its longest sum.

    Where a faulty formula gives a number and the right one 0, the envelope has nothing to say of it.
    """
    case, random = calls.entry.case, np.random.default_rng(0)
    shapes = [array.shape for _, array in case.arrays()]
    n = max(max(shape, default=1) for shape in shapes)
    least = n * np.finfo(case.dtype).eps / 2
    moved: dict[str, Array] = {name: np.zeros(array.shape) for name, array in found.items()}
    for _ in range(SAMPLES):
        arrays = {
            name: array * (1 + least * random.choice([-1, 1], array.shape)).astype(array.dtype)
            for name, array in case.arrays()
            if name not in ("lengths", "dropout_masks")
        }
        parameters = {name: arrays.pop(name) for name in case.parameters}
        moved_case = PoolCase(case.replace(parameters=parameters, **arrays))
        other = observe(make(), Calls(moved_case, calls.before))
        if isinstance(other, dict):
            with np.errstate(all="ignore"):
                for name in moved.keys() & other.keys():
                    moved[name] = np.fmax(moved[name], SAFETY * np.abs(other[name] - found[name]))
    return moved


def _agree_in_most_digits(one: Array, other: Array) -> bool:
    """Whether a rounding may explain the difference at all: three quarters of the digits are the same.

    A well-conditioned network's results lose fewer; of one that is not, the envelope is as wide.
    """
    if one.shape != other.shape:
        return False
    with np.errstate(all="ignore"):
        most = np.finfo(one.dtype).eps ** 0.75 * np.max(np.abs(other), initial=0)
        same = (np.abs(one - other) <= most) | (np.isnan(one) & np.isnan(other)) | (one == other)
    return bool(same.all())


def is_wrong(seen: Seen, entry: PoolCase) -> bool:
    """Whether a call shows a mistake."""
    return isinstance(seen, tuple) or bool(wrong_arrays(seen, entry))


def wrong_arrays(seen: dict[str, Array], entry: PoolCase) -> set[str]:
    """The arrays that are off."""
    return {n for n, a in seen.items() if entry.truth[n].is_off(a, entry.envelope[n]).any()}


@dataclass(frozen=True)
class Sign:
    """What a check says on a case: the word, the error's symptom, and the values that are off.

    message: of the error, to the letter. off: by array. right: the other arrays that it has compared.
    """

    word: str
    symptom: str
    message: str
    off: Mapping[str, str]
    right: frozenset[str]

    def resembles(self, other: "Sign") -> bool:
        """The same but for the numbers, in the arrays that both give, if the check applies to both."""
        if "not_applicable" in (self.word, other.word):
            return True
        return (self.word, self.symptom, self.off.keys() - other.missing(self)) == (
            other.word, other.symptom, other.off.keys() - self.missing(other),
        )  # fmt: skip

    def equals(self, other: "Sign") -> bool:
        """The same, and the numbers and words too."""
        both = self.off.keys() & other.off.keys()
        same = self.message == other.message and all(self.off[n] == other.off[n] for n in both)
        return same and self.resembles(other)

    def missing(self, other: "Sign") -> set[str]:
        """The arrays that the other has and this has not."""
        return (other.off.keys() | other.right) - (self.off.keys() | self.right)


def sign(check: Check, subject: Implementation, entry: PoolCase) -> Sign:
    """The sign of a fresh network."""
    verdict = judge(check, Trial(subject, entry))
    entries = verdict.outcome.by_array() if verdict.outcome else ()
    return Sign(
        verdict.word,
        _told(verdict.symptom),
        verdict.message if verdict.word == "failed" else "",
        {e.array: f"{e.index} {e.value:.6g}" for e in entries if e.ratio > 1.0},
        frozenset(e.array for e in entries if e.ratio <= 1.0),
    )


def _told(symptom: Symptom) -> str:
    """As it is; a mere message without its numbers."""
    if symptom[1:]:
        return str(symptom)
    return "".join(c for c in str(symptom) if not c.isdigit())
