"""What goes wrong with φ and its derivative: the wrong function, the wrong argument, the wrong range."""

from dataclasses import replace

import numpy as np

from rnncheck.implementations.faulty.cell import Array, Cell, CellTape, nonlinear, slope
from rnncheck.implementations.faulty.plain import EVERYTHING, Parameters, Plain
from rnncheck.spec import RNNSpec


class TanhWhateverIsAsked(Plain):
    """φ is tanh, whatever is asked for: the argument is not passed on.

    Shows: for ReLU, σ and the identity; small states of the last are nearly right.
    Seen: PINTO0309/onnx2tf PR#301 (#300)
    """

    def activation(self, cell: Cell, a: Array) -> Array:
        """tanh(a)."""
        return np.tanh(a)


class DefaultIfBidirectional(Plain):
    """With two directions φ is the default, tanh: the attribute is lost where the two are joined.

    Shows: with two directions and any other φ.
    Seen: onnx/tensorflow-onnx#2211
    """

    def cell(self, spec: RNNSpec, parameters: Parameters, layer: int, direction: int) -> Cell:
        """The parameters, and tanh if there are two directions."""
        cell = super().cell(spec, parameters, layer, direction)
        return replace(cell, nonlinearity="tanh") if spec.bidirectional else cell


class ActivationOnInputAlone(Plain):
    """φ is applied to W_ih z alone: a closing bracket too early.

    Shows: states leave the range of φ and may grow without bound; not for the identity.
    Seen: lmjohns3/theanets#109
    """

    def from_input(self, cell: Cell, z_t: Array) -> Array:
        """φ(W_ih z_t)."""
        return nonlinear(cell.nonlinearity, super().from_input(cell, z_t))

    def activation(self, cell: Cell, a: Array) -> Array:
        """The sum as it is."""
        return a


class ActivatedTwice(Plain):
    """Both terms are activated before their sum is: each was made a dense layer with the same φ.

    Shows: states are too small, or, for ReLU, never come from opposite signs; not for the identity.
    Seen: craffel/nntools#21
    """

    def pre_activation(self, cell: Cell, z_t: Array, h_prev: Array, t: int) -> Array:
        """φ(W_ih z_t + b) + φ(W_hh h_{t-1})."""
        terms = self.from_input(cell, z_t) + self.biases(cell), self.from_state(cell, h_prev)
        return nonlinear(cell.nonlinearity, terms[0]) + nonlinear(cell.nonlinearity, terms[1])


class HardTanh(Plain):
    """A clip to [-1, 1] stands for tanh.

    Shows: with tanh: h is a itself, so small states are nearly right and saturated ones are right.
    Seen: by hand
    """

    def activation(self, cell: Cell, a: Array) -> Array:
        """min(max(a, -1), 1)."""
        return np.clip(a, -1, 1) if cell.nonlinearity == "tanh" else super().activation(cell, a)


class TanhApproximated(Plain):
    """A rational approximation stands for tanh: fast, and right to two digits.

    Shows: with tanh, by at most 0.024; beyond 3 it is 1.
    Seen: by hand
    """

    def activation(self, cell: Cell, a: Array) -> Array:
        """a (27 + a²) / (27 + 9 a²), for |a| < 3."""
        if cell.nonlinearity != "tanh":
            return super().activation(cell, a)
        a = np.clip(a, -3, 3)
        return a * (27 + a * a) / (27 + 9 * a * a)


class TanhOverflows(Plain):
    """The tanh is made by hand from e²ᵃ, which overflows: ∞ / ∞ = NaN.

    Shows: with tanh, for arguments above 354 (44 in float32), where tanh is 1; below, it loses small digits.
    Seen: BVLC/caffe PR#1455; deeplearning4j/deeplearning4j#7382
    """

    def activation(self, cell: Cell, a: Array) -> Array:
        """(e²ᵃ - 1) / (e²ᵃ + 1)."""
        if cell.nonlinearity != "tanh":
            return super().activation(cell, a)
        e = np.exp(2 * a)
        return np.asarray((e - 1) / (e + 1))


class SigmoidOverflows(Plain):
    """The sigmoid is made by hand from eᵃ, which overflows: ∞ / ∞ = NaN.

    Shows: with σ, for arguments above 709 (88 in float32), where σ is 1.
    Seen: by hand
    """

    def activation(self, cell: Cell, a: Array) -> Array:
        """eᵃ / (1 + eᵃ)."""
        if cell.nonlinearity != "sigmoid":
            return super().activation(cell, a)
        return np.asarray(np.exp(a) / (1 + np.exp(a)))


class ArgumentClipped(Plain):
    """The argument of φ is clipped to ±10, against overflow.

    Shows: for large arguments: ReLU and the identity stop at 10, tanh is off by 4e-9.
    Seen: by hand
    """

    def activation(self, cell: Cell, a: Array) -> Array:
        """φ(min(max(a, -10), 10))."""
        return super().activation(cell, np.clip(a, -10, 10))


class _WrongSlope(Plain):
    """φ' is another function, and every δ is off."""

    wrong = EVERYTHING
    terms = "every term"


class SlopeOfArgument(_WrongSlope):
    """φ' is written in terms of h and given a: 1 - a².

    Shows: with tanh and σ; nearly right for small states. ReLU's is the same of both.
    Seen: BoltzmannEntropy/interviews.ai#15
    """

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """1 - a_t²."""
        return slope(tape.cell.nonlinearity, tape.a[t])


class SlopeOfOutput(_WrongSlope):
    """φ' is written in terms of a and given h: 1 - tanh²(h).

    Shows: with tanh and σ; nearly right for small states. ReLU's is the same of both.
    Seen: davidrmiller/neural2d#40
    """

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """1 - tanh²(h_t)."""
        name = tape.cell.nonlinearity
        return slope(name, nonlinear(name, tape.h[t]))


class SlopeOfPreviousState(_WrongSlope):
    """φ' is taken of the state before the step, h_{t-1}.

    Shows: for every φ but the identity.
    Seen: by hand
    """

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """1 - h_{t-1}²."""
        return slope(tape.cell.nonlinearity, tape.before[t])


class ActivationForSlope(_WrongSlope):
    """The flag for the derivative is missing, and φ is taken for φ'.

    Shows: always; δ has the sign of h, and small states learn nothing.
    Seen: CaptainE/RNN-LSTM-in-numpy PR#2
    """

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """φ(a_t)."""
        return np.asarray(tape.h[t])


class SlopeNotSquared(_WrongSlope):
    """The derivative of tanh is 1 - h, without the square.

    Shows: with tanh; too large for negative states, too small for positive ones, right at 0 and 1.
    Seen: by hand
    """

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """1 - h_t."""
        return 1 - tape.h[t] if tape.cell.nonlinearity == "tanh" else super().slope(tape, t)


class SlopeTwice(_WrongSlope):
    """The derivative is applied twice: where the gradient comes in, and again in the step.

    Shows: δ ⊙ φ'; for ReLU and the identity φ'² = φ', and all is right.
    Seen: by hand
    """

    def delta(self, tape: CellTape, t: int, d_state: Array) -> Array:
        """φ'(a_t)² ⊙ d_state."""
        return self.slope(tape, t) * super().delta(tape, t, d_state)


class SlopeLeftOut(_WrongSlope):
    """δ is d_state: the derivative of φ is left out.

    Shows: for every φ but the identity; nearly right for tanh and small states.
    Seen: by hand
    """

    def delta(self, tape: CellTape, t: int, d_state: Array) -> Array:
        """d_state."""
        return d_state


class TanhSlopeForAll(_WrongSlope):
    """1 - h² stands in the backward pass, whatever φ is.

    Shows: for ReLU, σ and the identity.
    Seen: by hand
    """

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """1 - h_t²."""
        return slope("tanh", tape.h[t])


class SigmoidSlopeForTanh(_WrongSlope):
    """The derivative of tanh is that of σ, h (1 - h).

    Shows: with tanh; negative for negative states.
    Seen: by hand
    """

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """h_t (1 - h_t)."""
        name = tape.cell.nonlinearity
        return slope("sigmoid" if name == "tanh" else name, tape.h[t])


class ReluSlopeAlwaysOne(Plain):
    """ReLU's derivative is [h ≥ 0] of its output, which is never negative: always 1.

    Shows: with ReLU, as soon as a unit is off.
    Seen: deeplearning4j/nd4j#271; iamtrask/Grokking-Deep-Learning PR#13
    """

    wrong = EVERYTHING
    terms = "some units"

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """[h_t ≥ 0]."""
        if tape.cell.nonlinearity != "relu":
            return super().slope(tape, t)
        return np.where(tape.h[t] >= 0, 1, 0).astype(tape.h.dtype)


class ReluSlopeLeaks(Plain):
    """The derivative is the leaky ReLU's, 0.01 where a unit is off; the function is ReLU.

    Shows: with ReLU, as soon as a unit is off, by a hundredth.
    Seen: by hand
    """

    wrong = EVERYTHING
    terms = "some units"

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """1, or 0.01 where h_t = 0."""
        found = super().slope(tape, t)
        return np.maximum(found, 0.01) if tape.cell.nonlinearity == "relu" else found


class ReluSlopeByDivision(Plain):
    """ReLU's derivative is h / a, which is 0 / 0 at 0.

    Shows: with ReLU, where an argument is exactly 0, as on zero input without biases: NaN.
    Seen: by hand
    """

    wrong = EVERYTHING
    terms = "not finite"

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """h_t / a_t."""
        return tape.h[t] / tape.a[t] if tape.cell.nonlinearity == "relu" else super().slope(tape, t)
