"""What goes wrong with dropout between the layers: output of layer l times its mask, and back."""

import numpy as np

from rnncheck.implementations.faulty.cell import Array, Cell, IntArray
from rnncheck.implementations.faulty.plain import EVERYTHING, Named, Parameters, Plain, RunTape
from rnncheck.spec import RNNSpec


class DropoutNotApplied(Plain):
    """The result of dropout goes to a variable that nobody reads.

    Shows: training and evaluation give the same; with two layers, in training only.
    Seen: jihunchoi/recurrent-batch-normalization-pytorch#13; espnet/espnet#1780;
    deeplearning4j#4614 (comment)
    """

    def layer_input(self, z: Array, layer: int, masks: Array | None) -> Array:
        """The layer below, whatever the mask."""
        return z


class DropoutAfterLastLayer(Plain):
    """Dropout is applied to the last layer's output too: a count from 1 meets one from 0.

    Shows: units of the output are 0 or too large, in training; h_n is right.
    Seen: OpenNMT/OpenNMT-py#29 (#6)
    """

    def run_given(
        self, spec: RNNSpec, parameters: Parameters, x: Array, h0: Array, lengths: IntArray,
        masks: Array | None,
    ) -> tuple[Array, Array, RunTape]:  # fmt: skip
        """The top is dropped out, with the last mask there is, before it is read."""
        y, h_n, tape = super().run_given(spec, parameters, x, h0, lengths, masks)
        if masks is None or not len(masks):
            return y, h_n, tape
        tape.read = self.selected(spec, tape.top * masks[-1], h_n, lengths)
        tape.y = self.read_out(spec, parameters, tape.read, self.read_lengths(spec, lengths))
        return tape.y, h_n, tape


class DropoutOnState(Plain):
    """The state that is carried to the next step is the dropped-out one.

    Shows: in training, from the second step on; what is dropped is forgotten for good, and what is not grows.
    Seen: hankcs/CS224n PR#12
    """

    masks: Array | None = None

    def run_given(
        self, spec: RNNSpec, parameters: Parameters, x: Array, h0: Array, lengths: IntArray,
        masks: Array | None,
    ) -> tuple[Array, Array, RunTape]:  # fmt: skip
        """As it should be, with the masks at hand for the steps."""
        self.masks = masks
        return super().run_given(spec, parameters, x, h0, lengths, masks)

    def pre_activation(self, cell: Cell, z_t: Array, h_prev: Array, t: int) -> Array:
        """W_ih z_t + W_hh (m_{t-1} ⊙ h_{t-1}) + b."""
        if t and self.masks is not None and cell.layer < len(self.masks):
            H = h_prev.shape[-1]
            own = slice(cell.direction * H, (cell.direction + 1) * H)
            h_prev = h_prev * self.masks[cell.layer, t - 1, :, own]
        return super().pre_activation(cell, z_t, h_prev, t)


class DropoutNotBackward(Plain):
    """The gradient passes to the layer below without the mask.

    Shows: in training, every gradient of every layer but the last; the network still trains.
    Seen: pytorch/pytorch#190056
    """

    wrong = EVERYTHING
    terms = "what the layer above brings"

    def d_layer_input(self, d_z: Array, layer: int, masks: Array | None) -> Array:
        """d_z, whatever the mask."""
        return d_z


class UndroppedInputKept(Plain):
    """What is kept for the backward pass is the layer's output before dropout.

    Shows: in training, dW_ih of every layer but the first; all other gradients are right.
    Seen: pytorch/pytorch#190056
    """

    wrong = ("weight_ih",)
    terms = "every term"

    def run_given_backward(
        self, tape: RunTape, d_y: Array, d_h_n: Array
    ) -> tuple[Named, Array, Array]:
        """The tapes' z is the output of the layer below, as it came out."""
        for (layer, direction), cell in tape.cells.items():
            if layer:
                below = range(tape.spec.num_directions)
                outputs = [
                    self.turned_back(tape.cells[layer - 1, d].h, tape.lengths, d) for d in below
                ]
                cell.z = self.turned(self.directions_joined(outputs), tape.lengths, direction)
        return super().run_given_backward(tape, d_y, d_h_n)


class MaskOfFirstLayer(Plain):
    """Every layer uses the first layer's mask.

    Shows: with three layers, in training.
    Seen: by hand
    """

    def layer_input(self, z: Array, layer: int, masks: Array | None) -> Array:
        """z ⊙ m_0."""
        return z if layer == 0 or masks is None else z * masks[0]


class OneMaskForAllSteps(Plain):
    """One mask, the first step's, is used for all steps.

    Shows: in training, from the second step on: the same units are dropped at every step.
    Seen: tensorflow/tensorflow#2789
    """

    def layer_input(self, z: Array, layer: int, masks: Array | None) -> Array:
        """z_t ⊙ m_0 for every t."""
        return z if layer == 0 or masks is None else z * masks[layer - 1, :1]


class MaskNotScaled(Plain):
    """What is not dropped is not scaled by 1/(1 - p).

    Shows: in training, all layers but the first get 1 - p of what they get in evaluation.
    Seen: by hand
    """

    def layer_input(self, z: Array, layer: int, masks: Array | None) -> Array:
        """z where it is not dropped."""
        return z if layer == 0 or masks is None else np.where(masks[layer - 1] > 0, z, 0)


class MaskOfAnotherLayerBackward(Plain):
    """The backward pass takes the masks in the order of the forward pass, from the first on.

    Shows: with three layers, in training: the gradients of every layer but the last.
    Seen: by hand
    """

    wrong = EVERYTHING
    terms = "what the layer above brings"

    def d_layer_input(self, d_z: Array, layer: int, masks: Array | None) -> Array:
        """d_z ⊙ m of the layer as far from the other end."""
        return d_z if layer == 0 or masks is None else d_z * masks[-layer]
