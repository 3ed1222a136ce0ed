"""The recurrent network: `Cell`s in layers and directions, and a `Readout`, for one sequence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from rnncheck.implementations.scalar.cell import (
    NONLINEARITIES,
    READOUTS,
    Cell,
    Matrix,
    Readout,
    Vector,
)
from rnncheck.implementations.scalar.nested import Array3, Nested
from rnncheck.implementations.scalar.value import Value
from rnncheck.spec import RNNSpec


@dataclass(frozen=True)
class Unrolled:
    """What the network made of one sequence of n steps.

    top: the last layer's states (n, D·H). output: what is read from them (n, features).
    h_n: each cell's last state (L·D, H).
    """

    top: Matrix
    output: Matrix
    h_n: Matrix


@dataclass(frozen=True)
class Network:
    """`cells[layer][direction]`, and a readout or None."""

    cells: Sequence[Sequence[Cell]]
    readout: Readout | None

    def unroll(self, x: Matrix, h0: Matrix, masks: Array3 | None = None) -> Unrolled:
        """Run one sequence x (n, I) from the states h0 (L·D, H).

        With `z^0 = x`, layer l makes of `z^l` the states `h^l`, its directions side by side, and
        `z^{l+1} = masks[l] · h^l`, element by element. masks: (L-1, n, D·H), or None for all 1.
        """
        z = x
        initial = iter(h0)
        h_n: list[Vector] = []
        for layer, directions in enumerate(self.cells):
            if layer > 0 and masks is not None:
                z = _drop(z, masks[layer - 1])
            states: list[Matrix] = []
            for direction, cell in enumerate(directions):
                h, last = cell.run(z, next(initial), reverse=direction == 1)
                states.append(h)
                h_n.append(last)
            z = [[h_j for h in step for h_j in h] for step in zip(*states, strict=True)]
        output = z if self.readout is None else [self.readout.read(h) for h in z]
        return Unrolled(z, output, h_n)


def build_network(spec: RNNSpec, parameters: Mapping[str, Nested[Value]]) -> Network:
    """The network that `spec` describes, made of these very values; an absent bias is 0."""

    def matrix(name: str) -> Matrix:
        return cast(Matrix, parameters[name])

    def bias(name: str, size: int) -> Vector:
        return cast(Vector, parameters[name]) if name in parameters else [Value(0.0)] * size

    def cell(layer: int, direction: int) -> Cell:
        suffix = spec.suffix(layer, direction)
        return Cell(
            matrix(f"weight_ih_{suffix}"),
            matrix(f"weight_hh_{suffix}"),
            bias(f"bias_ih_{suffix}", spec.hidden_size),
            bias(f"bias_hh_{suffix}", spec.hidden_size),
            NONLINEARITIES[spec.nonlinearity],
        )

    cells = [
        [cell(layer, direction) for direction in range(spec.num_directions)]
        for layer in range(spec.num_layers)
    ]
    if spec.output_size is None:
        return Network(cells, None)
    bias_o = bias("bias_o", spec.output_size)
    return Network(cells, Readout(matrix("weight_ho"), bias_o, READOUTS[spec.readout]))


def _drop(h: Matrix, mask: Sequence[Sequence[float]]) -> Matrix:
    """`mask · h`, element by element."""
    return [
        [m_j * h_j for m_j, h_j in zip(m_t, h_t, strict=True)]
        for m_t, h_t in zip(mask, h, strict=True)
    ]
