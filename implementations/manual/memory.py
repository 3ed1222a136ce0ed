"""The arrays of `straight`, and the views of them that its loops go through.

A loop over time is fast by what is not in it: to make an array, or a view of one, takes as long as
the arithmetic of a small network. So all are made before the loop, and written into again and again:
by every step, and, where nobody needs what an earlier call left there, by every call.

*Rows*. To everything but the recurrence a step of one row is like any other, so (T, B, H) is seen as
(T·B, H), the left side of one matrix product for all of them.

*Blocks* are as many steps as fit into the processor's cache. What is done for all steps at once is
done for a block of them, just before (or after) the loop over its steps, which finds it there.

*Orders*. A matrix that is the right side of products stands in memory row by row; if it is a large one
in float64, column by column, and a few odd rows are then the right side themselves: (W hᵀ)ᵀ for
h Wᵀ. For NumPy's BLAS these are the faster ways to the same sums.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import numpy as np

from rnncheck.implementations.manual.activations import Array, InPlace

SMALL_BYTES: Final = 2**16
"""Of a matrix in float64 that stands row by row, at most."""

BLOCK_BYTES: Final = 2**20
"""The states of a block: about what the cache of one core holds, the second in size."""

KERNEL_ROWS: Final = 8
"""Of the left side, taken at a time by BLAS in float64."""


class LayerGradients(NamedTuple):
    """What a layer's backward pass gives: its parameters' gradients, d_z (T, B, F), d_h0 (B, H)."""

    weight_ih: Array
    weight_hh: Array
    bias_ih: Array
    bias_hh: Array
    d_z: Array
    d_h0: Array


class Layer:
    """What a layer's forward pass writes and its backward pass reads: z (T, B, F), states, weights.

    h (T, B, H) are the states h_0 to h_{T-1}; h0, h_n (B, H) are that before them and the last.
    """

    z: Array
    h: Array
    h0: Array
    h_n: Array

    def load(self, weight_ih: Array, weight_hh: Array, *biases: Array) -> None:
        """Take over copies of the parameters."""
        raise NotImplementedError

    def run(self, phi: InPlace) -> None:
        """Equations (1) and (2) of `straight`: h and h_n of z and h0."""
        raise NotImplementedError

    def run_back(self, phi: InPlace, d_h: Array, d_h_n: Array, new: bool) -> LayerGradients:
        """Equations (4) and (5), in new arrays, or in the layer's own, the same at each call."""
        raise NotImplementedError

    def __getstate__(self) -> dict[str, Any]:
        """A copy makes its own `forth` and `back`: copied, the views there would be of nothing."""
        return {name: value for name, value in vars(self).items() if name not in ("forth", "back")}


class Weight:
    """A weight (H, F) as the right side of products: as it is, and transposed, both one's own."""

    def __init__(self, H: int, F: int, dtype: np.dtype[Any]) -> None:
        self.plain = right_side(H, F, dtype)
        self.T = right_side(F, H, dtype)

    def load(self, values: Array) -> None:
        """Take over these."""
        self.plain[...] = values
        self.T[...] = np.transpose(values)


class StepProducts:
    """left.dot(right) for each of some left sides (B, ·), one after the other, in the same `value`.

    calls: f and g for each of them; f(g, out) writes into out, which is value or its transpose.
    """

    def __init__(self, lefts: Array, right: Array) -> None:
        B, H = lefts.shape[1], right.shape[1]
        if B % KERNEL_ROWS and not right.flags.c_contiguous:
            self.out = np.empty((H, B), right.dtype)
            self.value = self.out.T
            self.calls: list[tuple[Callable[[Array, Array], object], Array]]
            self.calls = [(right.T.dot, left.T) for left in lefts]
        else:
            self.out = self.value = np.empty((B, H), right.dtype)
            self.calls = [(left.dot, right) for left in lefts]


def right_side(F: int, H: int, dtype: np.dtype[Any]) -> Array:
    """An array (F, H) for the right side of products, in the order of memory that is faster."""
    large = dtype.itemsize == 8 and F * H * dtype.itemsize > SMALL_BYTES
    return np.empty((F, H), dtype, "F" if large else "C")


def blocks(h: Array) -> Iterator[slice]:
    """The blocks of the steps of h (T, B, H)."""
    T, S = len(h), block_steps(h)
    for start in range(0, T, S):
        yield slice(start, min(start + S, T))


def block_steps(h: Array) -> int:
    """How many steps of h (T, B, H) make a block: at least one."""
    return max(1, BLOCK_BYTES * len(h) // max(1, h.nbytes))


def rows(values: Array) -> Array:
    """(S, B, F) as (S·B, F): a view, as the steps stand behind one another."""
    S, B, F = values.shape
    return values.reshape(S * B, F)
