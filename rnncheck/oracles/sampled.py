"""The network and its gradients in NumPy, every local operation off by as much as it may be.

A leading axis holds the samples, each with errors of its own; without noise it is the plain
network. Bounds, u the unit roundoff, n the number of terms (N. Higham, "Accuracy and Stability
of Numerical Algorithms", §3.1: any order of summation, with or without fused multiply-add):

    a dot product, n terms           n·u·Σ|aᵢbᵢ|
    tanh, sigmoid                    8u·|h|            (4 ulp; ReLU and identity are exact)
    φ' from h                        4u for 1 - h², 4u·|h| for h(1 - h)
    a product of computed values     3u·|value|
    softmax                          (2(|s| + max|s|) + O + 16)·u·p
"""

from dataclasses import dataclass

import numpy as np

from rnncheck.case import Case
from rnncheck.oracles.noise import Mask, Noise, Samples
from rnncheck.spec import Nonlinearity

ACTIVATION_ULPS = 4


@dataclass
class CellRun:
    """One layer and direction, in the order of time of the case: all `(K, T, B, ·)`."""

    inputs: Samples
    before: Samples
    arguments: Samples
    states: Samples


def activate(name: Nonlinearity, a: Samples) -> Samples:
    """φ, without overflow."""
    if name == "tanh":
        return np.tanh(a)
    if name == "relu":
        return np.where(a > 0, a, 0.0)
    if name == "sigmoid":
        small = np.exp(-np.abs(a))
        return np.where(a >= 0, 1.0, small) / (1.0 + small)
    return a


def slope(name: Nonlinearity, h: Samples, a: Samples) -> tuple[Samples, Samples]:
    """φ' and the bound of its rounding error, in units of u."""
    if name == "tanh":
        return 1.0 - h * h, np.full_like(h, 4.0)
    if name == "sigmoid":
        return h * (1.0 - h), 4.0 * h
    if name == "relu":
        return (a > 0).astype(h.dtype), np.zeros_like(h)
    return np.ones_like(h), np.zeros_like(h)


class SampledNetwork:
    """Forward and backward over one case with the errors that `noise` draws.

    absolute_activation: bound the activation's error by an absolute 8u instead of 8u·|h|, as a
    hand-made (eᵃ - e⁻ᵃ)/(eᵃ + e⁻ᵃ) needs where |h| is tiny. x: samples (K, T, B, I) of what comes
    from another layer, each off already, in place of the case's x.
    """

    def __init__(
        self,
        case: Case,
        noise: Noise,
        absolute_activation: bool = False,
        x: Samples | None = None,
    ) -> None:
        self.case, self.spec, self.noise = case, case.spec, noise
        self.x: Samples = case.x.astype(np.float64) if x is None else x
        self.absolute_activation = absolute_activation
        self.p = {name: a.astype(np.float64) for name, a in case.parameters.items()}
        self.T = case.T + case.spec.generated
        self.last = case.valid_steps() + case.spec.generated
        self.valid = np.arange(self.T)[:, None] < self.last[None, :]
        self.runs: dict[tuple[int, int], CellRun] = {}
        self.gradients: dict[str, Samples] = {}

    def forward(self) -> tuple[Samples, Samples]:
        """`output (K, T, B, ·)` and `h_n (K, L·D, B, H)`."""
        spec, K = self.spec, self.noise.samples
        x = np.zeros((K, self.T, self.case.B, spec.input_size))
        x[:, : self.case.T] = np.where(self.valid[: self.case.T, :, None], self.x, 0.0)
        output, h_n = self._layers(x)
        for t in range(self.case.T, self.T):
            x[:, t] = output[:, t - 1]
            output, h_n = self._layers(x)
        return output, h_n

    def _layers(self, z: Samples) -> tuple[Samples, Samples]:
        """One pass through all layers; for generated steps there is one more for each, alike so far."""
        self.noise.restart()
        spec = self.spec
        h_n = np.empty((self.noise.samples, spec.num_states, self.case.B, spec.hidden_size))
        for layer in range(spec.num_layers):
            if layer:
                z = self._dropped(layer, z)
            halves = []
            for direction in range(spec.num_directions):
                run, last = self._cell(layer, direction, z)
                self.runs[layer, direction] = run
                h_n[:, layer * spec.num_directions + direction] = last
                halves.append(np.where(self.valid[..., None], run.states, 0.0))
            z = np.concatenate(halves, axis=-1)
        self.tops = self._tops(z, h_n)
        self.output = self._readout(self.tops)
        return self.output, h_n

    def _tops(self, states: Samples, h_n: Samples) -> Samples:
        """What the readout reads, and in `read` which of it is no padding."""
        spec = self.spec
        self.read = ~self.case.output_padding()[..., None]
        if spec.outputs == "all":
            return states
        if spec.outputs == "final":
            finals = h_n[:, spec.num_states - spec.num_directions :]
            return np.concatenate(list(finals.swapaxes(0, 1)), axis=-1)[:, None]
        if not self.T:
            return np.zeros((len(h_n), 1, self.case.B, states.shape[-1]))
        rows = np.arange(self.case.B)
        return np.where(self.read, states[:, np.maximum(self.last - 1, 0), rows][:, None], 0.0)

    def _dropped(self, layer: int, z: Samples) -> Samples:
        if self.case.dropout_masks is None:
            return z
        kept = z * self.case.dropout_masks[layer - 1]
        return self.noise.add("pre-activation", kept, 2.0 * np.abs(kept))

    def _steps(self, direction: int) -> list[int]:
        steps = list(range(self.T))
        return steps[::-1] if direction else steps

    def _cell(self, layer: int, direction: int, z: Samples) -> tuple[CellRun, Samples]:
        spec, p, suffix = self.spec, self.p, self.spec.suffix(layer, direction)
        w_ih, w_hh = p[f"weight_ih_{suffix}"], p[f"weight_hh_{suffix}"]
        bias, size = self._bias(suffix)
        linear = z @ w_ih.T + bias
        terms = np.abs(z) @ np.abs(w_ih).T + size
        n = w_ih.shape[1] + spec.hidden_size + 2
        h = self.case.h0[layer * spec.num_directions + direction].astype(np.float64)
        h = np.broadcast_to(h, (self.noise.samples, *h.shape))
        shape = (self.noise.samples, self.T, self.case.B, spec.hidden_size)
        run = CellRun(z, np.zeros(shape), np.zeros(shape), np.zeros(shape))
        for t in self._steps(direction):
            run.before[:, t] = h
            a = linear[:, t] + h @ w_hh.T
            bound = n * (terms[:, t] + np.abs(h) @ np.abs(w_hh).T)
            run.arguments[:, t] = self.noise.add("pre-activation", a, bound, n)
            new = self._activation(spec.nonlinearity, run.arguments[:, t])
            h = np.where(self.valid[t][:, None], new, h)
            run.states[:, t] = h
        return run, h

    def _bias(self, suffix: str) -> tuple[Samples, Samples]:
        if not self.spec.bias:
            zero = np.zeros(self.spec.hidden_size)
            return zero, zero
        first, second = self.p[f"bias_ih_{suffix}"], self.p[f"bias_hh_{suffix}"]
        return first + second, np.abs(first) + np.abs(second)

    def _activation(self, name: Nonlinearity, a: Samples) -> Samples:
        h = activate(name, a)
        if name in ("relu", "identity"):
            return h
        size = np.ones_like(h) if self.absolute_activation else np.abs(h)
        return self.noise.add("activation", h, 2 * ACTIVATION_ULPS * size)

    def _readout(self, top: Samples) -> Samples:
        if self.spec.output_size is None:
            return top
        V = self.p["weight_ho"]
        c = self.p.get("bias_o", np.zeros(self.spec.output_size))
        s = top @ V.T + c
        n = V.shape[1] + 1
        s = self.noise.add("readout", s, n * (np.abs(top) @ np.abs(V).T + np.abs(c)), n)
        y = (
            self._softmax(s)
            if self.spec.readout == "softmax"
            else self._activation(self.spec.readout, s)
        )
        return np.where(self.read, y, 0.0)

    def _softmax(self, s: Samples) -> Samples:
        powers = np.exp(s - s.max(axis=-1, keepdims=True))
        p = powers / powers.sum(axis=-1, keepdims=True)
        largest = np.abs(s).max(axis=-1, keepdims=True)
        return self.noise.add(
            "readout", p, (2.0 * (np.abs(s) + largest) + s.shape[-1] + 16.0) * p, s.shape[-1]
        )

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
