"""What goes wrong with the second direction: how it is fed, turned back, joined, and differentiated."""

from dataclasses import replace

import numpy as np

from rnncheck.implementations.faulty.cell import Array, Cell, CellTape, IntArray
from rnncheck.implementations.faulty.plain import EVERYTHING, Named, Parameters, Plain
from rnncheck.spec import RNNSpec


class ReverseReadsForward(Plain):
    """The second direction is fed the sequence in its own order; only its output is turned.

    Shows: its half of the output has seen the past, not the future; not for T = 1, nor for one direction.
    Seen: stanfordmlgroup/nlc#8; shyamupa/snli-entailment#2; magenta/magenta PR#1012
    """

    def turned(self, z: Array, lengths: IntArray, direction: int) -> Array:
        """z as it is."""
        return z


class ReverseNotTurnedBack(Plain):
    """The second direction's output is joined in the order in which it ran.

    Shows: its half stands at the wrong steps, and whatever reads it mixes steps; h_n of the layer is right.
    Not for T = 1.
    Seen: keras-team/keras PR#1001; keras-team/keras#1941; transcranial/keras-js PR#84;
    sbillburg/CRNN-with-STN#12; microsoft/onnxruntime#4187
    """

    def turned_back(self, h: Array, lengths: IntArray, direction: int) -> Array:
        """h as it is."""
        return h


class DirectionIgnored(Plain):
    """The second direction runs forward like the first: the attribute is never read.

    Shows: what a forward network with the reverse weights gives, in perfect order; not for T = 1.
    Seen: onnx/onnx PR#7935
    """

    same_as = ("reverse_reads_forward", "reverse_not_turned_back")

    def turned(self, z: Array, lengths: IntArray, direction: int) -> Array:
        """z as it is."""
        return z

    def turned_back(self, h: Array, lengths: IntArray, direction: int) -> Array:
        """h as it is."""
        return h


class ReverseStateAtLastStep(Plain):
    """The second direction's h_n is its output at the last step, where it has read one step only.

    Shows: h_n[1::2] alone (and outputs = final, which reads it); not for T = 1.
    Seen: by hand
    """

    def last_state(self, tape: CellTape, state: Array) -> Array:
        """What it has after its first step."""
        return tape.h[0] if tape.cell.direction and tape.T else state


class FinalReadsLastOutput(Plain):
    """The final states of both directions are taken from the output at the last step.

    Shows: with two directions and outputs = final, where half of what is read out knows one step only; all
    else is right. A classifier learns all the same.
    Seen: yunjey/pytorch-tutorial PR#174; prabhuomkar/pytorch-cpp PR#13
    """

    def selected(self, spec: RNNSpec, top: Array, h_n: Array, lengths: IntArray) -> Array:
        """output[n - 1], for every kind of output but all."""
        if spec.outputs == "final":
            spec = replace(spec, outputs="last")
        return super().selected(spec, top, h_n, lengths)


class ReverseStartsFromForward(Plain):
    """The second direction starts from the first one's initial state.

    Shows: only for an h0 whose directions differ: not for zeros.
    Seen: microsoft/onnxruntime#1607
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """h0 of the layer's first direction."""
        return np.asarray(h0[layer * spec.num_directions])


class InitialStatesByDirection(Plain):
    """The rows of h0 are read as (D, L), all forward layers first, where they are (L, D).

    Shows: only with two layers, two directions and an h0 whose rows differ.
    Seen: by hand
    """

    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        """The row at d·L + l."""
        return np.asarray(h0[direction * spec.num_layers + layer])


class ForwardWeightsForBoth(Plain):
    """Both directions use the forward direction's weights.

    Shows: always, but where the two are equal. The reverse weights may have any values: nothing changes.
    Seen: fordDeepDSP/deepSpeech#20
    """

    def cell(self, spec: RNNSpec, parameters: Parameters, layer: int, direction: int) -> Cell:
        """The first direction's parameters."""
        return replace(super().cell(spec, parameters, layer, 0), direction=direction)


class DirectionsInterleaved(Plain):
    """The two directions' units alternate in the output where one half follows the other.

    Shows: the right numbers in the wrong places, and so wrong ones from all that reads them; not for H = 1.
    Seen: pytorch/pytorch#10838
    """

    def directions_joined(self, outputs: list[Array]) -> Array:
        """[forward_0, reverse_0, forward_1, reverse_1, ...]."""
        joined = super().directions_joined(outputs)
        for direction, h in enumerate(outputs):
            joined[..., direction :: len(outputs)] = h
        return joined


class ReverseComesFirst(Plain):
    """The reverse half stands before the forward half.

    Shows: the halves swapped; with layers above or a readout, other numbers.
    Seen: by hand
    """

    def directions_joined(self, outputs: list[Array]) -> Array:
        """[reverse, forward]."""
        return super().directions_joined(outputs[::-1])


class InputFlippedMaskNot(Plain):
    """The input is flipped with its padding, the mask is not: n steps are read from the wrong end.

    Shows: short rows read their padding as if it were the sequence's end, and never its beginning; nothing
    shows without padding.
    Seen: keras-team/keras PR#3495 (review); keras-team/keras PR#1934; google/flax#2170
    """

    def turned(self, z: Array, lengths: IntArray, direction: int) -> Array:
        """All T steps in reverse."""
        return z[::-1] if direction else z


class OutputFlippedWithPadding(Plain):
    """The second direction's output is flipped with its padding, so that it stands T - n steps late.

    Shows: short rows begin with zeros and lose their first steps; nothing shows without padding.
    Seen: by hand
    """

    def turned_back(self, h: Array, lengths: IntArray, direction: int) -> Array:
        """All T steps in reverse."""
        return h[::-1] if direction else h


class ReverseStartsInPadding(Plain):
    """The second direction runs through the padding before it comes to the row's last step.

    Shows: it starts from what T - n steps on zeros make of h0, so results depend on the amount of padding.
    The forward half is right, and so is all without padding.
    Seen: apache/mxnet#19323; keras-team/keras#4192; shiyybua/NER#47; jax-ml/jax#15183
    """

    def scan(
        self, cell: Cell, z: Array, h0: Array, lengths: IntArray, truncation: int | None
    ) -> tuple[Array, CellTape]:
        """From h = φ(W_hh h + b), T - n times."""
        for t in range(len(z)) if cell.direction else ():
            h = self.activation(cell, self.pre_activation(cell, np.zeros_like(z[t]), h0, t))
            h0 = np.where((t < len(z) - lengths)[:, None], h, h0)
        return super().scan(cell, z, h0, lengths, truncation)


class ReverseGradientsNotAdded(Plain):
    """The gradients of the second direction's parameters are computed and never added to the total.

    Shows: they are 0; dx and dh0 are right. The reverse half stays as it was initialised.
    Seen: mlpack/mlpack PR#1742
    """

    wrong = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    terms = "none counted"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """0 for the second direction."""
        found = super().cell_gradients(spec, tape, delta)
        return {n: np.zeros_like(g) if tape.cell.direction else g for n, g in found.items()}


class ReverseInputGradientOmitted(Plain):
    """The gradient for what a layer reads is the forward direction's alone.

    Shows: dx lacks what comes by the reverse direction, and so do all gradients of the layers below.
    Seen: by hand
    """

    wrong = ("x",)
    terms = "what the other direction brings"

    def directions_added(self, parts: list[Array]) -> Array:
        """The first part."""
        return parts[0]


class InputGradientNotTurnedBack(Plain):
    """The second direction's dx is added in the order in which it ran.

    Shows: dx, and all gradients of the layers below; not for T = 1.
    Seen: by hand
    """

    wrong = ("x",)
    terms = "steps in another order"

    def d_turned(self, d_z: Array, lengths: IntArray, direction: int) -> Array:
        """d_z as it is."""
        return d_z


class InputGradientFlippedWithPadding(Plain):
    """The second direction's dx is flipped with its padding.

    Shows: dx of short rows: it stands T - n steps late; nothing shows without padding.
    Seen: by hand
    """

    wrong = ("x",)
    terms = "steps in another order"

    def d_turned(self, d_z: Array, lengths: IntArray, direction: int) -> Array:
        """All T steps in reverse."""
        return d_z[::-1] if direction else d_z


class CotangentNotTurned(Plain):
    """The second direction is differentiated with its output's cotangent in the order of x.

    Shows: every gradient of that direction; not for T = 1, nor with a cotangent on h_n alone.
    Seen: by hand
    """

    wrong = EVERYTHING
    terms = "what the output brings"

    def d_turned_back(self, d_h: Array, lengths: IntArray, direction: int) -> Array:
        """d_h as it is."""
        return d_h


class CotangentSplitInterleaved(Plain):
    """The cotangent of the joined output is split into even and odd features, not into halves.

    Shows: every gradient, in both directions; not for H = 1, nor with a cotangent on h_n alone.
    Seen: by hand
    """

    wrong = EVERYTHING
    terms = "what the output brings"

    def directions_split(self, spec: RNNSpec, d_joined: Array) -> list[Array]:
        """Every D-th feature."""
        return [d_joined[..., d :: spec.num_directions] for d in range(spec.num_directions)]


class ForwardFinalCotangentForBoth(Plain):
    """Both directions get the d_h_n of the first.

    Shows: every gradient of the reverse direction, as soon as anything reads h_n.
    Seen: by hand
    """

    wrong = EVERYTHING
    terms = "what h_n brings"

    def d_last_state(self, spec: RNNSpec, d_h_n: Array, layer: int, direction: int) -> Array:
        """d_h_n of the layer's first direction."""
        return np.asarray(d_h_n[layer * spec.num_directions])
