"""The straight way: plain layers on rows of full length, forward and backward, and fast.

`network` and `cell` can do everything. Of layers with one direction, no padding, no dropout and no
truncation, the equations of `cell` remain, for one after the other; φ' at a_t is read off h_t, and z
is x or the h of the layer below:

    (1)  a_t = W_ih z_t + b + W_hh h_{t-1}            (2)  h_t = φ(a_t)
    (4)  δ_t = φ'(a_t) ⊙ (g_t + W_hhᵀ δ_{t+1})       W_hhᵀ δ_T stands for d_h_n
    (5)  d_z_t = W_ihᵀ δ_t      d_W_ih = Σ δ_t z_tᵀ      d_W_hh = Σ δ_t h_{t-1}ᵀ      d_b = Σ δ_t

Only two of their products must wait for the step before: W_hh h_{t-1} and W_hhᵀ δ_{t+1}. The other
four are alike at every step t of every row, so that each is one product of large matrices, and the
sum over t and rows is a part of it: with Z, H⁻ and Δ the z_t, h_{t-1} and δ_t of all of them as
rows, and 1 a vector of ones,

    A = Z W_ihᵀ + b      d_Z = Δ W_ih      d_W_ih = Δᵀ Z      d_W_hh = Δᵀ H⁻      d_b = Δᵀ 1

What is left in the loops is a product, a sum and φ (or φ'): three calls of NumPy a step, none of
which makes an array (`memory`).
"""

from collections.abc import Mapping

import numpy as np

from rnncheck.implementations.manual.activations import IN_PLACE, Array, InPlace
from rnncheck.implementations.manual.memory import (
    LayerGradients,
    LayerTape,
    layer_gradients,
    rows,
)
from rnncheck.implementations.manual.padding import Lengths
from rnncheck.spec import RNNSpec


class Tape:
    """A network's layers, from below, for x (T, B, I); it shares no memory with anything outside.

    names: those of each layer's parameters.
    """

    def __init__(self, spec: RNNSpec, x: Array) -> None:
        self.spec = spec
        self.layers: list[LayerTape] = []
        z = np.empty((*x.shape[:2], spec.input_size), x.dtype)
        for _ in range(spec.num_layers):
            self.layers.append(LayerTape(spec.hidden_size, z))
            z = self.layers[-1].h
        kinds = ("weight_ih", "weight_hh", *(("bias_ih", "bias_hh") if spec.bias else ()))
        self.names = [[f"{kind}_l{number}" for kind in kinds] for number in range(spec.num_layers)]

    def fits(self, spec: RNNSpec, x: Array) -> bool:
        """Whether it is for this network and an x of this size.

        And whether its views are still views: copied or pickled one by one, they are not.
        """
        layer = self.layers[0]
        same = x.shape == layer.z.shape and x.dtype == layer.z.dtype and spec == self.spec
        return same and layer.h.base is layer.states


class Gradients:
    """New arrays for a network's gradients: d_h0 (L, B, H), and those of its layers."""

    def __init__(self, tape: Tape) -> None:
        product = tape.layers[0].product
        self.h0 = np.empty((len(tape.layers), *product.shape), product.dtype)
        self.layers = list(map(layer_gradients, tape.layers, self.h0))
        self.by_name: dict[str, Array] = {}
        for names, gradients in zip(tape.names, self.layers, strict=True):
            self.by_name.update(zip(names, gradients, strict=False))
        self.by_name["x"], self.by_name["h0"] = self.layers[0].d_z, self.h0


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
    run(tape, parameters, x, h0)
    return tape.layers[-1].h.copy(), np.array([layer.states[-1] for layer in tape.layers]), tape


def backward(tape: Tape, d_output: Array, d_h_n: Array) -> dict[str, Array]:
    """The gradient of sum(d_output * output) + sum(d_h_n * h_n), "x" and "h0" the last."""
    gradients = Gradients(tape)
    run_back(tape, d_output, d_h_n, gradients)
    return gradients.by_name


def run(tape: Tape, parameters: Mapping[str, Array], x: Array, h0: Array) -> None:
    """Equations (1) and (2) for all layers, written into the tape."""
    activation = IN_PLACE[tape.spec.nonlinearity]
    tape.layers[0].z[...] = x
    for number, (layer, names) in enumerate(zip(tape.layers, tape.names, strict=True)):
        layer.load(*[np.asarray(parameters[name], x.dtype) for name in names])
        layer.states[0] = h0[number]
        _run_layer(layer, activation)


def run_back(tape: Tape, d_output: Array, d_h_n: Array, gradients: Gradients) -> None:
    """Equations (4) and (5) for all layers, the last one first, written into the gradients."""
    activation = IN_PLACE[tape.spec.nonlinearity]
    gradients.h0[...] = d_h_n
    d_h = d_output
    for layer, found in zip(reversed(tape.layers), reversed(gradients.layers), strict=True):
        _run_layer_back(layer, found, activation, d_h)
        d_h = found.d_z


def _run_layer(layer: LayerTape, activation: InPlace) -> None:
    """Equations (1) and (2): A of a block, then its steps."""
    weight_hh_T, product, phi = layer.weight_hh_T, layer.product, activation.value
    add = np.add
    for block in layer.blocks:
        block.z.dot(layer.weight_ih_T, block.a)
        add(block.a, layer.bias, block.a)
        for h_prev, h in block.steps:
            h_prev.dot(weight_hh_T, product)
            add(h, product, h)
            phi(h, h)


def _run_layer_back(layer: LayerTape, found: LayerGradients, phi: InPlace, d_h: Array) -> None:
    """Equation (4) and d_Z block by block, the last one first; then the sums over all steps."""
    back, weight_hh, carry, scale = layer.back, layer.weight_hh, found.d_h0, phi.scale
    d_z_rows, add = rows(found.d_z), np.add
    for block in back.blocks:
        block.g[...] = d_h[block.of]
        phi.slope(block.h, block.delta)
        for g, delta in block.steps:
            add(carry, g, carry)
            scale(delta, carry, delta)
            delta.dot(weight_hh, carry)
        block.delta_rows.dot(layer.weight_ih, d_z_rows[block.rows])
    back.delta_columns.dot(back.z_rows, found.weight_ih)
    back.delta_columns.dot(back.h_prev_rows, found.weight_hh)
    back.ones.dot(back.delta_rows, found.bias_ih)
    found.bias_hh[...] = found.bias_ih
