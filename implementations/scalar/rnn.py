"""`RNN`: the network with the interface of `torch.nn.RNN`, on nested lists."""

import math
import random
from collections.abc import Mapping, Sequence
from typing import cast

from rnncheck.garbage import uncollected
from rnncheck.implementations.scalar.functional import Tape, backward, forward
from rnncheck.implementations.scalar.layout import Layout, infer_layout
from rnncheck.implementations.scalar.nested import (
    Array3,
    Array4,
    ArrayLike,
    Nested,
    SupportsToList,
    check_parameters,
    full,
    shape_of,
    to_lists,
)
from rnncheck.spec import Nonlinearity, RNNSpec


class RNN:
    """An Elman network, `h_t = φ(weight_ih x_t + bias_ih + weight_hh h_{t-1} + bias_hh)`.

    The arguments are those of `torch.nn.RNN`; `nonlinearity` may be "sigmoid" or "identity" too.
    rng: what the parameters and the dropout are drawn from. At first every parameter is uniform
    in ±1/√hidden_size, and the network in `eval()` mode.

    Arrays come as nested lists, or as anything with `tolist()`, and leave as nested lists.
    Raises what `RNNSpec` raises for sizes and options that describe no network.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: Nonlinearity = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        *,
        rng: random.Random | None = None,
    ) -> None:
        """Draw the parameters."""
        self.spec = RNNSpec(
            input_size=input_size,
            hidden_size=hidden_size,
            num_layers=num_layers,
            nonlinearity=nonlinearity,
            bias=bias,
            bidirectional=bidirectional,
            dropout=dropout,
        )
        self.batch_first = batch_first
        self.training = False
        self._rng = rng or random.Random()
        bound = 1.0 / math.sqrt(hidden_size)
        self._parameters = {
            name: full(shape, lambda: self._rng.uniform(-bound, bound))
            for name, shape in self.spec.parameter_shapes().items()
        }
        self._last: tuple[Layout, Tape] | None = None

    @uncollected
    def __call__(
        self,
        x: ArrayLike,
        h0: ArrayLike | None = None,
        lengths: Sequence[int] | SupportsToList | None = None,
    ) -> tuple[Nested[float], Nested[float]]:
        """Run the network; return output and h_n, in the layout of x and h0.

        x: (T, B, I), or (B, T, I) if batch_first, or (T, I) for one sequence. h0: (L·D, B, H), or
        (L·D, H) for one sequence; None for 0. lengths: how many steps of each row count (B).
        output: as x, with D·H features, and 0 past the lengths. h_n: as h0.

        An x of `[]` does not say how many axes it has: it is batched unless h0 is not.
        In `train()` mode dropout is applied between the layers.
        Raises ValueError, naming the argument, for a wrong shape or length.
        """
        spec = self.spec
        x = to_lists(x)
        h0 = None if h0 is None else to_lists(h0)
        h0_shape = None if h0 is None else shape_of("h0", h0)
        layout = infer_layout(shape_of("x", x), h0_shape, spec.input_size, self.batch_first)
        steps = layout.steps_in("x", x, spec.input_size)
        if h0 is None:
            states = full((spec.num_states, layout.B, spec.hidden_size), float)
        else:
            states = layout.states_in("h0", h0, spec)
        if isinstance(lengths, SupportsToList):
            lengths = cast(Sequence[int], lengths.tolist())
        masks = self._draw_dropout_masks(layout.T, layout.B)
        output, h_n, tape = forward(
            spec, self._parameters, steps, cast(Array3, states), lengths, masks
        )
        self._last = layout, tape
        return layout.steps_out(output), layout.states_out(h_n)

    @uncollected
    def backward(
        self, d_output: ArrayLike, d_h_n: ArrayLike | None = None
    ) -> dict[str, Nested[float]]:
        """The gradient of `Σ d_output · output + Σ d_h_n · h_n` of the last call.

        d_output, d_h_n: in the layout of output and h_n; None for 0.
        By name: every parameter, then "x" and "h0", in the layout that these came in.
        Raises RuntimeError before the first call, ValueError for a wrong shape.
        """
        if self._last is None:
            raise RuntimeError("backward needs a forward: call the RNN on an x first")
        layout, tape = self._last
        if d_h_n is None:
            d_states = full((self.spec.num_states, layout.B, self.spec.hidden_size), float)
        else:
            d_states = layout.states_in("d_h_n", to_lists(d_h_n), self.spec)
        d_steps = layout.steps_in("d_output", to_lists(d_output), self.spec.output_features)
        gradient = backward(tape, d_steps, cast(Array3, d_states))
        gradient["x"] = layout.steps_out(cast(Array3, gradient["x"]))
        gradient["h0"] = layout.states_out(cast(Array3, gradient["h0"]))
        return gradient

    def train(self, mode: bool = True) -> "RNN":
        """Apply dropout from now on, or with `mode=False` do not; return self."""
        self.training = mode
        return self

    def eval(self) -> "RNN":
        """Apply no dropout from now on; return self."""
        return self.train(False)

    def state_dict(self) -> dict[str, Nested[float]]:
        """A copy of every parameter, under torch's name for it."""
        return {name: to_lists(parameter) for name, parameter in self._parameters.items()}

    def load_state_dict(self, state: Mapping[str, ArrayLike]) -> None:
        """Copy every parameter from `state`.

        Raises ValueError, and changes nothing, if a name is missing or unknown or a shape wrong.
        """
        parameters = {name: to_lists(parameter) for name, parameter in state.items()}
        check_parameters(self.spec, parameters)
        self._parameters = {name: parameters[name] for name in self.spec.parameter_shapes()}

    def _draw_dropout_masks(self, T: int, B: int) -> Array4 | None:
        """0 with probability p, else 1/(1-p), which keeps the mean; None where nothing drops."""
        p = self.spec.dropout
        if not self.training or p == 0.0:
            return None
        shape = self.spec.array_shapes(T, B)["dropout_masks"]
        kept = 1.0 / (1.0 - p)
        return cast(Array4, full(shape, lambda: 0.0 if self._rng.random() < p else kept))
