"""What goes wrong between the states and what is put out: y = ψ(W_ho r + b_o), and back again."""

import numpy as np

from rnncheck.implementations.faulty.cell import Array, IntArray, outer_sum, total
from rnncheck.implementations.faulty.plain import EVERYTHING, Parameters, Plain, RunTape
from rnncheck.spec import RNNSpec

READOUT = ("weight_ho", "bias_o")


class ReadsTheStateBefore(Plain):
    """The readout reads h_{t-1}: the list of states begins with h0, and its index is off by one.

    Shows: with a readout; y_t does not depend on x_t, and h_n is right.
    Seen: by hand
    """

    def readout_sum(self, spec: RNNSpec, parameters: Parameters, read: Array) -> Array:
        """q_t = W_ho r_{t-1} + b_o, with r_{-1} = 0."""
        before = np.concatenate([np.zeros_like(read[:1]), read[:-1]])
        return super().readout_sum(spec, parameters, before)


class ReadoutBiasLeftOut(Plain):
    """b_o is not added.

    Shows: with a b_o other than 0, which a network that was never trained need not have.
    Seen: by hand
    """

    def readout_sum(self, spec: RNNSpec, parameters: Parameters, read: Array) -> Array:
        """q = W_ho r."""
        return np.asarray(read @ parameters["weight_ho"].T)


class FinalReadsTheFirstLayer(Plain):
    """The final states that are read out are those of the first layer: h_n[0] for h_n[-1].

    Shows: for L > 1 and outputs = final; the layers above might as well not be there.
    Seen: by hand
    """

    def selected(self, spec: RNNSpec, top: Array, h_n: Array, lengths: IntArray) -> Array:
        """h_n of layer 0."""
        return super().selected(spec, top, h_n[: spec.num_directions], lengths)


class SoftmaxOverRows(Plain):
    """The softmax runs over the rows of the batch: axis 1 was the features before there was a time axis.

    Shows: with a softmax. The outputs of one row do not add up to 1, and depend on the other rows.
    Seen: ctallec/world-models#10
    """

    def readout_activation(self, spec: RNNSpec, q: Array) -> Array:
        """Σ_b y_{t,b} = 1."""
        if spec.readout != "softmax":
            return super().readout_activation(spec, q)
        return super().readout_activation(spec, q.swapaxes(1, 2)).swapaxes(1, 2)


class SoftmaxWithoutShift(Plain):
    """The softmax takes exp(q) as it is, and does not subtract the largest q first.

    Shows: for q above 709 in float64, 88 in float32: inf / inf is NaN. No ordinary test has such numbers.
    Seen: dmlc/minpy PR#48; numenta/nupic-legacy PR#3819
    """

    def readout_activation(self, spec: RNNSpec, q: Array) -> Array:
        """e^q / Σ e^q."""
        if spec.readout != "softmax":
            return super().readout_activation(spec, q)
        e = np.exp(q)
        return np.asarray(e / e.sum(axis=-1, keepdims=True))


class SoftmaxShiftedDownOnly(Plain):
    """The softmax subtracts the largest of q and 0, so it does not shift where every q is negative.

    Shows: for q all below -745 in float64, -103 in float32: 0 / 0 is NaN.
    Seen: FluxML/NNlib.jl PR#43
    """

    def readout_activation(self, spec: RNNSpec, q: Array) -> Array:
        """e^(q - m) / Σ e^(q - m), m = max(0, q)."""
        if spec.readout != "softmax":
            return super().readout_activation(spec, q)
        e = np.exp(q - np.maximum(q.max(axis=-1, keepdims=True), 0))
        return np.asarray(e / e.sum(axis=-1, keepdims=True))


class ReadoutSlopeForgotten(Plain):
    """The cotangent of y is passed to q as it is: ψ' is missing, which a cross-entropy would have absorbed.

    Shows: with a sigmoid or a softmax, unless the cotangent is ŷ - y and meant for q in the first place.
    Seen: pjreddie/darknet PR#96
    """

    wrong, terms = (*EVERYTHING, *READOUT), "what the output brings"

    def readout_delta(self, tape: RunTape, d_y: Array) -> Array:
        """d_q = d_y."""
        return d_y


class SoftmaxWithoutItsSum(Plain):
    """The backward pass of the softmax leaves out <y, d_y>: only ∂e^q is differentiated, not Σ e^q.

    Shows: with a softmax, unless <y, d_y> = 0.
    Seen: HomericIntelligence/Odyssey#2134
    """

    wrong, terms = (*EVERYTHING, *READOUT), "what the output brings"

    def readout_delta(self, tape: RunTape, d_y: Array) -> Array:
        """d_q = y ⊙ d_y."""
        return tape.y * d_y if tape.spec.readout == "softmax" else super().readout_delta(tape, d_y)


class ReadoutWithoutTranspose(Plain):
    """What goes down from the readout is W_ho d_q wherever that fits, and W_hoᵀ d_q where it must.

    Shows: if there are as many outputs as states read, and W_ho is not symmetric.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "what the output brings"

    def d_read(self, tape: RunTape, delta: Array) -> Array:
        """The orientation that fits."""
        weight = tape.parameters["weight_ho"]
        fits = weight.shape[0] == weight.shape[1]
        return np.asarray(delta @ (weight.T if fits else weight))


class ReadoutGradientOfTheStateBefore(Plain):
    """dW_ho pairs d_q with h_{t-1}, as dW_hh does.

    Shows: in dW_ho alone.
    Seen: by hand
    """

    wrong, terms = ("weight_ho",), "every term"

    def d_weight_ho(self, tape: RunTape, delta: Array) -> Array:
        """Σ d_q_t r_{t-1}ᵀ."""
        before = np.concatenate([np.zeros_like(tape.read[:1]), tape.read[:-1]])
        return outer_sum(delta, before)


class ReadoutGradientAssigned(Plain):
    """In the loop over the steps dW_ho is assigned, `=` where `+=` belongs; the loop ends with step 0.

    Shows: in dW_ho alone, where more than one step is put out.
    Seen: by hand
    """

    wrong, terms = ("weight_ho",), "steps but the first"

    def d_weight_ho(self, tape: RunTape, delta: Array) -> Array:
        """d_q_0 r_0ᵀ."""
        return outer_sum(delta[:1], tape.read[:1])


class ReadoutBiasAddsItself(Plain):
    """The gradient for b_o is added to itself and not to what it should be: `dc += dc` stays 0.

    Shows: in db_o alone.
    Seen: javaidnabi31/RNN-from-scratch#2
    """

    wrong, terms = ("bias_o",), "none counted"

    def d_bias_o(self, tape: RunTape, delta: Array) -> Array:
        """0."""
        return np.zeros_like(total(delta))


class LastCotangentAfterThePadding(Plain):
    """The cotangent of the one output enters at step T - 1, though it was read at n - 1.

    Shows: in rows shorter than T, for outputs = last.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "what the output brings"

    def selected_backward(self, tape: RunTape, d_read: Array, d_h_n: Array) -> tuple[Array, Array]:
        """d_top of step T - 1."""
        if tape.spec.outputs != "last" or not len(tape.top):
            return super().selected_backward(tape, d_read, d_h_n)
        return np.concatenate([np.zeros_like(tape.top[1:]), d_read]), d_h_n


class FinalCotangentTakesTheOthersPlace(Plain):
    """The cotangent of the final states from the readout is assigned: d_h_n of the top layer is lost.

    Shows: for outputs = final, where h_n is used beside them.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "what h_n brings"

    def selected_backward(self, tape: RunTape, d_read: Array, d_h_n: Array) -> tuple[Array, Array]:
        """`=` for `+=`."""
        if tape.spec.outputs == "final":
            d_h_n = np.array(d_h_n)
            d_h_n[-tape.spec.num_directions :] = 0
        return super().selected_backward(tape, d_read, d_h_n)
