"""How far the loss and every claimed gradient are off by rounding: read off neighbouring values.

Nothing is known of a black box but its values. J. Moré and S. Wild (`estimate.noise_level`) read
the rounding of a value off the differences of seven neighbours, 2⁻⁴⁴·max(|x|, 1) apart: over so
short a way a smooth function is a straight line, and what is left is rounding. The loss is such
a function, and so is every entry of the gradient that the function claims. One direction
through all parameters at once, random in sign and size so that every product rounds anew, gives the
readings of all of them with the same seven calls.

*From a reading R to a bound.* Let the roundings be independent and normal with deviation σ. With
the straight line taken out, no value is further from the first than three first differences, each
at most √2·R: the squares of the seven residues sum up to (0 + 1 + 4 + 9 + 4 + 1 + 0)·2R² = 38 R² at
most, and to no less than σ²χ² with 5 degrees of freedom. So R ≥ σ √(χ²₅/38), and with the largest R of
m directions |error| > κR has at most the probability P(|t| > κ √(5/38)) of Student's t with 5m
degrees. κ = 32 gives 8e-5 with one direction, which decides what is plainly right, and 7e-9 with
three: an entry is called wrong only after all three.

*What no neighbour shows* is a rounding that is the same at all seven (of a constant, or of a
sum into which no parameter enters): half an ulp of the value is always allowed, κ times. The
gradient of a loss that is linear in x is such a sum; but the loss then adds up the same terms, times
x ± h, and rounds as much: the loss is read again at x ± h (`Noise.around`) before anything is called
wrong, and enters the error of the difference divided by its steps, all of them max(|x|, 1)/32 or
less. What saturates is frozen at 2⁻⁴⁴ and rounds anew at 2⁻²⁰: see `Noise.floor`.
"""

import itertools
import math
from collections.abc import Callable
from functools import cached_property

import numpy as np

from rnncheck.black_box.arguments import Array
from rnncheck.black_box.function import Function, Values
from rnncheck.oracles.differences.central import widest_step
from rnncheck.oracles.differences.estimate import noise_level

SAFETY = 32.0
DIRECTIONS = 3
SPACING = 2.0**-44
"""Of the seven points, in units of max(|x|, 1): that of `noise_level` at 0."""
WIDER = 2.0**8
WIDEST = 2.0**32
"""A function that computes in less than float64 does not move at 2⁻⁴⁴: the points are spread further,
256 times each, until it does, or the spacing is 2⁻¹²."""
FAR = 2.0**24
U = 2.0**-53
SMALLEST = float(np.finfo(np.float64).smallest_normal)


class Noise:
    """What rounding does to the loss (`loss`) and to each entry of the claimed gradients."""

    def __init__(self, function: Function, here: Values, random: np.random.Generator) -> None:
        self.function, self.here, self.random = function, here, random
        self.directions: list[list[Values]] = []
        self.look()

    def look(self) -> None:
        """Seven values along one more direction; the middle one is at the parameters themselves."""
        scale = 1.0
        values = self._seven(scale)
        while len({value.loss for value in values}) <= 3 and scale < WIDEST:
            scale *= WIDER
            values = self._seven(scale)
        self.directions.append(values)

    def _seven(self, scale: float) -> list[Values]:
        """Values at seven points of a new direction, `scale` times as far apart as need be."""
        start = self.function.parameters.arrays
        direction = {name: self._direction(np.abs(array)) for name, array in start.items()}
        moves = [i * scale * SPACING for i in range(-3, 4)]
        return [
            self.function.near({n: a + t * direction[n] for n, a in start.items()}) for t in moves
        ]

    def look_at_all(self) -> None:
        """The rest of the directions, for a verdict that is not plain."""
        while len(self.directions) < DIRECTIONS:
            self.look()

    @cached_property
    def far(self) -> list[Values]:
        """Seven values 2⁻²⁰ apart, for the stairs that no closer points show."""
        return self._seven(FAR)

    def floor(self) -> float:
        """Below which no loss is called wrong: its stairs, and the rounding of values of size 1.

        Something in it saturates or computes in float32: frozen at 2⁻⁴⁴, it rounds anew over points
        2⁻²⁰ apart, where a smooth function leaves (2⁻²⁰)⁴ = 2⁻⁸⁰ of its fourth derivative.
        And a saturated 1 + tanh(a) has steps of 2⁻⁵³ that may be as wide as any difference: it looks
        smooth from everywhere.
        """
        return SAFETY * max(_stairs([v.loss for v in self.far]), U)

    def gradient_floor(self, name: str, index: tuple[int, ...]) -> float:
        """The stairs of a claimed gradient: 1 - tanh(a)² is off by u/(1 - tanh(a)²), and frozen."""
        return SAFETY * _stairs([float(v.gradients[name][index]) for v in self.far])

    def _direction(self, size: Array) -> Array:
        signs = self.random.choice((-1.0, 1.0), size.shape)
        return np.asarray(np.maximum(size, 1.0) * self.random.uniform(1.0, 2.0, size.shape) * signs)

    @property
    def loss(self) -> float:
        """By how much a value of the loss may be off."""
        return SAFETY * max(_reading([v.loss for v in values]) for values in self.directions)

    def gradient(self, name: str, index: tuple[int, ...]) -> float:
        """By how much an entry of the claimed gradient may be off; what underflows is on top."""
        readings = (
            _reading([float(v.gradients[name][index]) for v in values])
            for values in self.directions
        )
        return SAFETY * max(readings) + SMALLEST

    def around(self, f: Callable[[float], float], x: float) -> float:
        """By how much the loss may be off anywhere in the reach of a difference at x.

        Where a parameter is much smaller than 1 the terms it enters are larger at x ± h than at x.
        """
        h = widest_step(x)
        return max(self.loss, *(SAFETY * noise_level(f, v) for v in (x - h, x + h)))


def _stairs(values: list[float]) -> float:
    """The same reading from the fourth differences on: what a smooth function does is not in it."""
    row, level = values, 0.0
    for k in range(1, 7):
        row = [b - a for a, b in itertools.pairwise(row)]
        if k > 3:
            level = max(level, max(map(abs, row)) / math.sqrt(math.comb(2 * k, k)))
    return level


def _reading(values: list[float]) -> float:
    """`noise_level` of seven values that are there already."""
    if not all(map(math.isfinite, values)):
        return math.inf
    return noise_level(lambda t: values[round(t / SPACING) + 3], 0.0)
