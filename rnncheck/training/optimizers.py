"""Optimizers as pure functions of a parameter, its gradient and a state; torch's formulas and names.

    state = optimizer.start(parameter)
    parameter, state = optimizer.step(parameter, gradient, state, lr)

Nothing given is changed: parameter and state are new. g is the gradient, with a weight decay
g + weight_decay·parameter. A leading axis of samples passes through.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rnncheck.case import Array

State = dict[str, Array]


class Optimizer(Protocol):
    """What trains: a learning rate, a first state, and a step."""

    @property
    def lr(self) -> float:
        """The learning rate, before any schedule."""

    def start(self, parameter: Array) -> State:
        """The state before the first step."""

    def step(
        self, parameter: Array, gradient: Array, state: State, lr: float | None = None
    ) -> tuple[Array, State]:
        """The next parameter and state; lr: this step's learning rate, None for the optimizer's."""


def updated(
    optimizer: Optimizer,
    parameters: Mapping[str, Array],
    gradients: Mapping[str, Array],
    states: Mapping[str, State],
    lr: float | None = None,
) -> tuple[dict[str, Array], dict[str, State]]:
    """One step of every parameter; `states` may be {} before the first. Other gradients are unread.

    Raises ValueError for a parameter without a gradient, or with one of another shape.
    """
    new_parameters, new_states = {}, {}
    for name, parameter in parameters.items():
        if name not in gradients:
            raise ValueError(f"gradients lacks {name}; it must hold {', '.join(parameters)}")
        gradient = gradients[name]
        if gradient.shape != parameter.shape:
            raise ValueError(
                f"the gradient for {name} has shape {gradient.shape}; "
                f"it must have the parameter's, {parameter.shape}"
            )
        state = states[name] if name in states else optimizer.start(parameter)
        new_parameters[name], new_states[name] = optimizer.step(parameter, gradient, state, lr)
    return new_parameters, new_states


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent; `torch.optim.SGD`.

    b = g at the first step, then momentum·b + (1 - dampening)·g;
    parameter - lr·b, with `nesterov` parameter - lr·(g + momentum·b).

    Raises ValueError for an option out of range, and for `nesterov` without momentum or with
    dampening.
    """

    lr: float
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _require_at_least_0(lr=self.lr, momentum=self.momentum, weight_decay=self.weight_decay)
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ValueError(
                "nesterov needs a momentum above 0 and no dampening, not "
                f"momentum={self.momentum}, dampening={self.dampening}"
            )

    def start(self, parameter: Array) -> State:
        """Nothing: the first gradient starts the momentum."""
        return {}

    def step(
        self, parameter: Array, gradient: Array, state: State, lr: float | None = None
    ) -> tuple[Array, State]:
        """The next parameter, and `momentum_buffer` if there is a momentum."""
        g = _decayed(parameter, gradient, self.weight_decay)
        if self.momentum:
            b = g
            if "momentum_buffer" in state:
                b = self.momentum * state["momentum_buffer"] + (1.0 - self.dampening) * g
            state = {"momentum_buffer": b}
            g = g + self.momentum * b if self.nesterov else b
        return parameter - _rate(self, lr) * g, state


@dataclass(frozen=True)
class RMSProp:
    """Gradients over the root of their mean square; `torch.optim.RMSprop`.

    v = alpha·v + (1 - alpha)·g²; d = g/(√v + eps), with `centered` g/(√(v - m²) + eps) where
    m = alpha·m + (1 - alpha)·g; b = momentum·b + d; parameter - lr·b.

    A v - m² that rounding makes negative is taken as 0 (torch makes it NaN). Raises ValueError for
    an option out of range.
    """

    lr: float
    alpha: float = 0.99
    eps: float = 1e-8
    momentum: float = 0.0
    centered: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _require_at_least_0(
            lr=self.lr, alpha=self.alpha, eps=self.eps, momentum=self.momentum,
            weight_decay=self.weight_decay,
        )  # fmt: skip

    def start(self, parameter: Array) -> State:
        """Zeros for v, and for m and b if they are used."""
        names = ["square_avg"]
        names += ["grad_avg"] * self.centered + ["momentum_buffer"] * bool(self.momentum)
        zeros: State = {name: np.zeros_like(parameter) for name in names}
        return zeros

    def step(
        self, parameter: Array, gradient: Array, state: State, lr: float | None = None
    ) -> tuple[Array, State]:
        """The next parameter, and `square_avg` with `grad_avg` and `momentum_buffer` if used."""
        g = _decayed(parameter, gradient, self.weight_decay)
        v: Array = self.alpha * state["square_avg"] + (1.0 - self.alpha) * (g * g)
        new: State = {"square_avg": v}
        spread = v
        if self.centered:
            m = self.alpha * state["grad_avg"] + (1.0 - self.alpha) * g
            new["grad_avg"], spread = m, np.maximum(v - m * m, 0.0)
        d: Array = g / (np.sqrt(spread) + self.eps)
        if self.momentum:
            d = self.momentum * state["momentum_buffer"] + d
            new["momentum_buffer"] = d
        return parameter - _rate(self, lr) * d, new


@dataclass(frozen=True)
class Adam:
    """Momentum over the root of the mean square, both corrected for their start at 0; `torch.optim.Adam`.

    At step n, m = β₁m + (1 - β₁)·g; v = β₂v + (1 - β₂)·g²;
    parameter - lr/(1 - β₁ⁿ)·m/(√v/√(1 - β₂ⁿ) + eps).

    Raises ValueError for an option out of range.
    """

    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        _require_at_least_0(lr=self.lr, eps=self.eps, weight_decay=self.weight_decay)
        if not all(0.0 <= beta < 1.0 for beta in self.betas):
            raise ValueError(f"betas must lie in [0, 1), not {self.betas}")

    def start(self, parameter: Array) -> State:
        """Zeros for m and v, and the number of steps taken."""
        m, v = np.zeros_like(parameter), np.zeros_like(parameter)
        return {"step": np.zeros(()), "exp_avg": m, "exp_avg_sq": v}

    def step(
        self, parameter: Array, gradient: Array, state: State, lr: float | None = None
    ) -> tuple[Array, State]:
        """The next parameter, and `step`, `exp_avg` and `exp_avg_sq`."""
        first, second = self.betas
        g = _decayed(parameter, gradient, self.weight_decay)
        n = float(state["step"]) + 1.0
        m = first * state["exp_avg"] + (1.0 - first) * g
        v = second * state["exp_avg_sq"] + (1.0 - second) * (g * g)
        size = np.sqrt(v) / math.sqrt(1.0 - second**n) + self.eps
        rate = _rate(self, lr) / (1.0 - first**n)
        new: State = {"step": np.array(n), "exp_avg": m, "exp_avg_sq": v}
        return parameter - rate * (m / size), new


def _rate(optimizer: Optimizer, lr: float | None) -> float:
    """A Python float, so that it does not widen float32 arrays."""
    return float(optimizer.lr if lr is None else lr)


def _decayed(parameter: Array, gradient: Array, weight_decay: float) -> Array:
    return gradient + weight_decay * parameter if weight_decay else gradient


def _require_at_least_0(**options: float) -> None:
    for name, value in options.items():
        if not value >= 0.0:
            raise ValueError(f"{name} must be at least 0, not {value}")
