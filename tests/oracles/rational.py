"""Linear and ReLU networks in rational numbers: forward and backward, every number on the way kept.

Written from the equations of `RNNSpec`, one number at a time, and on purpose in no clever order: the
terms of every sum are shuffled first, and each partial sum counts as a number that was met.
"""

import itertools
from collections import defaultdict
from fractions import Fraction
from typing import Any

import numpy as np

from rnncheck.case import Case

Vector = list[Fraction]
Sums = list[Vector]
"""The terms of each entry of a vector, to be summed later."""


def significant_bits(number: Fraction) -> int:
    """How long a significand has to be to hold a dyadic number."""
    assert number.denominator & (number.denominator - 1) == 0
    numerator = abs(number.numerator)
    return (numerator // (numerator & -numerator)).bit_length() if numerator else 0


class Rational:
    """Runs a case. results: every array by name, flat, in C order. most_bits: of any number met."""

    def __init__(self, case: Case, seed: int = 0) -> None:
        self.case, self.spec = case, case.spec
        self.random = np.random.default_rng(seed)
        self.most_bits = 0
        self.terms: dict[str, dict[tuple[int, ...], Vector]] = defaultdict(
            lambda: defaultdict(list)
        )
        self.weights = {n: fractions(a) for n, a in case.parameters.items()}
        shapes = {**self.spec.array_shapes(case.T, case.B), "x": case.x.shape}
        self.arrays = {n: np.full(shapes[n], Fraction(0)) for n in ("output", "h_n", "x", "h0")}
        for b in range(case.B):
            self.row(b)
        self.results = {name: list(a.ravel()) for name, a in self.arrays.items()}
        for name, shape in self.spec.parameter_shapes().items():
            self.results[name] = [self.total(self.terms[name][i]) for i in np.ndindex(shape)]

    def met(self, number: Fraction) -> Fraction:
        self.most_bits = max(self.most_bits, significant_bits(number))
        return number

    def total(self, terms: Vector) -> Fraction:
        partial = Fraction(0)
        for i in self.random.permutation(len(terms)):
            partial = self.met(partial + terms[i])
        return partial

    def totals(self, sums: Sums) -> Vector:
        return [self.total(terms) for terms in sums]

    def scaled(self, factors: Vector, vector: Vector) -> Vector:
        return [self.met(a * b) for a, b in zip(factors, vector, strict=True)]

    def times(self, matrix: list[Vector], vector: Vector) -> Sums:
        return [self.scaled(row, vector) for row in matrix]

    def keep(self, name: str, delta: Vector, z: Vector | None = None) -> None:
        """Terms of the gradient for a weight: δ zᵀ; without a z, for a bias: δ."""
        for i, d in enumerate(delta):
            if z is None:
                self.terms[name][i,].append(d)
            else:
                for j, v in enumerate(z):
                    self.terms[name][i, j].append(self.met(d * v))

    def row(self, b: int) -> None:
        """One batch row, forward and backward."""
        case, spec, D, H = self.case, self.spec, self.spec.num_directions, self.spec.hidden_size
        n = int(case.valid_steps()[b])
        z: list[Vector] = [fractions(case.x[t, b]) for t in range(n)]
        inputs, cells, finals = [], [], []
        for layer in range(spec.num_layers):
            z = [self.dropped(layer, t, b, v) for t, v in enumerate(z)]
            inputs.append(z)
            starts = [fractions(case.h0[layer * D + d, b]) for d in range(D)]
            cells.append([self.cell(layer, d, z, start) for d, start in enumerate(starts)])
            finals += [last for _, _, last in cells[-1]]
            z = [joined(states[t] for _, states, _ in cells[-1]) for t in range(n)]
        tops = {"all": z, "last": z[-1:], "final": [joined(finals[-D:])]}[spec.outputs]
        for t, top in enumerate(tops):
            self.arrays["output"][t, b] = self.readout(top)
        self.arrays["h_n"][:, b] = finals

        d_last = [single(fractions(case.d_h_n[s, b])) for s in range(spec.num_states)]
        d_read = [self.readout_back(fractions(case.d_output[t, b]), v) for t, v in enumerate(tops)]
        d_z: list[Sums] = [[[] for _ in range(D * H)] for _ in range(n)]
        if spec.outputs == "final":
            d_finals = both(joined(d_last[-D:]), d_read[0])
            d_last[-D:] = [d_finals[d * H : (d + 1) * H] for d in range(D)]
        else:
            d_z[n - len(d_read) :] = d_read
        for layer in reversed(range(spec.num_layers)):
            d_tops, d_z = d_z, [[[] for _ in v] for v in inputs[layer]]
            for d in range(D):
                halves = [sums[d * H : (d + 1) * H] for sums in d_tops]
                _, states, _ = cells[layer][d]
                before, row = cells[layer][d][0], layer * D + d
                order = range(n)[:: -1 if d else 1]
                deltas = self.deltas(layer, d, order, states, halves, d_last[row])
                self.arrays["h0"][row, b] = self.carried(layer, d, order, deltas, d_last[row])
                self.gradients(layer, d, deltas, inputs[layer], before)
                W_ih_T = transposed(self.weights[f"weight_ih_{spec.suffix(layer, d)}"])
                d_z = [both(d_z[t], self.times(W_ih_T, deltas[t])) for t in range(n)]
            summed = [self.totals(sums) for sums in d_z]
            d_z = [single(self.dropped(layer, t, b, v)) for t, v in enumerate(summed)]
        for t in range(n):
            self.arrays["x"][t, b] = self.totals(d_z[t])

    def dropped(self, layer: int, t: int, b: int, z: Vector) -> Vector:
        masks = self.case.dropout_masks
        return (
            z if masks is None or not layer else self.scaled(fractions(masks[layer - 1, t, b]), z)
        )

    def cell(
        self, layer: int, direction: int, z: list[Vector], h: Vector
    ) -> tuple[Any, Any, Vector]:
        """By step of the case: the state before and the state; and the last state."""
        suffix = self.spec.suffix(layer, direction)
        before: list[Vector] = [[] for _ in z]
        states: list[Vector] = [[] for _ in z]
        for t in range(len(z))[:: -1 if direction else 1]:
            before[t] = h
            sums = both(
                self.times(self.weights[f"weight_ih_{suffix}"], z[t]),
                self.times(self.weights[f"weight_hh_{suffix}"], h),
            )
            if self.spec.bias:
                biases = zip(
                    *(self.weights[f"bias_{k}_{suffix}"] for k in ("ih", "hh")), strict=True
                )
                sums = both(sums, [list(pair) for pair in biases])
            relu = self.spec.nonlinearity == "relu"
            h = states[t] = [max(a, Fraction(0)) if relu else a for a in self.totals(sums)]
        return before, states, h

    def readout(self, top: Vector) -> Vector:
        if self.spec.output_size is None:
            return top
        sums = self.times(self.weights["weight_ho"], top)
        return self.totals(
            both(sums, single(self.weights["bias_o"])) if self.spec.readout_bias else sums
        )

    def readout_back(self, d: Vector, top: Vector) -> Sums:
        if self.spec.output_size is None:
            return single(d)
        self.keep("weight_ho", d, top)
        self.keep("bias_o", d)
        return self.times(transposed(self.weights["weight_ho"]), d)

    def deltas(
        self, layer: int, direction: int, order: range, states: list[Vector], d_tops: list[Sums],
        d_last: Sums,
    ) -> list[Vector]:  # fmt: skip
        """δ_s = Σ_t δ_{t→s}, lag by lag: δ_{t→t} = φ'_t g_t, δ_{t→s} = φ'_s W_hhᵀ δ_{t→s+1}."""
        W_hh_T = transposed(self.weights[f"weight_hh_{self.spec.suffix(layer, direction)}"])
        k, relu = self.spec.truncation, self.spec.nonlinearity == "relu"
        slopes = [[Fraction(int(not relu or h > 0)) for h in state] for state in states]
        parts: list[Sums] = [[[] for _ in W_hh_T] for _ in order]
        for i, t in enumerate(order):
            d = self.totals(both(d_tops[t], d_last) if t == order[-1] else d_tops[t])
            for s in reversed(order[: i + 1] if k is None else order[max(i - k, 0) : i + 1]):
                d = self.scaled(slopes[s], d)
                parts[s] = both(parts[s], single(d))
                d = self.totals(self.times(W_hh_T, d))
        return [self.totals(sums) for sums in parts]

    def carried(
        self, layer: int, direction: int, order: range, deltas: list[Vector], d_last: Sums
    ) -> Vector:
        """The gradient for the first state."""
        if not order:
            return self.totals(d_last)
        W_hh_T = transposed(self.weights[f"weight_hh_{self.spec.suffix(layer, direction)}"])
        return self.totals(self.times(W_hh_T, deltas[order[0]]))

    def gradients(
        self,
        layer: int,
        direction: int,
        deltas: list[Vector],
        z: list[Vector],
        before: list[Vector],
    ) -> None:
        suffix = self.spec.suffix(layer, direction)
        for delta, v, h in zip(deltas, z, before, strict=True):
            self.keep(f"weight_ih_{suffix}", delta, v)
            self.keep(f"weight_hh_{suffix}", delta, h)
            self.keep(f"bias_ih_{suffix}", delta)
            self.keep(f"bias_hh_{suffix}", delta)


def fractions(array: Any) -> Any:
    """The numbers of an array, exactly: a list, or a list of rows."""
    return [Fraction(float(v)) if np.ndim(v) == 0 else fractions(v) for v in array]


def transposed(matrix: list[Vector]) -> list[Vector]:
    return [list(column) for column in zip(*matrix, strict=True)]


def joined(lists: Any) -> Any:
    return list(itertools.chain.from_iterable(lists))


def single(vector: Vector) -> Sums:
    return [[v] for v in vector]


def both(a: Sums, b: Sums) -> Sums:
    """The terms of each entry of a + b."""
    return [p + q for p, q in zip(a, b, strict=True)]
