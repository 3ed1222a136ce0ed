"""What goes wrong with rows of unequal length: masks, final states, empty rows, sorting."""

import numpy as np

from rnncheck.case import Case
from rnncheck.implementation import Forward
from rnncheck.implementations.faulty.cell import Array, Cell, CellTape, IntArray, Mask
from rnncheck.implementations.faulty.plain import EVERYTHING, Parameters, Plain, Tape
from rnncheck.spec import RNNSpec


class LengthsIgnored(Plain):
    """The lengths are taken and never used.

    Shows: padding is read, put out and carried into h_n. The forward half of the valid steps is right.
    Seen: onnx/onnx-mlir PR#2479; pytorch/glow PR#5512; speechbrain/speechbrain#501
    """

    def run(
        self, spec: RNNSpec, parameters: Parameters, x: Array, h0: Array,
        lengths: IntArray | None = None, dropout_masks: Array | None = None,
    ) -> tuple[Array, Array, Tape]:  # fmt: skip
        """As if every row were full."""
        return super().run(spec, parameters, x, h0, None, dropout_masks)


class StateRunsOn(Plain):
    """A masked step is taken all the same, on zeros: W_hh h + b goes on changing the state.

    Shows: h_n of short rows, which depends on the amount of padding; the output is right.
    Seen: keras-team/keras#1300; ray-project/ray#21392
    """

    def kept_state(self, running: Mask, h: Array, h_prev: Array) -> Array:
        """h_t, whether the row runs or not."""
        return h


class FinalStateFromLastOutput(Plain):
    """The final state is read from the output at step T - 1, where short rows are padded with 0.

    Shows: h_n of short rows is 0; full rows are right.
    Seen: allenai/allennlp#1713
    """

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """h[T - 1]."""
        return tape.h[-1] if tape.T else state


class LastOutputAtT(Plain):
    """The last output is that at step T - 1 (or n), not that at n - 1.

    Shows: with outputs = last, 0 is read out for short rows.
    Seen: georgepar/slp PR#7; deeplearning4j/deeplearning4j#7115; yandexdataschool/Practical_RL PR#558
    """

    def selected(self, spec: RNNSpec, top: Array, h_n: Array, lengths: IntArray) -> Array:
        """top[T - 1] for every row."""
        if spec.outputs == "last":
            lengths = np.full_like(lengths, len(top))
        return super().selected(spec, top, h_n, lengths)


class FinalCotangentAtT(Plain):
    """The cotangent of h_n enters at step T - 1 of every row: the backward pass does not know the lengths.

    Shows: in short rows it comes through the padding, where δ = W_hhᵀ δ; nothing shows without padding.
    Seen: apache/mxnet#15268 (PR#15278)
    """

    wrong = EVERYTHING
    terms = "what h_n brings"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """d_h_t + [t = T-1] d_h_n."""
        return np.asarray(d_h[t] + d_h_n if t == tape.T - 1 else d_h[t])


class FinalCotangentStepLate(Plain):
    """The cotangent of h_n enters at step n, one after the row's last.

    Shows: full rows never get it, short ones get W_hhᵀ d_h_n; not with a cotangent on the output alone.
    Seen: by hand
    """

    wrong = EVERYTHING
    terms = "what h_n brings"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """d_h_t + [t = n] d_h_n."""
        return np.asarray(d_h[t] + np.where((tape.lengths == t)[:, None], d_h_n, 0))


class MaskInverted(Plain):
    """The mask is inverted: what is valid is left out, and what is padding is computed.

    Shows: always: full rows give 0, and their h0.
    Seen: keras-team/keras PR#361 (#355)
    """

    def is_running(self, t: int, lengths: IntArray) -> Mask:
        """t ≥ n."""
        return (t >= lengths)[:, None]


class MaskTiled(Plain):
    """The mask (B,) is laid out over (B, H) by tile where repeat belongs.

    Shows: units keep or lose their state by another row's length; not for B = 1, nor for equal lengths.
    Seen: keras-team/keras#11498
    """

    def kept_state(self, running: Mask, h: Array, h_prev: Array) -> Array:
        """Unit j of row b goes by row (b H + j) mod B."""
        return np.where(np.tile(running[:, 0], h.shape[1]).reshape(h.shape), h, h_prev)


class MaskOneStepLong(Plain):
    """The mask is t ≤ n: every short row takes one step on its padding.

    Shows: h_n of short rows alone, which has seen one zero too many; full rows are right.
    Seen: by hand
    """

    def is_running(self, t: int, lengths: IntArray) -> Mask:
        """t ≤ n."""
        return (t <= lengths)[:, None]


class MaskMultiplies(Plain):
    """Padding is multiplied by 0 where it should be left out: NaN · 0 = NaN.

    Shows: only if NaN or an infinity stands in the padding of x or of d_output: then in the gradients.
    Seen: keras-team/keras PR#449
    """

    wrong = (*EVERYTHING, "weight_ho", "bias_o")
    terms = "not finite"

    def without_padding(self, array: Array, lengths: IntArray) -> Array:
        """array · [t < n]."""
        steps = np.arange(len(array))[:, None, None]
        return array * (steps < lengths[:, None])


class PaddingLeftIn(Plain):
    """What stands in the padding of x and of d_output is not taken out.

    Shows: d_output of the padding counts as if it were valid, a readout puts out ψ(b_o) there.
    Seen: by hand
    """

    def without_padding(self, array: Array, lengths: IntArray) -> Array:
        """The array, whatever the lengths."""
        return array


class PaddingRepeatsOutput(Plain):
    """In the padding the last valid output is repeated, where 0 is asked for.

    Shows: the output beyond n, and nothing else: other libraries do so on purpose.
    Seen: tensorflow/tensorflow#49241; tensorflow/tensorflow#23632
    """

    def read_out(
        self, spec: RNNSpec, parameters: Parameters, read: Array, lengths: IntArray
    ) -> Array:
        """y_t, t ≤ n - 1."""
        y = super().read_out(spec, parameters, read, lengths)
        steps = np.minimum(np.arange(len(y))[:, None], np.maximum(lengths - 1, 0))
        return np.take_along_axis(y, steps[..., None], axis=0)


class EmptyRowTakesPrevious(Plain):
    """The final states are those at the ends of the packed rows: an empty row gets the row's before it.

    Shows: h_n of rows of length 0 (before the first row stands the last one).
    Seen: open-lm-engine/lm-engine PR#505 (review)
    """

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """packed[cumsum(n) - 1]."""
        valid = np.arange(tape.T) < tape.lengths[:, None]
        packed = tape.h.swapaxes(0, 1)[valid]
        return packed[np.cumsum(tape.lengths) - 1] if len(packed) else state


class EmptyRowHasZeroState(Plain):
    """The final state of a row without steps is 0: nothing was ever written there.

    Shows: for length 0 and for T = 0, unless h0 is 0.
    Seen: by hand
    """

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """0 if n = 0."""
        return np.where((tape.lengths > 0)[:, None], state, 0)


class EmptyRowLosesGradient(Plain):
    """The gradient for h0 is W_hhᵀ δ_0 also for a row without steps, whose h_n is its h0.

    Shows: dh0 of rows of length 0, and of all for T = 0, is 0.
    Seen: by hand
    """

    wrong = ("h0",)
    terms = "rows without steps"

    def d_h0(self, tape: CellTape, delta: Array, d_h_n: Array) -> Array:
        """W_hhᵀ δ_0."""
        first = delta[0] if tape.T else np.zeros_like(tape.h0)
        return first @ tape.cell.weight_hh


class ZeroMeansFull(Plain):
    """A length of 0 counts as none given, and the row runs to T.

    Shows: h_n of rows of length 0, and what it brings to the gradients.
    Seen: by hand
    """

    def is_running(self, t: int, lengths: IntArray) -> Mask:
        """t < n, or n = 0."""
        return np.asarray((t < lengths) | (lengths == 0))[:, None]


class EmptyRowUnmasksAll(Plain):
    """The loop that ends the rows waits for the shortest one, and never sees it if it has length 0.

    Shows: if one row is empty, all are read to T.
    Seen: pytorch/pytorch PR#1012
    """

    def is_running(self, t: int, lengths: IntArray) -> Mask:
        """No row ends before the shortest has."""
        return np.asarray((t < lengths) | (lengths == 0).any())[:, None]


class SingleStepForgetsState(Plain):
    """A sequence of one step takes a path of its own, from zeros.

    Shows: for T = 1, and so for step by step use and generated steps, unless the state is 0.
    Seen: by hand
    """

    def scan(
        self, cell: Cell, z: Array, h0: Array, lengths: IntArray, truncation: int | None
    ) -> tuple[Array, CellTape]:
        """From 0 if T = 1."""
        if len(z) == 1:
            h0 = np.zeros_like(h0)
        return super().scan(cell, z, h0, lengths, truncation)


class NeverUnsorted(Plain):
    """Rows are sorted by length, and their final states are handed over in that order.

    Shows: h_n of rows that are not given longest first; a row alone is right.
    Seen: fartashf/vsepp#36
    """

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """The longest row first."""
        return state[np.argsort(-tape.lengths, kind="stable")]


class UnsortedInPlace(Plain):
    """The sorted final states are put back in place, over rows that are still to be moved.

    Shows: some rows get another row's h_n, and some states are lost; not if sorting swaps nothing.
    Seen: mead-ml/mead-baseline PR#677
    """

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """state[order[i]] = state[i], one after the other."""
        order = np.argsort(-tape.lengths, kind="stable")
        state = state[order]
        for i, row in enumerate(order):
            state[row] = state[i]
        return state


class CutToLongest(Plain):
    """The output is unpacked to the longest row's length, not to T.

    Shows: if no row is full, `output` has fewer steps than x; its numbers are right.
    Seen: pytorch/pytorch#144207
    """

    def begin(self, case: Case) -> tuple[Forward, Tape]:
        """output[:max(n)]."""
        forward, tape = super().begin(case)
        if case.lengths is not None and case.lengths.size:
            forward = forward._replace(output=forward.output[: max(*case.lengths, 1)])
        return forward, tape
