"""Proof mode: somebody's own forward and backward, unmodified, certified without a tolerance.

The code runs on numbers of a prime field with tangents (`field`), through the door of `following`.
Everything is drawn at random: parameters θ, x and h0 with tangents u, the cotangents w. Then

    <w, J u>    the tangent of <w, forward>, and
    <Jᵀ w, u>   the backward's gradients, times u

are *equal* for a backward that is the derivative of its forward: no rounding, no step. For one that
is not, they are two different expressions in the inputs, and agree by accident with the probability
that `field` derives. In the same way the forward is shown to be the formula of the network's
definition, by computing both with the same oracles.

A certificate says: at these sizes, on these branches, the two expressions are one. It says nothing of
other sizes (a truncation at lag 10 does not exist at T = 8), nor of rounding. Without a
certificate nothing is said either: an identity of exp that no oracle knows (e^{a+b} = eᵃ eᵇ) makes right
code fail here. So a mismatch only sends the same code to ball arithmetic (`own_code`).
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rnncheck.case import Case
from rnncheck.implementation import Implementation, SecondOrder
from rnncheck.oracles.definition import defined_forward
from rnncheck.oracles.field import AskedBoth, Field, FieldNumber, P
from rnncheck.oracles.following.cases import case_of, read_objects, results
from rnncheck.oracles.following.door import followed, subjects_turn
from rnncheck.oracles.following.numbers import Objects, Unfollowed, converted, either_way
from rnncheck.report import Branch, Certificate

Arrays = dict[str, Objects]

CHANCE = 1e-15
"""A certificate is given if what is not so would be certified with at most this probability."""

MOST_ATTEMPTS = 4


@dataclass(frozen=True)
class Proof:
    """What came of an attempt: each a certificate, or None if its two sides differ."""

    gradient: Certificate | None
    forward: Certificate | None
    second: Certificate | None = None


def prove(subject: Implementation, case: Case, seed: object = 0) -> Proof:
    """Certify the subject's backward and forward at the sizes and on the branches of a case.

    Raises Unfollowed, with the reason, if the code cannot be run on other numbers.
    """

    def attempt(field: Field) -> list[Certificate | None]:
        return _Attempt(subject, case, field).certificates()

    return Proof(*either_way(lambda: _surely(attempt, seed)))


def prove_loss(
    loss_and_gradients: Callable[[dict[str, Objects]], tuple[Any, Mapping[str, Any]]],
    parameters: Mapping[str, Any],
    seed: object = 0,
    code: object = None,
) -> Certificate | None:
    """Certify that a black box's gradients are the derivative of its loss; None if they differ.

    One run on numbers with tangents u: the loss's tangent is <gradients, u>. parameters: the arrays
    by name. code: whose code it is that runs, if that is not the function itself. Raises Unfollowed,
    with the reason, if the code cannot be run on other numbers.
    """

    def attempt(field: Field) -> list[Certificate | None]:
        point = {
            name: converted(a, lambda near: field.input(float(near), moves=True))
            for name, a in parameters.items()
        }
        with followed(code or loss_and_gradients, field.constant), subjects_turn():
            loss, gradients = loss_and_gradients({n: a.copy() for n, a in point.items()})
        [value] = converted(loss, field.constant).ravel()
        claimed = _numbers(gradients, point, field)
        one = [field.constant(1)]
        sizes = ", ".join(f"{name} {array.shape}" for name, array in point.items())
        return [_certificate("gradient", [value], one, claimed, point, field, sizes, 0)]

    return either_way(lambda: _surely(attempt, seed))[0]


def _surely(
    attempt: Callable[[Field], list[Certificate | None]], seed: object
) -> list[Certificate | None]:
    """Attempts with fresh randomness until the chances, multiplied, are below `CHANCE`.

    A certificate that one of them does not give is not given.
    """
    found, by_exp = [], False
    for number in range(MOST_ATTEMPTS):
        try:
            certificates = attempt(Field((seed, number), by_exp))
        except AskedBoth:
            by_exp = True
            certificates = attempt(Field((seed, number), by_exp))
        found.append(certificates)
        together = [_together(row) for row in zip(*found, strict=True)]
        if all(c is None or c.false_accept <= CHANCE for c in together):
            return together
    raise Unfollowed("its expressions are of too high a degree to be told apart in this field")


def _together(row: Sequence[Certificate | None]) -> Certificate | None:
    given = [certificate for certificate in row if certificate is not None]
    if len(given) < len(row):
        return None
    chance = math.prod(certificate.false_accept for certificate in given)
    return replace(given[0], false_accept=chance)


class _Attempt:
    """A subject and a case, in one field."""

    def __init__(self, subject: Implementation, case: Case, field: Field) -> None:
        self.subject, self.case, self.field = subject, case, field
        self.values = case_of(case, self._inputs)

    def certificates(self) -> list[Certificate | None]:
        """Of the gradient, of the forward, and of the second derivatives.

        Values first, then tangents: so the oracles' arguments have their lowest degrees.
        """
        definitions = self._definitions()
        self.field.branches.clear()  # those of the definition are not the subject's
        gradients: Arrays = {}
        if self.subject.capabilities.gradients and self.case.spec.truncation is None:
            with followed(self.subject, self.field.constant), subjects_turn():
                given = self.subject.gradients(self.values.copy())
            gradients = _numbers(given, self._differentiable(), self.field)
        duals = case_of(self.values, lambda name, a: self._moved(a) if name in gradients else a)
        with followed(self.subject, self.field.constant), subjects_turn():
            own = results(self.subject.forward(duals.copy()), self.values, self.field.constant)
        forward = next(filter(None, (self._forward(own, side) for side in definitions)), None)
        gradient = self._gradient(own, gradients, duals) if gradients else None
        return [gradient, forward, self._second(gradients, duals) if gradients else None]

    def _inputs(self, name: str, array: Objects) -> Objects:
        """Random elements. Masks are what they are; an array that is 0 throughout stays so.

        So do zeros in cotangents: code may ask whether a step has any.
        """
        if name == "dropout_masks" or not array.any():
            return converted(array, self.field.constant)

        def number(near: float) -> FieldNumber:
            if near == 0.0 and name in ("d_output", "d_h_n"):
                return self.field.zero
            return self.field.input(0.0 if near != near else near, moves=False)

        return converted(array, number)

    def _moved(self, array: Objects) -> Objects:
        """The same values with random tangents."""
        numbers = [self.field.moved(v) for v in array.ravel()]
        return converted(numbers, self.field.constant).reshape(array.shape)

    def _differentiable(self) -> Arrays:
        """The arrays that gradients may be for."""
        arrays = {"x": self.values.x, "h0": self.values.h0, **self.values.parameters}
        return {name: array for name, array in arrays.items() if array.size}

    def _definitions(self) -> list[Arrays]:
        """The definition's output and h_n; with and without the shift that a softmax may have."""
        shifts = (False, True) if self.case.spec.readout == "softmax" else (False,)
        sides = (defined_forward(self.values, shift) for shift in shifts)
        return [dict(zip(("output", "h_n"), side, strict=True)) for side in sides]

    def _forward(self, own: Arrays, defined: Arrays) -> Certificate | None:
        """own = defined, entry by entry; an entry that differs looks equal with the chance of one."""
        mine = [v for array in own.values() for v in array.ravel()]
        theirs = [v for name in own for v in converted(defined[name], self.field.constant).ravel()]
        if any(a.value != b.value for a, b in zip(mine, theirs, strict=True)):
            return None
        chance = self.field.chance(self.field.bound([*mine, *theirs]))
        return Certificate("forward", self.case.sizes(), self.case.T, chance, _branches(self.field))

    def _second(self, gradients: Arrays, duals: Case) -> Certificate | None:
        """∇<∇L, v> = the tangents of the gradients along v, entry by entry."""
        subject = self.subject
        if not isinstance(subject, SecondOrder) or not subject.capabilities.second_order:
            return None
        point = {"x": duals.x, "h0": duals.h0, **duals.parameters}
        along = {name: self._tangents(point[name]) for name in gradients}
        with followed(subject, self.field.constant), subjects_turn():
            products = subject.hessian_vector(self.values.copy(), along)
            moved = subject.gradients(duals.copy())
        claimed = [v for a in _numbers(products, point, self.field).values() for v in a.ravel()]
        values = [v for a in _numbers(moved, point, self.field).values() for v in a.ravel()]
        if any(h.value != g.tangent for h, g in zip(claimed, values, strict=True)):
            return None
        chance = self.field.chance(self.field.bound(claimed, tangents=values))
        return Certificate("second", self.case.sizes(), self.case.T, chance, _branches(self.field))

    def _tangents(self, array: Objects) -> Objects:
        """The tangents of an array's numbers, as inputs of their own."""
        field = self.field
        numbers = [
            FieldNumber(field, v.tangent, 0, 0.0, 1, 0) if v.tangent else field.zero
            for v in array.ravel()
        ]
        return converted(numbers, field.constant).reshape(array.shape)

    def _gradient(self, own: Arrays, gradients: Arrays, duals: Case) -> Certificate | None:
        """<w, J u> = <Jᵀ w, u>, over the outputs that are no padding."""
        valid: dict[str, Any] = {"output": ~self.case.output_padding(), "h_n": ...}
        values, weights = [], []
        for name, cotangent in (("output", self.values.d_output), ("h_n", self.values.d_h_n)):
            if name in own:
                values += list(own[name][valid[name]].ravel())
                weights += list(cotangent[valid[name]].ravel())
        point = {"x": duals.x, "h0": duals.h0, **duals.parameters}
        return _certificate(
            "gradient",
            values,
            weights,
            gradients,
            point,
            self.field,
            self.case.sizes(),
            self.case.T,
        )


def _certificate(
    what: str, values: list[FieldNumber], weights: list[FieldNumber], gradients: Arrays,
    point: Mapping[str, Objects], field: Field, sizes: str, T: int,
) -> Certificate | None:  # fmt: skip
    """The certificate that Σ weight · value' = Σ gradient · θ', if it is so."""
    claimed = [g for array in gradients.values() for g in array.ravel()]
    moved = [v for name in gradients for v in point[name].ravel()]
    left = sum(w.value * v.tangent for w, v in zip(weights, values, strict=True))
    right = sum(g.value * v.tangent for g, v in zip(claimed, moved, strict=True))
    if (left - right) % P:
        return None
    degree = field.bound(claimed, tangents=values) + 1
    chance = field.chance(degree)
    return Certificate(what, sizes, T, chance, _branches(field))


def _numbers(gradients: Mapping[str, Any], point: Mapping[str, Objects], field: Field) -> Arrays:
    """The gradients that are given, by name, for arrays of the point; of the same shapes."""
    return {
        name: read_objects(gradients[name], f"the gradient for {name}", array.shape, field.constant)
        for name, array in point.items()
        if name in gradients
    }


def _branches(field: Field) -> tuple[Branch, ...]:
    """The comparisons that the subject's code has made, by file and line."""
    lines: dict[tuple[str, int, str], list[int]] = {}
    for (code, line, relation, answer), count in field.branches.items():
        key = (os.path.basename(code.co_filename), line, relation)
        lines.setdefault(key, [0, 0])[not answer] += count
    return tuple(Branch(*key, *counts) for key, counts in sorted(lines.items()))
