"""Finite differences: derivatives from values alone, each with an estimate of its own error."""

from collections.abc import Callable
from dataclasses import dataclass

WIDEST_STEP = 2.0**-10
"""Of |x| or 1: the widest step. For a function that varies on the scale of 1 the doubt about a
jump is then about h³/16 = 6e-11, and the noise of f, some 1e-14, divided by the step is no more."""


@dataclass(frozen=True)
class Estimate:
    """A derivative and how far off it may be: truncation, jumps of f' and the noise of f."""

    value: float
    error: float


def widest_step(x: float) -> float:
    """The widest step that a difference at x takes."""
    return WIDEST_STEP * max(abs(x), 1.0)


def central_difference(f: Callable[[float], float], x: float, noise: float) -> Estimate:
    """f'(x) from three central differences with steps h, h/2, h/4, extrapolated twice.

    With D(h) = (f(x+h) - f(x-h)) / 2h = f' + c₂h² + c₄h⁴ + ..., Richardson's

        R₁ = (4 D(h/2) - D(h)) / 3,   R₂ = (4 D(h/4) - D(h/2)) / 3,   value = (16 R₂ - R₁) / 15

    leaves an error of order h⁶, and |R₂ - R₁|, of order h⁴, bounds it for any f that is smooth on
    the scale of h.

    At a kink D(h) converges, but to the mean of the two slopes. There the second difference
    S(h) = (f(x+h) - 2f(x) + f(x-h)) / h does not halve with h as it does for a smooth f: with a
    jump J of f' at a distance c < h it is J(1 - c/h). The larger of |2S(h/4) - S(h/2)| and
    |2S(h/2) - S(h)| is above the error that J causes for every c: J against J/2 at c = 0,
    J/2 against J/10 where the first vanishes (c = h/6), J/3 against J/15 where the second does
    (c = h/3), J(1 - c/h) against J(1 - c/h)/90 beyond h/2.

    noise: by how much any value of f may be off; through the weights 64/45, 20/45, 1/45 of the
    three differences it moves the result by 6.6·noise/h.
    """
    h = widest_step(x)
    middle = f(x)
    differences, seconds = [], []
    for step in (h, h / 2, h / 4):
        up, down = f(x + step), f(x - step)
        differences.append((up - down) / ((x + step) - (x - step)))
        seconds.append((up - 2.0 * middle + down) / step)
    coarse = (4.0 * differences[1] - differences[0]) / 3.0
    fine = (4.0 * differences[2] - differences[1]) / 3.0
    value = (16.0 * fine - coarse) / 15.0
    jump = max(abs(2.0 * seconds[2] - seconds[1]), abs(2.0 * seconds[1] - seconds[0]))
    return Estimate(value, abs(fine - coarse) + jump + 6.6 * noise / h)
