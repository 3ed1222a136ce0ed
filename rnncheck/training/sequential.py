"""`Sequential`: layers in a row, on any implementation, with the parameters that they share."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rnncheck.canonical import canonical_lengths, floats
from rnncheck.case import Array, IntArray
from rnncheck.implementation import Gradients
from rnncheck.spec import require_shape
from rnncheck.training import backends, chain, files, fitting, generation
from rnncheck.training.clipping import Clipping
from rnncheck.training.fitting import Accuracy, Evaluation, History, Validation
from rnncheck.training.layers import Layer, require_count, require_layers
from rnncheck.training.losses import Loss
from rnncheck.training.optimizers import Optimizer, State
from rnncheck.training.schedules import Schedule
from rnncheck.training.step import Batch, Rule, Step

if TYPE_CHECKING:
    from rich.console import Console


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
        self.parameters = chain.drawn(self.links, generator, self.dtype)
        self._run: backends.Run | None = None

    def __call__(self, x: npt.ArrayLike, lengths: npt.ArrayLike | None = None) -> Array:
        """The output for x (T, B, I); 0 in the padding, which is what lies beyond a row's length.

        lengths: (B,), None for T everywhere.
        """
        self._run = self.backend.forward(self.parameters, *self._inputs(x, lengths))
        return self._run.output

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

    def train_step(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        loss: Loss,
        optimizer: Optimizer,
        states: Mapping[str, State] | None = None,
        *,
        lengths: npt.ArrayLike | None = None,
        lr: float | None = None,
        clip: Clipping | None = None,
    ) -> Step:
        """Train on one batch; the parameters are then the step's `parameters`.

        x (T, B, I), y its target, as the loss takes it. states: those of the step before, None for
        the first. lr: this step's learning rate, None for the optimizer's. clip: for the gradients of
        all that is trained, together. On "torch" loss, clipping and optimizer are torch's own.
        """
        array, n = self._inputs(x, lengths)
        batch = Batch(array, fitting.target(y), n, self.output_lengths(n))
        rule = Rule(loss, optimizer, lr, clip)
        trained = chain.trainable(self.links)
        step = self.backend.train_step(self.parameters, trained, batch, rule, states or {})
        self.parameters = step.parameters
        return step

    def evaluate(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        loss: Loss,
        *,
        lengths: npt.ArrayLike | None = None,
        accuracy: Accuracy | None = None,
    ) -> Evaluation:
        """The loss and, if it is asked for, the accuracy; see `fit`."""
        return fitting.evaluate(self, x, fitting.target(y), loss, lengths, accuracy)

    def fit(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        loss: Loss,
        optimizer: Optimizer,
        epochs: int,
        batch_size: int | None = None,
        rng: np.random.Generator | int | None = None,
        shuffle: bool = True,
        validation: Validation | None = None,
        lengths: npt.ArrayLike | None = None,
        accuracy: Accuracy | None = None,
        clip: Clipping | None = None,
        schedule: Schedule | None = None,
        progress: "bool | Console" = True,
    ) -> History:
        """Train for so many epochs, each once through all rows, and say how it went.

        x (T, B, I), y (T', B, ...) as the loss takes it. batch_size: rows of a batch, None for all.
        shuffle: take the rows in a new order in each epoch, drawn from rng (a seed or a
        `numpy.random.Generator`), which must be given if there is more than one batch. validation:
        (x, y) or (x, y, lengths), looked at after each epoch. accuracy: what says how many outputs are
        right, such as `rnncheck.training.accuracy.Categorical()`. clip, schedule: of
        `rnncheck.training`; the schedule's factor of an epoch, from 0, multiplies the learning rate.
        progress: a bar for each epoch on the error stream, if that is a terminal, or on another `rich`
        console. The optimizer starts anew.

        Raises ValueError naming the argument for sizes that do not fit.
        """
        plan = fitting.Plan(
            loss, optimizer, epochs, batch_size, shuffle, accuracy, clip, schedule, validation
        )
        return fitting.fit(self, x, fitting.target(y), lengths, plan, rng, progress)

    def summary(self, steps: int | None = None) -> str:
        """The layers, their output shapes and parameters, in Keras's table. steps: T of x, if fixed."""
        from rnncheck.training.summary import summary  # rich, which nothing else here needs

        return summary(self.links, steps)

    def save(self, path: str | Path) -> Path:
        """Keep layers and parameters in a `.npz` file, without pickle, or a `.safetensors` file.

        UsageError for another ending, or if safetensors is not installed.
        """
        return files.save(self, path)

    @classmethod
    def load(cls, path: str | Path, *, implementation: str | None = None) -> "Sequential":
        """The model that `save` wrote, on the implementation that it had or another.

        ValueError, naming the file, if it holds no model; else as `save`.
        """
        header, parameters = files.read(path)
        header["implementation"] = implementation or header["implementation"]
        try:
            model = cls(header.pop("layers"), header.pop("input_size"), **header, rng=0)
            model.load_state_dict(parameters)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path} holds no model that can be made: {error}") from error
        return model

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
        self.parameters = chain.checked(self.links, state, self.dtype)

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
