"""The gradients of `SampledForward`, every local operation off by as much as it may be.

Bounds beside those of the forward pass, u the unit roundoff:

    φ' from h                        4u for 1 - h², 4u·|h| for h(1 - h)
    a product of computed values     3u·|value|
"""

import numpy as np

from rnncheck.oracles.noise import Mask, Samples
from rnncheck.oracles.sampled_forward import CellRun, SampledForward
from rnncheck.spec import Nonlinearity


def slope(name: Nonlinearity, h: Samples, a: Samples) -> tuple[Samples, Samples]:
    """φ' and the bound of its rounding error, in units of u."""
    if name == "tanh":
        return 1.0 - h * h, np.full_like(h, 4.0)
    if name == "sigmoid":
        return h * (1.0 - h), 4.0 * h
    if name == "relu":
        return (a > 0).astype(h.dtype), np.zeros_like(h)
    return np.ones_like(h), np.zeros_like(h)


class SampledNetwork(SampledForward):
    """Forward and backward over one case with the errors that `noise` draws; see `SampledForward`."""

    def backward(self, d_output: Samples | None = None) -> dict[str, Samples]:
        """Every gradient with a leading axis of samples; `forward` has run before.

        d_output: samples (K, T, B, ·) of another layer's gradient, in place of the case's cotangent.
        """
        case = self.case
        given = np.where(self.read, case.d_output if d_output is None else d_output, 0.0)
        given = np.broadcast_to(given, (self.noise.samples, *case.d_output.shape))
        d_output = given.astype(np.float64)
        gradients = self._layers_backward(d_output)
        for t in reversed(range(case.T, self.T)):
            d_output[:, t - 1] = given[:, t - 1] + gradients["x"][:, t]
            gradients = self._layers_backward(d_output)
        return {**gradients, "x": gradients["x"][:, : case.T]}

    def _layers_backward(self, d_output: Samples) -> dict[str, Samples]:
        self.noise.restart(backward=True)
        self.gradients: dict[str, Samples] = {}
        spec, case, K = self.spec, self.case, self.noise.samples
        d_top, self.d_last = self._tops_backward(self._readout_backward(d_output))
        d_h0 = np.zeros((K, spec.num_states, case.B, spec.hidden_size))
        for layer in reversed(range(spec.num_layers)):
            halves = np.split(d_top, spec.num_directions, axis=-1)
            total, size = np.zeros(1), np.zeros(1)
            for direction, d_states in enumerate(halves):
                suffix = spec.suffix(layer, direction)
                row = layer * spec.num_directions + direction
                deltas, d_h0[:, row] = self._cell_backward(layer, direction, d_states)
                self._weights(suffix, self.runs[layer, direction], deltas)
                w_ih = self.p[f"weight_ih_{suffix}"]
                total, size = total + deltas @ w_ih, size + np.abs(deltas) @ np.abs(w_ih)
            n = spec.num_directions * spec.hidden_size + 1
            d_top = self.noise.add("carry", total, n * size, n)
            d_top = np.where(self.valid[..., None], d_top, 0.0)
            if layer:
                d_top = self._dropped(layer, d_top)
        ordered = {name: self.gradients[name] for name in spec.parameter_shapes()}
        return {**ordered, "x": d_top, "h0": d_h0}

    def _tops_backward(self, d: Samples) -> tuple[Samples, Samples]:
        """From what was read to the top layer's states, and what reaches each final state."""
        spec, case = self.spec, self.case
        d_last = np.repeat(case.d_h_n[None].astype(np.float64), len(d), axis=0)
        if spec.outputs == "all":
            return d, d_last
        d_states = np.zeros((len(d), self.T, case.B, d.shape[-1]))
        if spec.outputs == "final":
            halves = np.split(d[:, 0], spec.num_directions, axis=-1)
            d_last[:, spec.num_states - spec.num_directions :] += np.stack(halves, axis=1)
        elif self.T:
            at = np.arange(self.T)[:, None] == self.last[None, :] - 1
            d_states = np.where(at[..., None], d, 0.0)
        return d_states, d_last

    def _readout_backward(self, d: Samples) -> Samples:
        spec, y = self.spec, self.output
        if spec.output_size is None:
            return d
        if spec.readout == "sigmoid":
            d = self.noise.add("readout", y * (1.0 - y) * d, 8.0 * np.abs(y * d))
        elif spec.readout == "softmax":
            inner = (y * d).sum(axis=-1, keepdims=True)
            size = np.abs(d) + (np.abs(y * d)).sum(axis=-1, keepdims=True)
            d = self.noise.add(
                "readout", y * (d - inner), (d.shape[-1] + 3.0) * y * size, d.shape[-1]
            )
        self._outer("weight_ho", d, self.tops)
        if spec.readout_bias:
            self._sum("bias_o", d)
        V, n = self.p["weight_ho"], spec.output_size + 1
        return self.noise.add("readout", d @ V, n * (np.abs(d) @ np.abs(V)), n)

    def _cell_backward(
        self, layer: int, direction: int, d_states: Samples
    ) -> tuple[Samples, Samples]:
        """δ_t of every step `(K, T, B, H)`, and the gradient for the first state."""
        spec, run = self.spec, self.runs[layer, direction]
        w_hh = self.p[f"weight_hh_{spec.suffix(layer, direction)}"]
        row = layer * spec.num_directions + direction
        slopes, bound = slope(spec.nonlinearity, run.states, run.arguments)
        slopes = self.noise.add("derivative", slopes, bound)
        last = np.where(self._last_step(direction), self.d_last[:, row, None], 0.0)
        d_states = d_states + last
        order = self._steps(direction)
        if spec.truncation is None or spec.truncation >= self.T - 1:
            deltas = self._sweep(order, slopes, d_states, w_hh)
        else:
            deltas = self._truncated(order, slopes, d_states, w_hh)
        empty = (self.last == 0)[:, None]
        d_first = self._first(order, deltas, direction)
        n = spec.hidden_size + 2
        carry = self.noise.add("carry", d_first @ w_hh, n * (np.abs(d_first) @ np.abs(w_hh)), n)
        return deltas, np.where(empty, self.d_last[:, row], carry)

    def _last_step(self, direction: int) -> Mask:
        """`(T, B, 1)`: which step a direction takes last in each row."""
        steps = np.arange(self.T)[:, None]
        last = np.zeros_like(self.last) if direction else self.last - 1
        found: Mask = ((steps == last[None, :]) & self.valid)[..., None]
        return found

    def _first(self, order: list[int], deltas: Samples, direction: int) -> Samples:
        if not order:
            return np.zeros((self.noise.samples, self.case.B, self.spec.hidden_size))
        first = np.maximum(self.last - 1, 0) if direction else np.zeros(self.case.B, int)
        return deltas[:, first, np.arange(self.case.B)]

    def _sweep(
        self, order: list[int], slopes: Samples, d_states: Samples, w_hh: Samples
    ) -> Samples:
        deltas = np.zeros_like(slopes)
        carry = size = np.zeros((*slopes.shape[:1], *slopes.shape[2:]))
        n = self.spec.hidden_size + 2
        for t in reversed(order):
            d = self.noise.add(
                "carry", d_states[:, t] + carry, n * size + 2.0 * np.abs(d_states[:, t]), n
            )
            delta = slopes[:, t] * d
            delta = self.noise.add("derivative", delta, 3.0 * np.abs(delta))
            deltas[:, t] = np.where(self.valid[t][:, None], delta, 0.0)
            carry, size = deltas[:, t] @ w_hh, np.abs(deltas[:, t]) @ np.abs(w_hh)
        return deltas

    def _truncated(
        self, order: list[int], slopes: Samples, d_states: Samples, w_hh: Samples
    ) -> Samples:
        """δ_s = Σ δ_{t→s} over the outputs t with t - s ≤ k; each output is followed alone."""
        deltas, n = np.zeros_like(slopes), self.spec.hidden_size + 2
        for t in order:
            d, size = d_states[:, t], 2.0 * np.abs(d_states[:, t])
            for s in range(t, max(t - (self.spec.truncation or 0), 0) - 1, -1):
                part = slopes[:, s] * self.noise.add("carry", d, size, n)
                part = self.noise.add("derivative", part, 3.0 * np.abs(part))
                part = np.where(self.valid[t][:, None], part, 0.0)
                deltas[:, s] += part
                d, size = part @ w_hh, n * (np.abs(part) @ np.abs(w_hh))
        return self.noise.add("carry", deltas, (self.spec.truncation or 0) * np.abs(deltas))

    def _weights(self, suffix: str, run: CellRun, deltas: Samples) -> None:
        self._outer(f"weight_ih_{suffix}", deltas, run.inputs)
        self._outer(f"weight_hh_{suffix}", deltas, run.before)
        if self.spec.bias:
            self._sum(f"bias_ih_{suffix}", deltas)
            self._sum(f"bias_hh_{suffix}", deltas)

    def _outer(self, name: str, deltas: Samples, inputs: Samples) -> None:
        """Σ_{t,b} δ zᵀ, off by as much as T·B terms in any order allow."""
        K, rows = len(deltas), deltas.shape[1] * deltas.shape[2]
        left = deltas.reshape(K, rows, deltas.shape[-1]).transpose(0, 2, 1)
        right = inputs.reshape(K, rows, inputs.shape[-1])
        n = rows + 1
        self.gradients[name] = self.noise.add(
            "sum over time", left @ right, n * (np.abs(left) @ np.abs(right)), n
        )

    def _sum(self, name: str, deltas: Samples) -> None:
        n = deltas.shape[1] * deltas.shape[2] + 1
        self.gradients[name] = self.noise.add(
            "sum over time", deltas.sum(axis=(1, 2)), n * np.abs(deltas).sum(axis=(1, 2)), n
        )
