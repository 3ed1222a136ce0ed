"""The three references as implementations that run a case."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any, ClassVar, Protocol

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.garbage import uncollected
from rnncheck.implementation import Capabilities, Forward, Gradients, Handed, Layout, laid_out
from rnncheck.module import BackwardFunction, ForwardFunction, RecurrentModule
from rnncheck.spec import RNNSpec

NAMES = ("scalar", "manual", "autodiff")
ALL = Capabilities(keeps_dtype=True, validates=("shapes", "dtypes", "lengths"))
OF_LISTS = replace(ALL, validates=("shapes", "lengths"))  # the numbers in a list have no dtype
HessianFunction = Callable[..., Gradients]
FleetFunction = Callable[..., tuple[Array, Array, Any]]


@dataclass(frozen=True)
class ArrayReference:
    """`manual` or `autodiff`: functions `forward` and `backward` on NumPy arrays.

    takes_used: whether `forward` takes a tape that nobody needs any more, and works in its arrays. Then it
    is given that of the call before, as its users' networks give it: what is checked is what they run. And
    so is a fleet.
    """

    name: str
    run: ForwardFunction
    run_backward: BackwardFunction
    capabilities: Capabilities = ALL
    run_hessian: HessianFunction | None = None
    run_fleet: FleetFunction | None = None
    takes_used: bool = False
    _used: list[Any] = field(default_factory=list, repr=False, compare=False)
    _used_fleet: list[Any] = field(default_factory=list, repr=False, compare=False)

    takes_unbatched: ClassVar[bool] = True

    def forward(self, case: Case) -> Forward:
        """Output and final state."""
        result, tape = self.begin(case)
        self._give_up(tape)
        return result

    def gradients(self, case: Case) -> Gradients:
        """The gradient for every parameter, x and h0."""
        _, tape = self.begin(case)
        found = self.end(tape, case)
        self._give_up(tape)
        return found

    def begin(self, case: Case) -> tuple[Forward, Any]:
        """A forward pass and its tape."""
        used = {"used": self._used.pop()} if self._used else {}
        output, h_n, tape = self.run(
            case.spec, case.parameters, case.x, case.h0, case.lengths, case.dropout_masks, **used
        )
        return Forward(output, h_n), tape

    def _give_up(self, tape: Any) -> None:  # noqa: ANN401 - nobody else looks into it
        if self.takes_used:
            self._used[:] = [tape]

    def end(self, tape: Any, case: Case) -> Gradients:  # noqa: ANN401 - nobody else looks into it
        """The gradients by the tape of a forward pass."""
        return self.run_backward(tape, case.d_output, case.d_h_n)

    def handed(self, case: Case, layout: Layout) -> Handed:
        """The case's arrays, and both passes with the tape between them."""
        return _opened(self, case, layout)

    def enter(self, spec: RNNSpec, arrays: Mapping[str, Array]) -> Gradients:
        """A `RecurrentModule` of the two functions, called as its users do."""
        functions = {
            "_forward": staticmethod(self.run),
            "_backward": staticmethod(self.run_backward),
        }
        network = type("RNN", (RecurrentModule,), functions)(
            spec.input_size, spec.hidden_size, spec.num_layers, spec.nonlinearity, spec.bias,
            bidirectional=spec.bidirectional, output_size=spec.output_size, readout=spec.readout,
            readout_bias=spec.readout_bias, truncation=spec.truncation, dtype=_dtype(spec, arrays),
        )  # fmt: skip
        network.load_state_dict({name: arrays[name] for name in spec.parameter_shapes()})
        output, h_n = network(arrays["x"], arrays["h0"], arrays.get("lengths"))
        results = {"output": output, "h_n": h_n}
        if "d_output" in arrays:
            results |= network.backward(arrays["d_output"], arrays["d_h_n"])
        return results

    def forward_fleet(self, case: Case, moved: Mapping[str, Array]) -> Forward:
        """K networks: the case's, but for what is moved. TypeError for a reference without fleets."""
        if self.run_fleet is None:
            raise TypeError(f"{self.name} has no fleets")
        K = len(next(iter(moved.values())))
        own = dict(case.parameters) | {"x": case.x, "h0": case.h0}
        every = {name: np.broadcast_to(array, (K, *array.shape)) for name, array in own.items()}
        every |= moved
        x, h0 = every.pop("x"), every.pop("h0")
        used = {"used": self._used_fleet.pop()} if self._used_fleet else {}
        output, h_n, tape = self.run_fleet(
            case.spec, every, x, h0, case.lengths, case.dropout_masks, **used
        )
        if self.takes_used:
            self._used_fleet[:] = [tape]
        return Forward(output, h_n)

    def hessian_vector(self, case: Case, vectors: Gradients) -> Gradients:
        """How the gradients change along v. TypeError for a reference without second derivatives."""
        if self.run_hessian is None:
            raise TypeError(f"{self.name} has no second derivatives")
        return self.run_hessian(
            case.spec, case.parameters, case.x, case.h0, case.d_output, case.d_h_n, vectors,
            case.lengths, case.dropout_masks,
        )  # fmt: skip


@dataclass(frozen=True)
class ListReference:
    """`scalar`: the same two functions on nested lists of Python floats.

    These are float64, whatever the case's dtype: it is exact enough for either.
    """

    name: str
    functions: ModuleType
    capabilities: Capabilities = OF_LISTS

    takes_unbatched: ClassVar[bool] = True

    def forward(self, case: Case) -> Forward:
        """Output and final state."""
        return self.begin(case)[0]

    def gradients(self, case: Case) -> Gradients:
        """The gradient for every parameter, x and h0."""
        return self.end(self.begin(case)[1], case)

    def handed(self, case: Case, layout: Layout) -> Handed:
        """The case's arrays (of which it makes lists), and both passes with the tape between them."""
        return _opened(self, case, layout)

    def enter(self, spec: RNNSpec, arrays: Mapping[str, Array]) -> Gradients:
        """The two functions as their users call them; an unbatched sequence goes to the class `RNN`."""
        lists = {name: array.tolist() for name, array in arrays.items()}
        parameters = {name: lists[name] for name in spec.parameter_shapes()}
        x, h0, lengths = lists["x"], lists["h0"], lists.get("lengths")
        if arrays["x"].ndim == 2 and arrays["h0"].ndim == 2:
            return self._enter_unbatched(spec, parameters, lists)
        output, h_n, tape = self.functions.forward(spec, parameters, x, h0, lengths)
        results = {"output": output, "h_n": h_n}
        if "d_output" in lists:
            results |= self.functions.backward(tape, lists["d_output"], lists["d_h_n"])
        return {name: np.array(value) for name, value in results.items()}

    def _enter_unbatched(
        self, spec: RNNSpec, parameters: dict[str, Any], lists: dict[str, Any]
    ) -> Gradients:
        network = self.functions.RNN(
            spec.input_size, spec.hidden_size, spec.num_layers, spec.nonlinearity, spec.bias,
            bidirectional=spec.bidirectional,
        )  # fmt: skip
        network.load_state_dict(parameters)
        output, h_n = network(lists["x"], lists["h0"])
        results = {"output": output, "h_n": h_n}
        results |= network.backward(lists["d_output"], lists["d_h_n"])
        return {name: np.array(value) for name, value in results.items()}

    @uncollected
    def begin(self, case: Case) -> tuple[Forward, Any]:
        """A forward pass and its tape."""
        output, h_n, tape = self._run(case)
        shapes = case.spec.array_shapes(case.T, case.B)
        named = ((output, "output"), (h_n, "h_n"))
        return Forward(*(_array(v, shapes[k], case) for v, k in named)), tape

    @uncollected
    def end(self, tape: Any, case: Case) -> Gradients:  # noqa: ANN401 - nobody else looks into it
        """The gradients by the tape of a forward pass."""
        lists = self.functions.backward(tape, case.d_output.tolist(), case.d_h_n.tolist())
        shapes = case.spec.parameter_shapes() | {"x": case.x.shape, "h0": case.h0.shape}
        return {name: _array(lists[name], shape, case) for name, shape in shapes.items()}

    def _run(self, case: Case) -> tuple[Any, Any, Any]:
        lists = {
            name: None if array is None else array.tolist()
            for name, array in (("lengths", case.lengths), ("masks", case.dropout_masks))
        }
        parameters = {name: array.tolist() for name, array in case.parameters.items()}
        output, h_n, tape = self.functions.forward(
            case.spec, parameters, case.x.tolist(), case.h0.tolist(),
            lists["lengths"], lists["masks"],
        )  # fmt: skip
        return output, h_n, tape


def reference(name: str) -> ArrayReference | ListReference:
    """The reference of that name: scalar, manual or autodiff."""
    functions = importlib.import_module(f"rnncheck.implementations.{name}")
    if name == "scalar":
        return ListReference(name, functions)
    hessian, fleet = (getattr(functions, has, None) for has in ("hessian_vector", "forward_fleet"))
    can = replace(ALL, second_order=hessian is not None, fleet=fleet is not None)
    takes_used = "used" in inspect.signature(functions.forward).parameters
    return ArrayReference(
        name, functions.forward, functions.backward, can, hessian, fleet, takes_used
    )


class _TwoPasses(Protocol):
    def begin(self, case: Case) -> tuple[Forward, Any]: ...

    def end(self, tape: Any, case: Case) -> Gradients: ...  # noqa: ANN401


def _opened(reference: _TwoPasses, case: Case, layout: Layout) -> Handed:
    """The passes on the case's arrays; a tape, once there is one, is used until the next forward."""
    held = laid_out(case, layout)
    tapes: list[Any] = []

    def forward() -> Forward:
        result, tape = reference.begin(held)
        tapes[:] = [tape]
        return result

    def gradients() -> Gradients:
        if not tapes:
            forward()
        return reference.end(tapes[0], held)

    return Handed(tuple(held.arrays()), forward, gradients)


def _dtype(spec: RNNSpec, arrays: Mapping[str, Array]) -> np.dtype[Any]:
    """What the network computes in: the dtype of its parameters."""
    return arrays[next(iter(spec.parameter_shapes()))].dtype


def _array(nested: list[Any], shape: tuple[int, ...], case: Case) -> Array:
    """Nested lists as an array; an empty list cannot say its shape, so it is told."""
    return np.array(nested, dtype=case.dtype).reshape(shape)
