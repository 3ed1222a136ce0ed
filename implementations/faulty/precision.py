"""Formulas that are right, in an arithmetic that is poorer than the dtype claims."""

import numpy as np

from rnncheck.implementations.faulty.cell import Array, Cell, CellTape, IntArray, Mask, outer_sum
from rnncheck.implementations.faulty.plain import EVERYTHING, Parameters, Plain, RunTape
from rnncheck.spec import RNNSpec


class ParametersInFloat32(Plain):
    """The parameters are kept in float32, whatever type they were given in.

    Shows: seven digits where float64 has sixteen, in every result. Not for float32.
    Seen: by hand
    """

    def cell(self, spec: RNNSpec, parameters: Parameters, layer: int, direction: int) -> Cell:
        """A cell of rounded parameters."""
        rounded = {name: p.astype(np.float32).astype(p.dtype) for name, p in parameters.items()}
        return super().cell(spec, rounded, layer, direction)


class ParametersInHalfPrecision(Plain):
    """The parameters are kept in float16.

    Shows: three digits in every result, in float32 too; weights beyond 65504 are infinite.
    Seen: by hand
    """

    def cell(self, spec: RNNSpec, parameters: Parameters, layer: int, direction: int) -> Cell:
        """A cell of rounded parameters."""
        rounded = {name: p.astype(np.float16).astype(p.dtype) for name, p in parameters.items()}
        return super().cell(spec, rounded, layer, direction)


class OutputBufferOfFloat32(Plain):
    """The buffer that the outputs are written into is always float32.

    Shows: seven digits of the output, and of what reads it, where float64 has sixteen; h_n has them all.
    Seen: elixir-nx/axon PR#646
    """

    def step_output(self, running: Mask, h: Array) -> Array:
        """h_t as float32."""
        return super().step_output(running, h).astype(np.float32)


class RecurrentSumInFloat32(Plain):
    """W_hh h_{t-1} is summed in float32, as hardware does that is quick with short numbers.

    Shows: seven digits where float64 has sixteen, and fewer with every step; not for T = 1 from h0 = 0.
    Seen: by hand
    """

    def from_state(self, cell: Cell, h_prev: Array) -> Array:
        """W_hh h_{t-1}, rounded."""
        narrow = h_prev.astype(np.float32) @ cell.weight_hh.astype(np.float32).T
        return narrow.astype(h_prev.dtype)


class WeightGradientInFloat32(Plain):
    """The gradient of W_hh is summed in float32.

    Shows: seven digits of d_W_hh where float64 has sixteen; everything else is right.
    Seen: by hand
    """

    wrong = ("weight_hh",)
    terms = "every term"

    def d_weight_hh(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_t h_{t-1}ᵀ, rounded."""
        narrow = outer_sum(delta.astype(np.float32), tape.before.astype(np.float32))
        return narrow.astype(delta.dtype)


class Float64FromFloat32(Plain):
    """The zeros that replace the padding are float64, and turn float32 into float64.

    Shows: float32 in, float64 out: right numbers of the wrong type.
    Seen: by hand
    """

    def without_padding(self, array: Array, lengths: IntArray) -> Array:
        """np.zeros(1) is float64."""
        steps = np.arange(len(array))[:, None, None]
        return np.where(steps < lengths[:, None], array, np.zeros(1))


class StatesRounded(Plain):
    """The state is rounded to eight decimals, so that it prints well.

    Shows: eight digits of every state, and of a small one none at all; the gradients are those of the
    rounded states.
    Seen: by hand
    """

    def activation(self, cell: Cell, a: Array) -> Array:
        """φ(a), rounded."""
        return np.round(super().activation(cell, a), 8)


class CarryLeaks(Plain):
    """A factor of 1 - 1e-9 on the carry, left over from an experiment with decaying gradients.

    Shows: gradients are off by a billionth a step; not for T = 1. Float32 does not see it.
    Seen: by hand
    """

    wrong = EVERYTHING
    terms = "lags 1 and up"

    def carried(self, tape: CellTape, t: int, delta_next: Array) -> Array:
        """(1 - 1e-9) W_hhᵀ δ_{t+1}."""
        return super().carried(tape, t, delta_next) * (1 - 1e-9)


class EpsilonInTheSlope(Plain):
    """1e-8 in the denominator of tanh'(a) = 1/cosh²(a), against a division by 0 that cannot happen.

    Shows: every gradient is too small by 1e-8 at most, less where the unit saturates. tanh only.
    Seen: by hand
    """

    wrong = EVERYTHING
    terms = "every term"

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """1 / (cosh² a + 1e-8)."""
        if tape.cell.nonlinearity != "tanh":
            return super().slope(tape, t)
        return np.asarray(1 / (np.cosh(tape.a[t]) ** 2 + 1e-8))


class EpsilonInSoftmax(Plain):
    """1e-12 in the denominator of softmax, against a division by 0 that cannot happen.

    Shows: the probabilities add up to 1 - 1e-12. Only for a softmax readout.
    Seen: by hand
    """

    def readout_activation(self, spec: RNNSpec, q: Array) -> Array:
        """e^q / (Σ e^q + 1e-12)."""
        if spec.readout != "softmax":
            return super().readout_activation(spec, q)
        e = np.exp(q - q.max(axis=-1, keepdims=True))
        return np.asarray(e / (e.sum(axis=-1, keepdims=True) + 1e-12))


class ProbabilitiesClipped(Plain):
    """The readout's probabilities are kept 1e-7 away from 0 and 1, for the logarithm that will follow.

    Shows: only where a sigmoid or softmax readout is nearly sure of itself.
    Seen: by hand
    """

    def readout_activation(self, spec: RNNSpec, q: Array) -> Array:
        """ψ(q), clipped."""
        y = super().readout_activation(spec, q)
        return y if spec.readout == "identity" else np.clip(y, 1e-7, 1 - 1e-7)


class SlopeFromRoundedStates(Plain):
    """Forward saves the states in float32 to save memory, and backward takes 1 - h² from these.

    Shows: the output is right, every gradient has seven digits where float64 has sixteen, and none where
    a unit saturates.
    Seen: by hand
    """

    wrong = EVERYTHING
    terms = "every term"

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """The last state; the others go into short memory."""
        tape.notes["h"] = tape.h.astype(np.float32)
        return state

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """φ'(a_t), from the h_t that was saved."""
        h, tape.h = tape.h, tape.notes["h"].astype(tape.h.dtype)
        found = super().slope(tape, t)
        tape.h = h
        return found


class ReadoutGradientInFloat32(Plain):
    """The readout's cotangent is passed down in float32.

    Shows: gradients below a readout have seven digits where float64 has sixteen; its own are right.
    Seen: by hand
    """

    wrong = EVERYTHING
    terms = "what the output brings"

    def d_read(self, tape: RunTape, delta: Array) -> Array:
        """W_hoᵀ d_q, rounded."""
        return super().d_read(tape, delta).astype(np.float32).astype(delta.dtype)
