"""The whole network in plain NumPy, one method an equation: what every fault and variant overrides one of.

Layers are stacked, directions joined, steps generated and outputs read here; `cell.py` has the
equations of one direction of one layer, `entry.py` what a user's call is put through.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from rnncheck.implementations.faulty.cell import (
    Array,
    Cell,
    CellEquations,
    CellTape,
    IntArray,
    nonlinear,
    outer_sum,
    slope,
    total,
)
from rnncheck.implementations.faulty.entry import Entrance
from rnncheck.spec import RNNSpec

EVERYTHING = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "x", "h0")
"""The arrays whose gradients a mistake in δ spoils."""

Parameters = Mapping[str, Array]
Named = dict[str, Array]


@dataclass(eq=False)
class RunTape:
    """What backward needs of one run over steps that were all given: a tape a cell, and the readout's.

    top (T, B, D·H): the last layer's output. read: what of it is read; y: what was put out.
    """

    spec: RNNSpec
    parameters: Parameters
    cells: dict[tuple[int, int], CellTape]
    lengths: IntArray
    masks: Array | None
    top: Array
    read: Array
    y: Array


@dataclass(eq=False)
class Tape:
    """One run for the steps that are given, and one for each that is generated."""

    spec: RNNSpec
    runs: list[RunTape]


class Plain(CellEquations, Entrance):
    """The network. x (T, B, I), h0 (L·D, B, H), output (T, B, ·), h_n (L·D, B, H)."""

    wrong: ClassVar[tuple[str, ...]] = ()
    terms: ClassVar[str] = ""
    same_as: ClassVar[tuple[str, ...]] = ()

    # What is given and what is generated

    def run(
        self, spec: RNNSpec, parameters: Parameters, x: Array, h0: Array,
        lengths: IntArray | None = None, dropout_masks: Array | None = None,
    ) -> tuple[Array, Array, Tape]:  # fmt: skip
        """output, h_n and the tape: the steps of x, then each output fed back as the next x."""
        n = np.full(x.shape[1], len(x)) if lengths is None else np.asarray(lengths)
        T, masks = len(x), dropout_masks
        given = None if masks is None else masks[:, :T]
        output, h_n, tape = self.run_given(spec, parameters, x, h0, n, given)
        outputs, runs = [output], [tape]
        for t in range(T, T + spec.generated):
            one = None if masks is None else masks[:, t : t + 1]
            z, state = self.fed_back(outputs[-1][-1:]), self.state_for_generated(h_n, h0)
            output, h_n, tape = self.run_given(spec, parameters, z, state, np.ones_like(n), one)
            outputs.append(output)
            runs.append(tape)
        return self.steps_joined(outputs), h_n, Tape(spec, runs)

    def fed_back(self, y: Array) -> Array:
        """x_{t+1} = y_t."""
        return y

    def state_for_generated(self, h_n: Array, h0: Array) -> Array:
        """The state before a generated step is that after the step before."""
        return h_n

    def steps_joined(self, outputs: list[Array]) -> Array:
        """The outputs of the given and of the generated steps, one after the other."""
        return np.concatenate(outputs)

    def run_backward(self, tape: Tape, d_output: Array, d_h_n: Array) -> Named:
        """The gradient for every parameter, x and h0, the last run first."""
        given = len(tape.runs[0].y)
        d_outputs = [d_output[:given], *d_output[given:, None]]
        found: Named = {}
        d_x = None
        for one, d_y in zip(reversed(tape.runs), reversed(d_outputs), strict=True):
            if d_x is not None:
                d_y = self.with_feedback(d_y, d_x)
            gradients, d_x, d_h_n = self.run_given_backward(one, d_y, d_h_n)
            found = self.accumulated(found, gradients)
            if one is not tape.runs[0]:
                d_h_n = self.d_state_for_generated(d_h_n)
        assert d_x is not None
        return self.gradients_out({**found, "x": d_x, "h0": d_h_n}, tape)

    def with_feedback(self, d_y: Array, d_x: Array) -> Array:
        """d_y of the last step before a generated one, with what its x has brought back."""
        return np.concatenate([d_y[:-1], d_y[-1:] + d_x])

    def d_state_for_generated(self, d_state: Array) -> Array:
        """The cotangent of the state before a generated step is that of the state after the step before."""
        return d_state

    def accumulated(self, found: Named, gradients: Named) -> Named:
        """Parameters serve every step, given or generated: their gradients add up."""
        return {name: found.get(name, 0) + g for name, g in gradients.items()}

    def gradients_out(self, gradients: Named, tape: Tape) -> Named:
        """The gradients as they are handed over: as they are."""
        return gradients

    # One run: the layers, each with its directions

    def run_given(
        self, spec: RNNSpec, parameters: Parameters, x: Array, h0: Array, lengths: IntArray,
        masks: Array | None,
    ) -> tuple[Array, Array, RunTape]:  # fmt: skip
        """output, h_n and the tape for steps that are all given."""
        z, states, cells = self.without_padding(x, lengths), [], {}
        for layer in range(spec.num_layers):
            z = self.layer_input(z, layer, masks)
            outputs = []
            for direction in range(spec.num_directions):
                cell = self.cell(spec, parameters, layer, direction)
                state, tape = self.scan(
                    cell, self.turned(z, lengths, direction),
                    self.initial_state(spec, h0, layer, direction), lengths, spec.truncation,
                )  # fmt: skip
                cells[layer, direction] = tape
                outputs.append(self.turned_back(tape.h, lengths, direction))
                states.append(state)
            z = self.directions_joined(outputs)
        h_n = self.states_stacked(spec, states, z)
        read = self.selected(spec, z, h_n, lengths)
        y = self.read_out(spec, parameters, read, self.read_lengths(spec, lengths))
        return y, h_n, RunTape(spec, parameters, cells, lengths, masks, z, read, y)

    def cell(self, spec: RNNSpec, parameters: Parameters, layer: int, direction: int) -> Cell:
        """The parameters of one direction of one layer."""
        suffix = spec.suffix(layer, direction)
        return Cell(
            parameters[f"weight_ih_{suffix}"], parameters[f"weight_hh_{suffix}"],
            parameters.get(f"bias_ih_{suffix}"), parameters.get(f"bias_hh_{suffix}"),
            spec.nonlinearity, layer, direction,
        )  # fmt: skip

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """h0 of one direction of one layer stands at l·D + d."""
        return np.asarray(h0[layer * spec.num_directions + direction])

    def states_stacked(self, spec: RNNSpec, states: list[Array], top: Array) -> Array:
        """h_n (L·D, B, H): the last state of every direction of every layer, in the order of h0."""
        return np.stack(states)

    def without_padding(self, array: Array, lengths: IntArray) -> Array:
        """0 beyond each row's length, whatever stands there."""
        steps = np.arange(len(array))[:, None, None]
        return np.where(steps < lengths[:, None], array, 0)

    def turned(self, z: Array, lengths: IntArray, direction: int) -> Array:
        """The second direction reads the valid steps in reverse; padding stays at the end."""
        return reversed_steps(z, lengths) if direction else z

    def turned_back(self, h: Array, lengths: IntArray, direction: int) -> Array:
        """Its outputs stand at the steps that they belong to."""
        return reversed_steps(h, lengths) if direction else h

    def directions_joined(self, outputs: list[Array]) -> Array:
        """[forward, reverse] along the features."""
        return np.concatenate(outputs, axis=-1)

    def layer_input(self, z: Array, layer: int, masks: Array | None) -> Array:
        """What a layer reads: the one below, dropped out in training; x itself for the first."""
        return z if layer == 0 or masks is None else z * masks[layer - 1]

    def run_given_backward(
        self, tape: RunTape, d_y: Array, d_h_n: Array
    ) -> tuple[Named, Array, Array]:
        """The parameters' gradients, d_x and d_h0: the readout, then the layers from the top."""
        spec, lengths = tape.spec, tape.lengths
        d_y = self.without_padding(d_y, self.read_lengths(spec, lengths))
        d_read, found = self.read_out_backward(tape, d_y)
        d_top, d_h_n = self.selected_backward(tape, d_read, d_h_n)
        d_h0: dict[int, Array] = {}
        for layer in reversed(range(spec.num_layers)):
            parts = []
            for direction, d_h in enumerate(self.directions_split(spec, d_top)):
                cell, row = tape.cells[layer, direction], layer * spec.num_directions + direction
                d_state = self.d_last_state(spec, d_h_n, layer, direction)
                delta = self.deltas(cell, self.d_turned_back(d_h, lengths, direction), d_state)
                found |= self.cell_gradients(spec, cell, delta)
                d_h0[row] = self.d_h0(cell, delta, d_state)
                d_z = self.without_padding(self.d_z(cell, delta), lengths)
                parts.append(self.d_turned(d_z, lengths, direction))
            d_top = self.d_layer_input(self.directions_added(parts), layer, tape.masks)
        return found, d_top, self.d_h0_stacked(spec, d_h0)

    def directions_split(self, spec: RNNSpec, d_joined: Array) -> list[Array]:
        """Each direction gets the cotangent of its own half of the features."""
        return np.split(d_joined, spec.num_directions, axis=-1)

    def d_last_state(self, spec: RNNSpec, d_h_n: Array, layer: int, direction: int) -> Array:
        """d_h_n of one direction of one layer."""
        return np.asarray(d_h_n[layer * spec.num_directions + direction])

    def d_turned_back(self, d_h: Array, lengths: IntArray, direction: int) -> Array:
        """The cotangent of the second direction's output, in the order in which it ran."""
        return reversed_steps(d_h, lengths) if direction else d_h

    def d_turned(self, d_z: Array, lengths: IntArray, direction: int) -> Array:
        """The gradient for what the second direction read, back in the order of x."""
        return reversed_steps(d_z, lengths) if direction else d_z

    def directions_added(self, parts: list[Array]) -> Array:
        """Both directions read the same z: its gradient is the sum."""
        return sum(parts[1:], parts[0])

    def d_layer_input(self, d_z: Array, layer: int, masks: Array | None) -> Array:
        """What was dropped forward is dropped backward."""
        return d_z if layer == 0 or masks is None else d_z * masks[layer - 1]

    def d_h0_stacked(self, spec: RNNSpec, d_h0: dict[int, Array]) -> Array:
        """(L·D, B, H), in the order of h0."""
        return np.stack([d_h0[row] for row in range(spec.num_states)])

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """The gradients of the parameters of one direction of one layer, by name."""
        suffix = spec.suffix(tape.cell.layer, tape.cell.direction)
        found = {
            f"weight_ih_{suffix}": self.d_weight_ih(tape, delta),
            f"weight_hh_{suffix}": self.d_weight_hh(tape, delta),
        }
        if spec.bias:
            found[f"bias_ih_{suffix}"] = self.d_bias_ih(tape, delta)
            found[f"bias_hh_{suffix}"] = self.d_bias_hh(tape, delta)
        return found

    # What is put out

    def selected(self, spec: RNNSpec, top: Array, h_n: Array, lengths: IntArray) -> Array:
        """Every step; or each row's last valid one; or the top layer's final states, side by side."""
        if spec.outputs == "all":
            return top
        if spec.outputs == "final":
            return self.directions_joined(list(h_n[-spec.num_directions :]))[None]
        is_last = np.arange(len(top))[:, None] == lengths - 1
        picked = np.where(is_last[..., None], top, 0)
        return np.asarray(picked.sum(axis=0, keepdims=True).astype(top.dtype))

    def selected_backward(self, tape: RunTape, d_read: Array, d_h_n: Array) -> tuple[Array, Array]:
        """The cotangents of the top layer's output and of h_n: what was selected gets d_read."""
        spec, nothing = tape.spec, np.zeros_like(tape.top)
        if spec.outputs == "all":
            return d_read, d_h_n
        if spec.outputs == "last":
            is_last = np.arange(len(nothing))[:, None] == tape.lengths - 1
            return nothing + np.where(is_last[..., None], d_read, 0), d_h_n
        below = np.zeros_like(d_h_n[: -spec.num_directions])
        return nothing, d_h_n + np.concatenate([below, self.directions_split(spec, d_read[0])])

    def read_lengths(self, spec: RNNSpec, lengths: IntArray) -> IntArray:
        """How many steps of each row are put out."""
        if spec.outputs == "final":
            return np.ones_like(lengths)
        return np.minimum(lengths, 1) if spec.outputs == "last" else lengths

    def readout_sum(self, spec: RNNSpec, parameters: Parameters, read: Array) -> Array:
        """q = W_ho r + b_o."""
        q = read @ parameters["weight_ho"].T
        return q + parameters["bias_o"] if spec.readout_bias else q

    def readout_activation(self, spec: RNNSpec, q: Array) -> Array:
        """ψ(q)."""
        return nonlinear(spec.readout, q)

    def read_out(
        self, spec: RNNSpec, parameters: Parameters, read: Array, lengths: IntArray
    ) -> Array:
        """output = ψ(q), 0 in the padding; what is read itself if there is no readout."""
        if spec.output_size is None:
            return self.without_padding(read, lengths)
        q = self.readout_sum(spec, parameters, read)
        return self.without_padding(self.readout_activation(spec, q), lengths)

    def readout_delta(self, tape: RunTape, d_y: Array) -> Array:
        """(∂ψ/∂q)ᵀ d_y: for softmax y ⊙ (d_y - <y, d_y>), else ψ' ⊙ d_y."""
        y = tape.y
        if tape.spec.readout == "softmax":
            return np.asarray(y * (d_y - (y * d_y).sum(axis=-1, keepdims=True)))
        return np.asarray(slope(tape.spec.readout, y) * d_y)

    def d_weight_ho(self, tape: RunTape, delta: Array) -> Array:
        """Σ d_q rᵀ."""
        return outer_sum(delta, tape.read)

    def d_bias_o(self, tape: RunTape, delta: Array) -> Array:
        """Σ d_q."""
        return total(delta)

    def d_read(self, tape: RunTape, delta: Array) -> Array:
        """W_hoᵀ d_q."""
        return delta @ tape.parameters["weight_ho"]

    def read_out_backward(self, tape: RunTape, d_y: Array) -> tuple[Array, Named]:
        """The cotangent of what was read, and the readout's gradients."""
        if tape.spec.output_size is None:
            return d_y, {}
        delta = self.readout_delta(tape, d_y)
        found = {"weight_ho": self.d_weight_ho(tape, delta)}
        if tape.spec.readout_bias:
            found["bias_o"] = self.d_bias_o(tape, delta)
        return self.d_read(tape, delta), found


def reversed_steps(array: Array, lengths: IntArray) -> Array:
    """Each row's valid steps in reverse; what lies beyond them stays where it is."""
    result = np.array(array)
    for row, n in enumerate(lengths):
        result[:n, row] = array[:n, row][::-1]
    return result
