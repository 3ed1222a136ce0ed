"""Layers, directions and dropout around the cells, for a sequence whose every step is given.

Forward, for layer l with directions d (z^0 = x; m^l are dropout's multipliers, or all 1):

    (1)  h^{l,d} = cell^{l,d}(z^l)                    d = 1 works on the valid steps in reverse
    (2)  z^{l+1} = m^l ⊙ concat(h^{l,0}, h^{l,1})
    (3)  top = concat(h^{L-1,0}, h^{L-1,1})           f = concat(h_n^{L-1,0}, h_n^{L-1,1})
    (4)  output = the readout of top or of f, see `readout`

Backward, from (4) to (1); d_h_n enters each cell beside d_h:

    (4)  d_top and d_f, see `readout`
    (3)  d_h^{L-1,0}, d_h^{L-1,1} = the two halves of d_top; those of d_f add to d_h_n^{L-1,·}
    (1)  d_z^l = d_z from d = 0 plus d_z from d = 1, for both directions read z^l
    (2)  d_h^{l-1,0}, d_h^{l-1,1} = the two halves of m^{l-1} ⊙ d_z^l

As in `cell`, parameters, x, h0 and what becomes of them may have one more axis, the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rnncheck.implementations.manual import cell, readout, straight
from rnncheck.implementations.manual.activations import ACTIVATIONS, Array
from rnncheck.implementations.manual.cell import Cell, CellGradients, CellTape
from rnncheck.implementations.manual.padding import Lengths, reverse_valid_steps, zero_padding
from rnncheck.implementations.manual.readout import ReadoutTape
from rnncheck.spec import RNNSpec


@dataclass(frozen=True, eq=False)
class Tape:
    """What `backward` needs of a forward pass; it shares no memory with anything outside.

    cells: the tapes of the cells, at l·D + d, or that of all layers if they went the straight way.
    """

    spec: RNNSpec
    lengths: Lengths
    dropout_masks: Array | None
    cells: tuple[CellTape, ...] | straight.Tape
    readout: ReadoutTape


def forward(
    spec: RNNSpec,
    parameters: Mapping[str, Array],
    x: Array,
    h0: Array,
    lengths: Lengths | None = None,
    dropout_masks: Array | None = None,
    used: Tape | straight.Tape | None = None,
) -> tuple[Array, Array, Tape | straight.Tape]:
    """Equations (1) to (4), computed in x's dtype.

    x (T, B, I), h0 (L·D, B, H), lengths (B,) or None for T everywhere, dropout_masks
    (L-1, T, B, D·H) or None. used: a tape that nobody needs any more, whose arrays may be written
    into. Returns output (T, B, O or D·H), of time axis 1 unless spec.outputs is "all", h_n
    (L·D, B, H) and the tape. spec.generated is the business of `generation`.
    Shapes are not checked here; the parameters must be spec.parameter_shapes()'s, or KeyError.
    """
    (T, B, _), dtype = x.shape[-3:], x.dtype
    if x.ndim == 3 and straight.applies(spec, T, lengths, dropout_masks):
        return _forward_straight(spec, parameters, x, h0, used)
    n = np.full(B, T) if lengths is None else np.array(lengths, dtype=np.intp)
    own = {name: _own(parameters[name], dtype) for name in spec.parameter_shapes()}
    initial = _own(h0, dtype)
    masks = None if dropout_masks is None else zero_padding(_own(dropout_masks, dtype), n)

    z = zero_padding(_own(x, dtype), n)
    final: list[Array] = []
    tapes: list[CellTape] = []
    for layer in range(spec.num_layers):
        if layer > 0 and masks is not None:
            z = masks[layer - 1] * z
        outputs: list[Array] = []
        for direction in range(spec.num_directions):
            this = _cell(spec, own, layer, direction)
            h0_row = initial[..., len(tapes), :, :]
            h_n, tape = cell.forward(this, _order(z, n, direction), h0_row, n)
            final.append(h_n)
            tapes.append(tape)
            outputs.append(_order(tape.h, n, direction))
        z = np.concatenate(outputs, axis=-1)
    f = np.concatenate(final[-spec.num_directions :], axis=-1)
    read = readout.forward(spec, own, z, f, n)
    h_n = np.stack(final, axis=-3)
    return read.output.copy(), h_n, Tape(spec, n, masks, tuple(tapes), read)


def backward(tape: Tape | straight.Tape, d_output: Array, d_h_n: Array) -> dict[str, Array]:
    """The gradient of sum(d_output * output) + sum(d_h_n * h_n).

    d_output and d_h_n have the shapes of output and h_n. Returns the gradient of every parameter,
    in the order of spec.parameter_shapes(), then of "x", then of "h0".
    """
    if isinstance(tape, straight.Tape):
        return straight.backward(tape, d_output, d_h_n)
    spec, n = tape.spec, tape.lengths
    dtype, D, H = tape.readout.output.dtype, spec.num_directions, spec.hidden_size
    d_z, d_f, found = readout.backward(tape.readout, _own(d_output, dtype))
    d_final = _own(d_h_n, dtype)
    d_final[..., -D:, :, :] += np.stack(np.split(d_f, D, axis=-1), axis=-3)
    if isinstance(tape.cells, straight.Tape):
        found |= straight.backward(tape.cells, d_z, d_final)
        return {name: found[name] for name in (*spec.parameter_shapes(), "x", "h0")}
    d_h0 = np.zeros_like(d_final)
    for layer in reversed(range(spec.num_layers)):
        d_layer = d_z
        for direction in range(D):
            row = layer * D + direction
            d_h = _order(d_layer[..., direction * H : (direction + 1) * H], n, direction)
            d_last = d_final[..., row, :, :]
            gradients = cell.backward(tape.cells[row], d_h, d_last, spec.truncation)
            found.update(_named(spec, layer, direction, gradients))
            d_h0[..., row, :, :] = gradients.h0
            part = _order(gradients.z, n, direction)
            d_z = part if direction == 0 else d_z + part
        if layer > 0 and tape.dropout_masks is not None:
            d_z = tape.dropout_masks[layer - 1] * d_z
    return {name: found[name] for name in spec.parameter_shapes()} | {"x": d_z, "h0": d_h0}


def _forward_straight(
    spec: RNNSpec,
    parameters: Mapping[str, Array],
    x: Array,
    h0: Array,
    used: Tape | straight.Tape | None,
) -> tuple[Array, Array, Tape | straight.Tape]:
    """Equations (1) to (3) by `straight`, and (4) if it is more than output = top."""
    cells = used.cells if isinstance(used, Tape) else used
    again = cells if isinstance(cells, straight.Tape) else None
    top, h_n, tape = straight.forward(spec, parameters, x, h0, again)
    if spec.output_size is None and spec.outputs == "all":
        return top, h_n, tape
    names = spec.parameter_shapes().keys() & {"weight_ho", "bias_o"}
    own = {name: _own(parameters[name], x.dtype) for name in names}
    n = np.full(x.shape[1], len(x))
    read = readout.forward(spec, own, top, h_n[-1].copy(), n)
    return read.output.copy(), h_n, Tape(spec, n, None, tape, read)


def _own(values: Array, dtype: np.dtype[np.floating]) -> Array:
    """A copy, so that later writes of the caller cannot reach the tape."""
    return np.array(values, dtype=dtype, order="C")


def _order(values: Array, lengths: Lengths, direction: int) -> Array:
    """From time's order to the order in which the direction goes, or back."""
    return reverse_valid_steps(values, lengths) if direction else values


def _cell(spec: RNNSpec, parameters: dict[str, Array], layer: int, direction: int) -> Cell:
    """The cell of one layer and direction; without biases its b is 0."""
    suffix = spec.suffix(layer, direction)
    weight_ih, weight_hh = parameters[f"weight_ih_{suffix}"], parameters[f"weight_hh_{suffix}"]
    if spec.bias:
        bias = parameters[f"bias_ih_{suffix}"] + parameters[f"bias_hh_{suffix}"]
    else:
        bias = np.zeros_like(weight_hh[..., 0])
    return Cell(weight_ih, weight_hh, bias, ACTIVATIONS[spec.nonlinearity])


def _named(spec: RNNSpec, layer: int, direction: int, gradients: CellGradients) -> dict[str, Array]:
    """The gradients of a cell's parameters under their names."""
    suffix = spec.suffix(layer, direction)
    named = {
        f"weight_ih_{suffix}": gradients.weight_ih,
        f"weight_hh_{suffix}": gradients.weight_hh,
    }
    if spec.bias:
        named[f"bias_ih_{suffix}"] = gradients.bias
        named[f"bias_hh_{suffix}"] = gradients.bias.copy()
    return named
