"""One step of training: the loss of a batch, its gradients, and what the optimizer makes of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from rnncheck.case import Array, IntArray
from rnncheck.implementation import Gradients
from rnncheck.training.clipping import Clipping
from rnncheck.training.losses import Loss
from rnncheck.training.optimizers import Optimizer, State


@dataclass(frozen=True, eq=False)
class Batch:
    """x (T, B, I), its target, and the lengths of the rows, those of x and those of the output."""

    x: Array
    target: Array | IntArray
    lengths: IntArray | None = None
    output_lengths: IntArray | None = None


@dataclass(frozen=True, eq=False)
class Rule:
    """How a step is made: the loss, the optimizer, its learning rate for this step, and clipping."""

    loss: Loss
    optimizer: Optimizer
    lr: float | None = None
    clip: Clipping | None = None


@dataclass(frozen=True, eq=False)
class Step:
    """What one step came to.

    loss, output and gradients (of every parameter and "x", not clipped) are those before the step,
    parameters and states (the optimizer's, by parameter) those after it.
    """

    loss: float
    output: Array
    gradients: Gradients
    parameters: dict[str, Array]
    states: dict[str, State]


def clipped(rule: Rule, gradients: Mapping[str, Array], names: tuple[str, ...]) -> Gradients:
    """The gradients of these parameters, clipped together."""
    own = {name: gradients[name] for name in names}
    return own if rule.clip is None else rule.clip.clip(own)
