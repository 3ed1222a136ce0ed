"""Back-propagation through time in ball arithmetic: the quick way to exact gradients.

With δ_t the gradient for φ's argument at step t, and `d_t` what reaches h_t from above (and, at the
last step, from `h_n`):

    δ_t = φ'(h_t) ⊙ (d_t + W_hhᵀ δ_next),   dW_ih = Σ δ_t z_tᵀ,   dW_hh = Σ δ_t h_prevᵀ,
    db = Σ δ_t,   dz_t = W_ihᵀ δ_t,   dh0 = W_hhᵀ δ_first.

It is itself tested, to 40 digits, against exact finite differences of the forward pass
(`differences.exact`), which rest on no derivation at all.
"""

from functools import partial

from flint import arb

from rnncheck.oracles import balls
from rnncheck.oracles.balls import Ball, Matrix
from rnncheck.oracles.drift import largest
from rnncheck.oracles.exact import ExactNetwork, Kinks, RowTrace


class RowBackward:
    """The gradients of one row, added into those of the batch."""

    def __init__(self, net: ExactNetwork, b: int, trace: RowTrace, kinks: Kinks) -> None:
        self.net, self.spec, self.b = net, net.spec, b
        self.trace, self.kinks = trace, kinks
        self.gradients: dict[str, Matrix] = {}

    def run(
        self, d_outputs: list[Matrix], d_last: list[Matrix]
    ) -> tuple[list[Matrix], list[Matrix]]:
        """Fill `gradients`; return those for the row's `x` (a column a step) and `h0`.

        A generated step's x is the output before it, so its cotangent belongs to that output. The
        last one is complete at once; each further sweep completes the one before it.
        """
        given = len(self.trace.cells[0, 0].inputs) - self.spec.generated
        total = list(d_outputs)
        d_x, d_h0 = self._layers(total, d_last)
        for t in reversed(range(given, given + self.spec.generated)):
            total[t - 1] = d_outputs[t - 1] + d_x[t]
            d_x, d_h0 = self._layers(total, d_last)
        return d_x[:given], d_h0

    def _layers(
        self, d_outputs: list[Matrix], d_last: list[Matrix]
    ) -> tuple[list[Matrix], list[Matrix]]:
        spec = self.spec
        self.gradients = {}
        d_tops, d_last = self._tops(self._readout(d_outputs), d_last)
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
                d_z = [self.net.dropped(layer, t, self.b, d) for t, d in enumerate(d_z)]
            d_tops = d_z
        return d_tops, d_h0

    def _tops(
        self, d_read: list[Matrix], d_last: list[Matrix]
    ) -> tuple[list[Matrix], list[Matrix]]:
        """From what was read to the top layer's states, one a step, and to the final states."""
        spec, steps = self.spec, len(self.trace.cells[0, 0].inputs)
        if spec.outputs == "all":
            return d_read, d_last
        width = spec.num_directions * spec.hidden_size
        nothing = [balls.zeros(width) for _ in range(steps)]
        if spec.outputs == "last":
            return [*nothing[:-1], *d_read], d_last
        halves = balls.split(d_read[0], spec.num_directions)
        first = spec.num_states - spec.num_directions
        finals = [a + b for a, b in zip(d_last[first:], halves, strict=True)]
        return nothing, [*d_last[:first], *finals]

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
            way = self.net.recurrence(suffix, steps)
            for slope, d in zip(reversed(slopes), reversed(d_states), strict=True):
                delta = balls.multiply(slope, d + carry)
                start, delta = way.step(delta, partial(_steepest, slope))
                deltas.append(delta)
                carry = w_hh_T * start
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


def _steepest(slopes: Matrix, _states: Matrix) -> Ball:
    """A bound of a step's slopes, which are enclosed already."""
    return largest(slopes)
