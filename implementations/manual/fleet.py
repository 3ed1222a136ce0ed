"""A fleet: K networks of one spec, each with parameters and data of its own, in one call.

Every array has one more axis, the first, of size K; network k is what stands at k of each of them:

    output, h_n, tape = fleet.forward(spec, parameters, x, h0)      x (K, T, B, I)
    gradients = fleet.backward(tape, d_output, d_h_n)               gradients["x"] (K, T, B, I)

Lengths and dropout's multipliers, where there are some, all networks have in common. `generation` and
what stands below it take the first axis as it is. For plain networks there is the way of `straight`,
for each k, and it is here. What one small network costs is NumPy's calls, not
their arithmetic, and K networks need no more calls than one: `np.matmul` takes a product of two
(K, ·, ·) as K products of matrices, and everything else is elementwise.

A call returns new arrays. What it works in can be that of an earlier one of the same size, whose tape
nobody needs any more (`used`): to get that much memory from the system takes as long as the networks.

Two orders of the axes, hence. In the loops over time, (T, K, B, H), so that a step of all networks is
one piece of memory. For what is alike at all steps, (K, T·B, H), the matrices of those products.
Networks that together are larger than the processor's cache are taken in parts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from rnncheck.implementations.manual import generation, straight
from rnncheck.implementations.manual.activations import IN_PLACE, Array
from rnncheck.implementations.manual.generation import AnyTape
from rnncheck.implementations.manual.memory import BLOCK_BYTES
from rnncheck.implementations.manual.padding import Lengths
from rnncheck.implementations.manual.plan import obstacle
from rnncheck.spec import RNNSpec, require_shape


class Layer:
    """One layer of some networks: W_ih and W_hh, z (K, T, B, F), states (T+1, K, B, H).

    And what its loops work in: W_hhᵀ, a (K, T·B, H), W_hh h_{t-1} (K, B, H).
    """

    def __init__(self, H: int, K: int, T: int, B: int, F: int, dtype: np.dtype[Any]) -> None:
        self.weight_ih, self.z = np.empty((K, H, F), dtype), np.empty((K, T, B, F), dtype)
        self.weight_hh, self.weight_hh_T = (np.empty((K, H, H), dtype) for _ in range(2))
        self.states = np.empty((T + 1, K, B, H), dtype)
        self.a, self.product = np.empty((K, T * B, H), dtype), np.empty((K, B, H), dtype)

    @cached_property
    def back(self) -> "LayerBack":
        """What the backward pass works in."""
        return LayerBack(self)


class LayerBack:
    """δ (T, K, B, H) and its slopes' one; δ and h_{t-1} as rows (K, T·B, H); d_z (K, T, B, F)."""

    def __init__(self, layer: Layer) -> None:
        self.delta = np.empty_like(layer.states[1:])
        self.one = np.ones((), self.delta.dtype)
        self.rows, self.h_prev_rows = np.empty_like(layer.a), np.empty_like(layer.a)
        self.carry, self.d_z = np.empty_like(layer.product), np.empty_like(layer.z)


Parts = list[tuple[slice, list[Layer]]]
"""The layers of each part of a fleet, and which part it is."""


@dataclass(frozen=True, eq=False)
class Tape:
    """What `backward` needs: the parts of a fleet of plain networks, or the tape of another's."""

    spec: RNNSpec
    x_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    kept: Parts | AnyTape


def forward(
    spec: RNNSpec,
    parameters: Mapping[str, Array],
    x: Array,
    h0: Array,
    lengths: Lengths | None = None,
    dropout_masks: Array | None = None,
    used: Tape | None = None,
) -> tuple[Array, Array, Tape]:
    """Output (K, T, B, ·), h_n (K, L·D, B, H) and the tape, which shares no memory with anything.

    lengths (B,) and dropout_masks (L-1, T, B, D·H) are those of every network. used: a tape that nobody
    needs any more, whose arrays may be written into. Raises ValueError
    naming the argument whose shape is another than the spec's with x's K, T and B.
    """
    if x.ndim != 4:
        raise ValueError(f"x has shape {x.shape}; it must have 4 axes: network, time, batch, input")
    K, T, B, _ = x.shape
    shapes = spec.array_shapes(T, B)
    require_shape("x", x.shape, (K, *shapes["x"]), "network, time, batch, input")
    require_shape("h0", h0.shape, (K, *shapes["h0"]), "network, layer, batch, hidden")
    for name, shape in spec.parameter_shapes().items():
        require_shape(name, parameters[name].shape, (K, *shape), "one for each network")
    if obstacle(spec) or not straight.applies(spec, T, lengths, dropout_masks):
        output, h_n, tape = generation.forward(spec, parameters, x, h0, lengths, dropout_masks)
        return output, h_n, Tape(spec, x.shape, x.dtype, tape)
    fits = used is not None and (used.spec, used.x_shape, used.dtype) == (spec, x.shape, x.dtype)
    again = used.kept if fits and used is not None and isinstance(used.kept, list) else None
    output, h_n, parts = _forward_plain(spec, parameters, x, h0, again)
    return output, h_n, Tape(spec, x.shape, x.dtype, parts)


def _forward_plain(
    spec: RNNSpec, parameters: Mapping[str, Array], x: Array, h0: Array, used: Parts | None
) -> tuple[Array, Array, Parts]:
    """Equations (1) and (2) of `straight` for all layers of all networks."""
    K, T, B, _ = x.shape
    shapes = spec.array_shapes(T, B)
    output, h_n = (np.empty((K, *shapes[name]), x.dtype) for name in ("output", "h_n"))
    parts = _new_parts(spec, x) if used is None else used
    for part, layers in parts:
        here = {name: parameters[name][part] for name in spec.parameter_shapes()}
        z = x[part]
        for number, layer in enumerate(layers):
            layer.z[...] = z
            _run_layer(spec, here, number, layer, h0[part, number])
            z = layer.states[1:].swapaxes(0, 1)
            h_n[part, number] = layer.states[-1]
        output[part] = z
    return output, h_n, parts


def backward(tape: Tape, d_output: Array, d_h_n: Array) -> dict[str, Array]:
    """The gradients of every network by name, "x" and "h0" among them, along the first axis."""
    K, T, B, _ = tape.x_shape
    shapes = tape.spec.array_shapes(T, B)
    axes = "network, time, batch, features"
    require_shape("d_output", d_output.shape, (K, *shapes["output"]), axes)
    require_shape("d_h_n", d_h_n.shape, (K, *shapes["h_n"]), "network, layer, batch, hidden")
    if isinstance(tape.kept, list):
        return _backward_plain(tape, tape.kept, d_output, d_h_n)
    return generation.backward(tape.kept, d_output, d_h_n)


def _backward_plain(tape: Tape, parts: Parts, d_output: Array, d_h_n: Array) -> dict[str, Array]:
    """Equations (4) and (5) for all layers of all networks."""
    spec, (K, T, B, _) = tape.spec, tape.x_shape
    of_case = spec.array_shapes(T, B)
    shapes = spec.parameter_shapes() | {name: of_case[name] for name in ("x", "h0")}
    found = {name: np.empty((K, *shape), tape.dtype) for name, shape in shapes.items()}
    found["h0"][...] = d_h_n
    for part, layers in parts:
        g = d_output[part].swapaxes(0, 1)
        here = {name: values[part] for name, values in found.items()}
        for number in reversed(range(spec.num_layers)):
            _deltas(spec, layers[number], g, here["h0"][:, number])
            _gradients(spec, layers[number], number, here)
            g = layers[number].back.d_z.swapaxes(0, 1)
        here["x"][...] = layers[0].back.d_z
    return found


def _run_layer(
    spec: RNNSpec, parameters: Mapping[str, Array], number: int, layer: Layer, h0: Array
) -> None:
    """Equations (1) and (2) of `straight`: the layer's states, of its z."""
    layer.weight_ih[...] = parameters[f"weight_ih_l{number}"]
    layer.weight_hh[...] = parameters[f"weight_hh_l{number}"]
    layer.weight_hh_T[...] = layer.weight_hh.swapaxes(1, 2)
    a, states = layer.a, layer.states
    np.matmul(_rows(layer.z), layer.weight_ih.swapaxes(1, 2), a)
    if spec.bias:
        a += (parameters[f"bias_ih_l{number}"] + parameters[f"bias_hh_l{number}"])[:, None]
    states[0] = h0
    _by_network(states[1:])[...] = a.reshape(*layer.z.shape[:3], a.shape[-1])
    weight_hh_T, product = layer.weight_hh_T, layer.product
    phi, add, matmul = IN_PLACE[spec.nonlinearity].value, np.add, np.matmul
    for h_prev, h in pairwise(states):
        matmul(h_prev, weight_hh_T, product)
        add(h, product, h)
        phi(h, h)


def _deltas(spec: RNNSpec, layer: Layer, g: Array, d_h0: Array) -> None:
    """Equation (4): the layer's δ for g (T, K, B, H); d_h0 (K, B, H) is d_h_n at first."""
    phi, add, matmul = IN_PLACE[spec.nonlinearity], np.add, np.matmul
    delta, carry = layer.back.delta, layer.back.carry
    phi.slope(layer.states[1:], layer.back.one, delta)
    carry[...] = d_h0
    for g_t, delta_t in zip(g[::-1], delta[::-1], strict=True):
        add(carry, g_t, carry)
        phi.scale(delta_t, carry, delta_t)
        matmul(delta_t, layer.weight_hh, carry)
    d_h0[...] = carry


def _gradients(spec: RNNSpec, layer: Layer, number: int, found: Mapping[str, Array]) -> None:
    """Equation (5): the parameters' gradients are written into found, d_z into the layer."""
    rows, h_prev_rows = layer.back.rows, layer.back.h_prev_rows
    by_step = (*layer.z.shape[:3], rows.shape[2])
    rows.reshape(by_step)[...] = _by_network(layer.back.delta)
    h_prev_rows.reshape(by_step)[...] = _by_network(layer.states[:-1])
    across = rows.swapaxes(1, 2)
    np.matmul(across, _rows(layer.z), found[f"weight_ih_l{number}"])
    np.matmul(across, h_prev_rows, found[f"weight_hh_l{number}"])
    if spec.bias:
        found[f"bias_ih_l{number}"][...] = rows.sum(axis=1)
        found[f"bias_hh_l{number}"][...] = found[f"bias_ih_l{number}"]
    np.matmul(rows, layer.weight_ih, _rows(layer.back.d_z))


def _rows(values: Array) -> Array:
    """(K, T, B, F) as (K, T·B, F): a view of an array as it was made."""
    K, T, B, F = values.shape
    return values.reshape(K, T * B, F)


def _by_network(values: Array) -> Array:
    """(T, K, B, F) as (K, T, B, F): a view."""
    return values.swapaxes(0, 1)


def _new_parts(spec: RNNSpec, x: Array) -> Parts:
    """Layers for all networks of x."""
    _, T, B, _ = x.shape
    H, L = spec.hidden_size, spec.num_layers
    parts: Parts = []
    for part in _parts(spec, x):
        K = part.stop - part.start
        widths = [spec.layer_input_size(number) for number in range(L)]
        parts.append((part, [Layer(H, K, T, B, F, x.dtype) for F in widths]))
    return parts


def _parts(spec: RNNSpec, x: Array) -> Iterator[slice]:
    """So many networks at a time as BLOCK_BYTES hold with their inputs and states: at least one."""
    K, T, B, F = x.shape
    parameters = sum(int(np.prod(shape)) for shape in spec.parameter_shapes().values())
    numbers = parameters + T * B * (F + spec.num_layers * spec.hidden_size)
    size = max(1, BLOCK_BYTES // (numbers * x.itemsize))
    for start in range(0, K, size):
        yield slice(start, min(start + size, K))
