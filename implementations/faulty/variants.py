"""Networks that are unusual and right: no check may ever fail on one of them."""

import math
from dataclasses import replace

import numpy as np

from rnncheck.implementations.faulty.cell import Array, Cell, CellTape, IntArray
from rnncheck.implementations.faulty.plain import Named, Parameters, Plain, Tape
from rnncheck.spec import RNNSpec


class ColumnVectors(Plain):
    """The rows of a batch are the columns of every product, (W zᵀ)ᵀ, or it is an einsum.

    Shows: nothing: it is right.
    Seen: by hand; where books write W x
    """

    def from_input(self, cell: Cell, z_t: Array) -> Array:
        """(W_ih z_tᵀ)ᵀ."""
        return (cell.weight_ih @ z_t.T).T

    def from_state(self, cell: Cell, h_prev: Array) -> Array:
        """Σ_j W_hh[i, j] h_prev[b, j]."""
        return np.asarray(np.einsum("ij,bj->bi", cell.weight_hh, h_prev))

    def carried(self, tape: CellTape, t: int, delta_next: Array) -> Array:
        """(W_hhᵀ δᵀ)ᵀ."""
        return (tape.cell.weight_hh.T @ delta_next.T).T


class OneMatrix(Plain):
    """The two biases are merged, and all weights are one matrix: [W_ih W_hh b] [z; h; 1].

    Shows: nothing: it is right.
    Seen: TensorFlow's BasicRNNCell
    """

    def pre_activation(self, cell: Cell, z_t: Array, h_prev: Array, t: int) -> Array:
        """[W_ih W_hh b] [z_t; h_{t-1}; 1]."""
        one = np.ones_like(h_prev[:, :1])
        bias = (np.zeros_like(cell.weight_hh[0]) + self.biases(cell))[:, None]
        weights = np.concatenate([cell.weight_ih, cell.weight_hh, bias], axis=1)
        return np.asarray(np.concatenate([z_t, h_prev, one], axis=1) @ weights.T)


class InputsInOneProduct(Plain):
    """W_ih z of all steps is one product, made before the first step.

    Shows: nothing: it is right.
    Seen: cuDNN, and whoever wants speed
    """

    def scan(
        self, cell: Cell, z: Array, h0: Array, lengths: IntArray, truncation: int | None
    ) -> tuple[Array, CellTape]:
        """The steps, with W_ih z + b in place of z and no other bias."""
        flat = z.reshape(z.shape[0] * z.shape[1], z.shape[2]) @ cell.weight_ih.T
        given = flat.reshape(*z.shape[:2], len(cell.weight_hh)) + self.biases(cell)
        unit = np.eye(len(cell.weight_hh), dtype=z.dtype)
        ready = replace(cell, weight_ih=unit, bias_ih=None, bias_hh=None)
        state, tape = super().scan(ready, given, h0, lengths, truncation)
        tape.cell, tape.z = cell, z
        return state, tape


class SumsFromTheEnd(Plain):
    """Σ over steps is taken step by step, the last one first, or over outer products, one by one.

    Shows: nothing: it is right.
    Seen: where backward adds up as it goes
    """

    def d_weight_ih(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_tᵀ z_t."""
        total = np.zeros_like(tape.cell.weight_ih)
        for d_t, z_t in zip(delta[::-1], tape.z[::-1], strict=True):
            total += d_t.T @ z_t
        return total

    def d_weight_hh(self, tape: CellTape, delta: Array) -> Array:
        """Σ_t Σ_b δ ⊗ h_{t-1}."""
        total = np.zeros_like(tape.cell.weight_hh)
        for t, b in np.ndindex(*delta.shape[:2]):
            total += np.outer(delta[t, b], tape.before[t, b])
        return total


class StepsInLists(Plain):
    """Every δ_t is put into a list, and the list becomes an array at the end.

    Shows: nothing: it is right.
    Seen: most networks that people write
    """

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """The list, turned around."""
        if tape.truncation is not None:
            return super().deltas(tape, d_h, d_h_n)
        found = [np.zeros_like(tape.h0)]
        for t in reversed(range(tape.T)):
            arriving = self.carried(tape, t, found[-1]) + self.upstream(tape, t, d_h, d_h_n)
            found.append(self.delta(tape, t, arriving))
        return np.stack(found[::-1])[: tape.T]


class ExactSums(Plain):
    """Σ δ_t is rounded once: math.fsum.

    Shows: nothing: it is right.
    Seen: by hand
    """

    def d_bias_hh(self, tape: CellTape, delta: Array) -> Array:
        """Σ δ_t."""
        units = delta.reshape(-1, delta.shape[-1]).T
        return np.array([math.fsum(unit) for unit in units]).astype(delta.dtype)


class RowByRow(Plain):
    """Every row of the batch takes its step alone.

    Shows: nothing: it is right.
    Seen: where there is no batch
    """

    def pre_activation(self, cell: Cell, z_t: Array, h_prev: Array, t: int) -> Array:
        """W_ih z + W_hh h + b, for one row after the other."""
        a = np.empty_like(h_prev)
        for row in range(len(a)):
            a[row] = cell.weight_ih @ z_t[row] + cell.weight_hh @ h_prev[row] + self.biases(cell)
        return a


class Checkpoints(Plain):
    """Backward runs the steps again, and takes nothing of forward's but the arguments.

    Shows: nothing: it is right.
    Seen: gradient checkpointing
    """

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """Every δ_t, by a tape of its own."""
        again = self.scan(tape.cell, tape.z, tape.h0, tape.lengths, tape.truncation)[1]
        tape.before = again.before
        return super().deltas(again, d_h, d_h_n)


class Sensitivities(Plain):
    """∂h_s/∂a_t is carried forward with the state, where others carry δ backward.

    Shows: nothing: it is right.
    Seen: real-time recurrent learning
    """

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """δ_t = Σ_s (∂h_s/∂a_t)ᵀ d_h_s."""
        if tape.truncation is not None:
            return super().deltas(tape, d_h, d_h_n)
        delta, one = np.zeros_like(tape.h), np.eye(tape.h.shape[-1], dtype=tape.h.dtype)
        reach = np.zeros_like(tape.h, shape=(*tape.h.shape, len(one)))  # [t, b, i, j]
        for s in range(tape.T):
            slope = (self.slope(tape, s) * np.ones_like(tape.h[s]))[..., None]
            reach[:s] = slope * (tape.cell.weight_hh @ reach[:s])
            reach[s] = slope * one
            arriving = self.upstream(tape, s, d_h, d_h_n)[:, None]
            delta[: s + 1] += (arriving @ reach[: s + 1])[:, :, 0]
        return delta


class TanhByExp(Plain):
    """tanh and its slope by exp(-2|a|), which neither overflows nor cancels; the slope from a, not from h.

    Shows: nothing: it is right.
    Seen: where there is no tanh
    """

    def activation(self, cell: Cell, a: Array) -> Array:
        """±(1 - e) / (1 + e), with e = exp(-2|a|)."""
        if cell.nonlinearity != "tanh":
            return super().activation(cell, a)
        less = np.expm1(-2 * np.abs(a))
        size = -less / (2 + less)
        return np.asarray(np.where(a < 0, -size, size))

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """1/cosh² a = 4 e / (1 + e)²."""
        if tape.cell.nonlinearity != "tanh":
            return super().slope(tape, t)
        e = np.exp(-2 * np.abs(tape.a[t]))
        return np.asarray(4 * e / (1 + e) ** 2)


class SigmoidByTanh(Plain):
    """The sigmoid is (1 + tanh(a/2)) / 2, which has few digits near 0.

    Shows: nothing: it is right.
    Seen: hardware that has a tanh
    """

    def activation(self, cell: Cell, a: Array) -> Array:
        """φ(a)."""
        by_tanh = cell.nonlinearity == "sigmoid"
        return (1 + np.tanh(a / 2)) / 2 if by_tanh else super().activation(cell, a)


class SoftmaxByLogarithm(Plain):
    """softmax is exp(log_softmax).

    Shows: nothing: it is right.
    Seen: where the loss is a cross-entropy
    """

    def readout_activation(self, spec: RNNSpec, q: Array) -> Array:
        """exp(q - max - log Σ exp(q - max))."""
        if spec.readout != "softmax":
            return super().readout_activation(spec, q)
        shifted = q - q.max(axis=-1, keepdims=True)
        return np.asarray(np.exp(shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))))


class ReluByMask(Plain):
    """ReLU is a · [a > 0], and its slope [a > 0].

    Shows: nothing: it is right.
    Seen: by hand
    """

    def activation(self, cell: Cell, a: Array) -> Array:
        """φ(a)."""
        return a * (a > 0) if cell.nonlinearity == "relu" else super().activation(cell, a)

    def slope(self, tape: CellTape, t: int) -> Array | float:
        """φ'(a_t)."""
        is_relu, a = tape.cell.nonlinearity == "relu", tape.a[t]
        return np.where(a > 0, 1, 0).astype(a.dtype) if is_relu else super().slope(tape, t)


class InPlaceOnItsOwn(Plain):
    """a and δ are built up in place, with out=, in arrays that belong to the call.

    Shows: nothing: it is right.
    Seen: where memory counts
    """

    def pre_activation(self, cell: Cell, z_t: Array, h_prev: Array, t: int) -> Array:
        """W_hh h_{t-1}, to which the other terms are added."""
        a = np.empty_like(h_prev)
        np.matmul(h_prev, cell.weight_hh.T, out=a)
        a += z_t @ cell.weight_ih.T
        a += self.biases(cell)
        return a

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """d_h, that becomes δ from its end."""
        if tape.truncation is not None:
            return super().deltas(tape, d_h, d_h_n)
        delta = d_h.copy()
        for t in reversed(range(tape.T)):
            delta[t] += np.where(tape.is_last(t), d_h_n, 0)
            if t + 1 < tape.T:
                delta[t] += delta[t + 1] @ tape.cell.weight_hh
            delta[t] *= self.slope(tape, t)
        return delta


class PaddingBySlices(Plain):
    """Padding is left out row by row, by slices of each row's own length.

    Shows: nothing: it is right.
    Seen: where sequences come in a list
    """

    def without_padding(self, array: Array, lengths: IntArray) -> Array:
        """Zeros, and each row's valid steps."""
        result = np.zeros_like(array)
        for row, n in enumerate(lengths):
            result[:n, row] = array[:n, row]
        return result


class SumsInFloat64(Plain):
    """Every sum over steps is in float64, and its result in the type of the arguments.

    Shows: nothing: it is right.
    Seen: mixed precision
    """

    def cell_gradients(self, spec: RNNSpec, tape: CellTape, delta: Array) -> Named:
        """The sums, cast back."""
        found = super().cell_gradients(spec, tape, delta.astype(np.float64))
        return {name: gradient.astype(delta.dtype) for name, gradient in found.items()}


class FortranOrder(Plain):
    """Parameters are copied into Fortran order, and every result is in it.

    Shows: nothing: it is right.
    Seen: BLAS from Fortran
    """

    def cell(self, spec: RNNSpec, parameters: Parameters, layer: int, direction: int) -> Cell:
        """A cell of copies."""
        own = {name: np.array(p, order="F") for name, p in parameters.items()}
        return super().cell(spec, own, layer, direction)

    def handed_over(self, result: Array) -> Array:
        """In memory of its own, the first index the quickest."""
        return np.array(result, order="F")

    def gradients_out(self, gradients: Named, tape: Tape) -> Named:
        """The gradients in that order."""
        return {name: np.asfortranarray(gradient) for name, gradient in gradients.items()}


class ReadOnlyResults(Plain):
    """No result can be written into.

    Shows: nothing: it is right.
    Seen: JAX
    """

    def handed_over(self, result: Array) -> Array:
        """A copy that is read-only."""
        own = super().handed_over(result)
        own.flags.writeable = False
        return own

    def gradients_out(self, gradients: Named, tape: Tape) -> Named:
        """The gradients, read-only, from the last to the first."""
        return {name: self.handed_over(gradients[name]) for name in reversed(gradients)}


class ViewsOfOneArray(Plain):
    """The gradients are views of one long array, made for this call.

    Shows: nothing: it is right.
    Seen: optimizers with flat parameters
    """

    def gradients_out(self, gradients: Named, tape: Tape) -> Named:
        """The same numbers, one after the other."""
        flat = np.concatenate([gradient.ravel() for gradient in gradients.values()])
        ends = np.cumsum([gradient.size for gradient in gradients.values()])
        parts = np.split(flat, ends[:-1])
        return {
            n: part.reshape(gradients[n].shape) for n, part in zip(gradients, parts, strict=True)
        }
