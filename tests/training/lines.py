"""The smallest model and its data: a slope, and numbers as rows."""

import numpy as np

from rnncheck.case import Array
from rnncheck.training.layers import Linear
from rnncheck.training.sequential import Sequential


def line(slope: float = 0.0) -> Sequential:
    """y = slope · x."""
    model = Sequential([Linear(1, bias=False)], 1, rng=0)
    model.load_state_dict({"0.weight": [[slope]]})
    return model


def column(*numbers: float) -> Array:
    """The numbers as the rows of a batch of one step and one feature."""
    return np.array(numbers, dtype=float)[None, :, None]
