"""torch's own losses, clipping and optimizers for those of `rnncheck.training`: another route."""

from collections.abc import Mapping

import numpy as np
import torch
from torch.nn import functional

from rnncheck.case import Array, IntArray
from rnncheck.training.clipping import ClipNorm, Clipping, ClipValue
from rnncheck.training.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Loss,
    SoftmaxCrossEntropy,
    SquaredError,
)
from rnncheck.training.optimizers import SGD, Adam, Optimizer, RMSProp, State
from rnncheck.training.step import Rule

Tensor = torch.Tensor


def loss_of(
    loss: Loss, output: Tensor, target: Array | IntArray, lengths: IntArray | None
) -> Tensor:
    """The loss of an output (T, B, O) by `torch.nn.functional`. TypeError for one that it lacks."""
    counted = _counted(loss, len(output), output.shape[1], lengths)
    by_number = target.ndim == 2
    y = torch.tensor(np.ascontiguousarray(target))[counted]
    y = y.to(torch.int64 if by_number else output.dtype)
    output, reduction = output[counted], loss.reduction
    match loss:
        case SquaredError():
            return functional.mse_loss(output, y, reduction=reduction)
        case BinaryCrossEntropy():
            return functional.binary_cross_entropy(output, y, reduction=reduction)
        case SoftmaxCrossEntropy():
            return functional.cross_entropy(output, y, reduction=reduction)
        case CrossEntropy() if by_number:
            return functional.nll_loss(output.log(), y, reduction=reduction)
        case CrossEntropy():
            total = -torch.where(y == 0, 0.0, y * torch.where(y == 0, 1.0, output).log()).sum()
            return total / len(y) if reduction == "mean" else total
    raise TypeError(f"torch has no loss {type(loss).__name__}: train on another implementation")


def _counted(loss: Loss, T: int, B: int, lengths: IntArray | None) -> Tensor:
    """(T, B): which steps the loss counts."""
    n = torch.full((B,), T) if lengths is None or T == 1 else torch.tensor(np.array(lengths))
    t = torch.arange(T)[:, None]
    return t == n - 1 if loss.steps == "last" else t < n


def bound(clip: Clipping | None, parameters: list[Tensor]) -> None:
    """Clip the parameters' `grad` in place. TypeError for a clipping that torch lacks."""
    match clip:
        case None:
            return
        case ClipValue(limit):
            torch.nn.utils.clip_grad_value_(parameters, limit)
        case ClipNorm(max_norm):
            torch.nn.utils.clip_grad_norm_(parameters, max_norm)
        case _:
            raise TypeError(
                f"torch has no clipping {type(clip).__name__}: train on another implementation"
            )


def optimizer_of(
    rule: Rule, parameters: Mapping[str, Tensor], states: Mapping[str, State]
) -> torch.optim.Optimizer:
    """torch's optimizer for these parameters, in the states that they have by name."""
    optimizer = _new(rule.optimizer, list(parameters.values()), rule.lr)
    for name, parameter in parameters.items():
        state = {entry: torch.tensor(value) for entry, value in states.get(name, {}).items()}
        if state:
            # Only Adam's depends on how many steps there have been; torch counts them for RMSprop too.
            steps = state.get("step", torch.tensor(0.0)).to(torch.float32)
            counts = {} if isinstance(rule.optimizer, SGD) else {"step": steps}
            optimizer.state[parameter] = state | counts
    return optimizer


def _new(optimizer: Optimizer, own: list[Tensor], rate: float | None) -> torch.optim.Optimizer:
    lr = float(optimizer.lr if rate is None else rate)
    match optimizer:
        case SGD(_, momentum, dampening, nesterov, decay):
            return torch.optim.SGD(own, lr, momentum, dampening, decay, nesterov)
        case RMSProp(_, alpha, eps, momentum, centered, decay):
            return torch.optim.RMSprop(own, lr, alpha, eps, decay, momentum, centered)
        case Adam(_, betas, eps, decay):
            return torch.optim.Adam(own, lr, betas, eps, decay)
    raise TypeError(
        f"torch has no optimizer {type(optimizer).__name__}: train on another implementation"
    )


def read_states(
    optimizer: torch.optim.Optimizer, parameters: Mapping[str, Tensor]
) -> dict[str, State]:
    """Its states by name, with the entries that those of `rnncheck.training.optimizers` have."""
    states: dict[str, State] = {}
    for name, parameter in parameters.items():
        entries = dict(optimizer.state[parameter])
        if not isinstance(optimizer, torch.optim.Adam):
            entries.pop("step", None)
        states[name] = {
            entry: value.to(torch.float64).numpy().copy()
            if entry == "step"
            else value.numpy().copy()
            for entry, value in entries.items()
            if value is not None
        }
    return states
