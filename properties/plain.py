"""Numbers for people: 0, 1 and quarters, in patterns that a search can make simpler one by one.

A draw's seed is one digit (0 to 99) for each group of arrays. In the regime `plain` the digit picks
the group's pattern, the simplest first: so each group shrinks for itself, to zeros where zeros do
not matter.
"""

import numpy as np

from rnncheck.case import Array
from rnncheck.spec import Shape

GROUPS = ("weight_hh", "weight_ih", "weight_ho", "bias", "x", "h0", "d_")
"""The groups, by how the names of their arrays begin: the first has the seed's last digit."""

DIGIT = 100
SPARSE = 40
"""Digits below this one stand for patterns that are mostly 0."""

SCALES = (1.0, 0.5, -1.0, -0.5)
"""Of the arrays of one group: the two directions, layers and biases must not be the same."""


def plain(name: str, shape: Shape, seed: int) -> Array:
    """An array of multiples of 1/4 in [-1, 1], the simpler the smaller its digit of the seed."""
    group = next(i for i, begin in enumerate(GROUPS) if name.startswith(begin))
    digit, number = seed // DIGIT**group % DIGIT, _number(name)
    if digit < 2:
        return SCALES[number % len(SCALES)] * _simplest(GROUPS[group], shape, digit) + 0.0  # no -0
    if digit < SPARSE:
        random = np.random.default_rng((digit, number))
        return random.choice([0.0, 0.0, 0.0, 1.0, 0.5, -1.0], shape)
    return quarters(name, shape, np.random.default_rng((seed, number)))


def _number(name: str) -> int:
    """Which array of its group it is."""
    layer = int(name.rpartition("_l")[2].split("_")[0]) if "_l" in name else 0
    other = name.endswith("_reverse") + name.startswith("bias_hh") + (name == "d_h_n")
    return 2 * layer + other


def _simplest(group: str, shape: Shape, digit: int) -> Array:
    """The two simplest patterns of a group.

    The recurrent matrix first turns the state, h -> (-h_H, h_1, h_2, ...): it is its own transpose
    for no H above 1, and keeps the length of what it is applied to, so gradients live.
    """
    if group == "weight_hh":
        turn = np.roll(np.eye(shape[0]), 1 - digit, axis=0)
        turn[0, -1] *= 1.0 if digit or shape[0] == 1 else -1.0
        return turn
    if group.startswith("weight"):
        return np.ones(shape) if digit else np.eye(shape[0], shape[1])
    if group == "d_":
        values = np.full(shape, float(not digit))
        values.reshape(-1)[:1] = 1.0
        return values
    return np.full(shape, float(digit))


def quarters(name: str, shape: Shape, random: np.random.Generator) -> Array:
    """Multiples of 1/4 in [-1, 1]; few and small in the recurrent matrix, so that sums stay small."""
    values = random.integers(-4, 5, shape) / 4.0
    if "weight_hh" not in name:
        return values
    return np.where(random.random(shape) < 1.5 / shape[0], np.sign(values) / 2.0, 0.0)
