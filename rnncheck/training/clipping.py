"""Clipping of gradients against explosion; `torch.nn.utils.clip_grad_value_` and `clip_grad_norm_`.

What is given is not changed. The gradients are those of the parameters: one for `x` or `h0` would
count in the norm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from rnncheck.case import Array


class Clipping(Protocol):
    """What bounds gradients."""

    def clip(self, gradients: Mapping[str, Array]) -> dict[str, Array]:
        """The gradients, bounded."""


@dataclass(frozen=True)
class ClipValue:
    """min(max(g, -limit), limit), entry by entry. ValueError for a negative limit."""

    limit: float

    def __post_init__(self) -> None:
        _require_at_least_0("limit", self.limit)

    def clip(self, gradients: Mapping[str, Array]) -> dict[str, Array]:
        """No entry is beyond ±limit; none within it changes."""
        return {name: np.clip(g, -self.limit, self.limit) for name, g in gradients.items()}


@dataclass(frozen=True)
class ClipNorm:
    """g·min(1, max_norm/(N + 1e-6)), N = √Σ g² over all entries of all arrays: the direction stays.

    As in torch the 1e-6 keeps N = 0 from dividing, and what overflows N comes back as 0. ValueError
    for a negative max_norm.
    """

    max_norm: float

    def __post_init__(self) -> None:
        _require_at_least_0("max_norm", self.max_norm)

    def clip(self, gradients: Mapping[str, Array]) -> dict[str, Array]:
        """The gradients together have at most the norm max_norm, and are as they were below it."""
        if not gradients:
            return {}
        with np.errstate(over="ignore"):
            squares = np.stack([np.sum(g * g) for g in gradients.values()])
            norm = np.sqrt(np.sum(squares))
        factor = np.minimum(1.0, self.max_norm / (norm + 1e-6))
        return {name: factor * g for name, g in gradients.items()}


def _require_at_least_0(name: str, value: float) -> None:
    if not value >= 0.0:
        raise ValueError(f"{name} must be at least 0, not {value}")
