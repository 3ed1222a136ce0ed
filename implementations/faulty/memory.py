"""What outlives a call: arguments written into, memory that is shared, buffers kept; and memory layouts."""

from typing import Any

import numpy as np

from rnncheck.case import Case
from rnncheck.implementation import Forward
from rnncheck.implementations.faulty.cell import Array, Cell, CellTape, IntArray, Mask, outer_sum
from rnncheck.implementations.faulty.plain import Named, Parameters, Plain, Tape
from rnncheck.spec import RNNSpec


class _Keeping(Plain):
    def __init__(self) -> None:
        self.kept: dict[object, Any] = {}


class StateUpdatedInPlace(Plain):
    """The state is updated in place, and the first state is the caller's h0.

    Shows: every number is right, but after the call h0 holds the last state: the next one starts there.
    Seen: pytorch/pytorch PR#142303
    """

    def kept_state(self, running: Mask, h: Array, h_prev: Array) -> Array:
        """h_t, in the memory of h_{t-1}."""
        np.copyto(h_prev, h, where=running)
        return h_prev


class OutputsHoldOneArray(Plain):
    """The list of outputs holds one array T times: the state, which later steps overwrite.

    Shows: every step's output is the last state, and with it every gradient is off; not for T = 1.
    Seen: pytorch/pytorch PR#142303
    """

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """The state; by now outputs is [state, state, ...]."""
        tape.h[...] = state
        return state


class PaddingZeroedInPlace(Plain):
    """The padding is zeroed in the caller's own x and d_output.

    Shows: every number is right, but whoever pads with something else finds 0 there afterwards.
    Seen: by hand
    """

    def without_padding(self, array: Array, lengths: IntArray) -> Array:
        """The array itself, 0 beyond each row's length."""
        array[np.arange(len(array))[:, None] >= lengths] = 0
        return array


class CotangentSummedInPlace(Plain):
    """What comes back to h_t is added up in the caller's own d_output.

    Shows: d_output has changed: the next backward and a numerical check get another. Not with a readout.
    Seen: Burton2000/CS231n-2017#7
    """

    def without_padding(self, array: Array, lengths: IntArray) -> Array:
        """The array itself if it has no padding."""
        return array if (lengths >= len(array)).all() else super().without_padding(array, lengths)

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """d_h_t += [t = n-1] d_h_n."""
        d_h[t] += np.where(tape.is_last(t), d_h_n, 0)
        return np.asarray(d_h[t])


class BiasesMergedInPlace(Plain):
    """The two biases are merged into one in the caller's own array: b_ih += b_hh.

    Shows: the next call has b_hh in it twice, as have generated steps. Not if b_hh is 0.
    Seen: by hand
    """

    def cell(self, spec: RNNSpec, parameters: Parameters, layer: int, direction: int) -> Cell:
        """A cell whose second bias is 0."""
        cell = super().cell(spec, parameters, layer, direction)
        if cell.bias_ih is not None and cell.bias_hh is not None:
            cell.bias_ih += cell.bias_hh
            cell.bias_hh = np.zeros_like(cell.bias_hh)
        return cell


class OutputKeptForBackward(Plain):
    """The array that backward reads ψ' from is the very output that the caller was given.

    Shows: who scales the output before backward gets another gradient. Only for a nonlinear readout.
    Seen: by hand
    """

    def steps_joined(self, outputs: list[Array]) -> Array:
        """The only run's output itself."""
        return outputs[0] if len(outputs) == 1 else super().steps_joined(outputs)

    def handed_over(self, result: Array) -> Array:
        """The result itself."""
        return result


class OutputBufferReused(_Keeping):
    """The output is a view of one buffer, which the next call overwrites.

    Shows: the outputs of two calls of the same shape, kept in a list, are one: the later one's.
    Seen: by hand
    """

    def begin(self, case: Case) -> tuple[Forward, Tape]:
        """The output in the buffer of its shape."""
        result, tape = super().begin(case)
        output = self.kept.setdefault((result.output.shape, result.output.dtype), result.output)
        output[...] = result.output
        return Forward(output, result.h_n), tape


class SlopeOverwritesStates(Plain):
    """Backward works out 1 - h² in the memory of the h that forward has saved.

    Shows: a second backward by the same tape is off; if truncated, already the first. tanh only.
    Seen: pytorch/pytorch#1532; tensorflow/tensorflow#26331
    """

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """1 - h², in place."""
        if tape.cell.nonlinearity != "tanh":
            return super().slope(tape, t)
        h = tape.h[t]
        return np.asarray(np.subtract(1, h * h, out=h))


class BackwardClearsItsTape(Plain):
    """Backward clears the saved states, and a second backward goes on with zeros without a word.

    Shows: a second backward by the same tape gives other gradients.
    Seen: Element-Research/rnn#400
    """

    def gradients_out(self, gradients: Named, tape: Tape) -> Named:
        """The gradients; the tape's states are 0 from now on."""
        for run in tape.runs:
            for cell in run.cells.values():
                cell.h[...] = cell.before[...] = 0
        return gradients


class GradientsPileUp(_Keeping):
    """The gradients of every call are added to those of the calls before.

    Shows: the first call is right, the second one gives the sum of both.
    Seen: by hand
    """

    def gradients_out(self, gradients: Named, tape: Tape) -> Named:
        """The sums so far."""
        for name, gradient in gradients.items():
            key = (name, gradient.shape, gradient.dtype)
            gradients[name] = self.kept[key] = self.kept.get(key, 0) + gradient
        return gradients


class PaddingLeftUninitialised(Plain):
    """What is computed goes into uninitialised memory, and nothing is written into its padding.

    Shows: output, dx and what is read of x hold there what was left in memory; now and then that is 0.
    Seen: chainer/chainer#3955; tensorflow/tensorflow#60192
    """

    def without_padding(self, array: Array, lengths: IntArray) -> Array:
        """np.empty, and the valid steps: NaN stands for what was left there, so that it always shows."""
        result, steps = np.full_like(array, np.nan), np.arange(len(array))
        np.copyto(result, array, where=steps[:, None, None] < lengths[:, None])
        return result


class WeightGradientInRandomOrder(Plain):
    """d_W_ih is summed in whatever order the threads end.

    Shows: the last digits of d_W_ih differ from run to run; every one is right by itself.
    Seen: pytorch/pytorch#35661; tensorflow/tensorflow#59281
    """

    def __init__(self) -> None:
        self.random = np.random.default_rng(0)

    def d_weight_ih(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_t z_tᵀ, in an order of its own."""
        order = self.random.permutation(tape.T)
        return outer_sum(delta[order], tape.z[order])


class TapeOfTheLastCall(Plain):
    """The network has one tape: a second forward replaces what the first one's backward needs.

    Shows: forward A, forward B, backward A gives B's gradient (or raises, if B is shorter).
    Seen: by hand
    """

    def begin(self, case: Case) -> tuple[Forward, Tape]:
        """The results, and the one tape."""
        result, tape = super().begin(case)
        only = vars(self).setdefault("tape", tape)
        only.spec, only.runs = tape.spec, tape.runs
        return result, only


class InputGradientNotTrimmed(_Keeping):
    """dx is written into the buffer of the longest sequence so far, and the whole buffer is returned.

    Shows: after a longer sequence dx has its length, and its gradients in the steps too many.
    Seen: Element-Research/rnn PR#116
    """

    def gradients_out(self, gradients: Named, tape: Tape) -> Named:
        """The gradients, dx in its buffer."""
        d_x = gradients["x"]
        key = (d_x.shape[1:], d_x.dtype)
        if len(self.kept.get(key, ())) <= len(d_x):
            self.kept[key] = d_x.copy()
        self.kept[key][: len(d_x)] = d_x
        return gradients | {"x": self.kept[key]}


class BuffersOfTheFirstBatch(_Keeping):
    """The state's buffer is made in the first call, with that call's number of rows.

    Shows: another batch size raises; a batch of one fills every row of the buffer.
    Seen: tracel-ai/burn#1656
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """h0, written into the buffer."""
        own = super().initial_state(spec, h0, layer, direction)
        key = (layer, direction, spec.hidden_size, own.dtype)
        self.kept.setdefault(key, own.copy())[...] = own
        return np.asarray(self.kept[key])


class MasksCachedByShape(_Keeping):
    """Which rows are running is kept by step and batch size: later lengths are not looked at.

    Shows: the first call is right; another one of the same batch size is masked by the first one's lengths.
    Seen: tensorflow/tensorflow#41630
    """

    def is_running(self, t: int, lengths: IntArray) -> Mask:
        """t < n, as it was for the first n."""
        now = super().is_running(t, lengths)
        return np.asarray(self.kept.setdefault((t, len(lengths)), now))


class BpttLengthCached(Plain):
    """How many steps backward goes back is kept from the first call: an evaluation on one step, and it is 1.

    Shows: after a shorter sequence the gradients of a longer one are truncated.
    Seen: Element-Research/rnn#19
    """

    rho = 0

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """The state; the tape will go back ρ steps."""
        self.rho = self.rho or tape.T
        tape.truncation = min(self.rho - 1, tape.T if tape.truncation is None else tape.truncation)
        return state


class InputsReadInMemoryOrder(Plain):
    """x and h0 are read in the order in which they lie in memory, as if they were C-contiguous.

    Shows: a transposed x (of batch-first data) or a slice of a larger state gives the numbers of another.
    Seen: pytorch/pytorch#345; fastai/fastai2 PR#141
    """

    def begin(self, case: Case) -> tuple[Forward, Tape]:
        """A run on both as they lie there."""
        x, h0 = in_memory_order(case.x), in_memory_order(case.h0)
        return super().begin(case.replace(x=x, h0=h0))


class CotangentReadInMemoryOrder(Plain):
    """d_output is read in the order in which it lies in memory, as if it were C-contiguous.

    Shows: backward is off for a transposed or expanded d_output, as the gradient of a sum is.
    Seen: pytorch/pytorch PR#620
    """

    def run_backward(self, tape: Tape, d_output: Array, d_h_n: Array) -> Named:
        """The gradients for d_output as it lies there."""
        return super().run_backward(tape, in_memory_order(d_output), d_h_n)


def in_memory_order(array: Array) -> Array:
    """The entries as they lie in memory, in the array's shape."""
    return array.ravel("K").reshape(array.shape)
