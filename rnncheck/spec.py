"""`RNNSpec`: what network a case is about, and with it the name and shape of every array.

Imports nothing but the standard library, so that even the pure-Python reference can use it.
Names, shapes and the order of parameters are `torch.nn.RNN`'s
(https://docs.pytorch.org/docs/stable/generated/torch.nn.RNN.html).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

Nonlinearity = Literal["tanh", "relu", "sigmoid", "identity"]
Readout = Literal["identity", "sigmoid", "softmax"]
Outputs = Literal["all", "last", "final"]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class RNNSpec:
    """The sizes and options of an Elman network; immutable, hashable.

    For layer l and direction d, with `z_t` the layer's input at step t and `h_prev` the state
    before it (of step t-1 going forward, of step t+1 going in reverse)::

        h_t = φ(weight_ih z_t + bias_ih + weight_hh h_prev + bias_hh)

    and, if there is a readout, `y_t = ψ(weight_ho output_t + bias_o)` on the top layer's output.

    input_size: features of `x` (I). hidden_size: units in each direction (H). num_layers: L.
    nonlinearity: φ. bias: whether φ's argument has the two biases. bidirectional: D = 2, else 1.
    output_size: features of the readout (O), or None for no readout. readout: ψ.
    readout_bias: whether there is a `bias_o`. dropout: probability with which the outputs of every
    layer but the last are dropped in training. truncation: k, if the gradient of each
    output goes back k links only, lags 0..k (None: all the way).

    outputs: what `output` holds. `all`: every step. `last` (many to one): each row's last valid
    step alone, with time axis 1 (0 for a row without steps). `final`: in its place the final states of
    the top layer, read out: `ψ(weight_ho [h_n of each direction] + bias_o)`; the same but for
    bidirectional networks and rows without steps. generated: G more steps after the T that are given,
    each with the output of the step before as its `x` (one to many): `output` has T + G steps.

    Raises ValueError or TypeError, naming the field, for a value that describes no network.
    """

    input_size: int
    hidden_size: int
    num_layers: int = 1
    nonlinearity: Nonlinearity = "tanh"
    bias: bool = True
    bidirectional: bool = False
    output_size: int | None = None
    readout: Readout = "identity"
    readout_bias: bool = True
    dropout: float = 0.0
    truncation: int | None = None
    outputs: Outputs = "all"
    generated: int = 0

    def __post_init__(self) -> None:
        _require_size("input_size", self.input_size, least=0)
        _require_size("hidden_size", self.hidden_size, least=1)
        _require_size("num_layers", self.num_layers, least=1)
        _require_word("nonlinearity", self.nonlinearity, get_args(Nonlinearity))
        _require_word("readout", self.readout, get_args(Readout))
        if self.output_size is not None:
            _require_size("output_size", self.output_size, least=1)
        elif self.readout != "identity":
            raise ValueError(f"readout={self.readout!r} needs an output_size; it is None")
        for name in ("bias", "bidirectional", "readout_bias"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, not {getattr(self, name)!r}")
        if not isinstance(self.dropout, int | float) or isinstance(self.dropout, bool):
            raise TypeError(f"dropout must be a number, not {self.dropout!r}")
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout must be a probability in [0, 1), not {self.dropout!r}")
        if self.truncation is not None:
            _require_size("truncation", self.truncation, least=0)
            if self.num_layers > 1 or self.bidirectional:
                raise ValueError("truncation is defined for one layer and one direction only")
        _require_word("outputs", self.outputs, get_args(Outputs))
        _require_size("generated", self.generated, least=0)
        if self.generated:
            self._require_feedback()

    def _require_feedback(self) -> None:
        """What it takes to feed the output back as the next input."""
        if self.bidirectional or self.truncation is not None or self.outputs != "all":
            raise ValueError(
                "generated steps need one direction, full back-propagation and outputs='all'"
            )
        if self.output_features != self.input_size:
            raise ValueError(
                f"generated steps feed the output ({self.output_features} features) back as x "
                f"({self.input_size}); the two sizes must be equal"
            )

    def copy(self) -> "RNNSpec":
        """An equal spec whose words are other objects, as those of a spec read from a file are."""
        made = object.__new__(RNNSpec)  # as valid as this one: not validated anew
        words = ("nonlinearity", "readout", "outputs")
        vars(made).update(vars(self), **{name: "".join([*getattr(self, name)]) for name in words})
        return made

    @property
    def num_directions(self) -> int:
        """D: 2 if bidirectional, else 1."""
        return 2 if self.bidirectional else 1

    @property
    def num_states(self) -> int:
        """L·D: the leading size of `h0` and `h_n`; layer l, direction d stands at l·D + d."""
        return self.num_layers * self.num_directions

    @property
    def output_features(self) -> int:
        """The last size of `output`: O with a readout, else D·H."""
        return self.output_size or self.num_directions * self.hidden_size

    def layer_input_size(self, layer: int) -> int:
        """Features that a layer reads: I for the first one, D·H above it."""
        return self.input_size if layer == 0 else self.num_directions * self.hidden_size

    def suffix(self, layer: int, direction: int) -> str:
        """torch's ending of a parameter's name: `l0`, `l0_reverse`, `l1`, ..."""
        return f"l{layer}" + ("_reverse" if direction else "")

    def cells(self) -> Iterator[tuple[int, int]]:
        """Every (layer, direction), in the order of the rows of `h0`."""
        for layer in range(self.num_layers):
            for direction in range(self.num_directions):
                yield layer, direction

    def parameter_shapes(self) -> dict[str, Shape]:
        """Every parameter's name and shape, in torch's order, then the readout's."""
        shapes: dict[str, Shape] = {}
        for layer, direction in self.cells():
            suffix = self.suffix(layer, direction)
            shapes[f"weight_ih_{suffix}"] = (self.hidden_size, self.layer_input_size(layer))
            shapes[f"weight_hh_{suffix}"] = (self.hidden_size, self.hidden_size)
            if self.bias:
                shapes[f"bias_ih_{suffix}"] = (self.hidden_size,)
                shapes[f"bias_hh_{suffix}"] = (self.hidden_size,)
        if self.output_size is not None:
            states = self.num_directions * self.hidden_size
            shapes["weight_ho"] = (self.output_size, states)
            if self.readout_bias:
                shapes["bias_o"] = (self.output_size,)
        return shapes

    def array_shapes(self, T: int, B: int) -> dict[str, Shape]:
        """The time-major shape of every array of a case that is not a parameter."""
        state = (self.num_states, B, self.hidden_size)
        steps = T + self.generated
        output = (steps if self.outputs == "all" else 1, B, self.output_features)
        return {
            "x": (T, B, self.input_size),
            "h0": state,
            "output": output,
            "h_n": state,
            "d_output": output,
            "d_h_n": state,
            "lengths": (B,),
            "dropout_masks": (
                self.num_layers - 1, steps, B, self.num_directions * self.hidden_size,
            ),
        }  # fmt: skip


def require_shape(name: str, shape: Shape, expected: Shape, meaning: str = "") -> None:
    """Raise the one ValueError for a wrong shape: the argument, what it had, what it must have."""
    if shape != expected:
        words = f" ({meaning})" if meaning else ""
        raise ValueError(f"{name} has shape {shape}; it must have shape {expected}{words}")


def _require_size(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {value!r}")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, not {value}")


def _require_word(name: str, value: object, words: tuple[str, ...]) -> None:
    if value not in words:
        raise ValueError(f"{name} must be one of {', '.join(words)}, not {value!r}")
