"""The three references as implementations that run a case."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import Capabilities, Forward, Gradients
from rnncheck.module import BackwardFunction, ForwardFunction

NAMES = ("scalar", "manual", "autodiff")
ALL = Capabilities()
HessianFunction = Callable[..., Gradients]


@dataclass(frozen=True)
class ArrayReference:
    """`manual` or `autodiff`: functions `forward` and `backward` on NumPy arrays."""

    name: str
    run: ForwardFunction
    run_backward: BackwardFunction
    capabilities: Capabilities = ALL
    run_hessian: HessianFunction | None = None

    def forward(self, case: Case) -> Forward:
        """Output and final state."""
        output, h_n, _ = self._run(case)
        return Forward(output, h_n)

    def gradients(self, case: Case) -> Gradients:
        """The gradient for every parameter, x and h0."""
        _, _, tape = self._run(case)
        return self.run_backward(tape, case.d_output, case.d_h_n)

    def hessian_vector(self, case: Case, vectors: Gradients) -> Gradients:
        """How the gradients change along v. TypeError for a reference without second derivatives."""
        if self.run_hessian is None:
            raise TypeError(f"{self.name} has no second derivatives")
        return self.run_hessian(
            case.spec, case.parameters, case.x, case.h0, case.d_output, case.d_h_n, vectors,
            case.lengths, case.dropout_masks,
        )  # fmt: skip

    def _run(self, case: Case) -> tuple[Array, Array, Any]:
        output, h_n, tape = self.run(
            case.spec, case.parameters, case.x, case.h0, case.lengths, case.dropout_masks
        )
        return output, h_n, tape


@dataclass(frozen=True)
class ListReference:
    """`scalar`: the same two functions on nested lists of Python floats.

    These are float64, whatever the case's dtype: it is exact enough for either.
    """

    name: str
    functions: ModuleType
    capabilities: Capabilities = ALL

    def forward(self, case: Case) -> Forward:
        """Output and final state."""
        output, h_n, _ = self._run(case)
        shapes = case.spec.array_shapes(case.T, case.B)
        return Forward(*(_array(v, shapes[k], case) for v, k in ((output, "output"), (h_n, "h_n"))))

    def gradients(self, case: Case) -> Gradients:
        """The gradient for every parameter, x and h0."""
        _, _, tape = self._run(case)
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
    hessian = getattr(functions, "hessian_vector", None)
    can = replace(ALL, second_order=hessian is not None)
    return ArrayReference(name, functions.forward, functions.backward, can, hessian)


def _array(nested: list[Any], shape: tuple[int, ...], case: Case) -> Array:
    """Nested lists as an array; an empty list cannot say its shape, so it is told."""
    return np.array(nested, dtype=case.dtype).reshape(shape)
