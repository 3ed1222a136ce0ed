"""The straight way: plain layers on rows of full length, forward and backward, and fast.

`network` and `cell` can do everything. Of layers with one direction, no padding, no dropout and no
truncation, the equations of `cell` remain, for one after the other; φ' at a_t is read off h_t, and z
is x or the h of the layer below:

    (1)  a_t = W_ih z_t + b + W_hh h_{t-1}            (2)  h_t = φ(a_t)
    (4)  δ_t = φ'(a_t) ⊙ (g_t + W_hhᵀ δ_{t+1})       W_hhᵀ δ_T stands for d_h_n
    (5)  d_z_t = W_ihᵀ δ_t      d_W_ih = Σ δ_t z_tᵀ      d_W_hh = Σ δ_t h_{t-1}ᵀ      d_b = Σ δ_t

Two ways to compute them: where arithmetic takes the time, `large` makes four of the six products one
each for all steps; where the calls of NumPy do, `small` makes them one a step. Neither makes an array
in its loops over time (`memory`).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnncheck.implementations.manual import small
from rnncheck.implementations.manual.activations import IN_PLACE, Array
from rnncheck.implementations.manual.large import LargeLayer
from rnncheck.implementations.manual.memory import Layer, LayerGradients
from rnncheck.implementations.manual.padding import Lengths
from rnncheck.implementations.manual.small import SmallLayer
from rnncheck.spec import RNNSpec


class Tape:
    """A network's layers, from below, for x (T, B, I); it shares no memory with anything outside.

    names: those of each layer's parameters.
    """

    def __init__(self, spec: RNNSpec, x: Array) -> None:
        self.spec, self.x_shape, self.dtype = spec, x.shape, x.dtype
        self.layers: list[Layer] = []
        kind = SmallLayer if small.applies(spec, x.shape[1]) else LargeLayer
        z = np.empty(x.shape, x.dtype)
        for _ in range(spec.num_layers):
            self.layers.append(kind(spec.hidden_size, z))
            z = self.layers[-1].h
        words = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if spec.bias else ()))
        self.names = [[f"{word}_l{number}" for word in words] for number in range(spec.num_layers)]
        self.is_copy = False

    def fits(self, spec: RNNSpec, x: Array) -> bool:
        """Whether a forward pass of this network on an x of this size can be written into it."""
        same_network = spec is self.spec or spec == self.spec
        same_size = x.shape == self.x_shape and x.dtype == self.dtype
        return same_network and same_size and not self.is_copy

    def __getstate__(self) -> dict[str, Any]:
        """A copy goes backward only: copied one by one, views of an array are none of its copy."""
        return vars(self) | {"is_copy": True}


def applies(spec: RNNSpec, T: int, lengths: Lengths | None, dropout_masks: Array | None) -> bool:
    """Whether the straight way is one for this network's layers and these T steps."""
    one_direction = spec.num_directions == 1
    whole = spec.truncation is None or spec.truncation >= T - 1
    kept = dropout_masks is None or spec.num_layers == 1
    full = lengths is None or bool(np.all(np.equal(lengths, T)))
    return one_direction and whole and kept and full


def forward(
    spec: RNNSpec, parameters: Mapping[str, Array], x: Array, h0: Array, used: Tape | None = None
) -> tuple[Array, Array, Tape]:
    """The top layer's output (T, B, H), h_n (L, B, H) and the tape.

    used: a tape that nobody needs any more; if it fits, it becomes this one.
    """
    tape = used if used is not None and used.fits(spec, x) else Tape(spec, x)
    h_n = np.empty(h0.shape, x.dtype)
    run(tape, parameters, x, h0, h_n)
    return tape.layers[-1].h.copy(), h_n, tape


def backward(tape: Tape, d_output: Array, d_h_n: Array) -> dict[str, Array]:
    """The gradient of sum(d_output * output) + sum(d_h_n * h_n), "x" and "h0" the last."""
    return run_back(tape, d_output, d_h_n, np.empty(d_h_n.shape, tape.dtype), new=True)


def run(tape: Tape, parameters: Mapping[str, Array], x: Array, h0: Array, h_n: Array) -> None:
    """Equations (1) and (2) for all layers, written into the tape, and h_n (L, B, H)."""
    activation = IN_PLACE[tape.spec.nonlinearity]
    z = x
    for number, (layer, names) in enumerate(zip(tape.layers, tape.names, strict=True)):
        if z is not layer.z:
            layer.z[...] = z
        layer.load(*[parameters[name] for name in names])
        layer.h0[...] = h0[number]
        layer.run(activation)
        h_n[number] = layer.h_n
        z = layer.h


def run_back(tape: Tape, d_output: Array, d_h_n: Array, d_h0: Array, new: bool) -> dict[str, Array]:
    """Equations (4) and (5) for all layers, the last one first, and d_h0 (L, B, H).

    The gradients are new arrays, or the tape's own, the same at each call.
    """
    activation = IN_PLACE[tape.spec.nonlinearity]
    by_layer: list[LayerGradients] = []
    d_h = d_output
    for number in reversed(range(len(tape.layers))):
        found = tape.layers[number].run_back(activation, d_h, d_h_n[number], new)
        d_h0[number] = found.d_h0
        d_h = found.d_z
        by_layer.append(found)
    gradients: dict[str, Array] = {}
    for names, found in zip(tape.names, reversed(by_layer), strict=True):
        gradients.update(zip(names, found, strict=False))
    gradients["x"], gradients["h0"] = d_h, d_h0
    return gradients
