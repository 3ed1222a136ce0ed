"""Learning-rate schedules: functions of the epoch, from 0, whose value multiplies the rate.

The closed forms of torch.optim.lr_scheduler's classes, named after each.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Schedule = Callable[[int], float]
"""Any function of the epoch will do."""


@dataclass(frozen=True)
class Constant:
    """factor at every epoch, 1 by default: no schedule."""

    factor: float = 1.0

    def __call__(self, epoch: int) -> float:
        """The factor."""
        return self.factor


@dataclass(frozen=True)
class StepDecay:
    """gamma^⌊epoch/step_size⌋; `StepLR`. ValueError for a step_size below 1."""

    step_size: int
    gamma: float = 0.1

    def __post_init__(self) -> None:
        _require_at_least(1, "step_size", self.step_size)

    def __call__(self, epoch: int) -> float:
        """The factor."""
        return self.gamma ** (epoch // self.step_size)


@dataclass(frozen=True)
class MultiStep:
    """gamma^(how many milestones are at or before the epoch); `MultiStepLR`."""

    milestones: tuple[int, ...]
    gamma: float = 0.1

    def __call__(self, epoch: int) -> float:
        """The factor."""
        return self.gamma ** sum(milestone <= epoch for milestone in self.milestones)


@dataclass(frozen=True)
class Exponential:
    """gamma^epoch; `ExponentialLR`."""

    gamma: float

    def __call__(self, epoch: int) -> float:
        """The factor."""
        return self.gamma**epoch


@dataclass(frozen=True)
class Linear:
    """From start to end over `epochs` in equal steps, and end from there on; `LinearLR`.

    ValueError for epochs below 1.
    """

    epochs: int
    start: float = 1.0 / 3.0
    end: float = 1.0

    def __post_init__(self) -> None:
        _require_at_least(1, "epochs", self.epochs)

    def __call__(self, epoch: int) -> float:
        """The factor."""
        done = np.minimum(epoch, self.epochs) / self.epochs
        factor: float = self.start + (self.end - self.start) * done
        return factor


@dataclass(frozen=True)
class Cosine:
    """floor + (1 - floor)·(1 + cos(π·epoch/epochs))/2, and floor from there on; `CosineAnnealingLR`.

    torch, with eta_min = floor·lr, rises again after T_max = epochs. ValueError for epochs below 1.
    """

    epochs: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        _require_at_least(1, "epochs", self.epochs)

    def __call__(self, epoch: int) -> float:
        """The factor."""
        done = np.minimum(epoch, self.epochs) / self.epochs
        factor: float = self.floor + (1.0 - self.floor) * (1.0 + np.cos(np.pi * done)) / 2.0
        return factor


def _require_at_least(least: int, name: str, value: int) -> None:
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")
