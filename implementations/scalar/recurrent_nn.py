"""`RecurrentNN`: layers on top of each other, and the five ways from sequences to sequences.

=====================  ====================  =========================================
one to one             x_1 → y_1             a network without a past
one to many            x_1 → y_1 ... y_n     y_t is the next input: a sequence unfolds
many to one            x_1 ... x_T → y_T     a judgement of the sequence
many to many           x_1 ... → y_1 ...     one output for each input
sequence to sequence   x_1 ... x_T → n y's   reads all, then goes on as one to many
=====================  ====================  =========================================

Only two things happen in them: `read` takes inputs in, `generate` feeds outputs back.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from rnncheck.implementations.scalar.layer import Layer, RecurrentLayer
from rnncheck.implementations.scalar.neuron import Inputs, Module, as_vector
from rnncheck.implementations.scalar.value import Value

Vector = list[Value]
State = list[Vector]
"""The last a_t of every recurrent layer, from the bottom to the top."""


class RecurrentNN(Module):
    """Layers, each of which reads what the one below puts out; the recurrent ones remember.

    layers: `RecurrentLayer`s and `Layer`s in any order, at least one. Raises ValueError for none
    at all, or if one takes another number of inputs than the one below puts out.

    Every x_t is as many numbers (or Values) as the first layer takes: else ValueError, naming
    both numbers. Every y_t is Values. To train: make a loss of them, `zero_grad()`,
    `loss.backward()`, and move each of `parameters()` a little against its `grad`.
    """

    def __init__(self, layers: Sequence[Layer | RecurrentLayer]) -> None:
        """Check that the layers fit together."""
        if not layers:
            raise ValueError("a network needs at least one layer")
        for below, above in pairwise(layers):
            if below.num_outputs != above.num_inputs:
                raise ValueError(
                    f"{above!r} takes {above.num_inputs} inputs, "
                    f"but {below!r} puts out {below.num_outputs}"
                )
        self.layers = list(layers)
        self.recurrent = [layer for layer in layers if isinstance(layer, RecurrentLayer)]

    def parameters(self) -> list[Value]:
        """Those of every layer."""
        return [p for layer in self.layers for p in layer.parameters()]

    def one_to_one(self, x: Inputs) -> Vector:
        """`x_1 → y_1`."""
        return self.generate([x], 1)[0][0]

    def one_to_many(self, x: Inputs, num_outputs: int, *, carry_state: bool = True) -> list[Vector]:
        """`x_1 → y_1, ..., y_n`, each y_t the next input; carry_state: see `generate`."""
        return self.generate([x], num_outputs, carry_state=carry_state)[0]

    def many_to_one(self, xs: Iterable[Inputs]) -> Vector:
        """`x_1, ..., x_T → y_T`."""
        return self.generate(xs, 1)[0][0]

    def many_to_many(self, xs: Iterable[Inputs]) -> list[Vector]:
        """`x_1, ..., x_T → y_1, ..., y_T`, for any T."""
        return self.read(xs)[0]

    def sequence_to_sequence(
        self, xs: Iterable[Inputs], num_outputs: int, *, carry_state: bool = True
    ) -> list[Vector]:
        """`x_1, ..., x_T → y_T, ..., y_{T+n-1}`, of any two lengths; see `generate`.

        Where inputs and outputs are not alike, one network can `read` and another `generate`,
        starting from the state of the first.
        """
        return self.generate(xs, num_outputs, carry_state=carry_state)[0]

    def read(
        self, xs: Iterable[Inputs], state: Sequence[Inputs] | None = None
    ) -> tuple[list[Vector], State]:
        """The outputs `y_1, ..., y_T` for the inputs x_1, ..., x_T, and the state after them.

        state: where to start, from another `read` or `generate`; None for zeros.
        """
        after = self._start(state)
        ys = []
        for x_t in xs:
            y_t, after = self._step(x_t, after)
            ys.append(y_t)
        return ys, after

    def generate(
        self,
        xs: Iterable[Inputs],
        num_outputs: int,
        state: Sequence[Inputs] | None = None,
        *,
        carry_state: bool = True,
    ) -> tuple[list[Vector], State]:
        """The outputs `y_T, ..., y_{T+n-1}`, of which all but the last are fed back; the state.

        First x_1, ..., x_T are read, T >= 1; from then on `x_{t+1} = y_t`. num_outputs: n >= 1.
        carry_state: whether a step starts from the state of the one before, as the steps of a
        recurrent network do. False: each step after x_T starts from zeros, and so remembers
        nothing but its input: `y_{t+1} = F(y_t)` with one and the same F.

        Raises ValueError for no x or no y, or if a y_t is not as many numbers as an x_t.
        """
        if num_outputs < 1:
            raise ValueError(f"num_outputs must be at least 1, not {num_outputs}")
        ys, after = self.read(xs, state)
        if not ys:
            raise ValueError("there must be at least one input to start from")
        ys = ys[-1:]
        while len(ys) < num_outputs:
            y_t, after = self._step(ys[-1], after if carry_state else self._start(None))
            ys.append(y_t)
        return ys, after

    def _step(self, x_t: Inputs, state: State) -> tuple[Vector, State]:
        """`y_t` and the state after it, from x_t and the state before it."""
        before = iter(state)
        after: State = []
        h = as_vector(self.layers[0], x_t, self.layers[0].num_inputs)
        for layer in self.layers:
            if isinstance(layer, RecurrentLayer):
                h = layer.step(h, next(before))
                after.append(h)
            else:
                h = layer(h)
        return h, after

    def _start(self, state: Sequence[Inputs] | None) -> State:
        """`state` as Values, after a check of its sizes; zeros for None."""
        if state is None:
            return [layer.zero_state() for layer in self.recurrent]
        if len(state) != len(self.recurrent):
            raise ValueError(f"{self!r} has {len(self.recurrent)} states, not {len(state)}")
        return [
            as_vector(layer, a, layer.num_outputs, "states")
            for layer, a in zip(self.recurrent, state, strict=True)
        ]

    def __repr__(self) -> str:
        return f"RecurrentNN({self.layers})"
