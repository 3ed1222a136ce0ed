"""Closed forms in NumPy: one step of one layer, and bounds on numbers and norms."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.oracles.noise import Mask
from rnncheck.spec import Nonlinearity, Readout, RNNSpec

SQUARINGS = 30
"""They leave the bound of a norm H^(1/2³²) times too large."""

RANGES: dict[Nonlinearity | Readout, tuple[float, float]] = {
    "tanh": (-1.0, 1.0),
    "relu": (0.0, math.inf),
    "sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "identity": (-math.inf, math.inf),
}
"""Between what the values of φ and ψ lie."""


def largest_slope(nonlinearity: Nonlinearity) -> float:
    """max |φ'|: 1, of a sigmoid 1/4."""
    return 0.25 if nonlinearity == "sigmoid" else 1.0


def excess(value: Array, bound: Array) -> tuple[Array, Array, Array]:
    """What is above a bound, what it must be (0), and how far it is from that."""
    with np.errstate(invalid="ignore"):
        above = np.where(value > bound, value - bound, 0.0)
    above = np.where(np.isnan(value), np.nan, above)
    return above, np.zeros_like(above), above


def spectral_norm(weights: Array) -> float:
    """‖W‖₂ from above: λ(W Wᵀ)^m ≤ ‖(W Wᵀ)^m‖_F for m = 2^SQUARINGS.

    A product of H x H matrices rounds by H u ‖P‖_F² while ‖P²‖_F ≥ ‖P‖_F² / H, so by the part
    H² u, which counts half for the first, a quarter for the next, ...: H² u in all. The sum
    of logarithms adds 2 u (|log| + 1) for each.
    """
    wide, H = weights.astype(np.float64), len(weights)
    largest = float(np.abs(wide).max())
    if not largest:
        return 0.0
    power, log = (wide / largest) @ (wide / largest).T, 0.0
    for squaring in range(SQUARINGS + 1):
        size = float(np.linalg.norm(power))
        log += math.log(size) / 2**squaring
        power = (power / size) @ (power / size)
    unit = float(np.finfo(np.float64).eps) / 2
    doubt = 2 * H * H * unit + 2 * (SQUARINGS + 1) * (abs(log) + 1) * unit
    return largest * math.exp(log / 2) * (1 + doubt)


def with_second_output(case: Case) -> Case:
    """The readout of one output with another, whose weights and cotangents are -1/2 of the first's."""

    def widened(array: Array, axis: int) -> Array:
        return np.concatenate([array, array * array.dtype.type(-0.5)], axis)

    readout = {
        n: widened(case.parameters[n], 0) for n in ("weight_ho", "bias_o") if n in case.parameters
    }
    return case.replace(
        spec=replace(case.spec, output_size=2),
        parameters={**case.parameters, **readout},
        d_output=widened(case.d_output, -1),
    )


def first_step(case: Case) -> Case:
    """The first step alone, with the cotangents of what is put out there and of the state."""
    every = case.spec.outputs == "all"
    masks = case.dropout_masks
    return case.replace(
        spec=replace(case.spec, generated=0),
        x=case.x[:1],
        d_output=case.d_output[:1] if every else case.d_output,
        lengths=None if case.lengths is None else np.minimum(case.lengths, 1),
        dropout_masks=None if masks is None else masks[:, :1],
    )


@dataclass(frozen=True)
class OneStep:
    """h = φ(W_ih x + b_ih + W_hh h0 + b_hh), y = ψ(V h + c), and back, for one layer of T = 1.

    Rows without a step keep their h0 (and nothing is put out for them, unless it is the final state).
    """

    case: Case

    def arrays(self) -> dict[str, Array]:
        """`output`, `h_n`, and the gradient for every parameter, x and h0."""
        spec, valid = self.case.spec, (self.case.valid_steps() > 0)[:, None]
        p: dict[str, Array] = {
            name: array.astype(np.float64) for name, array in self.case.parameters.items()
        }
        x = np.where(valid, self.case.x[0], 0.0).astype(np.float64)
        h0 = self.case.h0.astype(np.float64)
        suffixes = [spec.suffix(*cell) for cell in spec.cells()]
        weights = [(p[f"weight_ih_{s}"], p[f"weight_hh_{s}"]) for s in suffixes]
        a = np.stack([x @ W.T + h @ U.T for (W, U), h in zip(weights, h0, strict=True)])
        a = a + biases(spec, p)[:, None]
        h_n = np.where(valid, phi(spec.nonlinearity, a), h0)
        read = valid | (spec.outputs == "final")
        output, back, d_top = self._readout(p, np.concatenate(list(h_n), axis=-1), read)
        d = self.case.d_h_n + np.stack(np.split(d_top, spec.num_directions, axis=-1))
        delta = np.where(valid, slope(spec.nonlinearity, a) * d, 0.0)
        back["x"] = np.zeros((1, *x.shape))
        back["h0"] = np.where(valid, 0.0, d)
        for row, (suffix, (W, U)) in enumerate(zip(suffixes, weights, strict=True)):
            back[f"weight_ih_{suffix}"] = delta[row].T @ x
            back[f"weight_hh_{suffix}"] = delta[row].T @ h0[row]
            back[f"bias_ih_{suffix}"] = back[f"bias_hh_{suffix}"] = delta[row].sum(axis=0)
            back["x"] += delta[row] @ W
            back["h0"][row] += delta[row] @ U
        return {"output": output[None], "h_n": h_n, **back}

    def _readout(
        self, p: dict[str, Array], top: Array, read: Mask
    ) -> tuple[Array, dict[str, Array], Array]:
        """y of what is read, the gradients for V and c, and that for what is read."""
        spec = self.case.spec
        d = np.where(read, self.case.d_output[0], 0.0).astype(np.float64)
        if spec.output_size is None:
            return np.where(read, top, 0.0), {}, d
        V, y = p["weight_ho"], read_out(spec, p, top)
        if spec.readout == "sigmoid":
            d = d * y * (1.0 - y)
        elif spec.readout == "softmax":
            d = y * (d - (y * d).sum(axis=-1, keepdims=True))
        back = {"weight_ho": d.T @ np.where(read, top, 0.0), "bias_o": d.sum(axis=0)}
        return np.where(read, y, 0.0), back, d @ V


def phi(name: Nonlinearity | Readout, a: Array) -> Array:
    """The nonlinearity, entry by entry."""
    if name == "tanh":
        return np.tanh(a)
    if name == "relu":
        return np.maximum(a, 0.0)
    if name == "sigmoid":
        small = np.exp(-np.abs(a))
        return np.where(a >= 0, 1.0, small) / (1.0 + small)
    return a


def slope(name: Nonlinearity, a: Array) -> Array:
    """φ', entry by entry; of ReLU at 0 it is 0."""
    if name == "tanh":
        return 1.0 - np.tanh(a) ** 2
    if name == "relu":
        return np.where(a > 0, 1.0, 0.0)
    if name == "sigmoid":
        return phi(name, a) * phi(name, -a)
    return np.ones_like(a)


def read_out(spec: RNNSpec, parameters: Mapping[str, Array], top: Array) -> Array:
    """y = ψ(V h + c) of the states that are read, or these themselves without a readout."""
    if spec.output_size is None:
        return top
    V = parameters["weight_ho"].astype(np.float64)
    s = top @ V.T + parameters.get("bias_o", np.zeros(len(V)))
    if spec.readout != "softmax":
        return phi(spec.readout, s)
    powers = np.exp(s - s.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def biases(spec: RNNSpec, parameters: Mapping[str, Array]) -> Array:
    """b_ih + b_hh of every cell `(L·D, H)`, 0 for a network without."""
    if not spec.bias:
        return np.zeros((spec.num_states, spec.hidden_size))
    suffixes = [spec.suffix(*cell) for cell in spec.cells()]
    return np.stack(
        [
            parameters[f"bias_ih_{s}"].astype(np.float64) + parameters[f"bias_hh_{s}"]
            for s in suffixes
        ]
    )


def driven_by_biases(spec: RNNSpec, size: float, both: bool) -> dict[str, Array]:
    """Weights of 0, and biases whose sum is ±size, of units in turn; both: half in each bias."""
    parameters: dict[str, Array] = {
        name: np.zeros(shape) for name, shape in spec.parameter_shapes().items()
    }
    for number, cell in enumerate(spec.cells()):
        signs = (-1.0) ** (np.arange(spec.hidden_size) + number)
        for name in ("bias_ih", "bias_hh"):
            part = 0.5 if both else float(name == "bias_ih")
            parameters[f"{name}_{spec.suffix(*cell)}"] = part * size * signs
    return parameters


def at_the_kink(case: Case) -> Case:
    """x, h0, W_hh and the biases 0: so is every argument of the nonlinearity of the lowest layer.

    Only the top layer's h_n has a cotangent: that of a lower one goes through fewer nonlinearities than
    what comes from above, and a gradient would be a sum of several powers of the slope.
    """
    zero = {
        n: np.zeros_like(a)
        for n, a in case.parameters.items()
        if n.startswith(("weight_hh", "bias_ih", "bias_hh"))
    }
    d_h_n = case.d_h_n.copy()
    d_h_n[: -case.spec.num_directions] = 0.0
    return case.replace(
        d_h_n=d_h_n,
        parameters={**case.parameters, **zero},
        x=np.where(np.isnan(case.x), case.x, np.zeros_like(case.x)),
        h0=np.zeros_like(case.h0),
    )


def relus_above(spec: RNNSpec) -> dict[str, int]:
    """By name, how many layers' φ' the gradients for x and the biases are multiplied by, if W_hh = 0."""
    powers = {"x": spec.num_layers}
    for layer, direction in spec.cells() if spec.bias else ():
        for name in ("bias_ih", "bias_hh"):
            powers[f"{name}_{spec.suffix(layer, direction)}"] = spec.num_layers - layer
    return powers
