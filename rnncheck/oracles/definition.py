"""The network of a spec on any numbers, straight from its definition, one number at a time.

    h_t = φ(W_ih z_t + b_ih + W_hh h_prev + b_hh),    y_t = ψ(W_ho top_t + b_o)

No arrays, no reuse: every number is a sum written out. It is what `forward_is_certified` compares
somebody's own code with, under the same oracles for tanh and exp.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from rnncheck.case import Case
from rnncheck.oracles.following.numbers import Objects

Vector = list[Any]
"""Numbers of one step of one row."""


def defined_forward(case: Case, shift: bool = False) -> tuple[Objects, Objects]:
    """(output, h_n) of a case whose arrays hold such numbers; the padding is the int 0.

    shift: whether the largest argument of a softmax is taken from all of them before exp.
    """
    shapes = case.spec.array_shapes(case.T, case.B)
    output, h_n = (np.zeros(shapes[name], dtype=object) for name in ("output", "h_n"))
    for b, steps in enumerate(case.valid_steps()):
        x = [list(case.x[t, b]) for t in range(steps)]
        outputs, finals = _Row(case, b, shift).run(x, [list(h) for h in case.h0[:, b]])
        for t, y in enumerate(outputs):
            output[t, b] = y
        for s, h in enumerate(finals):
            h_n[s, b] = h
    return output, h_n


class _Row:
    """One batch row of a case."""

    def __init__(self, case: Case, b: int, shift: bool) -> None:
        self.case, self.spec, self.b, self.shift = case, case.spec, b, shift

    def run(self, x: list[Vector], h0: list[Vector]) -> tuple[list[Vector], list[Vector]]:
        """Outputs and final states; generated steps run again on one more step of x."""
        outputs, finals = self._layers(x, h0)
        for _ in range(self.spec.generated):
            x = [*x, outputs[-1]]
            outputs, finals = self._layers(x, h0)
        return outputs, finals

    def _layers(self, x: list[Vector], h0: list[Vector]) -> tuple[list[Vector], list[Vector]]:
        spec, z, finals = self.spec, x, list(h0)
        for layer in range(spec.num_layers):
            if layer and self.case.dropout_masks is not None:
                masks = self.case.dropout_masks[layer - 1]
                z = [
                    [m * v for m, v in zip(masks[t, self.b], z_t, strict=True)]
                    for t, z_t in enumerate(z)
                ]
            halves = []
            for direction in range(spec.num_directions):
                row = layer * spec.num_directions + direction
                states = self._cell(
                    spec.suffix(layer, direction), z[::-1] if direction else z, h0[row]
                )
                finals[row] = states[-1] if states else h0[row]
                halves.append(states[::-1] if direction else states)
            z = [reduce(add, parts) for parts in zip(*halves, strict=True)]
        last = finals[-spec.num_directions :]
        tops = {"all": z, "last": z[-1:], "final": [reduce(add, last)]}[spec.outputs]
        return [self._readout(top) for top in tops], finals

    def _cell(self, suffix: str, steps: list[Vector], h: Vector) -> list[Vector]:
        p, states = self.case.parameters, []
        phi = ACTIVATIONS[self.spec.nonlinearity]
        for z in steps:
            a = _affine(p[f"weight_ih_{suffix}"], z, p.get(f"bias_ih_{suffix}"))
            b = _affine(p[f"weight_hh_{suffix}"], h, p.get(f"bias_hh_{suffix}"))
            h = [phi(i + j) for i, j in zip(a, b, strict=True)]
            states.append(h)
        return states

    def _readout(self, top: Vector) -> Vector:
        if self.spec.output_size is None:
            return top
        p = self.case.parameters
        s = _affine(p["weight_ho"], top, p.get("bias_o"))
        if self.spec.readout != "softmax":
            return [ACTIVATIONS[self.spec.readout](v) for v in s]
        if self.shift:
            largest = max(s)
            s = [v - largest for v in s]
        powers = [v.exp() for v in s]
        total = reduce(add, powers)
        return [power / total for power in powers]


def _affine(weights: Objects, vector: Sequence[Any], bias: Objects | None) -> Vector:
    """W v + b."""
    sums: Vector = [sum(w * v for w, v in zip(row, vector, strict=True)) for row in weights]
    return sums if bias is None else [s + b for s, b in zip(sums, bias, strict=True)]


def _relu(a: Any) -> Any:  # noqa: ANN401 - any number
    return a if a > 0 else 0 * a


ACTIVATIONS: Mapping[str, Callable[[Any], Any]] = {
    "tanh": lambda a: a.tanh(),
    "relu": _relu,
    "sigmoid": lambda a: 1 / (1 + (-a).exp()),
    "identity": lambda a: a,
}
