"""State dicts to and from Keras-style kernels, both ways.

Keras's `SimpleRNN` computes `h_t = φ(x_t kernel + h_{t-1} recurrent_kernel + bias)`: the matrices are
the transposes of torch's, and there is one bias where torch has two. Its `get_weights()` is
`[kernel (I, H), recurrent_kernel (H, H), bias (H)]`; a `Bidirectional` layer's is the forward list,
then the backward one; a `Dense` layer's is `[kernel (D·H, O), bias (O)]`.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from rnncheck.case import Array, require_names
from rnncheck.spec import RNNSpec, require_shape


def to_kernels(spec: RNNSpec, state: Mapping[str, Array]) -> list[list[Array]]:
    """One list of weights for each layer, in `set_weights` order, then the readout's if there is one.

    The two biases are added. ValueError for wrong names.
    """
    require_names(spec, state, "state_dict")
    layers: list[list[Array]] = []
    for layer in range(spec.num_layers):
        weights = []
        for direction in range(spec.num_directions):
            suffix = spec.suffix(layer, direction)
            weights += [
                state[f"weight_ih_{suffix}"].T.copy(),
                state[f"weight_hh_{suffix}"].T.copy(),
            ]
            if spec.bias:
                weights.append(state[f"bias_ih_{suffix}"] + state[f"bias_hh_{suffix}"])
        layers.append(weights)
    if spec.output_size is not None:
        dense = [state["weight_ho"].T.copy()]
        layers.append([*dense, state["bias_o"].copy()] if spec.readout_bias else dense)
    return layers


def from_kernels(spec: RNNSpec, layers: Sequence[Sequence[npt.ArrayLike]]) -> dict[str, Array]:
    """The state dict with these kernels; Keras's one bias becomes `bias_ih`, and `bias_hh` is 0.

    ValueError naming the layer, for a wrong number of layers or weights, or a wrong shape.
    """
    names = [_layer_names(spec, layer) for layer in range(spec.num_layers)]
    if spec.output_size is not None:
        names.append(["weight_ho", "bias_o"] if spec.readout_bias else ["weight_ho"])
    if len(layers) != len(names):
        raise ValueError(f"there are {len(layers)} layers of kernels; the network has {len(names)}")
    shapes, state = spec.parameter_shapes(), {}
    for index, (own, weights) in enumerate(zip(names, layers, strict=True)):
        if len(weights) != len(own):
            raise ValueError(f"layer {index} has {len(weights)} weights; it must have {len(own)}")
        for name, weight in zip(own, weights, strict=True):
            array = np.array(weight)
            require_shape(f"layer {index}'s {name}, transposed,", array.T.shape, shapes[name])
            state[name] = np.ascontiguousarray(array.T)
    zeros = {
        n: np.zeros(s, state["weight_hh_l0"].dtype) for n, s in shapes.items() if n not in state
    }
    return {name: (state | zeros)[name] for name in shapes}


def _layer_names(spec: RNNSpec, layer: int) -> list[str]:
    kinds = ("weight_ih", "weight_hh", "bias_ih") if spec.bias else ("weight_ih", "weight_hh")
    suffixes = (spec.suffix(layer, direction) for direction in range(spec.num_directions))
    return [f"{kind}_{suffix}" for suffix in suffixes for kind in kinds]
