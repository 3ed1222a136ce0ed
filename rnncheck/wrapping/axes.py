"""A user's pair of functions as an implementation, from dimension words.

The words say each array's role and orientation at once: `"hidden input"` is `weight_ih` as torch
has it, `"input hidden"` its transpose; `prev` is the hidden unit of the step before; `1` is an
axis of size one, for those who keep their vectors as columns.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array
from rnncheck.spec import Shape

_ROLES = {
    ("hidden", "input"): "weight_ih_l0",
    ("hidden", "prev"): "weight_hh_l0",
    ("output", "hidden"): "weight_ho",
    ("hidden",): "bias_ih_l0",
    ("output",): "bias_o",
}


@dataclass(frozen=True)
class Axes:
    """Where a user's array keeps the axes of a canonical one.

    canonical: the axes rnncheck has, in order. words: the user's, in his order. An axis the user
    leaves out has size 1 in every case he gets.
    """

    canonical: tuple[str, ...]
    words: tuple[str, ...]

    def __str__(self) -> str:
        return ", ".join(self.words)

    def out(self, array: Array) -> Array:
        """The canonical array in the user's orientation, as memory of its own."""
        kept = [axis for axis in self.words if axis != "1"]
        dropped = tuple(i for i, axis in enumerate(self.canonical) if axis not in kept)
        small = np.squeeze(array, axis=dropped)
        left = [axis for axis in self.canonical if axis in kept]
        turned = small.transpose([left.index(axis) for axis in kept])
        return turned.reshape(self.shape(dict(zip(kept, turned.shape, strict=True)))).copy()

    def back(self, array: Array, shape: Shape) -> Array:
        """The user's array in canonical orientation and shape."""
        kept = [axis for axis in self.words if axis != "1"]
        small = array.reshape([n for n, w in zip(array.shape, self.words, strict=True) if w != "1"])
        left = [axis for axis in self.canonical if axis in kept]
        return small.transpose([kept.index(axis) for axis in left]).reshape(shape)

    def shape(self, sizes: Mapping[str, int]) -> Shape:
        """The user's shape, given the size of each axis."""
        return tuple(1 if word == "1" else sizes[word] for word in self.words)

    def index(self, canonical: tuple[int, ...]) -> tuple[int, ...]:
        """A canonical index in the user's orientation."""
        at = dict(zip(self.canonical, canonical, strict=True))
        return tuple(0 if word == "1" else at[word] for word in self.words)


def parse(argument: str, words: object, choices: Sequence[tuple[str, ...]]) -> Axes:
    """The axes named by a string of words. ValueError, listing what is possible, otherwise."""
    possible = " or ".join(repr(" ".join(choice)) for choice in choices)
    if not isinstance(words, str):
        raise TypeError(
            f"{argument} must be a string of dimension words such as {possible}, not {words!r}"
        )
    given = tuple(words.split())
    named = [word for word in given if word != "1"]
    for choice in choices:
        needed = [axis for axis in choice if axis != "batch"]
        if sorted(named) == sorted(choice) or sorted(named) == sorted(needed):
            return Axes(choice, given)
    twice = " (the second hidden is called prev)" if named == ["hidden", "hidden"] else ""
    raise ValueError(
        f"{argument}={words!r} is not understood{twice}; the words are those of {possible}, in the "
        "order of your axes (leave out batch if there is none; 1 is an axis of size one)"
    )


@dataclass(frozen=True)
class UserLayout:
    """The axes of every array, and the user's name of each canonical parameter."""

    x: Axes
    h0: Axes
    output: Axes
    params: dict[str, Axes]
    roles: dict[str, str]
    takes_h0: bool


def layout_of(x: str, h0: str | None, output: str, params: Mapping[str, str]) -> UserLayout:
    """The axes of every array, from the words of `wrap`. Raises what `wrap` raises."""
    x_axes = parse("x", x, [("time", "batch", "input")])
    output_axes = parse(
        "output", output, [("time", "batch", "hidden"), ("time", "batch", "output")]
    )
    one_step = ["hidden" if w == "output" else w for w in output_axes.words if w != "time"]
    h0_axes = parse("h0", " ".join(one_step) if h0 is None else h0, [("batch", "hidden")])
    for argument, axes in (("output", output_axes), ("h0", h0_axes)):
        if ("batch" in axes.words) != ("batch" in x_axes.words):
            raise ValueError(f"{argument} and x must both have a batch axis, or neither")
    if not isinstance(params, Mapping) or not params:
        raise TypeError("params must map each parameter's name to its words, such as 'hidden prev'")
    named: dict[str, Axes] = {}
    roles: dict[str, str] = {}
    for own, words in params.items():
        if not isinstance(own, str) or own in ("x", "h0"):
            raise ValueError(f"params has {own!r}; a name is a string, and not 'x' or 'h0'")
        axes = parse(f"params[{own!r}]", words, list(_ROLES))
        role = _ROLES[axes.canonical]
        if role == "bias_ih_l0" and role in roles.values():
            role = "bias_hh_l0"
        if role in roles.values():
            taken = next(other for other in roles if roles[other] == role)
            raise ValueError(f"params[{own!r}]={words!r} is what params[{taken!r}] is already")
        named[own], roles[own] = axes, role
    _require_roles(set(roles.values()), "output" in output_axes.words)
    return UserLayout(x_axes, h0_axes, output_axes, named, roles, h0 is not None)


def _require_roles(roles: set[str], has_readout: bool) -> None:
    words = {role: " ".join(axes) for axes, role in _ROLES.items()}
    needed = ["weight_ih_l0", "weight_hh_l0"] + (["weight_ho"] if has_readout else [])
    for role in needed:
        if role not in roles:
            raise ValueError(f"params lacks the matrix {words[role]!r} (torch's {role})")
    if not has_readout and roles & {"weight_ho", "bias_o"}:
        raise ValueError("params has a readout, so output must be 'time batch output'")


def of_any_size(axes: Axes, array: Array) -> Array:
    """In the user's orientation; where he has no batch axis, several rows stay as they are."""
    if array.ndim != len(axes.canonical):
        raise ValueError(f"{array.ndim} axes where ({', '.join(axes.canonical)}) belong")
    try:
        return axes.out(array)
    except ValueError:
        return array


def state_of_any_size(axes: Axes, state: Array) -> Array:
    """The state of the one layer there is; the states of several, as they are."""
    if state.ndim == 3 and len(state) != 1:
        return state
    return of_any_size(axes, state[0] if state.ndim == 3 else state[None])
