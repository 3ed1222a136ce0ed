"""The recurrent network: `Cell`s in layers and directions, and a `Readout`, for one sequence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rnncheck.implementations.scalar.activations import ACTIVATIONS, identity, softmax
from rnncheck.implementations.scalar.cell import Cell, Matrix, Readout, Values
from rnncheck.implementations.scalar.value import Value, Vector, vector
from rnncheck.spec import Outputs, RNNSpec

F = TypeVar("F", bound=Callable[..., object])
Masks = Sequence[Sequence[Sequence[Value | float]]]


@dataclass(frozen=True)
class Unrolled:
    """What the network made of one sequence of n steps, the generated ones among them.

    x, h0: the steps and the states (L·D, H) that were given. top: the last layer's states
    (n, D·H). output: what is read from them (n, features), or the one read last (1, features);
    this one is missing where n = 0 and no step was "last". h_n: each cell's last state (L·D, H).
    """

    x: Matrix
    h0: Matrix
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

    def unroll(self, x: Matrix, h0: Matrix, masks: Masks | None = None) -> Unrolled:
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
        return Unrolled(x, h0, top, output, h_n)

    def run(
        self, x: Matrix, h0: Matrix, masks: Masks | None = None
    ) -> tuple[list[Values], list[Values]]:
        """The last layer's states (n, D·H), and each cell's last state (L·D, H).

        With `z^0 = x`, layer l makes of `z^l` the states `h^l`, its directions side by side, and
        `z^{l+1} = masks[l] · h^l`, element by element. masks: (L-1, n, D·H), or None for all 1.
        """
        z = list(x)
        initial = iter(h0)
        h_n: list[Values] = []
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

    def read(self, h: Values) -> Values:
        """The output that belongs to the state h (D·H): the readout's, or h itself."""
        return h if self.readout is None else self.readout.read(h)

    def _states_to_read(self, top: Matrix, h_n: Matrix) -> Matrix:
        """All of `top`, its last step (none, if it has none), or the last layer's part of h_n."""
        if self.outputs == "last":
            return top[-1:]
        if self.outputs == "final":
            return [_concat(h_n[-len(self.cells[-1]) :])]
        return top


class Stand(Protocol):
    """A choice of what stands for a function of floats."""

    def __call__(self, f: F) -> F:
        """What stands for f."""


def itself(f: F) -> F:
    """A function stands for itself."""
    return f


def build_network(
    spec: RNNSpec, parameters: Mapping[str, Matrix], stand_in: Stand = itself
) -> Network:
    """The network that `spec` describes, made of these very values.

    parameters: by name, a bias as a matrix of one row; an absent bias is 0. stand_in: for the
    functions of floats in it.
    """

    def neurons(size: int, matrices: Sequence[str], biases: Sequence[str]) -> list[Vector]:
        """The weights of each of these many neurons: its row in each matrix, its biases."""
        zeros = [[Value(0.0)] * size]
        columns = zip(*[parameters.get(name, zeros)[0] for name in biases], strict=True)
        rows = zip(*[parameters[name] for name in matrices], columns, strict=True)
        return [vector(_concat(row)) for row in rows]

    def cell(layer: int, direction: int) -> Cell:
        suffix = spec.suffix(layer, direction)
        matrices, biases = (
            [f"{kind}_ih_{suffix}", f"{kind}_hh_{suffix}"] for kind in ("weight", "bias")
        )
        rows = neurons(spec.hidden_size, matrices, biases)
        return Cell(rows, stand_in(ACTIVATIONS[spec.nonlinearity]))

    cells = [
        [cell(layer, direction) for direction in range(spec.num_directions)]
        for layer in range(spec.num_layers)
    ]
    readout = None
    if spec.output_size is not None:
        rows = neurons(spec.output_size, ["weight_ho"], ["bias_o"])
        activation = stand_in(ACTIVATIONS.get(spec.readout, identity))
        readout = Readout(
            rows, activation, stand_in(softmax) if spec.readout == "softmax" else None
        )
    return Network(cells, readout, spec.outputs, spec.generated)


def _concat(vectors: Matrix) -> Values:
    """One vector after the other, as one."""
    return [element for vector in vectors for element in vector]


def _steps(masks: Masks | None, start: int, stop: int) -> Masks | None:
    """The masks of these steps: `masks[:, start:stop]`."""
    return None if masks is None else [mask[start:stop] for mask in masks]


def _drop(h: Matrix, mask: Sequence[Sequence[Value | float]]) -> list[Values]:
    """`mask · h`, element by element."""
    return [
        [m_j * h_j for m_j, h_j in zip(m_t, h_t, strict=True)]
        for m_t, h_t in zip(mask, h, strict=True)
    ]
