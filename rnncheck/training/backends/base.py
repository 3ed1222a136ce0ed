"""`Backend`: what runs the layers, and `Run`: what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from rnncheck.case import Array, IntArray
from rnncheck.implementation import Gradients
from rnncheck.training.optimizers import State
from rnncheck.training.step import Batch, Rule, Step


@dataclass(frozen=True, eq=False)
class Run:
    """The output, the tape, which only the backend looks into, and each `RNN`'s final state.

    states: h_n (L·D, B, H) by the layer's place ("0", "1", ...), without those in an `Iterated`.
    """

    output: Array
    tape: Any
    states: dict[str, Array]


class Backend(Protocol):
    """One implementation of some layers in a row. `BACKEND(links, dtype)` in its module makes it."""

    name: str

    def forward(
        self,
        parameters: Mapping[str, Array],
        x: Array,
        lengths: IntArray | None = None,
        states: Mapping[str, Array] | None = None,
    ) -> Run:
        """The layers on x (T, B, I). states: where each `RNN` starts, by place; None for zeros."""
        ...

    def backward(self, tape: Any, d_output: Array) -> Gradients:  # noqa: ANN401
        """The gradient of `<d_output, output>` for every parameter and "x"."""
        ...

    def train_step(
        self,
        parameters: Mapping[str, Array],
        trained: tuple[str, ...],
        batch: Batch,
        rule: Rule,
        states: Mapping[str, State],
    ) -> Step:
        """One step of the parameters that are trained; nothing that is given changes."""
        ...
