"""What goes wrong with axes: x (T, B, I), h0 (L·D, B, H), W_ih (H, I), and what comes out."""

import numpy as np

from rnncheck.implementations.faulty.cell import Array, Cell, IntArray
from rnncheck.implementations.faulty.plain import EVERYTHING, Named, Parameters, Plain, Tape
from rnncheck.spec import RNNSpec


class BatchFirstAlways(Plain):
    """The steps run along axis 1 whichever layout is asked for: `batch_first` is not looked at.

    Shows: rows see one another and steps do not. With an h0 of B rows it is an error unless B = T.
    Seen: ixaxaar/pytorch-dnc#51; openvinotoolkit/openvino#37820; llvm/torch-mlir PR#3620
    """

    def run(
        self, spec: RNNSpec, parameters: Parameters, x: Array, h0: Array,
        lengths: IntArray | None = None, dropout_masks: Array | None = None,
    ) -> tuple[Array, Array, Tape]:  # fmt: skip
        """For x of (B, T, I)."""
        output, h_n, tape = super().run(
            spec, parameters, x.swapaxes(0, 1), h0, lengths, dropout_masks
        )
        return output.swapaxes(0, 1), h_n, tape


class RaggedInputTransposed(Plain):
    """With lengths the input is transposed to time-major, which it already is.

    Shows: with lengths only: an error of shapes, or wrong numbers if B = T.
    Seen: keras-team/keras PR#15756
    """

    def run(
        self, spec: RNNSpec, parameters: Parameters, x: Array, h0: Array,
        lengths: IntArray | None = None, dropout_masks: Array | None = None,
    ) -> tuple[Array, Array, Tape]:  # fmt: skip
        """For x of (B, T, I) if there are lengths."""
        steps = x if lengths is None else x.swapaxes(0, 1)
        return super().run(spec, parameters, steps, h0, lengths, dropout_masks)


class RowsCountedBeforeTheTranspose(Plain):
    """The size of the batch is read off axis 0 of x, before x is brought into the layout meant.

    Shows: without lengths, an error unless B = T or T = 1.
    Seen: onnx/onnx PR#7935 (b)
    """

    def run(
        self, spec: RNNSpec, parameters: Parameters, x: Array, h0: Array,
        lengths: IntArray | None = None, dropout_masks: Array | None = None,
    ) -> tuple[Array, Array, Tape]:  # fmt: skip
        """With full lengths for as many rows as there are steps."""
        batch_size = x.shape[0]
        full = np.full(batch_size, len(x)) if lengths is None else lengths
        return super().run(spec, parameters, x, h0, full, dropout_masks)


class OutputBatchFirst(Plain):
    """The output is batch-first although the input is time-major: half of the layout is applied.

    Shows: output of (B, T, H) for x of (T, B, I); where B = T the shape gives nothing away.
    Seen: pytorch/pytorch#80306
    """

    def steps_joined(self, outputs: list[Array]) -> Array:
        """(B, T, ·)."""
        return super().steps_joined(outputs).swapaxes(0, 1)


class CotangentsReadBatchFirst(Plain):
    """The cotangents are read batch-first, (B, T, ·), though the output is time-major.

    Shows: in every gradient, unless T = 1 or B = 1: targets stand in another order than outputs.
    Seen: d2l-ai/d2l-en PR#1552 (#1349)
    """

    wrong, terms = EVERYTHING, "what the output brings"

    def run_backward(self, tape: Tape, d_output: Array, d_h_n: Array) -> Named:
        """Its numbers as those of a (B, T, ·)."""
        read = d_output.swapaxes(0, 1).reshape(d_output.shape)
        return super().run_backward(tape, read, d_h_n)


class InputReshaped(Plain):
    """The input is put into another layout by `reshape` where `swapaxes` belongs: steps and rows mix.

    Shows: unless T = 1 or B = 1. Every shape is right.
    Seen: NervanaSystems/neon#311; jessicayung/blog-code-snippets#6
    """

    def layer_input(self, z: Array, layer: int, masks: Array | None) -> Array:
        """x read as (B, T, I)."""
        T, B, features = z.shape
        if layer == 0:
            z = z.reshape(B, T, features).swapaxes(0, 1)
        return super().layer_input(z, layer, masks)


class InitialStatesBatchFirst(Plain):
    """The initial states are read as (B, L·D, H): batch-first like x, which they never are.

    Shows: unless B = 1 or L·D = 1.
    Seen: hunkim/PyTorchZeroToAll#16 (PR#20)
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """h0[:, l·D + d] of a (B, L·D, H)."""
        states, B, hidden = h0.shape
        return super().initial_state(
            spec, h0.reshape(B, states, hidden).swapaxes(0, 1), layer, direction
        )


class FinalStatesReshaped(Plain):
    """The last states are stacked along the batch, then reshaped to (L·D, B, H) where axes should be swapped.

    Shows: in h_n, unless B = 1 or L·D = 1: states of other rows and layers.
    Seen: Stable-Baselines-Team/stable-baselines3-contrib#111
    """

    def states_stacked(self, spec: RNNSpec, states: list[Array], top: Array) -> Array:
        """(B, L·D, H), read as (L·D, B, H)."""
        return np.stack(states, axis=1).reshape(len(states), *states[0].shape)


class InitialStatesOverlap(Plain):
    """The h0 of layer l and direction d is looked up at l + d where l·D + d belongs.

    Shows: with two layers and two directions; not with one of either.
    Seen: chainer/chainer PR#8454
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """h0[l + d]."""
        return np.asarray(h0[layer + direction])


class InputWeightsReshaped(Plain):
    """The input weights are taken for (I, H), as a table of shapes has it, and used without a transpose.

    Shows: unless I = 1 or H = 1. Read from a file of numbers, every shape fits.
    Seen: pytorch/pytorch#9642 (#4403)
    """

    def from_input(self, cell: Cell, z_t: Array) -> Array:
        """z_t W for W of (I, H)."""
        return z_t @ cell.weight_ih.reshape(cell.weight_ih.shape[::-1])


class RecurrentWeightsTransposed(Plain):
    """The recurrent weights are used in the other orientation: h W_hh where h W_hhᵀ belongs.

    Shows: for H > 1, unless W_hh is symmetric: it is square, so nothing crashes.
    Seen: by hand
    """

    def from_state(self, cell: Cell, h_prev: Array) -> Array:
        """W_hhᵀ h_{t-1}."""
        return h_prev @ cell.weight_hh


class RecurrentWeightsOfInputSize(Plain):
    """The recurrent weights are made for I features, where the state has H.

    Shows: an error unless I = H, as in the example that it was tried with.
    Seen: ml-explore/mlx-swift PR#168; oreilly-japan/deep-learning-from-scratch-3#32 (PR#33)
    """

    def from_state(self, cell: Cell, h_prev: Array) -> Array:
        """W_hh h_{t-1} for W_hh of (H, I)."""
        return h_prev @ cell.weight_hh.reshape(cell.weight_ih.shape).T


class ReversedAlongTheBatch(Plain):
    """The second direction's output is turned round along axis 1, which is time in the other layout.

    Shows: with two directions: its states stand in the order in which it ran, and in other rows.
    Seen: tensorflow/tensorflow#39635
    """

    def turned_back(self, h: Array, lengths: IntArray, direction: int) -> Array:
        """[:, ::-1]."""
        return h[:, ::-1] if direction else h


class FeaturesJoinedOverTime(Plain):
    """The steps are joined along the features: (B, T·H).

    Shows: always, by its shape.
    Seen: huggingface/candle PR#2542
    """

    def steps_joined(self, outputs: list[Array]) -> Array:
        """[y_0, y_1, …] in one row."""
        return np.concatenate(list(super().steps_joined(outputs)), axis=-1)


class FirstAxisDropped(Plain):
    """The last state of a network with one layer loses its first axis: (B, H).

    Shows: with one layer and one direction.
    Seen: facebookresearch/minimax PR#2
    """

    def states_stacked(self, spec: RNNSpec, states: list[Array], top: Array) -> Array:
        """The only state itself."""
        return states[0] if len(states) == 1 else np.stack(states)


class StateUnpackedOverTheBatch(Plain):
    """The state is unpacked as if it were a list of states: h_n is that of the first row.

    Shows: always, by its shape; so does the number of results, 1 + B.
    Seen: tensorflow/tensorflow#83119; keras-team/keras#20173
    """

    def states_stacked(self, spec: RNNSpec, states: list[Array], top: Array) -> Array:
        """What `first, *others` makes of each."""
        return np.stack([state[0] for state in states])


class AnotherAxis(Plain):
    """The output has an axis too many.

    Shows: always, by its shape.
    Seen: pytorch/pytorch#130791
    """

    def steps_joined(self, outputs: list[Array]) -> Array:
        """(1, T, B, ·)."""
        return super().steps_joined(outputs)[None]


class StepsSqueezed(Plain):
    """Every step's output is squeezed before the steps are stacked: every axis of size 1 goes.

    Shows: for B = 1, and for one feature; training on larger batches is right.
    Seen: salesforce/pytorch-qrnn#11; facebookresearch/pytext PR#658
    """

    def steps_joined(self, outputs: list[Array]) -> Array:
        """(T, H) for B = 1."""
        return np.stack([y.squeeze() for y in super().steps_joined(outputs)])
