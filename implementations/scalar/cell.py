"""The network's parts, one neuron at a time: a `Cell`, and the `Readout` on top of the last one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rnncheck.implementations.scalar.value import Value, dot

Vector = Sequence[Value]
Matrix = Sequence[Vector]


def identity(a: Value) -> Value:
    """`a` itself."""
    return a


def softmax(a: Vector) -> list[Value]:
    """`y_i = e^{a_i} / Σ_j e^{a_j}`.

    The same number c may be taken from every a_i, as e^{-c} cancels. With c = max a the
    exponents are at most 0, so that nothing overflows, and the sum is at least 1.
    As the result does not depend on c at all, c may count as a constant in the derivative too.
    """
    c = max(a_i.data for a_i in a)
    e = [(a_i - c).exp() for a_i in a]
    total = sum(e, Value(0.0))
    return [e_i / total for e_i in e]


NONLINEARITIES: dict[str, Callable[[Value], Value]] = {
    "tanh": Value.tanh,
    "relu": Value.relu,
    "sigmoid": Value.sigmoid,
    "identity": identity,
}

READOUTS: dict[str, Callable[[Vector], list[Value]]] = {
    "identity": list,
    "sigmoid": lambda a: [a_i.sigmoid() for a_i in a],
    "softmax": softmax,
}


@dataclass(frozen=True)
class Cell:
    """One layer in one direction: H neurons, which read the input z (I) and the state (H).

    weight_ih: (H, I). weight_hh: (H, H). bias_ih, bias_hh: (H). nonlinearity: φ.
    """

    weight_ih: Matrix
    weight_hh: Matrix
    bias_ih: Vector
    bias_hh: Vector
    nonlinearity: Callable[[Value], Value]

    def neuron(self, j: int, z: Vector, h_prev: Vector) -> Value:
        """`h_j = φ(Σ_i weight_ih_ji z_i + bias_ih_j + Σ_k weight_hh_jk h_prev_k + bias_hh_j)`."""
        from_input = dot(self.weight_ih[j], z, self.bias_ih[j])
        from_state = dot(self.weight_hh[j], h_prev, self.bias_hh[j])
        return self.nonlinearity(from_input + from_state)

    def step(self, z: Vector, h_prev: Vector) -> list[Value]:
        """`h = φ(weight_ih z + bias_ih + weight_hh h_prev + bias_hh)`: the next state (H)."""
        return [self.neuron(j, z, h_prev) for j in range(len(h_prev))]

    def run(self, z: Matrix, h0: Vector, reverse: bool) -> tuple[Matrix, Vector]:
        """The state of every step of z (T, I), as (T, H), and the last state computed (H).

        In reverse the steps run from the last to the first, `h0` being the state after the last;
        the state of step t stands at t in both directions.
        """
        h = h0
        states: list[Vector] = []
        for z_t in reversed(z) if reverse else z:
            h = self.step(z_t, h)
            states.append(h)
        return (states[::-1] if reverse else states), h


@dataclass(frozen=True)
class Readout:
    """`y = ψ(weight_ho h + bias_o)`. weight_ho: (O, D·H). bias_o: (O). activation: ψ."""

    weight_ho: Matrix
    bias_o: Vector
    activation: Callable[[Vector], list[Value]]

    def read(self, h: Vector) -> list[Value]:
        """What is read from the state h (D·H): y (O)."""
        a = [dot(row, h, bias) for row, bias in zip(self.weight_ho, self.bias_o, strict=True)]
        return self.activation(a)
