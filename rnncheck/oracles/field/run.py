"""One run in the field: its randomness, the oracles, and what is counted on the way."""

import math
import os
import random
import sys
from collections import Counter
from collections.abc import Iterable
from types import CodeType

import numpy as np

from rnncheck import oracles
from rnncheck.oracles.field.constants import HALF, P, element
from rnncheck.oracles.field.number import FieldNumber
from rnncheck.oracles.following.numbers import ControlFlow, Unfollowed, plain

ROOTS = (1, 2, 4)
"""exp(v) is rⁿ with r = exp(v/n) for one of these n, or 1/rⁿ."""

MOST_ROOTS = ROOTS[-1]


_NOT_THEIRS = tuple(os.path.dirname(m.__file__ or "") + os.sep for m in (np, oracles))
"""Where comparisons are made in somebody's name: NumPy, and this package."""


class AskedBoth(ControlFlow):
    """tanh and exp of one argument: the run must be made again with tanh made of exp."""


class Field:
    """One run: its randomness, what the oracles have answered, and the branches taken.

    by_exp: whether tanh is made of exp. q: the degree of all that was divided by. asked: by oracle,
    the arguments it was asked. branches: (code, line, relation, answer), counted.
    """

    def __init__(self, seed: object, by_exp: bool = False) -> None:
        self._random = random.Random(f"rnncheck {seed}")
        self.by_exp = by_exp
        self.q = 0
        self.asked: dict[str, list[FieldNumber]] = {}
        self.branches: Counter[tuple[CodeType, int, str, bool]] = Counter()
        self._constants: dict[object, FieldNumber] = {}
        self._inverses: dict[int, FieldNumber] = {}
        self._tanh: dict[int, int] = {}
        self._roots: dict[int, int] = {}
        self._arguments: dict[int, FieldNumber] = {}
        self._logs: dict[int, int] = {}
        self._square_roots: dict[int, int] = {}
        self.zero = self.constant(0)

    def element(self) -> int:
        """A random element that is not 0."""
        return self._random.randrange(1, P)

    def input(self, near: float, moves: bool) -> FieldNumber:
        """A random input, with a random tangent if it moves; branches are decided as for `near`."""
        return FieldNumber(self, self.element(), self.element() if moves else 0, near, 1, 0)

    def moved(self, number: FieldNumber) -> FieldNumber:
        """The same input with a random tangent; a constant stays one."""
        if number.is_constant:
            return number
        return FieldNumber(self, number.value, self.element(), number.shadow, 1, 0)

    def constant(self, number: object) -> FieldNumber:
        """A constant of the code. Raises Unfollowed for infinities, NaN, and what is no number."""
        if number not in self._constants:
            value = plain(number)
            if value is None:
                raise Unfollowed(f"{type(number).__name__} stands where a number is needed")
            if not math.isfinite(value):
                raise Unfollowed(f"the constant {value} is computed with")
            self._constants[number] = FieldNumber(self, element(value), 0, float(value), 0, 0)
        return self._constants[number]

    def bound(
        self, values: Iterable[FieldNumber] = (), tangents: Iterable[FieldNumber] = ()
    ) -> int:
        """The degree of the numerators of numbers, all of them brought to one denominator.

        values: numbers as values. tangents: numbers of which it is the tangents that count.
        """
        pairs = [(n.degree, n.divisions) for n in values]
        for n in tangents:
            more, further = n.excess or (0, 0)
            pairs.append((n.degree + more, n.divisions + further))
        degree = max((d for d, _ in pairs), default=0)
        return degree + self.q * max((k for _, k in pairs), default=0)

    def chance(self, degree: int) -> float:
        """An upper bound for the probability that a number which is not 0, of this degree, looks 0.

        Schwartz and Zippel's degree/p for itself; and for each two arguments of an oracle, in the
        six ways in which it compares them, that they are taken for one another by accident, or one
        of them for 0 or 1; or the argument of a log for one of the powers rⁿ, |n| ≤ 4, of exp.
        """
        for arguments in self.asked.values():
            degree += 3 * len(arguments) ** 2 * self.bound(arguments)
        logs = self.asked.get("log", [])
        degree += len(logs) * len(self._arguments) * (self.bound(logs) + MOST_ROOTS)
        return degree / (P - 1)  # inputs are never 0: one of P - 1 elements

    def branch(self, relation: str, answer: bool) -> None:
        """Note a comparison under the line of the code that made it."""
        frame = sys._getframe(1)
        while frame.f_back and frame.f_code.co_filename.startswith(_NOT_THEIRS):
            frame = frame.f_back
        self.branches[frame.f_code, frame.f_lineno, relation, answer] += 1

    def inverse(self, b: FieldNumber) -> FieldNumber:
        """1/b as a value; its tangent is the caller's. Raises Unfollowed for 1/0."""
        if not b.value:
            raise Unfollowed("something is divided by 0")
        if b.value not in self._inverses:
            exact, shadow = pow(b.value, -1, P), 1.0 / b.shadow if b.shadow else math.nan
            top, bottom = b.fraction or (b.degree, 0)
            known = FieldNumber(self, exact, 0, shadow, 0, 0)
            if not b.is_constant:
                known = FieldNumber(self, exact, 0, shadow, bottom, 1, (bottom, top))
                self.q += top
            self._inverses[b.value] = known
        return self._inverses[b.value]

    def tanh(self, a: FieldNumber) -> int:
        """The oracle's tanh(a)."""
        if a.value in self._tanh:
            return self._tanh[a.value]
        if P - a.value in self._tanh:
            return P - self._tanh[P - a.value]
        if self._root(a.value):
            raise AskedBoth
        self.asked.setdefault("tanh", []).append(a)
        self._tanh[a.value] = self.element()
        return self._tanh[a.value]

    def exp(self, a: FieldNumber) -> tuple[int, int]:
        """The oracle's exp(a) as (r, n), rⁿ with r = exp(a/n)."""
        known = self._root(a.value)
        if not known:
            if any(multiple in self._tanh for multiple in _multiples(a.value)):
                raise AskedBoth
            self.asked.setdefault("exp", []).append(a)
            self._roots[a.value * HALF % P] = self.element()
            known = self._root(a.value)
            assert known
        return known

    def know(self, power: FieldNumber, argument: FieldNumber) -> None:
        """Remember that a number is the exp of another, as a value, for log."""
        self._arguments.setdefault(
            power.value,
            FieldNumber(
                self, argument.value, 0, argument.shadow, argument.degree, argument.divisions,
                argument.fraction,
            ),
        )  # fmt: skip

    def _root(self, value: int) -> tuple[int, int] | None:
        """(r, n) with exp(value) = rⁿ, if it was asked of value/n before: n = ±1, ±2, ±4."""
        argument = value
        for power in ROOTS:
            if argument in self._roots:
                return self._roots[argument], power
            if P - argument in self._roots:
                return self._roots[P - argument], -power
            argument = argument * HALF % P
        return None

    def log(self, v: FieldNumber) -> FieldNumber | int:
        """The oracle's log(v): the argument of the exp that v is, or a random element."""
        if v.value in self._arguments:
            return self._arguments[v.value]
        if v.value in self._logs:
            return self._logs[v.value]
        inverse = pow(v.value, -1, P)
        if inverse in self._logs:
            return P - self._logs[inverse]
        self.asked.setdefault("log", []).append(v)
        self._logs[v.value] = self.element()
        return self._logs[v.value]

    def sqrt(self, v: FieldNumber) -> int:
        """The oracle's sqrt(v)."""
        if v.value not in self._square_roots:
            self.asked.setdefault("sqrt", []).append(v)
            self._square_roots[v.value] = self.element()
        return self._square_roots[v.value]


def _multiples(value: int) -> list[int]:
    """v·2ʲ and -v·2ʲ for j = -2..2."""
    quarter = value * HALF * HALF % P
    multiples = [quarter * power % P for power in (1, 2, 4, 8, 16)]
    return multiples + [P - multiple for multiple in multiples]
