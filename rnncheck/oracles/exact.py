"""The exact oracle: the network and its gradients in ball arithmetic, good to any digit.

Every batch row is run alone, as a list of columns, straight from the definition of `RNNSpec`:

    h_t = φ(W_ih z_t + b_ih + W_hh h_prev + b_hh),    y_t = ψ(W_ho top_t + b_o)

and backwards, with δ_t the gradient for φ's argument at step t and `d_t` what reaches h_t from
above (and, at the last step, from `h_n`):

    δ_t = φ'(h_t) ⊙ (d_t + W_hhᵀ δ_next),   dW_ih = Σ δ_t z_tᵀ,   dW_hh = Σ δ_t h_prevᵀ,
    db = Σ δ_t,   dz_t = W_ihᵀ δ_t,   dh0 = W_hhᵀ δ_first.

This quick way to the gradients is itself tested, to 40 digits, against exact finite differences
of the forward pass (`differences.exact_differences`), which rest on no derivation at all.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from flint import arb

from rnncheck.case import Case
from rnncheck.oracles import balls
from rnncheck.oracles.balls import Ball, Matrix
from rnncheck.spec import Nonlinearity

Activation = Callable[[Ball], Ball]


@dataclass(frozen=True)
class Kinks:
    """How ReLU's derivative is taken where its argument cannot be told from 0.

    convention: the derivative there, in [0, 1] (torch: 0). found: how many such entries there were.
    """

    convention: float = 0.0
    found: list[tuple[int, ...]] = field(default_factory=list)


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
    """One batch row: the cells by (layer, direction), the top layer's states, the outputs."""

    cells: dict[tuple[int, int], CellTrace]
    tops: list[Matrix]
    outputs: list[Matrix]


class ExactNetwork:
    """The network of a case, its numbers as balls at the working precision.

    arrays: other values for some of the case's arrays (object arrays of balls), by name:
    so finite differences move one entry by an amount that no float could hold.
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
        """Run one batch row over its valid steps `x` from its states `h0`."""
        spec, cells = self.spec, {}
        z = x
        for layer in range(spec.num_layers):
            if layer:
                z = [self._dropped(layer, t, b, top) for t, top in enumerate(z)]
            halves = []
            for direction in range(spec.num_directions):
                steps = z[::-1] if direction else z
                start = h0[layer * spec.num_directions + direction]
                cell = self._cell(spec.suffix(layer, direction), steps, start)
                cells[layer, direction] = cell
                halves.append(cell.states[::-1] if direction else cell.states)
            z = [balls.stack(*states) for states in zip(*halves, strict=True)]
        return RowTrace(cells, z, [self._readout(top) for top in z])

    def _dropped(self, layer: int, t: int, b: int, top: Matrix) -> Matrix:
        masks = self.case.dropout_masks
        return top if masks is None else balls.multiply(balls.column(masks[layer - 1, t, b]), top)

    def _cell(self, suffix: str, steps: list[Matrix], h: Matrix) -> CellTrace:
        phi = activation(self.spec.nonlinearity)
        w_ih, w_hh = self.weights[f"weight_ih_{suffix}"], self.weights[f"weight_hh_{suffix}"]
        before, arguments, states = [], [], []
        for z in steps:
            a = w_ih * z + w_hh * h
            if self.spec.bias:
                a += self.weights[f"bias_ih_{suffix}"] + self.weights[f"bias_hh_{suffix}"]
            before.append(h)
            h = balls.elementwise(phi, a)
            arguments.append(a)
            states.append(h)
        return CellTrace(steps, before, arguments, states, h)

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
        kinks.found.append(())
        return arb(kinks.convention)

    return slope


class RowBackward:
    """The gradients of one row, added into those of the batch."""

    def __init__(self, net: ExactNetwork, b: int, trace: RowTrace, kinks: Kinks) -> None:
        self.net, self.spec, self.b = net, net.spec, b
        self.trace, self.kinks = trace, kinks
        self.gradients: dict[str, Matrix] = {}

    def run(
        self, d_outputs: list[Matrix], d_last: list[Matrix]
    ) -> tuple[list[Matrix], list[Matrix]]:
        """Fill `gradients`; return those for the row's `x` (a column a step) and `h0`."""
        spec = self.spec
        d_tops = self._readout(d_outputs)
        d_h0: list[Matrix] = [balls.zeros(spec.hidden_size)] * spec.num_states
        for layer in reversed(range(spec.num_layers)):
            halves = [balls.split(d, spec.num_directions) for d in d_tops]
            d_z = [balls.zeros(spec.layer_input_size(layer)) for _ in d_tops]
            for direction in range(spec.num_directions):
                row = layer * spec.num_directions + direction
                d_states = [half[direction] for half in halves]
                d_inputs, d_h0[row] = self._cell(layer, direction, d_states, d_last[row])
                d_z = [a + b for a, b in zip(d_z, d_inputs, strict=True)]
            if layer:
                d_z = [self.net._dropped(layer, t, self.b, d) for t, d in enumerate(d_z)]
            d_tops = d_z
        return d_tops, d_h0

    def _readout(self, d_outputs: list[Matrix]) -> list[Matrix]:
        if self.spec.output_size is None:
            return d_outputs
        pairs = list(zip(self.trace.outputs, d_outputs, strict=True))
        deltas = [self._readout_delta(y, d) for y, d in pairs]
        self._accumulate("weight_ho", "bias_o", self.spec.readout_bias, deltas, self.trace.tops)
        return [self.net.transpose("weight_ho") * delta for delta in deltas]

    def _readout_delta(self, y: Matrix, d: Matrix) -> Matrix:
        """ψ'ᵀ d: the softmax's Jacobian is diag(y) - y yᵀ."""
        if self.spec.readout == "identity":
            return d
        if self.spec.readout == "sigmoid":
            return balls.elementwise(lambda v, g: v * (1 - v) * g, y, d)
        inner = sum(balls.multiply(y, d).entries(), arb(0))
        return balls.elementwise(lambda v, g: v * (g - inner), y, d)

    def _cell(
        self, layer: int, direction: int, d_states: list[Matrix], d_last: Matrix
    ) -> tuple[list[Matrix], Matrix]:
        cell, suffix = self.trace.cells[layer, direction], self.spec.suffix(layer, direction)
        if not cell.states:
            return [], d_last
        d_states = d_states[::-1] if direction else d_states
        d_states = [*d_states[:-1], d_states[-1] + d_last]
        deltas = self._deltas(suffix, self.net.slopes(cell, self.kinks), d_states)
        self._accumulate(
            f"weight_ih_{suffix}", f"bias_ih_{suffix}", self.spec.bias, deltas, cell.inputs
        )
        self._accumulate(
            f"weight_hh_{suffix}", f"bias_hh_{suffix}", self.spec.bias, deltas, cell.before
        )
        d_inputs = [self.net.transpose(f"weight_ih_{suffix}") * delta for delta in deltas]
        d_h0 = self.net.transpose(f"weight_hh_{suffix}") * deltas[0]
        return d_inputs[::-1] if direction else d_inputs, d_h0

    def _deltas(self, suffix: str, slopes: list[Matrix], d_states: list[Matrix]) -> list[Matrix]:
        """δ_t of every step; truncated: δ_s = Σ δ_{t→s} over the outputs t with t - s ≤ k only."""
        w_hh_T = self.net.transpose(f"weight_hh_{suffix}")
        steps, k = len(d_states), self.spec.truncation
        if k is None or k >= steps - 1:
            deltas, carry = [], balls.zeros(self.spec.hidden_size)
            for slope, d in zip(reversed(slopes), reversed(d_states), strict=True):
                deltas.append(balls.multiply(slope, d + carry))
                carry = w_hh_T * deltas[-1]
            return deltas[::-1]
        deltas = [balls.zeros(self.spec.hidden_size) for _ in d_states]
        for t, d in enumerate(d_states):
            for s in range(t, max(t - k, 0) - 1, -1):
                part = balls.multiply(slopes[s], d)
                deltas[s] += part
                d = w_hh_T * part
        return deltas

    def _accumulate(
        self, weight: str, bias: str, has_bias: bool, deltas: list[Matrix], inputs: list[Matrix]
    ) -> None:
        """dW += Σ δ_t z_tᵀ and db += Σ δ_t."""
        rows, columns = self.net.weights[weight].nrows(), self.net.weights[weight].ncols()
        left = balls.side_by_side(deltas, rows)
        self._add(weight, left * balls.side_by_side(inputs, columns).transpose())
        if has_bias:
            self._add(bias, sum(deltas, balls.zeros(rows)))

    def _add(self, name: str, term: Matrix) -> None:
        self.gradients[name] = self.gradients[name] + term if name in self.gradients else term
