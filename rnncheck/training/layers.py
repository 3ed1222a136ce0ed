"""The layers that `Sequential` puts in a row: `RNN`, `Linear`, and `Iterated`, which holds others.

A layer is a description alone, frozen: how many features it reads, it learns from the layer before.
"""

from collections.abc import Iterable
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal, get_args

import numpy as np

from rnncheck.case import Array
from rnncheck.initialisation import Initialiser, torch_uniform
from rnncheck.spec import Nonlinearity, Outputs, Readout, RNNSpec, Shape

Activation = Literal["identity", "tanh", "relu", "sigmoid", "softmax"]


@dataclass(frozen=True)
class RNN:
    """An Elman network from a zero state; the options are those of `RNNSpec`.

    biases: 2 as torch has them, or 1 as Keras has: there is no `bias_hh` then, and 0 takes its place.
    generated: so many steps after those of x, each with the output before it as its x.
    initialise: a function of `rnncheck.initialisation`. trainable: False for parameters that `fit`
    leaves as they are.

    Raises ValueError or TypeError, naming the field, for a value that describes no network.
    """

    hidden_size: int
    num_layers: int = 1
    nonlinearity: Nonlinearity = "tanh"
    bias: bool = True
    bidirectional: bool = False
    _: KW_ONLY
    output_size: int | None = None
    readout: Readout = "identity"
    readout_bias: bool = True
    truncation: int | None = None
    outputs: Outputs = "all"
    generated: int = 0
    biases: int = 2
    initialise: Initialiser = field(default=torch_uniform, compare=False, repr=False)
    trainable: bool = True

    def __post_init__(self) -> None:
        if self.biases not in (1, 2):
            raise ValueError(
                f"biases must be 1 or 2, not {self.biases!r}; for none, bias must be False"
            )
        features = self._spec(1, generated=0).output_features
        self.spec(features if self.generated else 1)

    def spec(self, input_size: int) -> RNNSpec:
        """The network for so many input features; ValueError if there is none (see `RNNSpec`)."""
        return self._spec(input_size, self.generated)

    def _spec(self, input_size: int, generated: int) -> RNNSpec:
        return RNNSpec(
            input_size, self.hidden_size, self.num_layers, self.nonlinearity, self.bias,
            self.bidirectional, self.output_size, self.readout, self.readout_bias,
            truncation=self.truncation, outputs=self.outputs, generated=generated,
        )  # fmt: skip

    def features(self, input_size: int) -> int:
        """O with a readout, else D·H."""
        return self.spec(input_size).output_features

    def parameter_shapes(self, input_size: int) -> dict[str, Shape]:
        """The spec's, without `bias_hh` if there is one bias only."""
        shapes = self.spec(input_size).parameter_shapes()
        return {name: shape for name, shape in shapes.items() if self._is_parameter(name)}

    def draw(self, input_size: int, rng: np.random.Generator) -> dict[str, Array]:
        """Parameters to begin with."""
        drawn = self.initialise(self.spec(input_size), rng)
        return {name: array for name, array in drawn.items() if self._is_parameter(name)}

    def _is_parameter(self, name: str) -> bool:
        return self.biases == 2 or not name.startswith("bias_hh")


@dataclass(frozen=True)
class Linear:
    """`y = ψ(W x + b)` at every step that it is given: W (O, I), b (O).

    out_features: O. activation: ψ. bias: whether there is a b. trainable: as of an `RNN`. initialise: a
    function of `rnncheck.initialisation`; the layer is drawn as the readout of a network of I units,
    which by `torch_uniform` is U(-1/√I, 1/√I), that of `torch.nn.Linear`.

    Raises ValueError or TypeError, naming the field, for a value that describes no layer.
    """

    out_features: int
    activation: Activation = "identity"
    bias: bool = True
    _: KW_ONLY
    initialise: Initialiser = field(default=torch_uniform, compare=False, repr=False)
    trainable: bool = True

    def __post_init__(self) -> None:
        require_count("out_features", self.out_features)
        if self.activation not in get_args(Activation):
            words = ", ".join(get_args(Activation))
            raise ValueError(f"activation must be one of {words}, not {self.activation!r}")
        if not isinstance(self.bias, bool):
            raise TypeError(f"bias must be True or False, not {self.bias!r}")

    def features(self, input_size: int) -> int:
        """O."""
        return self.out_features

    def parameter_shapes(self, input_size: int) -> dict[str, Shape]:
        """`weight` (O, I) and, if there is one, `bias` (O)."""
        shapes: dict[str, Shape] = {"weight": (self.out_features, input_size)}
        return shapes | {"bias": (self.out_features,)} if self.bias else shapes

    def draw(self, input_size: int, rng: np.random.Generator) -> dict[str, Array]:
        """Parameters to begin with."""
        spec = RNNSpec(1, input_size, output_size=self.out_features, readout_bias=self.bias)
        drawn = self.initialise(spec, rng)
        names = {"weight": "weight_ho", "bias": "bias_o"}
        return {name: drawn[names[name]] for name in self.parameter_shapes(input_size)}


@dataclass(frozen=True, init=False)
class Iterated:
    """`y_1 = f(x)`, `y_{i+1} = f(y_i)`: some layers applied to their own output, `times` times.

    Each time they start from a zero state. Their output must have a single time step (so x has one,
    or an `RNN` with outputs "last" or "final" is among them) and as many features as x; that of the
    whole has `times` steps. It is a network that forgets; one that goes on from its state is an `RNN`
    with `generated`.

    Raises ValueError or TypeError, naming the argument, for layers that cannot be iterated.
    """

    layers: tuple["Layer", ...]
    times: int

    def __init__(self, layers: "Iterable[Layer]", times: int) -> None:
        object.__setattr__(self, "layers", tuple(layers))
        object.__setattr__(self, "times", times)
        require_count("times", times)
        require_layers("layers", self.layers)

    @property
    def trainable(self) -> bool:
        """Whether any of its layers is."""
        return any(layer.trainable for layer in self.layers)

    def features(self, input_size: int) -> int:
        """Those of x, or ValueError."""
        made = input_size
        for layer in self.layers:
            made = layer.features(made)
        if made != input_size:
            raise ValueError(
                f"Iterated feeds the output of its layers ({made} features) back as x "
                f"({input_size}); the two sizes must be equal"
            )
        return made


Layer = RNN | Linear | Iterated


def require_layers(name: str, layers: tuple[object, ...]) -> None:
    """Raise unless there is a layer, and nothing but layers."""
    if not layers:
        raise ValueError(f"{name} is empty; it must hold at least one layer")
    for index, layer in enumerate(layers):
        if not isinstance(layer, Layer):
            raise TypeError(f"{name}[{index}] must be an RNN, Linear or Iterated, not {layer!r}")


def require_count(name: str, value: object) -> None:
    """Raise unless the value is an int of 1 at least."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {value!r}")
    if value < 1:
        raise ValueError(f"{name} must be at least 1, not {value}")
