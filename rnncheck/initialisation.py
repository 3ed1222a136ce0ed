"""Where weights start: functions of a spec and an explicit generator, which return a state dict.

Each can be handed to `RNN(..., initialise=...)`, or its result to anything's `load_state_dict`.
"""

from collections.abc import Callable

import numpy as np

from rnncheck.case import Array
from rnncheck.spec import RNNSpec, Shape

Initialiser = Callable[[RNNSpec, np.random.Generator], dict[str, Array]]


def _each(spec: RNNSpec, make: Callable[[str, Shape], Array]) -> dict[str, Array]:
    return {name: make(name, shape) for name, shape in spec.parameter_shapes().items()}


def torch_uniform(spec: RNNSpec, rng: np.random.Generator) -> dict[str, Array]:
    """U(-1/√H, 1/√H) for every parameter, as `torch.nn.RNN` and, for the readout, `torch.nn.Linear`."""
    H = spec.hidden_size

    def make(name: str, shape: Shape) -> Array:
        readout = name in ("weight_ho", "bias_o")
        bound = 1.0 / np.sqrt(spec.num_directions * H if readout else H)
        return rng.uniform(-bound, bound, shape)

    return _each(spec, make)


def fan_in_uniform(spec: RNNSpec, rng: np.random.Generator) -> dict[str, Array]:
    """U(-1/√n, 1/√n) with n the inputs of each weight matrix; biases 0 (layered NumPy tutorials)."""

    def make(name: str, shape: Shape) -> Array:
        if len(shape) == 1:
            return np.zeros(shape)
        bound = 1.0 / np.sqrt(max(shape[1], 1))
        return rng.uniform(-bound, bound, shape)

    return _each(spec, make)


def xavier_uniform(spec: RNNSpec, rng: np.random.Generator) -> dict[str, Array]:
    """U(-√(6/(n+m)), √(6/(n+m))) for an m-by-n matrix; biases 0 (X. Glorot, Y. Bengio, 2010)."""

    def make(name: str, shape: Shape) -> Array:
        if len(shape) == 1:
            return np.zeros(shape)
        bound = np.sqrt(6.0 / sum(shape))
        return rng.uniform(-bound, bound, shape)

    return _each(spec, make)


def orthogonal(spec: RNNSpec, rng: np.random.Generator) -> dict[str, Array]:
    """W Wᵀ = 1 or WᵀW = 1 for every matrix, uniform among those; biases 0 (A. Saxe et al., 2014).

    Q of a Gaussian matrix's QR decomposition, its columns' signs fixed by R's diagonal.
    """

    def make(name: str, shape: Shape) -> Array:
        if len(shape) == 1:
            return np.zeros(shape)
        wide = shape[1] > shape[0]
        q, r = np.linalg.qr(rng.standard_normal(shape[::-1] if wide else shape))
        q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
        return q.T if wide else q

    return _each(spec, make)


def standard_normal(spec: RNNSpec, rng: np.random.Generator) -> dict[str, Array]:
    """N(0, 1) for every parameter (the softmax network by hand)."""
    return _each(spec, lambda name, shape: rng.standard_normal(shape))


def unit_uniform(spec: RNNSpec, rng: np.random.Generator) -> dict[str, Array]:
    """U[0, 1) for every parameter (the forward pass of the Keras tutorial)."""
    return _each(spec, lambda name, shape: rng.random(shape))
