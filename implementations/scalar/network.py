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
from rnncheck.spec import Outputs, RNNSpec


@dataclass(frozen=True)
class Unrolled:
    """What the network made of one sequence of n steps, the generated ones among them.

    top: the last layer's states (n, D·H). output: what is read from them (n, features), or the
    one read last (1, features); this one is missing where n = 0 and no step was "last".
    h_n: each cell's last state (L·D, H).
    """

    top: Matrix
    output: Matrix
    h_n: Matrix


@dataclass(frozen=True)
class Network:
    """`cells[layer][direction]`, and a readout or None.

    outputs: which states are read, as in `RNNSpec`. generated: G, the steps after the given ones.
    """

    cells: Sequence[Sequence[Cell]]
    readout: Readout | None
    outputs: Outputs = "all"
    generated: int = 0

    def unroll(self, x: Matrix, h0: Matrix, masks: Array3 | None = None) -> Unrolled:
        """Run one sequence x (n, I) from the states h0 (L·D, H), then generate G steps more.

        A generated step reads what the step before has put out: `x_t = output_{t-1}`. These are
        the same values, not copies, and so the gradient finds its way back through them.
        masks: as in `run`, for n + G steps or more.
        """
        top, h_n = self.run(x, h0, _steps(masks, 0, len(x)))
        output = [self.read(h) for h in self._states_to_read(top, h_n)]
        for t in range(len(x), len(x) + self.generated):
            h_t, h_n = self.run([output[-1]], h_n, _steps(masks, t, t + 1))
            top += h_t
            output += map(self.read, h_t)
        return Unrolled(top, output, h_n)

    def run(
        self, x: Matrix, h0: Matrix, masks: Array3 | None = None
    ) -> tuple[list[Vector], list[Vector]]:
        """The last layer's states (n, D·H), and each cell's last state (L·D, H).

        With `z^0 = x`, layer l makes of `z^l` the states `h^l`, its directions side by side, and
        `z^{l+1} = masks[l] · h^l`, element by element. masks: (L-1, n, D·H), or None for all 1.
        """
        z = list(x)
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
            z = [_concat(step) for step in zip(*states, strict=True)]
        return z, h_n

    def read(self, h: Vector) -> Vector:
        """The output that belongs to the state h (D·H): the readout's, or h itself."""
        return h if self.readout is None else self.readout.read(h)

    def _states_to_read(self, top: Matrix, h_n: Matrix) -> Matrix:
        """All of `top`, its last step (none, if it has none), or the last layer's part of h_n."""
        if self.outputs == "last":
            return top[-1:]
        if self.outputs == "final":
            return [_concat(h_n[-len(self.cells[-1]) :])]
        return top


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
    readout = None
    if spec.output_size is not None:
        bias_o = bias("bias_o", spec.output_size)
        readout = Readout(matrix("weight_ho"), bias_o, READOUTS[spec.readout])
    return Network(cells, readout, spec.outputs, spec.generated)


def _concat(vectors: Matrix) -> Vector:
    """One vector after the other, as one."""
    return [element for vector in vectors for element in vector]


def _steps(masks: Array3 | None, start: int, stop: int) -> Array3 | None:
    """The masks of these steps: `masks[:, start:stop]`."""
    return None if masks is None else [mask[start:stop] for mask in masks]


def _drop(h: Matrix, mask: Sequence[Sequence[float]]) -> list[Vector]:
    """`mask · h`, element by element."""
    return [
        [m_j * h_j for m_j, h_j in zip(m_t, h_t, strict=True)]
        for m_t, h_t in zip(mask, h, strict=True)
    ]
