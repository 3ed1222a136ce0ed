"""A user's pair of functions as an implementation, from dimension words.

The words say each array's role and orientation at once: `"hidden input"` is `weight_ih` as torch
has it, `"input hidden"` its transpose; `prev` is the hidden unit of the step before; `1` is an
axis of size one, for those who keep their vectors as columns.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, get_args

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import Capabilities, Forward, Gradients, Handed, Layout, Place
from rnncheck.results import SubjectError, describe, read_array
from rnncheck.spec import Nonlinearity, RNNSpec, Shape

_ROLES = {
    ("hidden", "input"): "weight_ih_l0",
    ("hidden", "prev"): "weight_hh_l0",
    ("output", "hidden"): "weight_ho",
    ("hidden",): "bias_ih_l0",
    ("output",): "bias_o",
}


class UserForward(Protocol):
    """`forward(params, x, h0) -> output` or `(output, h_n)`; without `h0` if `h0=None`."""

    def __call__(self, params: dict[str, Array], x: Array, *state: Array) -> Any:  # noqa: ANN401
        """Run the network on the user's own layout."""
        ...


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


def _parse(argument: str, words: object, choices: Sequence[tuple[str, ...]]) -> Axes:
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


def wrap(
    forward: UserForward,
    backward: Callable[..., Mapping[str, Any]] | None = None,
    *,
    x: str,
    output: str,
    params: Mapping[str, str],
    h0: str | None = None,
    name: str | None = None,
    nonlinearity: Nonlinearity = "tanh",
    dtypes: Sequence[str] = ("float64",),
    keeps_dtype: bool = False,
    validates: bool = False,
) -> "Wrapped":
    """An implementation made of two functions on plain arrays, in their author's own layout.

    forward: `forward(params, x, h0) -> output`, or `(output, h_n)`. backward:
    `backward(params, x, h0, d_output, d_h_n) -> {name: gradient}` for every parameter, and `"x"`
    and `"h0"` if it has them; left out, the gradient checks are not applicable. `d_h_n` may be left
    out of its arguments if forward gives no `h_n`.

    x, h0, output, params: dimension words, one for each axis, out of `time batch input hidden
    prev output 1`; `params` maps your names to them. `"hidden prev"` is torch's orientation
    (`h @ W.T`), `"prev hidden"` the other. Without `batch` in x the network is unbatched; `h0=None`
    means it always starts from zeros, and neither function is given one (an `h_n` then has the axes
    of output without time); one `"hidden"`
    vector is the bias, two are the two biases of torch; `"output hidden"` is a readout (no nonlinearity).

    nonlinearity: tanh, relu, sigmoid or identity. dtypes: what it claims to compute in. keeps_dtype:
    its results have the dtype of what it is given. validates: it claims to raise an exception for arguments
    of wrong sizes, and for an x or h0 of another dtype than the parameters; that is checked.
    Raises ValueError or TypeError that names the argument, what it was and what it can be.
    """
    _require_words("nonlinearity", (nonlinearity,), get_args(Nonlinearity))
    _require_words("dtypes", dtypes, ("float64", "float32", "float16"))
    claims = Capabilities(
        dtypes=tuple(dtypes),
        keeps_dtype=keeps_dtype,
        validates=("shapes", "dtypes") if validates else (),
    )
    return Wrapped(forward, backward, _layout(x, h0, output, params), name, nonlinearity, claims)


def _require_words(argument: str, given: object, words: tuple[str, ...]) -> None:
    if not isinstance(given, tuple | list) or not given:
        raise TypeError(f"{argument} must be a tuple of words such as {words[:1]}, not {given!r}")
    for word in given:
        if word not in words:
            raise ValueError(f"{argument}: {word!r} is none of {', '.join(words)}")


@dataclass(frozen=True)
class _Layout:
    """The axes of every array, and the user's name of each canonical parameter."""

    x: Axes
    h0: Axes
    output: Axes
    params: dict[str, Axes]
    roles: dict[str, str]
    takes_h0: bool


def _layout(x: str, h0: str | None, output: str, params: Mapping[str, str]) -> _Layout:
    x_axes = _parse("x", x, [("time", "batch", "input")])
    output_axes = _parse(
        "output", output, [("time", "batch", "hidden"), ("time", "batch", "output")]
    )
    one_step = ["hidden" if w == "output" else w for w in output_axes.words if w != "time"]
    h0_axes = _parse("h0", " ".join(one_step) if h0 is None else h0, [("batch", "hidden")])
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
        axes = _parse(f"params[{own!r}]", words, list(_ROLES))
        role = _ROLES[axes.canonical]
        if role == "bias_ih_l0" and role in roles.values():
            role = "bias_hh_l0"
        if role in roles.values():
            taken = next(other for other in roles if roles[other] == role)
            raise ValueError(f"params[{own!r}]={words!r} is what params[{taken!r}] is already")
        named[own], roles[own] = axes, role
    _require_roles(set(roles.values()), "output" in output_axes.words)
    return _Layout(x_axes, h0_axes, output_axes, named, roles, h0 is not None)


def _require_roles(roles: set[str], has_readout: bool) -> None:
    words = {role: " ".join(axes) for axes, role in _ROLES.items()}
    needed = ["weight_ih_l0", "weight_hh_l0"] + (["weight_ho"] if has_readout else [])
    for role in needed:
        if role not in roles:
            raise ValueError(f"params lacks the matrix {words[role]!r} (torch's {role})")
    if not has_readout and roles & {"weight_ho", "bias_o"}:
        raise ValueError("params has a readout, so output must be 'time batch output'")


def _as_it_is(array: Array) -> Array:
    """The layout of `Axes.out`: contiguous memory of its own."""
    return array


def _each(argument: Any, layout: Layout) -> Any:  # noqa: ANN401 - an array, or a dict of them
    if isinstance(argument, dict):
        return {name: layout(array) for name, array in argument.items()}
    return layout(argument)


def _of_any_size(axes: Axes, array: Array) -> Array:
    """In the user's orientation; where he has no batch axis, several rows stay as they are."""
    if array.ndim != len(axes.canonical):
        raise ValueError(f"{array.ndim} axes where ({', '.join(axes.canonical)}) belong")
    try:
        return axes.out(array)
    except ValueError:
        return array


def _state_of_any_size(axes: Axes, state: Array) -> Array:
    """The state of the one layer there is; the states of several, as they are."""
    if state.ndim == 3 and len(state) != 1:
        return state
    return _of_any_size(axes, state[0] if state.ndim == 3 else state[None])


class Wrapped:
    """What `wrap` returns: an `Implementation` that speaks its author's layout."""

    takes_unbatched = False

    def __init__(
        self,
        forward: UserForward,
        backward: Callable[..., Mapping[str, Any]] | None,
        layout: _Layout,
        name: str | None,
        nonlinearity: Nonlinearity,
        claims: Capabilities,
    ) -> None:
        for argument, function in (("forward", forward), ("backward", backward)):
            is_left_out = argument == "backward" and function is None
            if not (is_left_out or callable(function)):
                raise TypeError(f"{argument} must be a function, not {function!r}")
        if not isinstance(name, str | None):
            raise TypeError(f"name must be a string, not {name!r}")
        self.name = name or getattr(forward, "__name__", "wrapped")
        self.unnamed = not name
        self._user_forward, self._user_backward, self._layout = forward, backward, layout
        self._takes_d_h_n = backward is None or _takes_d_h_n(backward, layout.takes_h0)
        biases = len([r for r in layout.roles.values() if r.startswith("bias_") and r != "bias_o"])
        readout = "weight_ho" in layout.roles.values()
        self.capabilities = replace(
            claims,
            gradients=backward is not None,
            nonlinearities=(nonlinearity,),
            max_layers=1,
            bidirectional=False,
            bias_vectors=(biases,),
            readouts=("identity",) if readout else (),
            needs_readout=readout,
            readout_biases=("bias_o" in layout.roles.values(),),
            initial_state=layout.takes_h0,
            final_state=self._takes_d_h_n,
            batch_size=None if "batch" in layout.x.words else 1,
            lengths=False,
            dropout=False,
            truncation=False,
            outputs=("all",),
            generation=False,
        )

    def forward(self, case: Case) -> Forward:
        """Call the user's forward in his layout; SubjectError if its result cannot be read."""
        return self._forward_on(self._arguments(case), case)

    def gradients(self, case: Case) -> Gradients:
        """Call the user's backward in his layout; SubjectError if its result cannot be read."""
        return self.handed(case).gradients()

    def handed(self, case: Case, layout: Layout = _as_it_is) -> Handed:
        """The user's functions and the very arrays that they get, each in a memory layout."""
        arguments = [_each(argument, layout) for argument in self._arguments(case)]
        cotangents = []
        if self._user_backward is not None:
            cotangents.append(layout(self._layout.output.out(case.d_output)))
        if cotangents and self._takes_d_h_n:
            cotangents.append(layout(self._layout.h0.out(case.d_h_n[0])))
        parameters, *inputs = arguments
        names = ["x", "h0"][: len(inputs)] + ["d_output", "d_h_n"][: len(cotangents)]
        return Handed(
            (*parameters.items(), *zip(names, [*inputs, *cotangents], strict=True)),
            lambda: self._forward_on(arguments, case),
            lambda: self._gradients_on([*arguments, *cotangents], case),
        )

    def enter(self, spec: RNNSpec, arrays: Mapping[str, Array]) -> Gradients:
        """Call the user's functions on arrays of whatever sizes, in his layout; nothing is read.

        ValueError for another number of axes than a case has: in a layout with axes of size one,
        or without a batch, that may be a right one.
        """
        own = self._layout
        parameters = {n: _of_any_size(own.params[n], arrays[r]) for n, r in own.roles.items()}
        inputs = [_of_any_size(own.x, arrays["x"])]
        if own.takes_h0:
            inputs.append(_state_of_any_size(own.h0, arrays["h0"]))
        self._user_forward(parameters, *inputs)
        if self._user_backward is not None and "d_output" in arrays:
            cotangents = [_of_any_size(own.output, arrays["d_output"])]
            if self._takes_d_h_n:
                cotangents.append(_state_of_any_size(own.h0, arrays["d_h_n"]))
            self._user_backward(parameters, *inputs, *cotangents)
        return {}

    def _forward_on(self, arguments: list[Any], case: Case) -> Forward:
        result = self._user_forward(*arguments)
        h_n: object = None
        if isinstance(result, tuple):
            if len(result) != 2:
                raise SubjectError(
                    f"forward returned {describe(result)}; expected output, or (output, h_n)"
                )
            result, h_n = result
        shapes = case.spec.array_shapes(case.T, case.B)
        output = self._read("output", result, self._layout.output, shapes["output"], case)
        if h_n is None:
            return Forward(output, None)
        return Forward(output, self._read("h_n", h_n, self._layout.h0, shapes["h_n"], case))

    def _gradients_on(self, arguments: list[Any], case: Case) -> Gradients:
        if self._user_backward is None:
            raise SubjectError("there is no backward to call")
        result = self._user_backward(*arguments)
        wanted = ", ".join(self._layout.params)
        if not isinstance(result, Mapping):
            raise SubjectError(f"backward returned {describe(result)}; expected a dict of {wanted}")
        missing = [own for own in self._layout.params if own not in result]
        if missing:
            raise SubjectError(
                f"backward returned {describe(dict(result))}; it lacks {', '.join(missing)}"
            )
        return self._canonical(result, case)

    def locate(self, array: str, index: tuple[int, ...]) -> Place:
        """An entry of a canonical array under the user's name, in his orientation."""
        for own, role in self._layout.roles.items():
            if role == array:
                return Place(own, self._layout.params[own].index(index) if index else ())
        axes = {"x": self._layout.x, "output": self._layout.output}
        if array in axes:
            return Place(array, axes[array].index(index) if index else ())
        return Place(array, self._layout.h0.index(index[1:]) if index else ())

    def _arguments(self, case: Case) -> list[Any]:
        parameters = {
            own: self._layout.params[own].out(case.parameters[role])
            for own, role in self._layout.roles.items()
        }
        state = [self._layout.h0.out(case.h0[0])] if self._layout.takes_h0 else []
        return [parameters, self._layout.x.out(case.x), *state]

    def _canonical(self, result: Mapping[str, Any], case: Case) -> Gradients:
        shapes = case.spec.parameter_shapes()
        read = {
            role: self._read(own, result[own], self._layout.params[own], shapes[role], case)
            for own, role in self._layout.roles.items()
        }
        if "x" in result:
            read["x"] = self._read("x", result["x"], self._layout.x, case.x.shape, case)
        if "h0" in result and self._layout.takes_h0:
            read["h0"] = self._read("h0", result["h0"], self._layout.h0, case.h0.shape, case)
        return read

    def _read(self, what: str, value: object, axes: Axes, shape: Shape, case: Case) -> Array:
        gradient = what not in ("output", "h_n")
        label = f"backward's gradient for {what}" if gradient else f"forward's {what}"
        objects = case.dtype.kind != "f"
        array = read_array(value, label, axes.shape(_axis_sizes(case)), str(axes), objects)
        return axes.back(array, shape)


def _axis_sizes(case: Case) -> dict[str, int]:
    spec: RNNSpec = case.spec
    return {
        "time": case.T, "batch": case.B, "input": spec.input_size, "hidden": spec.hidden_size,
        "prev": spec.hidden_size, "output": spec.output_features,
    }  # fmt: skip


def _takes_d_h_n(backward: Callable[..., object], takes_h0: bool) -> bool:
    """Whether a backward has an argument for the final state's cotangent, by its signature."""
    least = 4 if takes_h0 else 3
    try:
        signature = inspect.signature(backward)
    except (TypeError, ValueError):
        return True
    parameters = signature.parameters.values()
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return True
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in positional if p.default is p.empty]
    if len(required) > least + 1 or len(positional) < least:
        names = ["params", "x", *(["h0"] if takes_h0 else []), "d_output", "d_h_n"]
        raise TypeError(
            f"backward takes {len(positional)} arguments; it is called with {', '.join(names)}"
        )
    # An optional argument is the final state's cotangent only if its name says so.
    optional = positional[least : least + 1]
    return len(required) > least or any(
        p.name.startswith(("d_h", "dh", "grad_h")) for p in optional
    )
