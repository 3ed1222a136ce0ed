"""What goes wrong with the state: h_{-1} = h0, h_{t-1} before step t, and what is left at the end."""

from collections.abc import Hashable

import numpy as np

from rnncheck.implementations.faulty.cell import Array, Cell, CellTape, IntArray, Mask
from rnncheck.implementations.faulty.plain import Plain
from rnncheck.spec import RNNSpec


class StateNeverStored(Plain):
    """The new state is never stored: every step starts from h0, and h_n is h0.

    Shows: from the second step on, and in h_n; outputs of a single step are right. What the steps learn
    is a feed-forward network.
    Seen: kkleidal/GridLSTM-PyTorch#1; zalandoresearch/pytorch-dilated-rnn PR#13; tracel-ai/burn#2701;
    zergtant/pytorch-handbook#102
    """

    def kept_state(self, running: Mask, h: Array, h_prev: Array) -> Array:
        """h_{t-1}, always."""
        return h_prev


class InitialStateIgnored(Plain):
    """The initial state is ignored: every call starts from zeros.

    Shows: with h0 other than 0, so in every sequence that is run in chunks; the full sequence is right.
    Seen: tensorflow/tensorflow#11553; tensorflow/tensorflow#42193; deeplearning4j/deeplearning4j#5570
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """0."""
        return np.zeros_like(super().initial_state(spec, h0, layer, direction))


class RecurrentTermFromSecondStep(Plain):
    """The first step has no recurrent term (`if t > 0`): neither W_hh h0 nor b_hh.

    Shows: with h0 other than 0 or a b_hh other than 0; not where both are 0, as in most examples.
    Seen: by hand
    """

    def pre_activation(self, cell: Cell, z_t: Array, h_prev: Array, t: int) -> Array:
        """W_ih z_t + b_ih at step 0."""
        return (
            super().pre_activation(cell, z_t, h_prev, t) if t else _without_state(self, cell, z_t)
        )


class HiddenPathSkippedForZeros(Plain):
    """Without an initial state the first step leaves out the hidden path, and b_hh with it.

    Shows: a call without h0 is not a call with h0 = 0 (here h0 = 0 is both); not without biases, nor with
    any h0 other than 0.
    Seen: ml-explore/mlx#3249
    """

    def pre_activation(self, cell: Cell, z_t: Array, h_prev: Array, t: int) -> Array:
        """W_ih z_t + b_ih at step 0 if there is no h0."""
        if t == 0 and not h_prev.any():
            return _without_state(self, cell, z_t)
        return super().pre_activation(cell, z_t, h_prev, t)


class DefaultStateOfOneRow(Plain):
    """The default state has one row, whatever the batch has, and cannot be broadcast.

    Shows: an error without h0 (here: h0 = 0) for more rows than one.
    Seen: tensorflow/swift-apis PR#522 (b)
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """(1, H) if there is no h0."""
        state = super().initial_state(spec, h0, layer, direction)
        return state if state.any() else state[:1]


class OneInitialStateForAllLayers(Plain):
    """Every layer starts from the first layer's h0.

    Shows: with two layers or more, and h0 other than 0.
    Seen: pclucas14/GansFallingShort PR#2
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """h0[d] where h0[l·D + d] belongs."""
        return super().initial_state(spec, h0, 0, direction)


class GeneratedStepsFromH0(Plain):
    """Every generated step starts from h0 again: the initial state overrides the carried one.

    Shows: with generated steps only, from the first of them on.
    Seen: tensorflow/tensorflow#32299 (keras-team/keras#10965)
    """

    def state_for_generated(self, h_n: Array, h0: Array) -> Array:
        """h0."""
        return h0


class ZeroFinalState(Plain):
    """The states at the end are never handed over: h_n is zeros.

    Shows: in h_n, and in whatever is run on from it; the output is right.
    Seen: apple/coremltools#263
    """

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """0."""
        return np.zeros_like(state)


class FinalStateAveraged(Plain):
    """The state at the end is averaged over the batch, so that it suits a batch of another size.

    Shows: in h_n for two rows or more; rows that are all alike hide it.
    Seen: fastai/fastbook PR#469
    """

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """The mean of the rows, for every row."""
        return np.asarray(np.zeros_like(state) + state.mean(axis=0))


class RowsInSequence(Plain):
    """A row of the batch starts from the state that the row before it has left.

    Shows: for two rows or more: a row is not what it is alone, and depends on the order of the rows.
    Seen: nntrainer/nntrainer PR#1038 (review); alibaba/MNN#1573
    """

    def scan(
        self, cell: Cell, z: Array, h0: Array, lengths: IntArray, truncation: int | None
    ) -> tuple[Array, CellTape]:
        """One row after the other, on one state."""
        start = h0.copy()
        for row in range(1, len(start)):
            start[row] = super().scan(cell, z, start, lengths, truncation)[0][row - 1]
        return super().scan(cell, z, start, lengths, truncation)


class OutputInSinglePrecision(Plain):
    """The buffer that outputs are collected in is float32, whatever the network computes in.

    Shows: in a float64 network: outputs of 24 bits, and of the wrong dtype.
    Seen: elixir-nx/axon PR#646 (b)
    """

    def steps_joined(self, outputs: list[Array]) -> Array:
        """In float32."""
        return np.concatenate(outputs, dtype=np.float32)


class MaskOfItsOwnDtype(Plain):
    """The mask of steps is float64 in every network, and is multiplied with the states.

    Shows: in a float32 network, whose h_n becomes float64.
    Seen: deeplearning4j/deeplearning4j PR#7631
    """

    def kept_state(self, running: Mask, h: Array, h_prev: Array) -> Array:
        """m h_t + (1 - m) h_{t-1}."""
        mask = running.astype(np.float64)
        return np.asarray(mask * h + (1 - mask) * h_prev)


class _Keeping(Plain):
    """Keeps a state for every direction of every layer from one call to the next of the same shape."""

    def __init__(self) -> None:
        self.kept: dict[Hashable, Array] = {}

    def place(self, layer: int, direction: int, state: Array) -> Hashable:
        """Where it is kept."""
        return layer, direction, state.shape, state.dtype


class InitialStateCached(_Keeping):
    """The first h0 that it was given serves all later calls.

    Shows: from the second call on, if its h0 is another one.
    Seen: clab/dynet#226
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """The h0 of the first call."""
        given = super().initial_state(spec, h0, layer, direction)
        return self.kept.setdefault(self.place(layer, direction, given), given.copy())


class InitialStateOneCallLate(_Keeping):
    """The state is reset after the call that it was to be reset for: h0 takes effect one call late.

    Shows: from the second call on, if its h0 is another one than that of the call before.
    Seen: paxcema/KerasGRU4Rec#1
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """The h0 of the call before."""
        given = super().initial_state(spec, h0, layer, direction)
        place = self.place(layer, direction, given)
        late = self.kept.get(place, given)
        self.kept[place] = given.copy()
        return late


class _Stateful(_Keeping):
    """Keeps the last states."""

    def left(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """The last state of the call before; h0 if there was none."""
        given = super().initial_state(spec, h0, layer, direction)
        return self.kept.get(self.place(layer, direction, given), given)

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """It is kept."""
        self.kept[self.place(tape.cell.layer, tape.cell.direction, state)] = state.copy()
        return state


class StateKeptBetweenCalls(_Stateful):
    """A call starts where the call before it ended, and h0 is not looked at: the reset does nothing.

    Shows: from the second call on: the same call gives something else every time.
    Seen: soumith/cudnn.torch#348
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """The last state of the call before."""
        return self.left(spec, h0, layer, direction)


class LowerLayersNeverReset(_Stateful):
    """Only the top layer is reset: those below go on from where the call before ended.

    Shows: with two layers or more, from the second call on.
    Seen: jzilly/RecurrentHighwayNetworks#5 (PR#6)
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """h0 for the last layer of the list."""
        if layer == spec.num_layers - 1:
            return super().initial_state(spec, h0, layer, direction)
        return self.left(spec, h0, layer, direction)


class BidirectionalNeverReset(_Stateful):
    """A network of two directions hands the reset on to neither of them.

    Shows: with two directions, from the second call on.
    Seen: tensorflow/tensorflow#38403
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """h0 if there is one direction."""
        if spec.bidirectional:
            return self.left(spec, h0, layer, direction)
        return super().initial_state(spec, h0, layer, direction)


def _without_state(network: Plain, cell: Cell, z_t: Array) -> Array:
    """W_ih z_t + b_ih."""
    a = network.from_input(cell, z_t)
    return a if cell.bias_ih is None else a + cell.bias_ih
