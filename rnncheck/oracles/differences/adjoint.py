"""The dot-product test: <g, J v> = <Jᵀ g, v>, along directions that are fresh every time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array
from rnncheck.oracles.differences.central import central_difference
from rnncheck.oracles.differences.estimate import Estimate

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class DotProducts:
    """forward: <g, J v> by differences of the forward pass; backward: <Jᵀ g, v> from the gradient."""

    forward: Estimate
    backward: float

    @property
    def gap(self) -> float:
        """By how much the two differ."""
        return abs(self.forward.value - self.backward)


def dot_product_test(
    loss: Callable[[dict[str, Array]], float],
    gradients: Arrays,
    point: Arrays,
    random: np.random.Generator,
    noise: float,
) -> DotProducts:
    """One direction v over all arrays at once: two numbers that a right gradient makes equal.

    loss: <g, f(arrays)>; gradients: its gradient at `point`, by name (arrays without one are held).
    random: hand in a generator that goes on from test to test (`numpy.random.default_rng()`); a
    fixed seed repeats its blind spot, the directions along which a fault does not show.
    The directions are ±1 in every entry: no entry is ever given less than its full weight.
    """
    directions = {
        name: random.choice((-1.0, 1.0), size=np.shape(gradient))
        for name, gradient in gradients.items()
    }

    def along(t: float) -> float:
        moved = {n: a + t * directions[n] if n in directions else a for n, a in point.items()}
        return loss(moved)

    backward = sum(
        float(np.sum(np.where(gradient == 0, 0.0, gradient * directions[name])))
        for name, gradient in gradients.items()
    )
    return DotProducts(central_difference(along, 0.0, noise), backward)
