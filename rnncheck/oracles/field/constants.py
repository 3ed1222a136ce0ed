"""The field, and the element that a constant of somebody's code is."""

import math
from fractions import Fraction

P = 2**61 - 1
HALF = (P + 1) // 2

TINY = 1e-6
"""A constant of at most this size that is added or subtracted counts as 0: log(p + 1e-12)."""

SIMPLE = 10**4
"""Denominators of the fractions that a float is taken for, if it is within four units of its last
place: such fractions are 1e-8 apart, so one that is met by chance is one float in 1e7. Not so
whole numbers: these are floats themselves, and 1 - 2**-53 is written to be another one."""


def element(number: float) -> int:
    """A finite number as an element: the fraction it was written as."""
    top, bottom = _fraction(number).as_integer_ratio()
    return top * pow(bottom, -1, P) % P


def _fraction(number: float) -> Fraction:
    """The number as it was written: a fraction of small denominator, or its decimal digits."""
    if isinstance(number, int):
        return Fraction(number)
    simple = Fraction(number).limit_denominator(SIMPLE)
    if simple.denominator > 1 and abs(simple - Fraction(number)) <= 4 * math.ulp(number):
        return simple
    return Fraction(repr(number))
