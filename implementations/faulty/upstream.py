"""What goes wrong with the cotangents of output and h_n: h_t gets d_h_t + [t = n-1] d_h_n from above."""

import numpy as np

from rnncheck.implementations.faulty.cell import Array, CellTape
from rnncheck.implementations.faulty.plain import EVERYTHING, Named, Plain, RunTape, Tape
from rnncheck.spec import RNNSpec


class OutputIgnored(Plain):
    """The backward pass starts from d_h_n alone: what the outputs of the steps are told is not read.

    Shows: where an output has a cotangent. With a loss on the final state nobody sees it.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "what the output brings"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """[t = n-1] d_h_n."""
        return super().upstream(tape, t, np.zeros_like(d_h), d_h_n)


class LastOutputAlone(Plain):
    """Of the outputs' cotangents only that of the last step is read.

    Shows: where an earlier step has one. Code for many to one, given every step.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "what the output brings"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """[t = n-1] (d_h_t + d_h_n)."""
        return super().upstream(tape, t, np.where(tape.is_last(t), d_h, 0), d_h_n)


class FinalStateIgnored(Plain):
    """The cotangent of h_n is not read.

    Shows: where h_n is used: an encoder learns nothing, the first of two chunks nothing from the second.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "what h_n brings"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """d_h_t."""
        return super().upstream(tape, t, d_h, np.zeros_like(d_h_n))


class FinalStateAtEveryStep(Plain):
    """The cotangent of h_n is added at every step where it belongs to each row's last one.

    Shows: where h_n has a cotangent and T > 1; the last step's own term is right.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "what h_n brings"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """d_h_t + d_h_n while the row runs."""
        return np.asarray(d_h[t] + np.where(self.is_running(t, tape.lengths), d_h_n, 0))


class FinalStateTwice(Plain):
    """The cotangent of h_n is added twice: to the last output's, and as what the loop starts with.

    Shows: where h_n has a cotangent.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "what h_n brings"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """d_h_t + 2 [t = n-1] d_h_n."""
        return super().upstream(tape, t, d_h, 2 * d_h_n)


class FinalStateOfTheTopAlone(Plain):
    """The cotangent of h_n is read for the top layer only.

    Shows: for L > 1, where the final state of a lower layer is used, as a decoder of L layers does.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "what h_n brings"

    def d_last_state(self, spec: RNNSpec, d_h_n: Array, layer: int, direction: int) -> Array:
        """0 below the top layer."""
        own = super().d_last_state(spec, d_h_n, layer, direction)
        return own if layer == spec.num_layers - 1 else np.zeros_like(own)


class NothingWithoutOutput(Plain):
    """If no output has a cotangent, every gradient is 0: that h_n can have one is overlooked.

    Shows: where h_n alone is used. Any output that is used too, with whatever weight, brings it all back.
    Seen: pytorch/pytorch#96416; pytorch/pytorch#102911; chainer/chainer PR#8037
    """

    wrong, terms = EVERYTHING, "what h_n brings"

    def run_backward(self, tape: Tape, d_output: Array, d_h_n: Array) -> Named:
        """0 for d_output = 0."""
        used = d_output.any()
        return super().run_backward(tape, d_output, d_h_n if used else np.zeros_like(d_h_n))


class OnesForCotangents(Plain):
    """The outputs' cotangents are taken for ones, as if the loss were their sum.

    Shows: with any other loss, even one on h_n alone. A test that back-propagates `output.sum()` passes.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "every term"

    def read_out_backward(self, tape: RunTape, d_y: Array) -> tuple[Array, Named]:
        """1 for every output that is valid."""
        ones = self.without_padding(1 + 0 * d_y, self.read_lengths(tape.spec, tape.lengths))
        return super().read_out_backward(tape, ones)


class CotangentsSummedOverUnits(Plain):
    """Every unit gets the sum of the cotangents of all units of its step.

    Shows: for H > 1. Right for what the sum alone reads: ones, and equal weights above.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "every term"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """Σ_i (d_h_t + [t = n-1] d_h_n)_i, for every unit."""
        own = super().upstream(tape, t, d_h, d_h_n)
        return np.asarray(0 * own + own.sum(axis=-1, keepdims=True))


class SignsOfCotangents(Plain):
    """Of the cotangents only the signs are read.

    Shows: unless they are all ±1: the backward pass is linear in them no more.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "every term"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """±1, and 0 for 0."""
        return np.sign(super().upstream(tape, t, d_h, d_h_n))


class SizesOfCotangents(Plain):
    """The cotangents lose their signs.

    Shows: where one is negative; a test with ones, or with a squared loss from above, passes.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "every term"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """|d_h_t + [t = n-1] d_h_n|."""
        return np.abs(super().upstream(tape, t, d_h, d_h_n))


class CotangentsNormalised(Plain):
    """What reaches a state from above is divided by its norm.

    Shows: unless the norm is 1: all steps count the same, however small their part in the loss.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "every term"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """d / |d|, and 0 for 0."""
        own = super().upstream(tape, t, d_h, d_h_n)
        norm = np.sqrt((own * own).sum(axis=-1, keepdims=True))
        return own / np.where(norm > 0, norm, 1)


class CotangentsClipped(Plain):
    """What reaches a state from above is cut to [-1, 1].

    Shows: where it is larger, and only there.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "large entries"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """Cut to [-1, 1]."""
        return np.clip(super().upstream(tape, t, d_h, d_h_n), -1, 1)


class CotangentsAveragedOverRows(Plain):
    """What reaches a state from above is divided by B, for a loss that is no average.

    Shows: for B > 1, in dx and dh0 too. Twice, if the loss has divided already.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "divided by B"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """(d_h_t + [t = n-1] d_h_n) / B."""
        return super().upstream(tape, t, d_h, d_h_n) / max(len(tape.lengths), 1)


class DescentForGradient(Plain):
    """What is handed over is -dL/dθ, the direction to go, where the gradient is asked for.

    Shows: in every entry, those of a readout too. Whoever subtracts it climbs.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "times -1"

    def gradients_out(self, gradients: Named, tape: Tape) -> Named:
        """-dL/dθ."""
        return {name: -g for name, g in gradients.items()}


class CotangentsOneStepLate(Plain):
    """Each state gets the cotangent of the output before: an index is off by one.

    Shows: for T > 1, unless all steps' are the same. d_h[t - 1] is the last one's for t = 0.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "what the output brings"

    def upstream(self, tape: CellTape, t: int, d_h: Array, d_h_n: Array) -> Array:
        """d_h_{t-1} + [t = n-1] d_h_n."""
        return super().upstream(tape, t, np.roll(d_h, 1, axis=0), d_h_n)
