"""The network's parts, one neuron at a time: a `Cell`, and the `Readout` on top of the last one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rnncheck.implementations.scalar.activations import Activation
from rnncheck.implementations.scalar.value import Value, Vector, neurons, vector

Values = Sequence[Value]
Matrix = Sequence[Values]
Softmax = Callable[[Sequence[float]], Sequence[float]]


def softmax(a: Values, f: Softmax) -> list[Value]:
    """`y_i = e^{a_i} / Σ_j e^{a_j}`, the floats computed by f.

    The derivative of y_i by a_j is `y_i (1 - y_i)` if i = j, else `-y_i y_j`.
    """
    y = f([a_i.data for a_i in a])
    return [
        Value(y_i, tuple(a), tuple([y_i * (float(i == j) - y_j) for j, y_j in enumerate(y)]))
        for i, y_i in enumerate(y)
    ]


@dataclass(frozen=True)
class Cell:
    """One layer in one direction: H neurons, which read the input z (I) and the state (H).

    rows: the weights of each neuron: row j of weight_ih (I), then of weight_hh (H), and then
    bias_ih_j and bias_hh_j. nonlinearity: φ.
    """

    rows: Sequence[Vector]
    nonlinearity: Activation

    def step(self, z: Values, h_prev: Values) -> list[Value]:
        """The next state (H), for each neuron j the value

        `h_j = φ(Σ_i weight_ih_ji z_i + Σ_k weight_hh_jk h_prev_k + bias_ih_j + bias_hh_j)`.
        """
        inputs = vector((*z, *h_prev), 1.0, 1.0)
        return neurons(self.rows, inputs, self.nonlinearity)

    def run(self, z: Matrix, h0: Values, reverse: bool) -> tuple[Matrix, Values]:
        """The state of every step of z (T, I), as (T, H), and the last state computed (H).

        In reverse the steps run from the last to the first, `h0` being the state after the last;
        the state of step t stands at t in both directions.
        """
        h = h0
        states: list[Values] = []
        for z_t in reversed(z) if reverse else z:
            h = self.step(z_t, h)
            states.append(h)
        return (states[::-1] if reverse else states), h


@dataclass(frozen=True)
class Readout:
    """`y = ψ(weight_ho h + bias_o)`. rows: row i of weight_ho (D·H), then bias_o_i.

    activation: ψ, but for a softmax, which is made of what this makes of each neuron.
    """

    rows: Sequence[Vector]
    activation: Activation
    softmax: Softmax | None

    def read(self, h: Values) -> list[Value]:
        """What is read from the state h (D·H): y (O)."""
        y = neurons(self.rows, vector(h, 1.0), self.activation)
        return y if self.softmax is None else softmax(y, self.softmax)
