"""The network's parts: a `Cell`, and the `Readout` on top of the last one."""

from collections.abc import Sequence
from typing import NamedTuple

from rnncheck.implementations.scalar.activations import Activation
from rnncheck.implementations.scalar.trace import Places, Softmax, Trace, Weights


class Cell(NamedTuple):
    """One layer in one direction: H neurons, which read the input z (I) and the state (H).

    weights: of each neuron row j of weight_ih (I), then of weight_hh (H), and as its bias
    `bias_ih_j + bias_hh_j`, which is all that it sees of the two. nonlinearity: φ.
    """

    weights: Weights
    nonlinearity: Activation

    def step(self, trace: Trace, z: Places, h_prev: Places) -> Places:
        """The next state (H), for each neuron j the number

        `h_j = φ(Σ_i weight_ih_ji z_i + Σ_k weight_hh_jk h_prev_k + bias_ih_j + bias_hh_j)`.
        """
        return trace.neurons(self.weights, (*z, *h_prev), self.nonlinearity)

    def run(
        self, trace: Trace, z: Sequence[Places], h0: Places, reverse: bool
    ) -> tuple[list[Places], Places]:
        """The state of every step of z (T, I), as (T, H), and the last state computed (H).

        In reverse the steps run from the last to the first, `h0` being the state after the last;
        the state of step t stands at t in both directions.
        """
        h = h0
        states: list[Places] = []
        for z_t in reversed(z) if reverse else z:
            h = self.step(trace, z_t, h)
            states.append(h)
        return (states[::-1] if reverse else states), h


class Readout(NamedTuple):
    """`y = ψ(weight_ho h + bias_o)`. weights: the rows of weight_ho (D·H), and bias_o.

    activation: ψ, but for a softmax, which is made of what this makes of each neuron.
    """

    weights: Weights
    activation: Activation
    softmax: Softmax | None

    def read(self, trace: Trace, h: Places) -> Places:
        """What is read from the state h (D·H): y (O)."""
        y = trace.neurons(self.weights, h, self.activation)
        return y if self.softmax is None else trace.softmax(y, self.softmax)
