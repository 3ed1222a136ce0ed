"""The recurrent network: `Cell`s in layers and directions, and a `Readout`, for one sequence."""

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from operator import add
from typing import NamedTuple, Protocol, TypeVar

from rnncheck.implementations.scalar.activations import ACTIVATIONS, Activation, identity, softmax
from rnncheck.implementations.scalar.cell import Cell, Readout
from rnncheck.implementations.scalar.nested import Nested
from rnncheck.implementations.scalar.trace import Places, Trace, Weights
from rnncheck.spec import Outputs, RNNSpec

F = TypeVar("F", bound=Activation | Callable[..., object])
Rows = Sequence[Places]
Matrix = Sequence[Sequence[float]]
Masks = Sequence[Matrix]


class Unrolled(NamedTuple):
    """What the network made of one sequence of n steps, the generated ones among them.

    All but the trace are places in it. x, h0: the steps and the states (L·D, H) that were given.
    top: the last layer's states (n, D·H). output: what is read from them (n, features), or the one
    read last (1, features); this one is missing where n = 0 and no step was "last". h_n: each
    cell's last state (L·D, H).
    """

    trace: Trace
    x: Rows
    h0: Rows
    top: Rows
    output: Rows
    h_n: Rows


class Network(NamedTuple):
    """`cells[layer][direction]`, and a readout or None.

    outputs: which states are read, as in `RNNSpec`. generated: G, the steps after the given ones.
    """

    cells: Sequence[Sequence[Cell]]
    readout: Readout | None
    outputs: Outputs = "all"
    generated: int = 0

    def unroll(self, x_numbers: Matrix, h0_numbers: Matrix, masks: Masks | None = None) -> Unrolled:
        """Run one sequence x (n, I) from the states h0 (L·D, H), then generate G steps more.

        A generated step reads what the step before has put out: `x_t = output_{t-1}`. These are
        the same values, not copies, and so the gradient finds its way back through them.
        masks: as in `run`, for n + G steps or more.
        """
        trace = Trace()
        x, h0 = [[trace.leaves(row) for row in rows] for rows in (x_numbers, h0_numbers)]
        top, h_n = self.run(trace, x, h0, _steps(masks, 0, len(x)))
        output = self.read(trace, self._states_to_read(top, h_n))
        for t in range(len(x), len(x) + self.generated):
            h_t, h_n = self.run(trace, [output[-1]], h_n, _steps(masks, t, t + 1))
            top += h_t
            output += self.read(trace, h_t)
        return Unrolled(trace, x, h0, top, output, h_n)

    def run(
        self, trace: Trace, x: Rows, h0: Rows, masks: Masks | None = None
    ) -> tuple[list[Places], list[Places]]:
        """The last layer's states (n, D·H), and each cell's last state (L·D, H).

        With `z^0 = x`, layer l makes of `z^l` the states `h^l`, its directions side by side, and
        `z^{l+1} = masks[l] · h^l`, element by element. masks: (L-1, n, D·H), or None for all 1.
        """
        z = list(x)
        initial = iter(h0)
        h_n: list[Places] = []
        for layer, directions in enumerate(self.cells):
            if layer > 0 and masks is not None:
                z = list(map(trace.scaled, z, masks[layer - 1]))
            states: list[list[Places]] = []
            for direction, cell in enumerate(directions):
                h, last = cell.run(trace, z, next(initial), reverse=direction == 1)
                states.append(h)
                h_n.append(last)
            z = states[0] if len(states) == 1 else [*map(_concat, *states)]
        return z, h_n

    def read(self, trace: Trace, states: Rows) -> list[Places]:
        """The output that belongs to each state (D·H): the readout's, or the state itself."""
        if self.readout is None:
            return [*states]
        return [self.readout.read(trace, h) for h in states]

    def _states_to_read(self, top: Rows, h_n: Rows) -> Rows:
        """All of `top`, its last step (none, if it has none), or the last layer's part of h_n."""
        if self.outputs == "last":
            return top[-1:]
        if self.outputs == "final":
            return [_concat(*h_n[-len(self.cells[-1]) :])]
        return top

    def weights(self) -> list[Weights]:
        """Those of every cell and of the readout."""
        cells = [cell.weights for cell in chain.from_iterable(self.cells)]
        return cells if self.readout is None else [*cells, self.readout.weights]

    def parameter_gradients(self, spec: RNNSpec) -> dict[str, Nested[float]]:
        """What `differentiate` has added up, by name and in the order of `spec.parameter_shapes()`.

        Both biases of a cell are added to the same sum, and so have the same gradient.
        """
        found: dict[str, Nested[float]] = {}
        H = spec.hidden_size
        for layer, direction in spec.cells():
            suffix, weights = spec.suffix(layer, direction), self.cells[layer][direction].weights
            found[f"weight_ih_{suffix}"] = [d_w[:-H] for d_w in weights.d_rows]
            found[f"weight_hh_{suffix}"] = [d_w[-H:] for d_w in weights.d_rows]
            if spec.bias:
                found[f"bias_ih_{suffix}"] = weights.d_bias[:]
                found[f"bias_hh_{suffix}"] = weights.d_bias[:]
        if self.readout is not None:
            found["weight_ho"] = self.readout.weights.d_rows
            if spec.readout_bias:
                found["bias_o"] = self.readout.weights.d_bias
        return found


class Stand(Protocol):
    """A choice of what stands for a function of floats, with its slope if it has one."""

    def __call__(self, f: F) -> F:
        """What stands for f."""


def itself(f: F) -> F:
    """A function stands for itself."""
    return f


def build_network(
    spec: RNNSpec, parameters: Mapping[str, Matrix], stand_in: Stand = itself
) -> Network:
    """The network that `spec` describes, made of these numbers.

    parameters: by name, a bias as a matrix of one row; an absent bias is 0. stand_in: for the
    functions of floats in it.
    """

    phi = stand_in(ACTIVATIONS[spec.nonlinearity])
    cells = [
        [
            Cell(_cell_weights(parameters, spec.suffix(layer, direction)), phi)
            for direction in range(spec.num_directions)
        ]
        for layer in range(spec.num_layers)
    ]
    readout = None
    if spec.output_size is not None:
        rows = [[*w] for w in parameters["weight_ho"]]
        bias = [*parameters["bias_o"][0]] if spec.readout_bias else [0.0] * len(rows)
        readout = Readout(
            Weights(rows, bias),
            stand_in(ACTIVATIONS.get(spec.readout, identity)),
            stand_in(softmax) if spec.readout == "softmax" else None,
        )
    return Network(cells, readout, spec.outputs, spec.generated)


def _cell_weights(parameters: Mapping[str, Matrix], suffix: str) -> Weights:
    matrices = parameters[f"weight_ih_{suffix}"], parameters[f"weight_hh_{suffix}"]
    rows = [[*w, *u] for w, u in zip(*matrices, strict=True)]
    if f"bias_ih_{suffix}" not in parameters:
        return Weights(rows, [0.0] * len(rows))
    biases = parameters[f"bias_ih_{suffix}"][0], parameters[f"bias_hh_{suffix}"][0]
    return Weights(rows, [*map(add, *biases)])


def _concat(*directions: Places) -> Places:
    """The states (H) of the directions as one (D·H)."""
    return directions[0] if len(directions) == 1 else tuple(chain.from_iterable(directions))


def _steps(masks: Masks | None, start: int, stop: int) -> Masks | None:
    """The masks of these steps: `masks[:, start:stop]`."""
    return None if masks is None else [mask[start:stop] for mask in masks]
