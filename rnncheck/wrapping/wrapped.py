"""`Wrapped`: the two functions as an `Implementation`, every array in their author's layout."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from rnncheck.case import Array, Case
from rnncheck.implementation import Capabilities, Forward, Gradients, Handed, Layout, Place
from rnncheck.results import SubjectError, describe, lacking, read_array
from rnncheck.spec import Nonlinearity, RNNSpec, Shape
from rnncheck.wrapping.axes import Axes, UserLayout, of_any_size, state_of_any_size


class UserForward(Protocol):
    """`forward(params, x, h0) -> output` or `(output, h_n)`; without `h0` if `h0=None`."""

    def __call__(self, params: dict[str, Array], x: Array, *state: Array) -> Any:  # noqa: ANN401
        """Run the network on the user's own layout."""
        ...


def _as_it_is(array: Array) -> Array:
    """The layout of `Axes.out`: contiguous memory of its own."""
    return array


def _each(argument: Any, layout: Layout) -> Any:  # noqa: ANN401 - an array, or a dict of them
    if isinstance(argument, dict):
        return {name: layout(array) for name, array in argument.items()}
    return layout(argument)


class Wrapped:
    """What `wrap` returns: an `Implementation` that speaks its author's layout."""

    takes_unbatched = False

    def __init__(
        self,
        forward: UserForward,
        backward: Callable[..., Mapping[str, Any]] | None,
        layout: UserLayout,
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
            readouts=claims.readouts if readout else (),
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
        parameters = {n: of_any_size(own.params[n], arrays[r]) for n, r in own.roles.items()}
        inputs = [of_any_size(own.x, arrays["x"])]
        if own.takes_h0:
            inputs.append(state_of_any_size(own.h0, arrays["h0"]))
        self._user_forward(parameters, *inputs)
        if self._user_backward is not None and "d_output" in arrays:
            cotangents = [of_any_size(own.output, arrays["d_output"])]
            if self._takes_d_h_n:
                cotangents.append(state_of_any_size(own.h0, arrays["d_h_n"]))
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
                f"backward returned {describe(dict(result))}; it lacks {', '.join(missing)}",
                lacking(self._layout.roles[own] for own in missing),
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
        shape_of_his = axes.shape(_axis_sizes(case))
        name = self._layout.roles.get(what, what)
        array = read_array(value, label, shape_of_his, str(axes), objects, name)
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
