"""`Link`: a layer in its place in a row of layers, and with it the names of its parameters."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnncheck.case import Array, IntArray
from rnncheck.spec import Shape, require_shape
from rnncheck.training.layers import RNN, Iterated, Layer


@dataclass(frozen=True)
class Link:
    """A layer, the features that it reads, and its place: "2", or "2.0" within an `Iterated`.

    links: those within an `Iterated`.
    """

    prefix: str
    layer: Layer
    in_features: int
    links: tuple["Link", ...] = ()

    @property
    def out_features(self) -> int:
        """Features of its output."""
        return self.layer.features(self.in_features)

    def own(self, parameters: Mapping[str, Array]) -> dict[str, Array]:
        """The layer's parameters under the names that it has for them; 0 for a `bias_hh` it lacks."""
        assert not isinstance(self.layer, Iterated)
        own = {
            name: parameters[f"{self.prefix}.{name}"]
            for name in self.layer.parameter_shapes(self.in_features)
        }
        if isinstance(self.layer, RNN):
            shapes = self.layer.spec(self.in_features).parameter_shapes()
            dtype = own["weight_hh_l0"].dtype
            own |= {n: np.zeros(shape, dtype) for n, shape in shapes.items() if n not in own}
        return own

    def named(self, own: Mapping[str, Array]) -> dict[str, Array]:
        """The layer's gradients under the names in the row; nothing for a `bias_hh` it lacks."""
        assert not isinstance(self.layer, Iterated)
        names = self.layer.parameter_shapes(self.in_features)
        return {f"{self.prefix}.{name}": own[name] for name in names}

    @property
    def reads_one(self) -> bool:
        """Whether it makes a single step of all there are."""
        return isinstance(self.layer, RNN) and self.layer.outputs != "all"

    def lengths_after(self, lengths: IntArray | None) -> IntArray | None:
        """The lengths of the rows of its output: none where a single step was read."""
        return None if self.reads_one else lengths


def link(layers: Iterable[Layer], input_size: int, prefix: str = "") -> tuple[Link, ...]:
    """The layers in a row, each reading the features of the one before.

    ValueError, naming the layer's place, where one cannot.
    """
    links = []
    for index, layer in enumerate(layers):
        place = f"{prefix}{index}"
        try:
            features = layer.features(input_size)
        except ValueError as error:
            raise ValueError(f"layer {place}, which reads {input_size} features: {error}") from None
        inner = layer.layers if isinstance(layer, Iterated) else ()
        links.append(Link(place, layer, input_size, link(inner, input_size, f"{place}.")))
        input_size = features
    return tuple(links)


def leaves(links: Iterable[Link]) -> Iterator[Link]:
    """The links that have parameters, in order: those within an `Iterated` in its place."""
    for each in links:
        if isinstance(each.layer, Iterated):
            yield from leaves(each.links)
        else:
            yield each


def parameter_shapes(links: Iterable[Link]) -> dict[str, Shape]:
    """Every parameter's name, as in the state dict of a torch Sequential, and its shape."""
    shapes: dict[str, Shape] = {}
    for each in leaves(links):
        assert not isinstance(each.layer, Iterated)
        own = each.layer.parameter_shapes(each.in_features)
        shapes |= {f"{each.prefix}.{name}": shape for name, shape in own.items()}
    return shapes


def trainable(links: Iterable[Link]) -> tuple[str, ...]:
    """The names of the parameters that training may change."""
    return tuple(parameter_shapes(each for each in leaves(links) if each.layer.trainable))


def drawn(
    links: Iterable[Link], rng: np.random.Generator, dtype: np.dtype[Any]
) -> dict[str, Array]:
    """Parameters to begin with, layer after layer from the one generator."""
    parameters: dict[str, Array] = {}
    for each in leaves(links):
        assert not isinstance(each.layer, Iterated)
        parameters |= each.named(each.layer.draw(each.in_features, rng))
    return {name: array.astype(dtype) for name, array in parameters.items()}


def checked(
    links: Iterable[Link], state: Mapping[str, npt.ArrayLike], dtype: np.dtype[Any]
) -> dict[str, Array]:
    """A state dict's arrays, copied, in order. ValueError for a wrong name or shape."""
    shapes = parameter_shapes(links)
    missing = [name for name in shapes if name not in state]
    unknown = [name for name in state if name not in shapes]
    if missing or unknown:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has the unknown {', '.join(unknown)}"] if unknown else []
        raise ValueError(f"state_dict {' and '.join(parts)}; it must hold {', '.join(shapes)}")
    arrays: dict[str, Array] = {}
    for name, shape in shapes.items():
        arrays[name] = np.array(state[name], dtype=dtype)
        require_shape(name, arrays[name].shape, shape)
    return arrays


def output_steps(links: Iterable[Link], T: int, lengths: IntArray | None) -> int:
    """The time steps of the output for an x of T.

    ValueError, naming the layer's place, where one can make nothing of these steps.
    """
    for each in links:
        layer = each.layer
        if isinstance(layer, RNN):
            if layer.generated and (lengths is not None or T == 0):
                raise ValueError(
                    f"layer {each.prefix} generates steps: it needs at least one step that is given, "
                    "and no lengths"
                )
            T = T + layer.generated if layer.outputs == "all" else 1
        elif isinstance(layer, Iterated):
            inner = output_steps(each.links, T, None)
            if lengths is not None or inner != 1:
                raise ValueError(
                    f"layer {each.prefix} feeds a single step back: it needs layers whose output has "
                    f"time axis 1 (not {inner}), and no lengths"
                )
            T = layer.times
        lengths = each.lengths_after(lengths)
    return T


def masked(values: Array, lengths: IntArray | None) -> Array:
    """A copy of values (T, B, F) with 0 in the padding, whatever is there."""
    if lengths is None:
        return values.copy()
    valid = np.arange(len(values))[:, None, None] < np.asarray(lengths)[:, None]
    return np.where(valid, values, 0).astype(values.dtype)
