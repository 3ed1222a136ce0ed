"""Models of layers in a row, and for each the one network that it is, of which the truth is known."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from training.judging import Judged, drawn, judged

from rnncheck.spec import RNNSpec
from rnncheck.training.backends import NAMES
from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.sequential import Sequential

IMPLEMENTATIONS = tuple(name for name in NAMES if name != "torch" or find_spec("torch"))
T, B = 4, 3


@dataclass(frozen=True)
class Same:
    """Layers, the network that they amount to, and where its parameters stand in them."""

    layers: tuple[Any, ...]
    spec: RNNSpec
    names: dict[str, str]
    T: int = T
    lengths: tuple[int, ...] | None = None
    fixed: tuple[str, ...] = ()
    """Parameters of the network that are 0, as the layers have none for them."""


def named(spec: RNNSpec, *places: tuple[str, str]) -> dict[str, str]:
    """Each parameter's name in a model: those of layer l of the network are `places[l]`'s l0."""
    names = {}
    for name in spec.parameter_shapes():
        for layer, (place, kind) in enumerate(places):
            if kind == "linear":
                own = {"weight_ho": "weight", "bias_o": "bias"}.get(name)
            else:
                own = name.replace(f"_l{layer}", "_l0") if f"_l{layer}" in name else None
            if own:
                names[f"{place}.{own}"] = name
    return names


def two(psi: Any, **options: Any) -> RNNSpec:
    return RNNSpec(2, 3, 2, output_size=5, readout=psi, **options)


def in_a_row(psi: Any, lengths: tuple[int, ...] | None, **options: Any) -> Same:
    """RNN, RNN, Linear for two layers and a readout; `outputs` is the second RNN's affair."""
    outputs = options.pop("outputs", "all")
    spec = two(psi, outputs=outputs, **options)
    layers = (RNN(3, **options), RNN(3, outputs=outputs, **options), Linear(5, psi))
    return Same(layers, spec, named(spec, ("0", ""), ("1", ""), ("2", "linear")), T, lengths)


def alone(lengths: tuple[int, ...] | None = None, **options: Any) -> Same:
    """One RNN layer, with everything that a spec says."""
    spec = RNNSpec(2, 3, **options)
    return Same(
        (RNN(3, **options),), spec, {f"0.{n}": n for n in spec.parameter_shapes()}, T, lengths
    )


def with_readout(**options: Any) -> Same:
    """An RNN layer without a readout, and a Linear in its place."""
    spec = RNNSpec(2, 3, output_size=5, **options)
    return Same((RNN(3, **options), Linear(5)), spec, named(spec, ("0", ""), ("1", "linear")))


def one_bias(**options: Any) -> Same:
    spec = RNNSpec(2, 3, **options)
    gone = tuple(n for n in spec.parameter_shapes() if n.startswith("bias_hh"))
    names = {f"0.{n}": n for n in spec.parameter_shapes() if n not in gone}
    return Same((RNN(3, biases=1, **options),), spec, names, fixed=gone)


def iterated() -> Same:
    """From a zero state, always: the network that generates with W_hh = 0."""
    spec = RNNSpec(2, 3, nonlinearity="sigmoid", output_size=2, generated=4)
    layers = (Iterated([RNN(3, nonlinearity="sigmoid"), Linear(2)], 5),)
    names = named(spec, ("0.0", ""), ("0.1", "linear"))
    del names["0.0.weight_hh_l0"]
    return Same(layers, spec, names, T=1, fixed=("weight_hh_l0",))


SOME = (4, 2, 3)
MODELS = {
    "three layers": in_a_row("identity", None),
    "three layers, lengths": in_a_row("softmax", SOME),
    "three layers, an empty row": in_a_row("sigmoid", (4, 0, 3)),
    "many to one": in_a_row("softmax", SOME, outputs="last"),
    "many to one, relu": in_a_row("identity", None, outputs="last", nonlinearity="relu"),
    "both ways": in_a_row("sigmoid", SOME, outputs="final", bidirectional=True),
    "both ways, last": in_a_row("identity", None, outputs="last", bidirectional=True),
    "no biases": in_a_row("identity", SOME, bias=False),
    "sigmoid": in_a_row("identity", SOME, nonlinearity="sigmoid", bidirectional=True),
    "readout": alone(output_size=5, readout="softmax", lengths=SOME),
    "layers": alone(num_layers=3, nonlinearity="relu"),
    "final": alone(outputs="final", bidirectional=True, output_size=4, lengths=SOME),
    "truncated": with_readout(truncation=1),
    "truncated, identity": alone(
        truncation=2, nonlinearity="identity", output_size=2, readout="sigmoid", lengths=SOME
    ),
    "truncated, final": alone(truncation=1, outputs="final", output_size=2, lengths=(4, 1, 3)),
    "truncated, last": alone(truncation=1, outputs="last", lengths=(4, 1, 3)),
    "generated": alone(generated=3, output_size=2),
    "generated, both layers": alone(
        generated=3, num_layers=2, output_size=2, nonlinearity="identity", readout_bias=False
    ),
    "one bias": one_bias(num_layers=2, bidirectional=True),
    "iterated": iterated(),
}  # fmt: skip


@cache
def right(key: str, dtype: str = "float64") -> Judged:
    same = MODELS[key]
    shapes = same.spec.parameter_shapes()
    zeros = {name: np.zeros(shapes[name]) for name in same.fixed}
    lengths = None if same.lengths is None else list(same.lengths)
    return judged(drawn(same.spec, same.T, B, seed=5, lengths=lengths, dtype=dtype, **zeros))


def model_of(key: str, implementation: str, dtype: str = "float64") -> Sequential:
    same, case = MODELS[key], right(key, dtype).case
    model = Sequential(same.layers, 2, implementation=implementation, dtype=dtype, rng=0)
    others = {name: np.ones_like(array) for name, array in model.parameters.items()}
    model.load_state_dict(others | {own: case.parameters[n] for own, n in same.names.items()})
    return model
