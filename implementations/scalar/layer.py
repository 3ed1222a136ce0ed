"""`Layer` and `RecurrentLayer`: neurons side by side, all of which read the same inputs."""

import random
from collections.abc import Iterable

from rnncheck.implementations.scalar.neuron import (
    Inputs,
    Module,
    Neuron,
    RecurrentNeuron,
    as_vector,
    find_activation,
)
from rnncheck.implementations.scalar.value import Value, Vector, neurons, vector


class Layer(Module):
    """`y_i = f(Σ_j w_ij x_j + b_i)`: num_outputs `Neuron`s, without a memory.

    num_inputs, activation, rng: as of a `Neuron`.
    Raises ValueError for another activation, or if there is no neuron.
    """

    def __init__(
        self,
        num_inputs: int,
        num_outputs: int,
        activation: str,
        *,
        rng: random.Random | None = None,
    ) -> None:
        """Draw the weights, one neuron after the other."""
        self.num_inputs = num_inputs
        self.num_outputs = _at_least_one("num_outputs", num_outputs)
        self.activation = activation
        rng = rng or random.Random()
        self.neurons = [
            Neuron(num_inputs, activation, rng=rng, label=f"neuron{i}.") for i in range(num_outputs)
        ]

    def __call__(self, x: Inputs) -> list[Value]:
        """`y` for x. Raises ValueError if x is not num_inputs numbers."""
        inputs = vector(as_vector(self, x, self.num_inputs), 1.0)
        return [neuron.fire(inputs) for neuron in self.neurons]

    def parameters(self) -> list[Value]:
        """Those of every neuron."""
        return [p for neuron in self.neurons for p in neuron.parameters()]

    def __repr__(self) -> str:
        return f"Layer({self.num_inputs}, {self.num_outputs}, {self.activation!r})"


class RecurrentLayer(Module):
    """`a_t[i] = f(Σ_j wx_ij x_t[j] + Σ_k wa_ik a_{t-1}[k] + ba_i)`, one `RecurrentNeuron` each i.

    hidden_size: the number of neurons, and of the states a_t, which are the layer's outputs.
    num_inputs, activation, rng: as of a `RecurrentNeuron`.
    Raises ValueError for another activation, or if there is no neuron.
    """

    def __init__(
        self,
        num_inputs: int,
        hidden_size: int,
        activation: str,
        *,
        rng: random.Random | None = None,
    ) -> None:
        """Draw the weights, one neuron after the other."""
        self.num_inputs = num_inputs
        self.num_outputs = _at_least_one("hidden_size", hidden_size)
        self.activation = activation
        self.f = find_activation(activation)
        rng = rng or random.Random()
        self.neurons = [
            RecurrentNeuron(num_inputs, hidden_size, activation, rng=rng, label=f"neuron{i}.")
            for i in range(hidden_size)
        ]

    def step(self, x_t: Inputs, a_prev: Inputs) -> list[Value]:
        """`a_t` of x_t and a_{t-1}. Raises ValueError for a wrong number of either."""
        return self._step(self._rows(), x_t, a_prev)

    def __call__(self, xs: Iterable[Inputs], a0: Inputs | None = None) -> list[list[Value]]:
        """The states a_1, a_2, ... of a sequence of any length, from a0, or else from zeros."""
        a = self.zero_state() if a0 is None else a0
        rows = self._rows()
        states = []
        for x_t in xs:
            a = self._step(rows, x_t, a)
            states.append(a)
        return states

    def _rows(self) -> list[Vector]:
        """The parameters of each neuron, which all the steps of a sequence read."""
        return [vector(neuron.parameters()) for neuron in self.neurons]

    def _step(self, rows: list[Vector], x_t: Inputs, a_prev: Inputs) -> list[Value]:
        x_t = as_vector(self, x_t, self.num_inputs)
        a_prev = as_vector(self, a_prev, self.num_outputs, "states")
        return neurons(rows, vector((*x_t, *a_prev), 1.0), self.f)

    def zero_state(self) -> list[Value]:
        """The state that nothing has happened in: hidden_size zeros."""
        return [Value(0.0) for _ in self.neurons]

    def parameters(self) -> list[Value]:
        """Those of every neuron."""
        return [p for neuron in self.neurons for p in neuron.parameters()]

    def __repr__(self) -> str:
        return f"RecurrentLayer({self.num_inputs}, {self.num_outputs}, {self.activation!r})"


def _at_least_one(name: str, size: int) -> int:
    if size < 1:
        raise ValueError(f"{name} must be at least 1, not {size}")
    return size
