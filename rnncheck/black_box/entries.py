"""One entry of a gradient against the slope of the loss: right, wrong, a convention, or not told."""

import math
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache

import numpy as np

from rnncheck.black_box.function import Function
from rnncheck.black_box.noise import SAFETY, Noise, U
from rnncheck.oracles.differences.central import central_difference
from rnncheck.oracles.differences.estimate import Estimate
from rnncheck.oracles.differences.estimate import Function as Loss
from rnncheck.oracles.differences.kinks import Shape, sides

Index = tuple[int, ...]


class Verdict(StrEnum):
    """What the differences say about one entry."""

    RIGHT = "right"
    WRONG = "wrong"
    KINK = "kink"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Entry:
    """The gradient that was claimed for parameter `name` at `index`, and what differences give.

    value ± error: the slope of the loss. slack: by how much the claimed gradient may be off by
    its own rounding. left, right: the slopes on either side, where a kink was looked for.
    """

    name: str
    index: Index
    claimed: float
    value: float
    error: float
    slack: float
    verdict: Verdict
    left: float = math.nan
    right: float = math.nan

    @property
    def gap(self) -> float:
        """|claimed - value|."""
        return abs(self.claimed - self.value)

    @property
    def allowed(self) -> float:
        """What a right gradient may be away from the value."""
        return self.error + self.slack

    @property
    def ratio(self) -> float:
        """gap / allowed: above 1 only for a wrong entry."""
        return self.gap / self.allowed if self.gap else 0.0

    @property
    def is_telling(self) -> bool:
        """Whether a gradient of 0 in place of a right one, or the reverse, would have been seen."""
        if self.verdict in (Verdict.UNDECIDED, Verdict.KINK):
            return self.verdict is Verdict.KINK
        return self.gap == 0.0 or self.allowed < max(abs(self.claimed), abs(self.value))


def judge(function: Function, noise: Noise, name: str, index: Index) -> Entry:
    """The verdict on one entry, with 8 to 12 calls if it is right, and some 40 more if it seems not.

    Not plainly right: the noise is read along more directions and at both ends of the steps, and
    the difference is judged by that. A difference that is then wrong must stay so above the stairs
    of the loss and of the gradient; and `sides` is asked.
    """
    x = float(function.parameters.arrays[name][index])
    f = _loss_of_entry(function, noise.here.loss, name, index)
    claimed = float(noise.here.gradients[name][index])

    def compared(level: float, slack: float) -> Entry:
        estimate = central_difference(f, x, level)
        verdict = _verdict(estimate, claimed, slack)
        return Entry(name, index, claimed, estimate.value, estimate.error, slack, verdict)

    entry = compared(noise.loss, noise.gradient(name, index))
    if entry.verdict is Verdict.RIGHT:
        return entry
    noise.look_at_all()
    level, slack = noise.around(f, x), noise.gradient(name, index)
    entry = compared(level, slack)
    if entry.verdict is Verdict.RIGHT:
        return entry
    if entry.verdict is Verdict.WRONG:
        above = compared(max(level, noise.floor()), max(slack, noise.gradient_floor(name, index)))
        if above.verdict is not Verdict.WRONG:
            return replace(entry, verdict=Verdict.UNDECIDED)
    return _second_opinion(entry, f, x, max(level, SAFETY * U))


def _verdict(estimate: Estimate, claimed: float, slack: float) -> Verdict:
    """By the difference alone. An allowance as large as a gradient that is not 0 says nothing.

    A slack as large as the value is seen where the gradient jumps: at a kink of many terms, with
    whose slopes a composed derivative need not agree (relu(w) - relu(-w) at 0, where the rule
    relu'(0) = 0 gives 0).
    """
    if not estimate.says_something:
        return Verdict.UNDECIDED
    if claimed and max(abs(claimed), abs(estimate.value)) <= estimate.error:
        return Verdict.UNDECIDED
    if estimate.allows(claimed):
        return Verdict.RIGHT
    if not estimate.allows(claimed, slack):
        return Verdict.WRONG
    small = slack < max(estimate.error, abs(estimate.value))
    return Verdict.RIGHT if small else Verdict.UNDECIDED


def _second_opinion(entry: Entry, f: Loss, x: float, noise: float) -> Entry:
    """What narrower steps say about an entry that is not right by the difference.

    At a kink, between the slopes: a convention. Outside them nothing is said: there may be more kinks
    close by than the steps can part, and at several kinks at once a composed derivative may lie outside.
    """
    found = sides(f, x, noise)
    entry = replace(entry, left=found.left.value, right=found.right.value)
    if found.shape is Shape.KINK:
        between = found.allows(entry.claimed)
        return replace(entry, verdict=Verdict.KINK if between else Verdict.UNDECIDED)
    central = Estimate(entry.value, entry.error)
    elsewhere = any(not _agree(side, central) for side in (found.left, found.right))
    if found.shape is Shape.JUMP or elsewhere:
        return replace(entry, verdict=Verdict.UNDECIDED)
    return entry


def _agree(one: Estimate, other: Estimate) -> bool:
    return one.allows(other.value, other.error)


def _loss_of_entry(function: Function, here: float, name: str, index: Index) -> Loss:
    """The loss as a function of one entry; no value is asked for twice."""
    arrays = function.parameters.arrays
    x = float(arrays[name][index])

    @cache
    def f(value: float) -> float:
        if value == x:
            return here
        moved = np.array(arrays[name])
        moved[index] = value
        return function.near({**arrays, name: moved}).loss

    return f
