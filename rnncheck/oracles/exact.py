"""The exact oracle: the network in ball arithmetic, good to any digit.

Every batch row is run alone, as a list of columns, straight from the definition of `RNNSpec`:

    h_t = φ(W_ih z_t + b_ih + W_hh h_prev + b_hh),    y_t = ψ(W_ho top_t + b_o)

Its gradients are in `exact_backward`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from flint import arb

from rnncheck.case import Case
from rnncheck.oracles import balls
from rnncheck.oracles.balls import Ball, Matrix
from rnncheck.oracles.drift import Recurrence, largest, recurrence
from rnncheck.spec import Nonlinearity

Activation = Callable[[Ball], Ball]


@dataclass(frozen=True)
class Kinks:
    """How ReLU's derivative is taken where its argument cannot be told from 0.

    convention: the derivative there, in [0, 1] (torch: 0). found: the arguments themselves.
    """

    convention: float = 0.0
    found: list[Ball] = field(default_factory=list)

    @property
    def undecided(self) -> int:
        """How many of them are not exactly 0, but a ball around it: more precision would tell."""
        return sum(not a.is_zero() for a in self.found)


def activation(name: Nonlinearity) -> Activation:
    """φ on a ball."""
    return {"tanh": Ball.tanh, "relu": _relu, "sigmoid": _sigmoid, "identity": lambda a: a}[name]


def _relu(a: Ball) -> Ball:
    return a if a > 0 else arb(0) if a <= 0 else arb(0).union(a.upper())


def _sigmoid(a: Ball) -> Ball:
    return 1 / (1 + (-a).exp())


@dataclass(frozen=True)
class CellTrace:
    """One layer, one direction, one batch row, in the order in which it ran.

    inputs z_t, before h_prev, arguments a_t = W_ih z_t + ... of φ, states h_t; last: the state at
    the end (h0 if there was no step).
    """

    inputs: list[Matrix]
    before: list[Matrix]
    arguments: list[Matrix]
    states: list[Matrix]
    last: Matrix


@dataclass(frozen=True)
class RowTrace:
    """One batch row: the cells by (layer, direction), what the readout reads, the outputs."""

    cells: dict[tuple[int, int], CellTrace]
    tops: list[Matrix]
    outputs: list[Matrix]


class ExactNetwork:
    """The network of a case, its numbers as balls at the working precision.

    `weights` may be written into: so finite differences move an entry by less than a float can hold.
    """

    def __init__(self, case: Case) -> None:
        self.case, self.spec = case, case.spec
        self.weights: dict[str, Matrix] = {
            name: balls.matrix(a) if a.ndim == 2 else balls.column(a)
            for name, a in case.parameters.items()
        }
        self.transposed: dict[str, Matrix] = {}

    def transpose(self, name: str) -> Matrix:
        """A weight matrix transposed, made once."""
        if name not in self.transposed:
            self.transposed[name] = self.weights[name].transpose()
        return self.transposed[name]

    def row(self, b: int, x: list[Matrix], h0: list[Matrix]) -> RowTrace:
        """Run one batch row over its valid steps `x` from its states `h0`.

        Generated steps: the sequence is run again with its last output as one more step of x.
        """
        trace = self._layers(b, x, h0)
        for _ in range(self.spec.generated):
            x = [*x, trace.outputs[-1]]
            trace = self._layers(b, x, h0)
        return trace

    def _layers(self, b: int, x: list[Matrix], h0: list[Matrix]) -> RowTrace:
        spec, z = self.spec, x
        cells: dict[tuple[int, int], CellTrace] = {}
        for layer in range(spec.num_layers):
            if layer:
                z = [self.dropped(layer, t, b, top) for t, top in enumerate(z)]
            halves = []
            for direction in range(spec.num_directions):
                steps = z[::-1] if direction else z
                start = h0[layer * spec.num_directions + direction]
                cell = self._cell(spec.suffix(layer, direction), steps, start)
                cells[layer, direction] = cell
                halves.append(cell.states[::-1] if direction else cell.states)
            z = [balls.stack(*states) for states in zip(*halves, strict=True)]
        tops = self._tops(z, cells)
        return RowTrace(cells, tops, [self._readout(top) for top in tops])

    def _tops(self, states: list[Matrix], cells: dict[tuple[int, int], CellTrace]) -> list[Matrix]:
        """What the readout reads: every state of the top layer, the last one, or the final ones."""
        if self.spec.outputs == "final":
            top = self.spec.num_layers - 1
            finals = [cells[top, d].last for d in range(self.spec.num_directions)]
            return [balls.stack(*finals)]
        return states if self.spec.outputs == "all" else states[-1:]

    def dropped(self, layer: int, t: int, b: int, top: Matrix) -> Matrix:
        """The top of a layer times its dropout mask at one step of one row."""
        masks = self.case.dropout_masks
        return top if masks is None else balls.multiply(balls.column(masks[layer - 1, t, b]), top)

    def _cell(self, suffix: str, steps: list[Matrix], h: Matrix) -> CellTrace:
        phi = activation(self.spec.nonlinearity)
        w_ih, w_hh = self.weights[f"weight_ih_{suffix}"], self.weights[f"weight_hh_{suffix}"]
        way, start = self.recurrence(suffix, len(steps)), h
        before, arguments, states = [], [], []
        for z in steps:
            a = w_ih * z + w_hh * start
            if self.spec.bias:
                a += self.weights[f"bias_ih_{suffix}"] + self.weights[f"bias_hh_{suffix}"]
            before.append(h)
            arguments.append(way.argument(a))
            start, h = way.step(balls.elementwise(phi, a), self._steepest)
            states.append(h)
        return CellTrace(steps, before, arguments, states, h)

    def recurrence(self, suffix: str, steps: int) -> Recurrence:
        """How a cell's states, or their gradients, are enclosed over so many steps."""
        name = f"weight_hh_{suffix}"
        return recurrence(self.weights[name], self.case.parameters[name], steps)

    def _steepest(self, states: Matrix) -> Ball:
        """A bound of φ', where φ has these values."""
        slope = {"tanh": lambda h: 1 - h * h, "sigmoid": lambda h: h * (1 - h)}
        of = slope.get(self.spec.nonlinearity)
        return arb(1) if of is None else largest(balls.elementwise(of, states))

    def _readout(self, top: Matrix) -> Matrix:
        if self.spec.output_size is None:
            return top
        s = self.weights["weight_ho"] * top
        if self.spec.readout_bias:
            s += self.weights["bias_o"]
        if self.spec.readout == "softmax":
            powers = balls.elementwise(Ball.exp, s)
            total = sum(powers.entries(), arb(0))
            return balls.elementwise(lambda p: p / total, powers)
        return balls.elementwise(activation(self.spec.readout), s)

    def slopes(self, cell: CellTrace, kinks: Kinks) -> list[Matrix]:
        """φ' at every step, from the state h = φ(a): 1 - h², h(1 - h), 1, and 1 or 0 for ReLU."""
        relu = _relu_slope(kinks)
        slope: Callable[[Ball, Ball], Ball] = {
            "tanh": lambda a, h: 1 - h * h,
            "relu": lambda a, h: relu(a),
            "sigmoid": lambda a, h: h * (1 - h),
            "identity": lambda a, h: arb(1),
        }[self.spec.nonlinearity]
        pairs = zip(cell.arguments, cell.states, strict=True)
        return [balls.elementwise(slope, a, h) for a, h in pairs]


def _relu_slope(kinks: Kinks) -> Activation:
    def slope(a: Ball) -> Ball:
        if a > 0:
            return arb(1)
        if a < 0:
            return arb(0)
        kinks.found.append(a)
        return arb(kinks.convention)

    return slope
