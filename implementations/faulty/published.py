"""The defects of five published networks: those of the networks, not of their losses and accuracies."""

from collections.abc import Hashable

import numpy as np

from rnncheck.implementations.faulty.cell import Array, Cell, CellTape, IntArray, outer_sum
from rnncheck.implementations.faulty.plain import (
    EVERYTHING,
    Named,
    Parameters,
    Plain,
    RunTape,
    Tape,
)
from rnncheck.spec import RNNSpec

READOUT = ("weight_ho", "bias_o")


class StateSizedByFeatures(Plain):
    """The initial state has a row for every feature of x: its leading size is taken from the wrong axis.

    Shows: a single sequence gets I rows that are all alike; several are an error. Right for I = B.
    Seen: published network 1 (The array-autodiff library)
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """(I, H), the rows of h0 over and over."""
        state = super().initial_state(spec, h0, layer, direction)
        return np.resize(state, (spec.input_size, state.shape[1]))


class OnesTimesTheUpstreamSum(Plain):
    """Joining the outputs hands back ones, times the sum of all that came, for each entry's own gradient.

    Shows: in every gradient, unless the output has one entry, or all of its cotangents are their own sum.
    Seen: published network 1 (The array-autodiff library)
    """

    wrong, terms = EVERYTHING, "what the output brings"

    def read_out_backward(self, tape: RunTape, d_y: Array) -> tuple[Array, Named]:
        """Σ d_y for every entry."""
        return super().read_out_backward(tape, np.full_like(d_y, d_y.sum()))


class FinalStateSqueezed(Plain):
    """The last state is squeezed in place, and loses every axis of size 1.

    Shows: in the shape of h_n, for B = 1 or H = 1: one sequence at a time, as it was used, has no rows.
    Seen: published network 1 (The array-autodiff library)
    """

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """(H,) for B = 1."""
        return state.squeeze()


class InputGradientByTheDirectPath(Plain):
    """The gradient for x_t counts its own output alone: nothing comes from later steps.

    Shows: for T > 1, in dx and in all layers below; the parameters of a single layer learn rightly.
    Seen: published network 2 (The layered NumPy network with truncated BPTT)
    """

    wrong, terms = ("x",), "lags 1 and up"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """As ever; what it gives for the step itself is noted."""
        arriving = super().upstream(tape, t, d_h, d_h_n)
        direct = tape.notes.setdefault("direct", np.zeros_like(tape.h))
        direct[t] = self.delta(tape, t, arriving)
        return arriving

    def d_z(self, tape: CellTape, delta: Array) -> Array:
        """W_ihᵀ (φ'(a_t) ⊙ d_h_t)."""
        return super().d_z(tape, tape.notes.get("direct", delta))


class SoftmaxDiagonal(Plain):
    """The derivative of softmax is p (1 - p), the diagonal of its Jacobian.

    Shows: with softmax and any loss but the elementwise binary cross-entropy that came with it: times
    that it is p - y, so that each hides the other.
    Seen: published network 2 (The layered NumPy network with truncated BPTT)
    """

    wrong, terms = (*EVERYTHING, *READOUT), "what the output brings"

    def readout_delta(self, tape: RunTape, d_y: Array) -> Array:
        """p (1 - p) ⊙ d_y."""
        if tape.spec.readout != "softmax":
            return super().readout_delta(tape, d_y)
        return tape.y * (1 - tape.y) * d_y


class LastStateBeforeTheFirst(Plain):
    """The state before step t is read at index t - 1 for dW_hh: for t = 0 that is the last state.

    Shows: in dW_hh alone, by the share of step 0.
    Seen: published network 2 (The layered NumPy network with truncated BPTT)
    """

    wrong, terms = ("weight_hh",), "step 0"

    def d_weight_hh(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_t h_{t-1}ᵀ with h_{-1} = h_{T-1}."""
        return outer_sum(delta, np.roll(tape.h, 1, axis=0))


class InitialStateInReusedBuffer(Plain):
    """The initial state is read at index -1 of the buffer of states, which the call before has filled.

    Shows: from the second call of the same shape on: it starts where that has ended. At first the
    buffer holds zeros, so an h0 is ignored.
    Seen: published network 2 (The layered NumPy network with truncated BPTT)
    """

    def __init__(self) -> None:
        self.states: dict[Hashable, Array] = {}

    def scan(
        self, cell: Cell, z: Array, h0: Array, lengths: IntArray, truncation: int | None
    ) -> tuple[Array, CellTape]:
        """From states[-1]."""
        shape = (len(z), *h0.shape)
        states = self.states.setdefault(
            (cell.layer, cell.direction, shape, h0.dtype), np.zeros_like(h0, shape=shape)
        )
        state, tape = super().scan(cell, z, states[-1].copy(), lengths, truncation)
        states[:] = tape.h
        return state, tape


class BackwardUpdatesTheWeights(Plain):
    """The backward pass takes a step of descent with the weights, and returns no gradient for them.

    Shows: the gradients for the parameters are not to be had, and the caller's weights are others after
    each call.
    Seen: published network 2 (The layered NumPy network with truncated BPTT)
    """

    learning_rate = 0.01

    def gradients_out(self, gradients: Named, tape: Tape) -> Named:
        """d_x and d_h0."""
        for name, weights in tape.runs[0].parameters.items():
            weights -= self.learning_rate * gradients[name]
        return {name: gradients[name] for name in ("x", "h0")}


class MethodOfAnotherName(Plain):
    """The backward pass calls the activation's derivative by another name than it has.

    Shows: an error in every backward pass; the forward pass is right.
    Seen: published network 2 (The layered NumPy network with truncated BPTT)
    """

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """There is no such method."""
        return self.gradient(tape, t)  # type: ignore[attr-defined, no-any-return]


class StepsConcatenated(Plain):
    """The steps are concatenated along axis 0 where they should be stacked.

    Shows: in the output's shape, (T·B, H), always: 6400 numbers for 100 steps of 64 units. Where every
    state is saturated at 1, as it was published, the numbers say nothing.
    Seen: published network 3 (The forward pass and the Keras layer)
    """

    def steps_joined(self, outputs: list[Array]) -> Array:
        """y_0, y_1, … on top of one another."""
        return np.concatenate(list(super().steps_joined(outputs)), axis=0)


class HiddenSizeDropped(Plain):
    """The hidden size that is asked for is dropped on its way to the base class: there are always 10 units.

    Shows: an error, or states of a wrong size, for any number of units but 10.
    Seen: published network 4 (The softmax network by hand)
    """

    hidden_size = 10

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """(B, 10)."""
        return np.zeros_like(h0, shape=(h0.shape[1], self.hidden_size))


class RecurrentGradientIsOneNumber(Plain):
    """The number δ·h is added to every entry of dW_hh, where the outer product δ hᵀ belongs.

    Shows: in dW_hh alone, for H > 1. The network still learns.
    Seen: published network 4 (The softmax network by hand)
    """

    wrong, terms = ("weight_hh",), "every term"

    def d_weight_hh(self, tape: CellTape, delta: Array) -> Array:
        """Σ <δ_t, h_{t-1}> in every entry."""
        return np.full_like(tape.cell.weight_hh, (delta * tape.before).sum())


class QuadruplePrecision(Plain):
    """All is computed in the platform's longest floats, whatever came in.

    Shows: in the dtype of every result; many platforms have no longer floats than float64, or none so named.
    Seen: published network 4 (The softmax network by hand)
    """

    def run(
        self, spec: RNNSpec, parameters: Parameters, x: Array, h0: Array,
        lengths: IntArray | None = None, dropout_masks: Array | None = None,
    ) -> tuple[Array, Array, Tape]:  # fmt: skip
        """In np.longdouble."""
        longest = np.longdouble
        long = {name: array.astype(longest) for name, array in parameters.items()}
        return super().run(
            spec, long, x.astype(longest), h0.astype(longest), lengths, dropout_masks
        )


class ZeroStateOnGeneratedSteps(Plain):
    """The layer starts from zeros on every generated step: the network is one map, iterated.

    Shows: with generated steps only, in the outputs; the gradient is that of the network that it is. Such
    a network still learns to count.
    Seen: published network 5 (The scalar-autodiff network)
    """

    def state_for_generated(self, h_n: Array, h0: Array) -> Array:
        """0."""
        return np.zeros_like(h_n)

    def d_state_for_generated(self, d_state: Array) -> Array:
        """0: nothing comes back through a state that was not carried."""
        return np.zeros_like(d_state)


class AnotherVariableZeroed(Plain):
    """Before each step another variable's gradients are zeroed, and the parameters' pile up over the calls.

    Shows: from the second call on: it adds to the first. Gradients for x and h0, made anew, are right.
    Seen: published network 5 (The scalar-autodiff network)
    """

    def __init__(self) -> None:
        self.sums: dict[Hashable, Array] = {}

    def gradients_out(self, gradients: Named, tape: Tape) -> Named:
        """The sums so far for parameters."""
        found = dict(gradients)
        for name in tape.runs[0].parameters:
            place = name, gradients[name].shape, gradients[name].dtype
            self.sums[place] = self.sums.get(place, 0) + gradients[name]
            found[name] = self.sums[place].copy()
        return found
