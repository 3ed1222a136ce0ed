"""`Sequential`: layers in a row, on any implementation, with the parameters that they share."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rnncheck.canonical import canonical_lengths, floats
from rnncheck.case import Array, IntArray
from rnncheck.implementation import Gradients
from rnncheck.spec import Shape, require_shape
from rnncheck.training import backends, chain, generation
from rnncheck.training.layers import Iterated, Layer, require_count, require_layers


class Sequential:
    """A network of layers, each reading the output of the one before.

    layers: `RNN`, `Linear` and `Iterated`. input_size: I. implementation: "manual", "autodiff",
    "scalar" or "torch": what runs it. dtype: float64 or float32. rng: what the parameters are drawn
    from, a seed or a `numpy.random.Generator`.

    `model(x, lengths)` is the output; then `model.backward(d_output)` gives the gradients by name.
    Names are those of the state dict of a `torch.nn.Sequential`: "0.weight_ih_l0", "2.weight".
    Arrays are time-major: x (T, B, I), output (T, B, O), of time axis 1 where an `RNN` reads a single
    step ("last", "final"); what follows it works on that one step.

    Raises ValueError or TypeError naming the argument, the shape it has and the one it must have.
    """

    def __init__(
        self,
        layers: Iterable[Layer],
        input_size: int,
        *,
        implementation: str = "manual",
        dtype: npt.DTypeLike = np.float64,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        self.layers = tuple(layers)
        require_layers("layers", self.layers)
        require_count("input_size", input_size)
        self.input_size, self.implementation = input_size, implementation
        self.dtype: np.dtype[Any] = np.dtype(dtype)
        if self.dtype.name not in ("float64", "float32"):
            raise TypeError(f"dtype must be float64 or float32, not {self.dtype}")
        self.links = chain.link(self.layers, input_size)
        self.backend = backends.make(implementation, self.links, self.dtype.name)
        generator = np.random.default_rng(rng)
        self.parameters = {name: a.astype(self.dtype) for name, a in _drawn(self.links, generator)}
        self._run: backends.Run | None = None

    def __call__(self, x: npt.ArrayLike, lengths: npt.ArrayLike | None = None) -> Array:
        """The output for x (T, B, I); 0 in the padding, which is what lies beyond a row's length.

        lengths: (B,), None for T everywhere.
        """
        self._run = self.backend.forward(self.parameters, *self._inputs(x, lengths))
        return self._run.output.copy()

    def backward(self, d_output: npt.ArrayLike) -> Gradients:
        """After a call: the gradient of `<d_output, output>` for every parameter and "x".

        RuntimeError if there was no call.
        """
        if self._run is None:
            raise RuntimeError("backward needs a forward pass first: call the model on an x")
        d = floats("d_output", d_output, self.dtype)
        require_shape("d_output", d.shape, self._run.output.shape, "time, batch, output")
        return self.backend.backward(self._run.tape, d)

    def predict(self, x: npt.ArrayLike, lengths: npt.ArrayLike | None = None) -> Array:
        """The output, as by a call, which it does not replace: `backward` goes back from the call's."""
        return self.backend.forward(self.parameters, *self._inputs(x, lengths)).output

    def generate(self, x: npt.ArrayLike, steps: int) -> Array:
        """The outputs for x (T, B, I), and of `steps` steps more, each of the output before it.

        Where every step has an output, the states are carried on: T + steps outputs. A network that
        reads a single one ("last", "final") sees a window of T steps, which leaves its first
        behind and takes up each output: 1 + steps outputs. Needs as many output features as input features;
        ValueError otherwise, and for two directions over all steps.
        """
        given, _ = self._inputs(x, None, generating=True)
        links = chain.link(generation.single_steps(self.layers), self.input_size)
        backend = backends.make(self.implementation, links, self.dtype.name)
        return generation.generate(backend, links, self.parameters, given, steps)

    def on(self, implementation: str) -> "Sequential":
        """The same model, with copies of the parameters, on another implementation."""
        other = type(self)(
            self.layers, self.input_size, implementation=implementation, dtype=self.dtype, rng=0
        )
        other.load_state_dict(self.parameters)
        return other

    def state_dict(self) -> dict[str, Array]:
        """Copies of the parameters."""
        return {name: array.copy() for name, array in self.parameters.items()}

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Take over copies of a state dict's parameters; ValueError for a wrong name or shape."""
        self.parameters = _checked(chain.parameter_shapes(self.links), state, self.dtype)

    def output_lengths(self, lengths: IntArray | None) -> IntArray | None:
        """The lengths of the rows of the output: none where a single step is read."""
        for link in self.links:
            lengths = link.lengths_after(lengths)
        return lengths

    def __repr__(self) -> str:
        layers = ", ".join(map(repr, self.layers))
        return f"Sequential([{layers}], {self.input_size}, implementation={self.implementation!r})"

    def _inputs(
        self, x: npt.ArrayLike, lengths: npt.ArrayLike | None, generating: bool = False
    ) -> tuple[Array, IntArray | None]:
        array = floats("x", x, self.dtype)
        if array.ndim != 3:
            raise ValueError(f"x has shape {array.shape}; it must have 3 axes: time, batch, input")
        T, B, _ = array.shape
        require_shape("x", array.shape, (T, B, self.input_size), "time, batch, input")
        n = canonical_lengths(lengths, T, B)
        if not generating:
            chain.output_steps(self.links, T, n)
        return array, n


def _drawn(links: tuple[chain.Link, ...], rng: np.random.Generator) -> Iterator[tuple[str, Array]]:
    for link in chain.leaves(links):
        assert not isinstance(link.layer, Iterated)
        yield from link.named(link.layer.draw(link.in_features, rng)).items()


def _checked(
    shapes: Mapping[str, Shape], state: Mapping[str, npt.ArrayLike], dtype: np.dtype[Any]
) -> dict[str, Array]:
    missing = [name for name in shapes if name not in state]
    unknown = [name for name in state if name not in shapes]
    if missing or unknown:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has the unknown {', '.join(unknown)}"] if unknown else []
        raise ValueError(f"state_dict {' and '.join(parts)}; it must hold {', '.join(shapes)}")
    arrays = {}
    for name, shape in shapes.items():
        arrays[name] = np.array(state[name], dtype=dtype)
        require_shape(name, arrays[name].shape, shape)
    return arrays
