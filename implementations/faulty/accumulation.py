"""What goes wrong in the sums over steps and rows: dW_ih = Σ δ_t z_tᵀ, dW_hh = Σ δ_t h_{t-1}ᵀ, db = Σ δ_t."""

from typing import Any

import numpy as np

from rnncheck.implementations.faulty.cell import Array, CellTape, outer_sum, total
from rnncheck.implementations.faulty.plain import Named, Plain, Tape
from rnncheck.spec import RNNSpec

BIASES = ("bias_ih", "bias_hh")
PARAMETERS = ("weight_ih", "weight_hh", *BIASES)


def only(delta: Array, chosen: Any) -> Array:  # noqa: ANN401 - whatever indexes an array
    """δ of the chosen steps and rows, 0 for the others."""
    kept = np.zeros_like(delta)
    kept[chosen] = delta[chosen]
    return kept


class GradientAssigned(Plain):
    """In the loop over the steps the parameters' gradients are assigned, `=` where `+=` belongs.

    Shows: for T > 1. The loop ends with step 0, so that step is all that is left; dx and dh0 are right.
    Seen: tensorflow/swift-apis#518 (PR#522)
    """

    wrong, terms = PARAMETERS, "steps but the first"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """δ_0 z_0ᵀ, δ_0 h0ᵀ, δ_0."""
        return super().cell_gradients(spec, tape, only(delta, np.s_[:1]))


class GradientOfTheLastStep(Plain):
    """The parameters' gradients are computed once, from the last step, outside of the loop.

    Shows: for T > 1, in every parameter; dx and dh0 are right.
    Seen: by hand
    """

    wrong, terms = PARAMETERS, "steps but the last"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """δ_{T-1} z_{T-1}ᵀ, …."""
        return super().cell_gradients(spec, tape, only(delta, np.s_[-1:]))


class FirstStepLeftOut(Plain):
    """The sum over the steps leaves out step 0: `range(T - 1, 0, -1)`.

    Shows: in every parameter, by one step's share: the longer the sequence, the less.
    Seen: by hand
    """

    wrong, terms = PARAMETERS, "step 0"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Σ_{t>0}."""
        return super().cell_gradients(spec, tape, only(delta, np.s_[1:]))


class LastStepLeftOut(Plain):
    """The sum over the steps leaves out the last one: `range(T - 1)`.

    Shows: in every parameter. With short sequences of a longer batch it is only padding that is lost.
    Seen: by hand
    """

    wrong, terms = PARAMETERS, "last step"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Σ_{t<T-1}."""
        return super().cell_gradients(spec, tape, only(delta, np.s_[:-1]))


class FirstRowOnly(Plain):
    """The parameters' gradients count the first row of the batch alone.

    Shows: for B > 1. Code for one sequence, to which a batch axis was added.
    Seen: by hand
    """

    wrong, terms = PARAMETERS, "rows but the first"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Row 0's."""
        return super().cell_gradients(spec, tape, only(delta, np.s_[:, :1]))


class RowsOverwriteEachOther(Plain):
    """In the loop over the rows the parameters' gradients are assigned, `=` where `+=` belongs.

    Shows: for B > 1: the last row is all that is left.
    Seen: by hand
    """

    wrong, terms = PARAMETERS, "rows but the last"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Row B-1's."""
        return super().cell_gradients(spec, tape, only(delta, np.s_[:, -1:]))


class LastRowLeftOut(Plain):
    """The sum over the rows leaves out the last one: `range(B - 1)`.

    Shows: in every parameter; for B = 1 they are 0. In a large batch it looks like noise.
    Seen: by hand
    """

    wrong, terms = PARAMETERS, "last row"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Σ_{b<B-1}."""
        return super().cell_gradients(spec, tape, only(delta, np.s_[:, :-1]))


class AveragedOverSteps(Plain):
    """The parameters' gradients are divided by T, though the loss is a sum over the steps.

    Shows: for T > 1, in the parameters and not in dx and dh0. Descent goes the same way, more slowly.
    Seen: by hand
    """

    wrong, terms = PARAMETERS, "divided by T"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Σ / T."""
        return super().cell_gradients(spec, tape, delta / max(tape.T, 1))


class AveragedOverRows(Plain):
    """The parameters' gradients are divided by B, though the loss is a sum over the rows.

    Shows: for B > 1, in the parameters and not in dx and dh0. Twice, if the loss was an average.
    Seen: by hand
    """

    wrong, terms = PARAMETERS, "divided by B"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Σ / B."""
        return super().cell_gradients(spec, tape, delta / max(len(tape.lengths), 1))


class BiasGradientsAveraged(Plain):
    """The gradients for the biases are means where they are sums: `mean` for `sum`.

    Shows: in the biases alone, unless T B = 1.
    Seen: kvfrans/notes#5
    """

    wrong, terms = BIASES, "divided by T B"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Σ δ_t / (T B)."""
        found = super().cell_gradients(spec, tape, delta)
        count = max(tape.T * len(tape.lengths), 1)
        return {n: g / count if n.startswith("bias") else g for n, g in found.items()}


class BiasGradientsSummedOverUnits(Plain):
    """The gradients for the biases are summed over the units too, and every unit gets the total.

    Shows: for H > 1: all entries of a bias learn the same.
    Seen: rasbt/stat453-deep-learning-ss21#5
    """

    wrong, terms = BIASES, "every term"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Σ_i δ_{t,i} for every unit: `np.sum` without an axis, broadcast."""
        found = super().cell_gradients(spec, tape, delta)
        return {n: 0 * g + g.sum() if n.startswith("bias") else g for n, g in found.items()}


class SecondBiasDoesNotLearn(Plain):
    """b_ih gets the gradient for the bias, and b_hh none.

    Shows: in db_hh alone. The sum of the two learns at half the rate.
    Seen: by hand
    """

    wrong, terms = ("bias_hh",), "none counted"

    def d_bias_hh(self, tape: CellTape, delta: Array) -> Array:
        """0."""
        return np.zeros_like(total(delta))


class GradientSplitBetweenBiases(Plain):
    """The gradient for b_ih + b_hh is dealt out, half to each, as if they were one parameter.

    Shows: in networks with biases: both are half of what they should be, and so equal.
    Seen: by hand
    """

    wrong, terms = BIASES, "times 0.5"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Σ δ_t / 2."""
        found = super().cell_gradients(spec, tape, delta)
        return {n: g / 2 if n.startswith("bias") else g for n, g in found.items()}


class RecurrentGradientOfTheStateAfter(Plain):
    """dW_hh pairs δ_t with h_t where the state before the step, h_{t-1}, belongs.

    Shows: in dW_hh alone, for every T > 0, unless the state never changes.
    Seen: VikParuchuri/zero_to_gpt#9
    """

    wrong, terms = ("weight_hh",), "every term"

    def d_weight_hh(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_t h_tᵀ."""
        return outer_sum(delta, tape.h)


class FirstStateCountsAsZero(Plain):
    """dW_hh leaves out δ_0 h0ᵀ: at step 0 the state before is taken for zeros, whatever was given.

    Shows: where h0 is not 0.
    Seen: by hand
    """

    wrong, terms = ("weight_hh",), "step 0"

    def d_weight_hh(self, tape: CellTape, delta: Array) -> Array:
        """Σ_{t>0} δ_t h_{t-1}ᵀ."""
        return outer_sum(delta[1:], tape.h[:-1])


class RecurrentGradientTransposed(Plain):
    """dW_hh is Σ h_{t-1} δ_tᵀ, the outer product the other way round.

    Shows: in dW_hh alone, for H > 1; W_hh is square, so nothing crashes.
    Seen: by hand
    """

    wrong, terms = ("weight_hh",), "every term"

    def d_weight_hh(self, tape: CellTape, delta: Array) -> Array:
        """Σ h_{t-1} δ_tᵀ."""
        return outer_sum(tape.before, delta)


class InputGradientReshaped(Plain):
    """dW_ih is Σ z_t δ_tᵀ, reshaped to (H, F) where it should be transposed.

    Shows: in dW_ih alone, unless H or F is 1. Every shape fits.
    Seen: by hand
    """

    wrong, terms = ("weight_ih",), "every term"

    def d_weight_ih(self, tape: CellTape, delta: Array) -> Array:
        """Σ z_t δ_tᵀ, its entries in rows of F."""
        return outer_sum(tape.z, delta).reshape(tape.cell.weight_ih.shape)


class InputOfTheStepBefore(Plain):
    """dW_ih pairs δ_t with z_{t-1}, as dW_hh does with h_{t-1}; at t = 0 with z_{-1}, the last one.

    Shows: in dW_ih alone, unless the input is constant.
    Seen: by hand
    """

    wrong, terms = ("weight_ih",), "every term"

    def d_weight_ih(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_t z_{t-1}ᵀ."""
        return outer_sum(delta, np.roll(tape.z, 1, axis=0))


class OutputOfItsOwnForInput(Plain):
    """dW_ih reads the layer's own output where its input belongs: the list of layers is off by one.

    Shows: where the two have one width: in upper layers of one direction, and in the first if I = H.
    Seen: by hand
    """

    wrong, terms = ("weight_ih",), "every term"

    def d_weight_ih(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_t h_tᵀ."""
        return outer_sum(delta, tape.h if tape.h.shape == tape.z.shape else tape.z)


class GradientsClipped(Plain):
    """The parameters' gradients are handed over cut to [-1, 1].

    Shows: where they are larger, and only there. Cutting belongs to the optimiser, where it can be seen.
    Seen: by hand
    """

    wrong, terms = PARAMETERS, "large entries"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Cut to [-1, 1]."""
        found = super().cell_gradients(spec, tape, delta)
        return {name: np.clip(g, -1, 1) for name, g in found.items()}


class FirstLayerLearnsAlone(Plain):
    """Only the first layer's gradients are computed; those above pass theirs down and get none.

    Shows: for L > 1, in every parameter above the first layer.
    Seen: by hand
    """

    wrong, terms = PARAMETERS, "none counted"

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """0 above the first layer."""
        return super().cell_gradients(spec, tape, 0 * delta if tape.cell.layer else delta)


class LastBlockOfRowsLeftOut(Plain):
    """Rows are taken in blocks of 1024, and what is left of a batch after the last whole one is left out.

    Shows: in the parameters, for batches of more than 1024 rows, but for multiples of it: no test
    on a few rows sees anything.
    Seen: by hand
    """

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """Σ over the rows of whole blocks; a batch of fewer rows is one block."""
        B = delta.shape[1]
        whole = max(B - B % 1024, min(B, 1024))
        return super().cell_gradients(spec, tape, only(delta, np.s_[:, :whole]))


class LayersShareOneSum(Plain):
    """All layers add to one array for W_hh: `[np.zeros((H, H))] * layers` is one array, many times.

    Shows: for L > 1 or two directions: each gets the sum of all. dW_ih differs in shape and escapes.
    Seen: by hand
    """

    wrong, terms = ("weight_hh",), "every term"

    def gradients_out(self, gradients: Named, tape: Tape) -> Named:
        """Σ over layers and directions, for each."""
        shared = sum(g for name, g in gradients.items() if name.startswith("weight_hh"))
        return {n: 0 * g + shared if n.startswith("weight_hh") else g for n, g in gradients.items()}


class GeneratedStepsDoNotCount(Plain):
    """Each call's gradients take the place of those before: what the generated steps add is lost.

    Shows: where steps are generated: parameters serve them too, and learn from the given steps only.
    Seen: by hand
    """

    wrong, terms = PARAMETERS, "what the generated steps bring"

    def accumulated(self, found: Named, gradients: Named) -> Named:
        """Assigned."""
        return {**found, **gradients}
