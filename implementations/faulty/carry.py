"""What goes wrong on the way back through time: δ_t = φ'(a_t) ⊙ (… + W_hhᵀ δ_{t+1}).

Faults that write the whole loop anew leave the loop of a truncated network as it is.
"""

import numpy as np

from rnncheck.implementations.faulty.cell import Array, CellTape
from rnncheck.implementations.faulty.plain import EVERYTHING, Plain


class CarryWithoutTranspose(Plain):
    """The carry multiplies by W_hh where its transpose belongs.

    Shows: every gradient is off as soon as something comes back from the next step; not for T = 1, nor
    for a symmetric W_hh. The network still trains.
    Seen: datascience.SE 10545; at least ten repositories that go back to one tutorial.
    """

    wrong, terms = EVERYTHING, "lags 1 and up"

    def carried(self, tape: CellTape, t: int, delta_next: Array) -> Array:
        """W_hh δ_{t+1}."""
        return delta_next @ tape.cell.weight_hh.T


class TransposeMissing(Plain):
    """W_hh stands where its transpose belongs, in the carry and in the gradient for h0.

    Shows: the gradient for h0 is off at once, the others as soon as something comes back from the next
    step; not for a symmetric W_hh. It is what a loop that ends with dh0 = dh_prev makes of the mistake.
    Seen: datascience.SE 10545; at least ten repositories that go back to one tutorial.
    """

    wrong = EVERYTHING
    terms = "lags 1 and up"

    def carried(self, tape: CellTape, t: int, delta_next: Array) -> Array:
        """W_hh δ_{t+1}."""
        return delta_next @ tape.cell.weight_hh.T

    def d_h0(self, tape: CellTape, delta: Array, d_h_n: Array) -> Array:
        """W_hh δ_0."""
        first = delta[0] if len(delta) else np.zeros_like(tape.h0)
        carried = self.carried(tape, -1, first)
        return np.where((tape.lengths == 0)[:, None], d_h_n, carried)


class CarryDropped(Plain):
    """Nothing is carried from a step to the one before: each output reaches its own step only.

    Shows: the gradient of h_t for the weights counts x_t and h_{t-1} as if h_{t-1} were a constant. Not
    for T = 1. What needs no memory is learned all the same.
    Seen: FluxML/Flux.jl#1209; qixianbiao/RNN#2; ooples/AiDotNet PR#722 (review); d2l-ai/d2l-en#2616
    """

    wrong, terms = EVERYTHING, "lags 1 and up"

    def carried(self, tape: CellTape, t: int, delta_next: Array) -> Array:
        """0."""
        return np.zeros_like(delta_next)


class CarryDecays(Plain):
    """The carry loses a millionth at every step.

    Shows: in every lag but 0, and by less than most tolerances. It stands for a stray factor near 1: a
    leak, an ε that stabilises, a moving average.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "lags 1 and up"

    def carried(self, tape: CellTape, t: int, delta_next: Array) -> Array:
        """(1 - 1e-6) W_hhᵀ δ_{t+1}."""
        return super().carried(tape, t, delta_next) * (1 - 1e-6)


class CarryAccumulates(Plain):
    """The carry is added to that of the step before instead of taking its place (`dh_next +=`).

    Shows: for T > 2. Lags 0 and 1 are right, so two steps prove nothing.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "lags 2 and up"

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """W_hhᵀ (δ_{t+1} + δ_{t+2} + …) is carried."""
        if tape.truncation is not None:
            return super().deltas(tape, d_h, d_h_n)
        delta, dh_next = np.zeros_like(tape.h), np.zeros_like(tape.h0)
        for t in reversed(range(tape.T)):
            delta[t] = self.delta(tape, t, self.upstream(tape, t, d_h, d_h_n) + dh_next)
            dh_next = dh_next + self.carried(tape, t, delta[t])
        return delta


class CarryWithoutSlope(Plain):
    """φ' multiplies what comes from the step's own output, and not what is carried from the next step.

    Shows: for T > 1, unless φ is linear. Gradients grow where they should shrink.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "lags 1 and up"

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """δ_t = φ'(a_t) ⊙ d_h_t + W_hhᵀ δ_{t+1}."""
        if tape.truncation is not None:
            return super().deltas(tape, d_h, d_h_n)
        delta, later = np.zeros_like(tape.h), np.zeros_like(tape.h0)
        for t in reversed(range(tape.T)):
            own = self.delta(tape, t, self.upstream(tape, t, d_h, d_h_n))
            later = delta[t] = own + self.carried(tape, t, later)
        return delta


class CarryBeforeSlope(Plain):
    """W_hhᵀ carries dL/dh_{t+1} where δ_{t+1} = φ' ⊙ dL/dh_{t+1} belongs (`dh_next = W_hh.T @ dh`).

    Shows: for T > 1, unless φ is linear: one factor φ' is missing in each link.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "lags 1 and up"

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """dL/dh_t = d_h_t + W_hhᵀ dL/dh_{t+1}."""
        if tape.truncation is not None:
            return super().deltas(tape, d_h, d_h_n)
        delta, dh = np.zeros_like(tape.h), np.zeros_like(tape.h0)
        for t in reversed(range(tape.T)):
            dh = self.upstream(tape, t, d_h, d_h_n) + self.carried(tape, t, dh)
            delta[t] = self.delta(tape, t, dh)
        return delta


class CarryFromTheWrongColumns(Plain):
    """Of [W_ih, W_hh], kept as one matrix, the carry takes the first H columns where the last H belong.

    Shows: for T > 1. Where I = H that is W_ihᵀ for W_hhᵀ; nothing crashes for other sizes either.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "lags 1 and up"

    def carried(self, tape: CellTape, t: int, delta_next: Array) -> Array:
        """[W_ih, W_hh][:, :H]ᵀ δ_{t+1}."""
        cell = tape.cell
        both = np.concatenate([cell.weight_ih, cell.weight_hh], axis=1)
        return np.asarray(delta_next @ both[:, : len(cell.weight_hh)])


class CarryLostAtTheFirstStep(Plain):
    """Nothing is carried into step 0: the carry stands under an `if t > 0`.

    Shows: for T > 1, in what step 0 brings and in dh0. The guard is right for h_{t-1}, and for
    nothing else.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "step 0"

    def carried(self, tape: CellTape, t: int, delta_next: Array) -> Array:
        """0 if t = 0."""
        return super().carried(tape, t, delta_next if t > 0 else np.zeros_like(delta_next))


class DeltaOfTheWrongStep(Plain):
    """The carry takes δ_{t+2} where δ_{t+1} belongs: an index is off by one.

    Shows: for T > 1. Even and odd steps no longer meet.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "lags 1 and up"

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """δ_t = φ'(a_t) ⊙ (d_h_t + W_hhᵀ δ_{t+2})."""
        if tape.truncation is not None:
            return super().deltas(tape, d_h, d_h_n)
        delta = np.zeros_like(tape.h, shape=(tape.T + 2, *tape.h0.shape))
        for t in reversed(range(tape.T)):
            arriving = self.upstream(tape, t, d_h, d_h_n) + self.carried(tape, t, delta[t + 2])
            delta[t] = self.delta(tape, t, arriving)
        return delta[: tape.T]


class StepsInForwardOrder(Plain):
    """The steps' pullbacks are run first to last: the carry goes from step t - 1 to step t.

    Shows: for T > 1. Each output reaches its own step and the later ones, which it cannot depend on.
    Seen: FluxML/Flux.jl#1547 (#1638); elixir-nx/axon PR#646
    """

    wrong, terms = EVERYTHING, "lags 1 and up"

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """δ_t = φ'(a_t) ⊙ (d_h_t + W_hhᵀ δ_{t-1})."""
        if tape.truncation is not None:
            return super().deltas(tape, d_h, d_h_n)
        delta, other = np.zeros_like(tape.h), np.zeros_like(tape.h0)
        for t in range(tape.T):
            arriving = self.upstream(tape, t, d_h, d_h_n) + self.carried(tape, t, other)
            other = delta[t] = self.delta(tape, t, arriving)
        return delta


class WeightsUpdatedOnTheWay(Plain):
    """Each step updates W_hh at once, and the carry to the step before reads the updated one.

    Shows: for T > 1, in proportion to the learning rate; not linear in the cotangents.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "lags 1 and up"

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """(W_hh - 0.01 Σ_{s>t} δ_s h_{s-1}ᵀ)ᵀ δ_{t+1} is carried."""
        if tape.truncation is not None:
            return super().deltas(tape, d_h, d_h_n)
        weight, delta, dh_next = tape.cell.weight_hh, np.zeros_like(tape.h), 0 * tape.h0
        for t in reversed(range(tape.T)):
            delta[t] = self.delta(tape, t, self.upstream(tape, t, d_h, d_h_n) + dh_next)
            weight = weight - 0.01 * delta[t].T @ tape.before[t]
            dh_next = delta[t] @ weight
        return delta


class FirstStateGetsNothing(Plain):
    """h0 gets no gradient: the state that the backward pass ends with is thrown away.

    Shows: in dh0 alone; an h0 that is to be learned stays where it is. With zeros for h0 nobody misses it.
    Seen: FluxML/Flux.jl PR#2215
    """

    wrong, terms = ("h0",), "none counted"

    def d_h0(self, tape: CellTape, delta: Array, d_h_n: Array) -> Array:
        """0."""
        return np.zeros_like(tape.h0)


class FirstStateGradientNotCarried(Plain):
    """The gradient for h0 is δ_0: its last multiplication by W_hhᵀ is missing.

    Shows: in dh0 alone, for every T > 0.
    Seen: by hand
    """

    wrong, terms = ("h0",), "every term"

    def d_h0(self, tape: CellTape, delta: Array, d_h_n: Array) -> Array:
        """δ_0."""
        empty = (tape.lengths == 0)[:, None]
        return np.where(empty, d_h_n, delta[0] if tape.T else 0)


class FirstStateGradientOfTheLastStep(Plain):
    """The gradient for h0 is taken from the last step, δ_{T-1}, where the loop has begun.

    Shows: in dh0 alone, for T > 1.
    Seen: by hand
    """

    wrong, terms = ("h0",), "every term"

    def d_h0(self, tape: CellTape, delta: Array, d_h_n: Array) -> Array:
        """W_hhᵀ δ_{T-1}."""
        return super().d_h0(tape, delta[::-1], d_h_n)


class InputGradientsInReverse(Plain):
    """The gradients for x_t stand in the order in which the loop found them: the last step first.

    Shows: in dx alone, for T > 1; everything that is summed over the steps is right.
    Seen: by hand
    """

    wrong, terms = ("x",), "steps in another order"

    def d_z(self, tape: CellTape, delta: Array) -> Array:
        """W_ihᵀ δ_{T-1-t}."""
        return super().d_z(tape, delta)[::-1]
