"""The network in NumPy, every local operation off by as much as it may be.

A leading axis holds the samples, each with errors of its own: a fleet of networks in one call. Without
noise it is the plain network. Bounds, u the unit roundoff, n the number of terms (N. Higham, "Accuracy
and Stability of Numerical Algorithms", §3.1: any order of summation, with or without fused
multiply-add):

    a dot product, n terms           n·u·Σ|aᵢbᵢ|
    tanh, sigmoid                    8u·|h|            (4 ulp; ReLU and identity are exact)
    softmax                          (2(|s| + max|s|) + O + 16)·u·p

`sampled` goes back through it.
"""

from dataclasses import dataclass

import numpy as np

from rnncheck.case import Case
from rnncheck.oracles.noise import Noise, Samples
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


class SampledForward:
    """Forward over one case with the errors that `noise` draws.

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
