"""What is taken that is no input, and what is an input and refused: the entry that a user calls."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from rnncheck.case import Array
from rnncheck.implementation import Gradients
from rnncheck.implementations.faulty.cell import Cell, CellTape, IntArray
from rnncheck.implementations.faulty.plain import Parameters, Plain
from rnncheck.spec import RNNSpec, require_shape


class H0BroadcastOverTheBatch(Plain):
    """An h0 of one row is broadcast over the batch without a word.

    Shows: right numbers for right arguments; a state left from another batch size is taken.
    Seen: keras-team/keras#21183
    """

    def require_h0(self, spec: RNNSpec, h0: Array, B: int) -> None:
        """h0 is an array of states; how many rows it has is not looked at."""
        require_shape("h0", h0.shape, (spec.num_states, h0.shape[1], spec.hidden_size))

    def scan(
        self, cell: Cell, z: Array, h0: Array, lengths: IntArray, truncation: int | None
    ) -> tuple[Array, CellTape]:
        """The steps from h0, in every row of z."""
        state = np.broadcast_to(h0, (z.shape[1], h0.shape[1]))
        return super().scan(cell, z, state, lengths, truncation)


class H0RowsCut(Plain):
    """An h0 with more rows than the batch is cut: its last rows are not looked at.

    Shows: right numbers for right arguments; the states of a larger batch are taken, each perhaps for a
    row that it does not belong to.
    Seen: by hand
    """

    def require_h0(self, spec: RNNSpec, h0: Array, B: int) -> None:
        """h0 has a row for each of x, at least."""
        require_shape("h0", h0[:, :B].shape, (spec.num_states, B, spec.hidden_size))

    def scan(
        self, cell: Cell, z: Array, h0: Array, lengths: IntArray, truncation: int | None
    ) -> tuple[Array, CellTape]:
        """The steps from h0's first rows."""
        return super().scan(cell, z, h0[: z.shape[1]], lengths, truncation)


class H0LayersNotCounted(Plain):
    """How many layers and directions h0 has is not checked: those too many are not looked at.

    Shows: right numbers for right arguments; h0 of a deeper network is taken.
    Seen: pytorch/pytorch#3259
    """

    def require_h0(self, spec: RNNSpec, h0: Array, B: int) -> None:
        """h0 has the rows and units that it must have."""
        require_shape("h0", h0.shape, (h0.shape[0], B, spec.hidden_size))


class InputZippedWithWeights(Plain):
    """input_size is not checked, and x and W_ih are multiplied by zip, which ends with the shorter.

    Shows: right numbers for right arguments; features too many are cut off, missing ones count as 0.
    Seen: pytorch/pytorch#114874
    """

    def require_x(self, spec: RNNSpec, x: Array) -> None:
        """x has three axes."""
        require_shape("x", x.shape, (*x.shape[:2], x.shape[-1]))

    def from_input(self, cell: Cell, z_t: Array) -> Array:
        """Σ_i W_ih[:, i] z_t[i]."""
        total = np.zeros_like(z_t, shape=(len(z_t), len(cell.weight_ih)))
        for z_i, column in zip(z_t.T, cell.weight_ih.T):  # noqa: B905 - this is the mistake
            total += np.multiply.outer(z_i, column)
        return total


class ParametersCut(Plain):
    """The shapes of the parameters are not checked, and each is cut to what the network needs of it.

    Shows: right numbers for right arguments; the weights of a larger network are taken.
    Seen: by hand
    """

    def require_parameters(self, spec: RNNSpec, parameters: Mapping[str, Array]) -> None:
        """Whatever shape they have."""

    def cell(self, spec: RNNSpec, parameters: Parameters, layer: int, direction: int) -> Cell:
        """A cell of the first rows and columns."""
        shapes = spec.parameter_shapes()
        cut = {n: p[tuple(map(slice, shapes[n]))] for n, p in parameters.items()}
        return super().cell(spec, cut, layer, direction)


class BiasesNotChecked(Plain):
    """The shapes of weights are checked, those of biases are not.

    Shows: right numbers for right arguments; a bias of one number is broadcast over the units.
    Seen: by hand
    """

    def require_parameters(self, spec: RNNSpec, parameters: Mapping[str, Array]) -> None:
        """Every weight has its shape."""
        for name, shape in spec.parameter_shapes().items():
            if name.startswith("weight"):
                require_shape(name, parameters[name].shape, shape)


class CotangentBroadcast(Plain):
    """The shapes of d_output and d_h_n are not checked: they are broadcast.

    Shows: right numbers for right arguments; a d_output of one row counts for every row.
    Seen: by hand
    """

    def require_cotangents(self, given: Mapping[str, Array], output: Array, h_n: Array) -> None:
        """Whatever shape they have."""


class LengthsBeyondTheEnd(Plain):
    """Lengths are not checked against T.

    Shows: right numbers for right arguments; a row whose length is T + 1 never comes to its last step.
    Seen: pytorch/pytorch#146744
    """

    def require_lengths(self, lengths: Any, T: int, B: int) -> None:  # noqa: ANN401
        """Integers from 0."""
        super().require_lengths(lengths, int(max(T, lengths.max(initial=0))), B)


class NegativeLengths(Plain):
    """A length below 0 is taken.

    Shows: right numbers for right arguments; the loop over such a row's steps never runs.
    Seen: pytorch/pytorch PR#1012
    """

    def require_lengths(self, lengths: Any, T: int, B: int) -> None:  # noqa: ANN401
        """Integers up to T."""
        super().require_lengths(np.maximum(lengths, 0), T, B)


class LengthsNotCounted(Plain):
    """How many lengths there are is not checked: one is broadcast over the batch.

    Shows: right numbers for right arguments; for a batch of two, a list of one length is taken.
    Seen: by hand
    """

    def require_lengths(self, lengths: Any, T: int, B: int) -> None:  # noqa: ANN401
        """Integers in 0..T."""
        super().require_lengths(lengths, T, len(lengths))


class LengthsTruncatedToIntegers(Plain):
    """Lengths of floats are truncated to integers.

    Shows: right numbers for right arguments; lengths of 2.9999999, as a division gives them, become 2.
    Seen: by hand
    """

    def enter(self, spec: RNNSpec, arrays: Mapping[str, Array]) -> Gradients:
        """A call with lengths of integers."""
        if "lengths" in arrays:
            arrays = {**arrays, "lengths": arrays["lengths"].astype(np.int64)}
        return super().enter(spec, arrays)


class FullLengthRefused(Plain):
    """Lengths must be smaller than T: an off-by-one in the check refuses rows without padding.

    Shows: a batch with lengths is refused unless every row is padded.
    Seen: microsoft/onnxruntime#10768
    """

    def require_lengths(self, lengths: Any, T: int, B: int) -> None:  # noqa: ANN401
        """One integer in 0..T-1 for each row."""
        super().require_lengths(lengths, T - 1, B)


class LengthOfOneRefused(Plain):
    """A row of one step raises where there are lengths.

    Shows: a batch with lengths in which one of them is 1 is refused.
    Seen: chainer/chainer#7545
    """

    def require_lengths(self, lengths: Any, T: int, B: int) -> None:  # noqa: ANN401
        """More than one step in each row."""
        super().require_lengths(lengths, T, B)
        if (lengths == 1).any():
            raise ValueError("a sequence needs at least two steps")


class LengthsTakenForMasks(Plain):
    """Lengths raise: they are checked as if they were a mask, one number for each step and row.

    Shows: no call with lengths gets through.
    Seen: google/flax#3208; apache/mxnet#20524
    """

    def require_lengths(self, lengths: Any, T: int, B: int) -> None:  # noqa: ANN401
        """(T, B)."""
        require_shape("lengths", lengths.shape, (T, B))


class StateOfIntegersTruncates(Plain):
    """h0 may be of another type than the parameters, and the states are kept in h0's.

    Shows: right numbers for right arguments; np.zeros(shape, int) as h0 makes every state an integer.
    Seen: by hand
    """

    def require_dtypes(self, arrays: Mapping[str, Array]) -> None:
        """Every other array has the parameters' type."""
        super().require_dtypes({name: a for name, a in arrays.items() if name != "h0"})


class InputOfAnyType(Plain):
    """The type of x is not checked.

    Shows: right numbers for right arguments; x in float64 is quietly rounded to float32 parameters.
    Seen: by hand
    """

    def require_dtypes(self, arrays: Mapping[str, Array]) -> None:
        """Every other array has the parameters' type."""
        super().require_dtypes({name: a for name, a in arrays.items() if name != "x"})


class OneStepLosesItsAxis(Plain):
    """For T = 1 the axis of time is dropped: the rows of the batch are taken for steps.

    Shows: only for T = 1: a result of a wrong shape, or an exception.
    Seen: openvinotoolkit/openvino PR#159; Element-Research/rnn#7
    """

    def scan(
        self, cell: Cell, z: Array, h0: Array, lengths: IntArray, truncation: int | None
    ) -> tuple[Array, CellTape]:
        """The steps of z, squeezed."""
        steps = z[0] if len(z) == 1 else z
        return super().scan(cell, steps, h0, lengths, truncation)


class SizesOfOneRefused(Plain):
    """Axes of size 1 are squeezed away before the axes of x are counted.

    Shows: T = 1, B = 1 and one feature are refused, and with B = 1 every unbatched input.
    Seen: by hand
    """

    def require_x(self, spec: RNNSpec, x: Array) -> None:
        """x has three axes that count."""
        super().require_x(spec, x if x.size == 0 else x.squeeze())


class UnbatchedRefused(Plain):
    """Only x gets a batch axis where there is none: h0 is checked as it was given.

    Shows: unbatched input with an unbatched h0, as documented, is refused.
    Seen: by hand
    """

    def with_rows(self, name: str, array: Array) -> Array:
        """x with a batch axis of 1."""
        return array[:, None] if name == "x" else array


class UnbatchedKeepsTheAxis(Plain):
    """The batch axis that an unbatched input was given is not taken away from the results.

    Shows: output has shape (T, 1, H) where (T, H) was given. Only for unbatched input.
    Seen: by hand
    """

    def without_rows(self, name: str, array: Array) -> Array:
        """The result as it is."""
        return array


class UnbatchedSqueezed(Plain):
    """The results of unbatched input are squeezed: every axis of size 1 goes, not the batch axis alone.

    Shows: h_n of one layer loses its axis too, and so do T = 1 and H = 1. Only for unbatched input.
    Seen: facebookresearch/minimax PR#2
    """

    def without_rows(self, name: str, array: Array) -> Array:
        """The result without any axis of size 1."""
        return array.squeeze()
