"""A plan: the straight way for one size, in arrays that are made once and used by every call.

Of a small network, to make the arrays and their views takes longer than to compute with them. A
network's own call returns new arrays, and only what no caller sees is made once (`memory`). But a
training runs thousands of passes of one size, and of each it needs the results until the next:

    plan = RNN(64, 128).plan(T=100, B=32)
    for x, target in batches:
        output, h_n = plan(x)
        gradients = plan.backward(d_output)

The numbers are those of the network's own call, bit for bit. What the plan returns is the plan's:
the next call overwrites output and h_n, the next `backward` the gradients.
"""

from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from rnncheck.canonical import floats
from rnncheck.implementations.manual.activations import Array
from rnncheck.implementations.manual.straight import Tape, run, run_back
from rnncheck.module import RecurrentModule
from rnncheck.spec import RNNSpec, require_shape

PLAIN: Final = {
    "bidirectional": False, "output_size": None, "truncation": None, "outputs": "all",
    "generated": 0,
}  # fmt: skip


def obstacle(spec: RNNSpec) -> str:
    """What makes a network more than its plain layers, as its argument; "" if nothing does."""
    odd = (name for name, plain in PLAIN.items() if getattr(spec, name) != plain)
    return next((f"{name}={getattr(spec, name)!r}" for name in odd), "")


class Plan:
    """`network`, at its parameters of each call, for x (T, B, I) and nothing else.

    Raises ValueError for a network that is more than plain layers, has dropout or is batch-first.
    """

    def __init__(self, network: RecurrentModule, T: int, B: int) -> None:
        spec = network.spec
        in_the_way = obstacle(spec)
        if spec.dropout and spec.num_layers > 1:
            in_the_way = f"dropout={spec.dropout!r}"
        if network.batch_first:
            in_the_way = "batch_first=True"
        if in_the_way:
            raise ValueError(
                f"a plan is for one direction, time-major, with full back-propagation, without "
                f"readout and dropout; this network has {in_the_way}: call the network itself"
            )
        self.network = network
        self._shapes = spec.array_shapes(T, B)
        names = ("x", "output", "h_n", "h0", "h0")
        x, self._output, self._h_n, self._d_h0, self._zeros = (
            np.zeros(self._shapes[name], network.dtype) for name in names
        )
        self._tape = Tape(spec, x)
        self._has_run = False

    def __reduce__(self) -> tuple[type["Plan"], tuple[RecurrentModule, int, int]]:
        """A copy is made anew: copied one by one, the views would be of nothing any more."""
        T, B, _ = self._shapes["x"]
        return Plan, (self.network, T, B)

    def __call__(self, x: npt.ArrayLike, h0: npt.ArrayLike | None = None) -> tuple[Array, Array]:
        """`output` (T, B, H) and `h_n` (L, B, H) of x (T, B, I) and h0 (None: zeros)."""
        given = self._given("x", x)
        state = self._zeros if h0 is None else self._given("h0", h0)
        run(self._tape, self.network.parameters, given, state, self._h_n)
        self._output[...] = self._tape.layers[-1].h
        self._has_run = True
        return self._output, self._h_n

    def backward(
        self, d_output: npt.ArrayLike, d_h_n: npt.ArrayLike | None = None
    ) -> Mapping[str, Array]:
        """The gradients after the last call, by name, "x" and "h0" among them.

        RuntimeError if there was no call.
        """
        if not self._has_run:
            raise RuntimeError("backward needs a forward pass first: call the plan on an x")
        given = self._given("d_output", d_output)
        state = self._zeros if d_h_n is None else self._given("d_h_n", d_h_n)
        return run_back(self._tape, given, state, self._d_h0, new=False)

    def _given(self, name: str, array: npt.ArrayLike) -> Array:
        """An argument in the network's dtype; ValueError for another shape than the plan's."""
        given = floats(name, array, self.network.dtype)
        if given.shape != self._shapes[name]:
            require_shape(name, given.shape, self._shapes[name], "that of the plan")
        return given
