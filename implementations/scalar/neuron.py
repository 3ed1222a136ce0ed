"""`Neuron` and `RecurrentNeuron`: a weighted sum of the inputs, and an activation of it."""

import math
import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from rnncheck.implementations.scalar import activations
from rnncheck.implementations.scalar.value import Value, Vector, neurons, vector
from rnncheck.implementations.scalar.value_array import ValueArray

ACTIVATIONS = {
    "tanh": activations.tanh,
    "sigmoid": activations.sigmoid,
    "linear": activations.identity,
    "relu": activations.relu,
}

Inputs = Sequence[Value | float] | ValueArray | Value | float
"""Numbers or Values, one for each input; where there is one input, it may stand for itself."""


class Module(ABC):
    """Something with parameters, which are Values and the leaves of all that it computes."""

    @abstractmethod
    def parameters(self) -> list[Value]:
        """Every weight and bias."""

    def zero_grad(self) -> None:
        """Set the gradient of every parameter to 0, before the next `backward` adds to it."""
        for parameter in self.parameters():
            parameter.grad = 0.0


class Firing(Module):
    """Weights, a bias behind them, and an activation f."""

    f: activations.Activation

    def fire(self, inputs: Vector) -> Value:
        """`f(Σ_i p_i inputs_i)` over the parameters p, of which the last one's input is a 1."""
        return neurons([vector(self.parameters())], inputs, self.f)[0]


class Neuron(Firing):
    """`f(Σ_i w_i x_i + b)`.

    num_inputs: how many x_i. activation: f, one of `ACTIVATIONS`. rng: what the weights are drawn
    from, uniform in ±1/√num_inputs; the bias starts at 0. label: what all labels begin with.
    Raises ValueError for another activation.
    """

    def __init__(
        self, num_inputs: int, activation: str, *, rng: random.Random | None = None, label: str = ""
    ) -> None:
        """Draw the weights."""
        self.num_inputs = num_inputs
        self.activation = activation
        self.f = find_activation(activation)
        self.w = draw_weights(num_inputs, num_inputs, rng or random.Random(), label + "w")
        self.b = Value(0.0, label=label + "b")

    def __call__(self, x: Inputs) -> Value:
        """The output for x. Raises ValueError if there are not num_inputs of them."""
        return self.fire(vector(as_vector(self, x, self.num_inputs), 1.0))

    def parameters(self) -> list[Value]:
        """W and b."""
        return [*self.w.flatten(), self.b]

    def __repr__(self) -> str:
        return f"Neuron({self.num_inputs}, {self.activation!r})"


class RecurrentNeuron(Firing):
    """`a_t[i] = f(Σ_j wx_j x_t[j] + Σ_k wa_k a_{t-1}[k] + ba)`: neuron i of a recurrent layer.

    It reads the inputs x_t, and what all the neurons of its layer put out one step before.

    num_inputs: how many x_t[j]. hidden_size: how many a_{t-1}[k], the neurons of the layer.
    activation: f, one of `ACTIVATIONS`. rng: what the weights are drawn from, uniform in ±1/√n
    with n = num_inputs + hidden_size; the bias starts at 0. label: what all labels begin with.
    Raises ValueError for another activation.
    """

    def __init__(
        self, num_inputs: int, hidden_size: int, activation: str, *,
        rng: random.Random | None = None, label: str = "",
    ) -> None:  # fmt: skip
        """Draw the weights."""
        self.num_inputs = num_inputs
        self.hidden_size = hidden_size
        self.activation = activation
        self.f = find_activation(activation)
        rng = rng or random.Random()
        fan_in = num_inputs + hidden_size
        self.wx = draw_weights(num_inputs, fan_in, rng, label + "wx")
        self.wa = draw_weights(hidden_size, fan_in, rng, label + "wa")
        self.ba = Value(0.0, label=label + "ba")

    def __call__(self, x_t: Inputs, a_prev: Inputs) -> Value:
        """This neuron's part of a_t. Raises ValueError for a wrong number of x_t or a_prev."""
        x_t = as_vector(self, x_t, self.num_inputs)
        a_prev = as_vector(self, a_prev, self.hidden_size, "states")
        return self.fire(vector((*x_t, *a_prev), 1.0))

    def parameters(self) -> list[Value]:
        """Wx, wa and ba."""
        return [*self.wx.flatten(), *self.wa.flatten(), self.ba]

    def __repr__(self) -> str:
        return f"RecurrentNeuron({self.num_inputs}, {self.hidden_size}, {self.activation!r})"


def as_vector(reader: Module, x: Inputs, size: int, what: str = "inputs") -> list[Value]:
    """`x` as Values. ValueError unless there are `size`, naming who reads it, and both numbers."""
    if isinstance(x, ValueArray):
        if x.dim() > 1:
            raise ValueError(f"{reader!r} takes {size} {what}, but was given a {x.shape} array")
        x = x.flatten()
    entries = list(x) if isinstance(x, Iterable) else [x]
    if len(entries) != size:
        raise ValueError(f"{reader!r} takes {size} {what}, but was given {len(entries)}")
    return [entry if isinstance(entry, Value) else Value(entry) for entry in entries]


def find_activation(name: str) -> activations.Activation:
    """The function of that name. Raises ValueError, with all the names, for another."""
    if name not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, not {name!r}")
    return ACTIVATIONS[name]


def draw_weights(size: int, fan_in: int, rng: random.Random, label: str) -> ValueArray:
    """Weights uniform in ±1/√fan_in: then a sum over the fan_in inputs is of their own size."""
    bound = 1.0 / math.sqrt(max(fan_in, 1))
    return ValueArray.random_uniform((size,), -bound, bound, rng, label)
