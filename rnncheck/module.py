"""`RecurrentModule`: the face of `torch.nn.RNN` on a pair of functions, forward and backward."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from rnncheck.canonical import (
    TIME_MAJOR,
    Layout,
    canonical_inputs,
    canonical_output,
    canonical_state,
    checked_state_dict,
)
from rnncheck.case import Array, IntArray
from rnncheck.implementation import Gradients
from rnncheck.initialisation import Initialiser, torch_uniform
from rnncheck.spec import Nonlinearity, Outputs, Readout, RNNSpec


class ForwardFunction(Protocol):
    """`forward(spec, parameters, x, h0, lengths, dropout_masks) -> output, h_n, tape`."""

    def __call__(
        self,
        spec: RNNSpec,
        parameters: Mapping[str, Array],
        x: Array,
        h0: Array,
        lengths: IntArray | None = None,
        dropout_masks: Array | None = None,
    ) -> tuple[Array, Array, Any]:
        """Run the network; the tape is what `backward` needs and nobody else looks into."""
        ...


class BackwardFunction(Protocol):
    """`backward(tape, d_output, d_h_n) -> gradients` by name."""

    def __call__(self, tape: Any, d_output: Array, d_h_n: Array) -> Gradients:  # noqa: ANN401
        """The gradient for every parameter, `x` and `h0`."""
        ...


class _Run(NamedTuple):
    layout: Layout
    tape: Any
    output_shape: tuple[int, ...]
    state_shape: tuple[int, ...]


class RecurrentModule:
    """An Elman network with the constructor, the call and the state dict of `torch.nn.RNN`.

    `output, h_n = rnn(x, h0)`; then `rnn.backward(d_output, d_h_n)` gives the gradients of
    `<d_output, output> + <d_h_n, h_n>` by name: every parameter, `x` and `h0`.

    Beyond torch: `lengths=` in the call (steps beyond a row's length are padding: `output` is 0
    there), `output_size=`, `readout=` and `readout_bias=` for `y = ψ(V h + c)`, `truncation=`,
    `dtype=`, and `rng=`, from which parameters and dropout are drawn (a seed or a
    `numpy.random.Generator`). Parameters start uniform in ±1/√H, as torch's (`initialise=` takes
    another function of `rnncheck.initialisation`). Dropout is applied in `train()` mode only;
    `eval()` is the mode at the start. `outputs="last"` (many to one) and `outputs="final"` give
    an `output` without time axis; `generate` feeds the output back (one to many).

    Raises ValueError or TypeError naming the argument, the shape it has and the one it must have.
    """

    _forward: ForwardFunction
    _backward: BackwardFunction

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
        output_size: int | None = None,
        readout: Readout = "identity",
        readout_bias: bool = True,
        truncation: int | None = None,
        outputs: Outputs = "all",
        initialise: Initialiser = torch_uniform,
        dtype: npt.DTypeLike = np.float64,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        self.spec = RNNSpec(
            input_size, hidden_size, num_layers, nonlinearity, bias, bidirectional,
            output_size, readout, readout_bias, dropout, truncation, outputs,
        )  # fmt: skip
        self.batch_first = batch_first
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        if not np.issubdtype(self.dtype, np.floating):
            raise TypeError(f"dtype must be a floating-point type, not {self.dtype}")
        self.training = False
        self._rng = np.random.default_rng(rng)
        drawn = initialise(self.spec, self._rng)
        self.parameters = {name: array.astype(self.dtype) for name, array in drawn.items()}
        self._run: _Run | None = None

    def train(self, mode: bool = True) -> "RecurrentModule":
        """Switch dropout on (or off); returns the network itself, as torch does."""
        self.training = mode
        return self

    def eval(self) -> "RecurrentModule":
        """Switch dropout off."""
        return self.train(False)

    def __call__(
        self,
        x: npt.ArrayLike,
        h0: npt.ArrayLike | None = None,
        lengths: npt.ArrayLike | None = None,
    ) -> tuple[Array, Array]:
        """`output` and `h_n` in the layout of `x`: `(T, B, I)`, `(B, T, I)` or `(T, I)`."""
        layout, x, h0, lengths = canonical_inputs(
            self.spec, x, h0, lengths, batch_first=self.batch_first, dtype=self.dtype
        )
        return self._forward_with(self.spec, layout, x, h0, lengths)

    def generate(
        self, x: npt.ArrayLike, steps: int, h0: npt.ArrayLike | None = None
    ) -> tuple[Array, Array]:
        """Run over `x`, then `steps` more with each output fed back as the next x (one to many).

        `output` has T + steps steps and `h_n` is the state after the last; `backward` goes through the
        fed-back outputs too. Needs output features == input_size, one direction and T ≥ 1.
        """
        spec = dataclasses.replace(self.spec, generated=steps)
        layout, x, h0, _ = canonical_inputs(
            spec, x, h0, None, batch_first=self.batch_first, dtype=self.dtype
        )
        if len(x) == 0:
            raise ValueError("generate needs at least one step of x to go on from; x has none")
        return self._forward_with(spec, layout, x, h0, None)

    def _forward_with(
        self, spec: RNNSpec, layout: Layout, x: Array, h0: Array, lengths: IntArray | None
    ) -> tuple[Array, Array]:
        masks = self._draw_masks(spec, *x.shape[:2]) if self.training else None
        output, h_n, tape = self._apply(spec, x, h0, lengths, masks)
        self._run = _Run(layout, tape, output.shape, h_n.shape)
        if layout is TIME_MAJOR and spec.outputs == "all":
            return output, h_n
        return layout.output_out(output, spec.outputs), layout.state_out(h_n)

    def _apply(
        self, spec: RNNSpec, x: Array, h0: Array, lengths: IntArray | None, masks: Array | None
    ) -> tuple[Array, Array, Any]:
        return type(self)._forward(spec, self.parameters, x, h0, lengths, masks)

    def backward(self, d_output: npt.ArrayLike, d_h_n: npt.ArrayLike | None = None) -> Gradients:
        """The gradients after the last call, by name, `x` and `h0` in that call's layout.

        d_output, d_h_n: cotangents shaped like the call's results (d_h_n None: zeros).
        RuntimeError if there was no call.
        """
        if self._run is None:
            raise RuntimeError("backward needs a forward pass first: call the network on an x")
        layout, tape, output_shape, state_shape = self._run
        outputs = self.spec.outputs
        d_output = canonical_output(layout, "d_output", d_output, output_shape, self.dtype, outputs)
        d_h_n = canonical_state(layout, "d_h_n", d_h_n, state_shape, self.dtype)
        gradients = type(self)._backward(tape, d_output, d_h_n)
        if layout is not TIME_MAJOR:
            gradients["x"] = layout.sequence_out(gradients["x"])
            gradients["h0"] = layout.state_out(gradients["h0"])
        return gradients

    def state_dict(self) -> dict[str, Array]:
        """Copies of the parameters under torch's names."""
        return {name: array.copy() for name, array in self.parameters.items()}

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Take over copies of a state dict's parameters; ValueError for a wrong name or shape."""
        self.parameters = checked_state_dict(self.spec, state, self.dtype)

    def __repr__(self) -> str:
        return f"{type(self).__module__}.{type(self).__name__}({self.spec})"

    def _draw_masks(self, spec: RNNSpec, T: int, B: int) -> Array | None:
        p = spec.dropout
        if p == 0.0 or spec.num_layers == 1:
            return None
        shape = spec.array_shapes(T, B)["dropout_masks"]
        return ((self._rng.random(shape) >= p) / (1.0 - p)).astype(self.dtype)
