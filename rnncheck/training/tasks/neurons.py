"""Where the neurons of the scalar-autodiff network start."""

import numpy as np

from rnncheck.case import Array
from rnncheck.spec import RNNSpec


def neuron_uniform(spec: RNNSpec, rng: np.random.Generator) -> dict[str, Array]:
    """U(±1/√n), n the numbers that a neuron reads: I + H, and H in the readout; biases 0.

    As `implementations.scalar.RecurrentNeuron` and `Neuron` start; for a single layer.
    """
    shapes = spec.parameter_shapes()
    drawn: dict[str, Array] = {name: np.zeros(shape) for name, shape in shapes.items()}
    for name in [name for name in shapes if name.startswith("weight")]:
        read = spec.hidden_size + (0 if name == "weight_ho" else spec.input_size)
        drawn[name] = rng.uniform(-1.0, 1.0, shapes[name]) / np.sqrt(read)
    return drawn
