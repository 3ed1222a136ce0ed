"""The three layouts of `torch.nn.RNN`'s arrays, and the way from each to the network's own.

==============  ==========  =============
                steps       states
==============  ==========  =============
time-major      (T, B, F)   (L·D, B, H)
batch first     (B, T, F)   (L·D, B, H)
no batch        (T, F)      (L·D, H)
==============  ==========  =============

The network's own layout is the first one. "Steps" are x and output, "states" are h0 and h_n.
"""

from dataclasses import dataclass
from typing import cast

from rnncheck.implementations.scalar.nested import Array2, Array3, Nested, check_shape
from rnncheck.spec import RNNSpec, Shape


@dataclass(frozen=True)
class Layout:
    """A layout with its sizes: T steps of B rows (B = 1 where there is no batch)."""

    T: int
    B: int
    batched: bool
    batch_first: bool

    def steps_in(self, name: str, array: Nested[float], features: int) -> Array3:
        """Time-major steps (T, B, F) from this layout's; ValueError for a wrong shape."""
        check_shape(name, array, *self._steps_shape(features))
        if not self.batched:
            return [[step] for step in cast(Array2, array)]
        steps = cast(Array3, array)
        return _swap(steps, self.B, self.T) if self.batch_first else steps

    def steps_out(self, steps: Array3) -> Nested[float]:
        """This layout's steps from time-major ones (T, B, F)."""
        if not self.batched:
            return [row for (row,) in steps]
        return _swap(steps, self.T, self.B) if self.batch_first else steps

    def states_in(self, name: str, array: Nested[float], spec: RNNSpec) -> Array3:
        """States (L·D, B, H) from this layout's; ValueError for a wrong shape."""
        if self.batched:
            shape: Shape = (spec.num_states, self.B, spec.hidden_size)
            check_shape(name, array, shape, "num_layers * num_directions, batch, hidden_size")
            return cast(Array3, array)
        shape = (spec.num_states, spec.hidden_size)
        check_shape(name, array, shape, "num_layers * num_directions, hidden_size")
        return [[state] for state in cast(Array2, array)]

    def states_out(self, states: Array3) -> Nested[float]:
        """This layout's states from (L·D, B, H)."""
        return states if self.batched else [row for (row,) in states]

    def _steps_shape(self, features: int) -> tuple[Shape, str]:
        if not self.batched:
            return (self.T, features), "steps, features"
        if self.batch_first:
            return (self.B, self.T, features), "batch, steps, features"
        return (self.T, self.B, features), "steps, batch, features"


def infer_layout(
    x_shape: Shape, h0_shape: Shape | None, input_size: int, batch_first: bool
) -> Layout:
    """The layout of an x of this shape, which is cut off at its first size of 0.

    Where that hides the number of axes, h0 decides, if there is one: it is batched if it has
    three axes, or a batch of 0 for the second (hidden_size is never 0). Else x is taken to be
    batched, unless its last size is the input_size: 0.
    """
    if 0 not in x_shape or len(x_shape) > 2:
        batched = len(x_shape) > 2
    elif h0_shape is not None:
        batched = len(h0_shape) != 2 or h0_shape[1] == 0
    else:
        batched = len(x_shape) != 2 or input_size != 0
    first, second = (*x_shape, 0, 0)[:2]
    if not batched:
        return Layout(first, 1, batched, batch_first)
    if batch_first:
        return Layout(second, first, batched, batch_first)
    if first == 0 and h0_shape is not None:
        second = (*h0_shape, 0, 0)[1]
    return Layout(first, second, batched, batch_first)


def _swap(array: Array3, first: int, second: int) -> Array3:
    """The first two axes exchanged; their sizes are given, as empty lists do not show them."""
    return [[array[i][j] for i in range(first)] for j in range(second)]
