"""What goes wrong between the units, the layers and the biases: z of layer l is the output of layer l-1."""

from dataclasses import replace

import numpy as np

from rnncheck.implementations.faulty.cell import Array, Cell, CellTape, IntArray, outer_sum
from rnncheck.implementations.faulty.plain import EVERYTHING, Named, Parameters, Plain
from rnncheck.spec import RNNSpec

BIASES = ("bias_ih", "bias_hh")


class UnitsOverwritten(Plain):
    """The state before is overwritten unit by unit while the units after still read it.

    Shows: with two units or more: the result depends on their order; not for a W_hh that is zero below
    its diagonal.
    Seen: onnx/onnx-mlir PR#367
    """

    def pre_activation(self, cell: Cell, z_t: Array, h_prev: Array, t: int) -> Array:
        """The units in one loop, on one array."""
        h, a = h_prev.copy(), np.zeros_like(h_prev)
        for unit in range(h.shape[1]):
            a[:, unit] = super().pre_activation(cell, z_t, h, t)[:, unit]
            h[:, unit] = self.activation(cell, a)[:, unit]
        return a


class SecondDirectionReadsTheFirst(Plain):
    """The first direction writes its states over the layer's input, and the second one reads them.

    Shows: with two layers and two directions, in the upper layers' second direction.
    Seen: by hand
    """

    def scan(
        self, cell: Cell, z: Array, h0: Array, lengths: IntArray, truncation: int | None
    ) -> tuple[Array, CellTape]:
        """In the first half of z, which has the width of both directions."""
        state, tape = super().scan(cell, z, h0, lengths, truncation)
        hidden = tape.h.shape[2]
        if cell.layer > 0 and cell.direction == 0 and z.shape[2] > hidden:
            z[..., :hidden] = tape.h
        return state, tape


class LayersShareWeights(Plain):
    """All layers above the first are one and the same object: `[cell] * n`.

    Shows: with three layers or more (the first has weights of another shape).
    Seen: tensorflow/models PR#2878; macanv/BERT-BiLSTM-CRF-NER#252
    """

    def cell(self, spec: RNNSpec, parameters: Parameters, layer: int, direction: int) -> Cell:
        """The parameters of layer 1 for all above it."""
        return replace(super().cell(spec, parameters, min(layer, 1), direction), layer=layer)


class LayerStartsFromTheStateBelow(Plain):
    """There is one `state` for all layers: a layer starts where the one below it has ended.

    Shows: with two layers or more.
    Seen: by hand
    """

    state: Array

    def scan(
        self, cell: Cell, z: Array, h0: Array, lengths: IntArray, truncation: int | None
    ) -> tuple[Array, CellTape]:
        """From the state that the last scan has left."""
        start = self.state if cell.layer else h0
        self.state, tape = super().scan(cell, z, start, lengths, truncation)
        return self.state, tape


class LayerOneStepBehind(Plain):
    """All layers step at once, so that each reads what the one below had a step ago.

    Shows: with two layers or more.
    Seen: by hand
    """

    def layer_input(self, z: Array, layer: int, masks: Array | None) -> Array:
        """0, then what the layer below put out before this step."""
        below = super().layer_input(z, layer, masks)
        if layer == 0:
            return below
        behind = np.zeros_like(below)
        behind[1:] = below[:-1]
        return behind


class FinalStatesOfTheTop(Plain):
    """The top layer's last state stands in h_n for every layer: `[state] * n`.

    Shows: in h_n, with two layers or two directions, and in what is run on from it.
    Seen: by hand
    """

    def states_stacked(self, spec: RNNSpec, states: list[Array], top: Array) -> Array:
        """The last one, L·D times."""
        return np.stack(states[-1:] * len(states))


class FinalStateOfTheForwardDirectionTwice(Plain):
    """The forward direction's last state stands in h_n for both directions.

    Shows: in h_n, with two directions.
    Seen: tflearn/tflearn PR#522
    """

    def states_stacked(self, spec: RNNSpec, states: list[Array], top: Array) -> Array:
        """The state of l·D for both."""
        return np.stack(
            [state for state in states[:: spec.num_directions] for _ in range(spec.num_directions)]
        )


class MiddleLayerReadsItsOwnOutput(Plain):
    """The W_ih of a middle layer learns from the layer's output where its input belongs.

    Shows: in the gradient for W_ih of every layer but the first and the last, with three layers or more.
    Seen: apache/mxnet PR#18203 (b)
    """

    wrong, terms = ("weight_ih",), "every term"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Σ δ_t h_tᵀ."""
        found = super().cell_gradients(spec, tape, delta)
        if 0 < tape.cell.layer < spec.num_layers - 1:
            output = np.tile(tape.h, spec.num_directions)
            suffix = spec.suffix(tape.cell.layer, tape.cell.direction)
            found[f"weight_ih_{suffix}"] = outer_sum(delta, output)
        return found


class UpperBiasesNotLearned(Plain):
    """The gradients for the biases of all layers above the first are 0: they are written elsewhere.

    Shows: with two layers or more. The network trains all the same.
    Seen: apache/mxnet PR#17872 (#17818)
    """

    wrong, terms = BIASES, "none counted"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """0 for biases above layer 0."""
        found = super().cell_gradients(spec, tape, delta)
        upper = [name for name in found if tape.cell.layer and name.startswith("bias")]
        return found | {name: np.zeros_like(found[name]) for name in upper}


class BiasesNotLearned(Plain):
    """The biases are left out of back-propagation: their gradients are 0.

    Shows: always, with biases. The network trains all the same.
    Seen: tracel-ai/burn PR#5235
    """

    wrong, terms = BIASES, "none counted"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """0 for biases."""
        found = super().cell_gradients(spec, tape, delta)
        return found | {n: np.zeros_like(g) for n, g in found.items() if n.startswith("bias")}


class SecondBiasForgotten(Plain):
    """The second bias, b_hh, is not added.

    Shows: with a b_hh other than 0, which a network that was never trained need not have.
    Seen: by hand
    """

    def biases(self, cell: Cell) -> Array | float:
        """b_ih."""
        return 0.0 if cell.bias_ih is None else cell.bias_ih


class SecondBiasForTheFirst(Plain):
    """The second bias, b_hh, is added where b_ih is meant: twice in all, and b_ih not at all.

    Shows: unless both biases are the same.
    Seen: rasbt/machine-learning-book#106
    """

    def biases(self, cell: Cell) -> Array | float:
        """b_hh + b_hh."""
        return 0.0 if cell.bias_hh is None else cell.bias_hh + cell.bias_hh


class BiasesAddedTwice(Plain):
    """The biases are added to W_ih z for all steps at once, and again in every step.

    Shows: with biases other than 0, if they come from elsewhere: training learns half of them.
    Seen: lisa-lab/DeepLearningTutorials#81; kelvinxu/arctic-captions#7
    """

    def pre_activation(self, cell: Cell, z_t: Array, h_prev: Array, t: int) -> Array:
        """a_t + b."""
        return super().pre_activation(cell, z_t, h_prev, t) + self.biases(cell)


class BiasesOnTheFirstStepOnly(Plain):
    """The biases are added at the first step only.

    Shows: from the second step on, with biases other than 0.
    Seen: apple/coremltools#309
    """

    def pre_activation(self, cell: Cell, z_t: Array, h_prev: Array, t: int) -> Array:
        """W_ih z_t + W_hh h_{t-1} for t > 0."""
        if t == 0:
            return super().pre_activation(cell, z_t, h_prev, t)
        return self.from_input(cell, z_t) + self.from_state(cell, h_prev)


class BiasGradientsOfBothForEach(Plain):
    """Each bias gets what both together have gathered: its gradient is twice what it is.

    Shows: with biases.
    Seen: by hand
    """

    wrong, terms = BIASES, "times 2"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """2 Σ δ_t."""
        found = super().cell_gradients(spec, tape, delta)
        return found | {n: 2 * g for n, g in found.items() if n.startswith("bias")}


class SecondBiasLearnsFromSecondStep(Plain):
    """The second bias, b_hh, gets no gradient from the first step, as if no state came before it.

    Shows: with biases.
    Seen: by hand
    """

    wrong, terms = ("bias_hh",), "step 0"

    def d_bias_hh(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_t over t > 0."""
        return super().d_bias_hh(tape, delta[1:])


class DownThroughRecurrentWeights(Plain):
    """What goes down to the layer below multiplies by W_hh where W_ih belongs.

    Shows: in all gradients of the layers below the top, with two layers or more; with two directions it is
    an error of shapes.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "what the layer above brings"

    def d_z(self, tape: CellTape, delta: Array) -> Array:
        """W_hhᵀ δ_t above the first layer."""
        return delta @ (tape.cell.weight_hh if tape.cell.layer else tape.cell.weight_ih)


class NothingHandedDown(Plain):
    """Layers are cut off from one another: none hands its gradient to the one below.

    Shows: in all gradients of the layers below the top, with two layers or more. The top layer learns.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "what the layer above brings"

    def d_layer_input(self, d_z: Array, layer: int, masks: Array | None) -> Array:
        """0 above the first layer."""
        below = super().d_layer_input(d_z, layer, masks)
        return np.zeros_like(below) if layer else below


class StateGradientsFromTheTop(Plain):
    """The gradients for h0 stand in the order of the backward pass: those of the top layer first.

    Shows: with two layers or more, in the gradient for h0.
    Seen: by hand
    """

    wrong, terms = ("h0",), "every term"

    def d_h0_stacked(self, spec: RNNSpec, d_h0: dict[int, Array]) -> Array:
        """As they came."""
        return np.stack(list(d_h0.values()))
