"""What a check is, and the list of all of them."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rnncheck.case import Case
from rnncheck.properties.outcome import Outcome
from rnncheck.properties.strategies import Kind
from rnncheck.properties.trial import Trial

FAMILIES = (
    "proof", "truth", "dyadic", "gradients", "agreement",
    "gauge", "time", "chunks", "batch", "direction", "padding", "layers", "closed", "purity", "contract",
    "shapes",
)  # fmt: skip
"""The files of checks, in the order in which a report shows them."""

Law = Callable[[Trial], Outcome]
Share = Literal["all", "some", "few"]

NEEDS: dict[str, Callable[[Case], bool]] = {
    "T > 1": lambda case: case.T > 1,
    "B > 1": lambda case: case.B > 1,
    "steps, rows and features": lambda case: not case.is_degenerate and 0 not in case.x.shape,
    "one direction": lambda case: not case.spec.bidirectional,
    "two directions": lambda case: case.spec.bidirectional,
    "one layer": lambda case: case.spec.num_layers == 1,
    "two layers": lambda case: case.spec.num_layers > 1,
    "lengths": lambda case: case.lengths is not None,
    "padding": lambda case: bool((case.valid_steps() < case.T).any()),
    "full lengths": lambda case: case.lengths is None,
    "ReLU": lambda case: case.spec.nonlinearity == "relu",
    "an odd nonlinearity": lambda case: case.spec.nonlinearity in ("tanh", "identity"),
    "an analytic nonlinearity": lambda case: case.spec.nonlinearity != "relu",
    "ReLU or identity": lambda case: case.spec.nonlinearity in ("relu", "identity"),
    "biases": lambda case: case.spec.bias,
    "a readout": lambda case: case.spec.output_size is not None,
    "no readout": lambda case: case.spec.output_size is None,
    "a softmax readout": lambda case: case.spec.readout == "softmax",
    "a linear readout": lambda case: (
        case.spec.output_size is not None and case.spec.readout == "identity"
    ),
    "no nonlinear readout": lambda case: case.spec.readout == "identity",
    "every step put out": lambda case: case.spec.outputs == "all",
    "every or the final state put out": lambda case: case.spec.outputs != "last",
    "no generated steps": lambda case: not case.spec.generated,
    "h0 not 0": lambda case: bool(case.h0.any()),
    "φ(0) = 0": lambda case: case.spec.nonlinearity != "sigmoid",
    "a bounded φ": lambda case: case.spec.nonlinearity in ("tanh", "sigmoid"),
    "a bounded φ or ψ": lambda case: (
        case.spec.nonlinearity != "identity" or case.spec.readout != "identity"
    ),
    "no truncation": lambda case: case.spec.truncation is None,
    "no dropout": lambda case: case.dropout_masks is None,
    "float64": lambda case: case.dtype == np.float64,
}
"""What a check may need of a case, in the words of a report."""


@dataclass(frozen=True)
class Check:
    """One property that a right network has; `law` measures it on one trial.

    id: the name of the function, everywhere. family: the file it stands in. needs: what a case
    must have, by the words of NEEDS. needs_gradients: whether it applies to implementations with a
    backward pass only; needs_second_order: with second derivatives. needs_torch: whether torch must
    be installed. kind: of the cases it is run on. share: of these, all; some, if a case
    takes several calls; few, if it takes many. stays: why there is this check although others kill
    every fault of the catalogue as soon (`rnncheck faults`).
    """

    id: str
    family: str
    law: Law
    needs: tuple[str, ...] = ()
    needs_gradients: bool = False
    needs_second_order: bool = False
    needs_torch: bool = False
    kind: Kind = "general"
    share: Share = "all"
    stays: str = ""

    @property
    def needs_reference(self) -> bool:
        """Whether it compares with the truth or another implementation, which not every network has."""
        return self.family in ("truth", "dyadic", "agreement") or self.id == "forward_is_certified"

    def lacks(self, case: Case) -> str | None:
        """What it needs and the case has not; None if the case has all."""
        return next((need for need in self.needs if not NEEDS[need](case)), None)

    @property
    def equation(self) -> str:
        """The first line of the docstring: the property itself."""
        return (inspect.getdoc(self.law) or "").partition("\n")[0]


_registered: dict[str, Check] = {}


def check(
    *needs: str,
    needs_gradients: bool = False,
    needs_second_order: bool = False,
    needs_torch: bool = False,
    kind: Kind = "general",
    share: Share = "all",
    stays: str = "",
) -> Callable[[Law], Law]:
    """Register a function of a trial as a check of the family that its file is."""
    unknown = [need for need in needs if need not in NEEDS]
    if unknown:
        raise KeyError(f"no need is called {', '.join(unknown)}; there are {', '.join(NEEDS)}")

    def register(law: Law) -> Law:
        family = law.__module__.rpartition(".")[2]
        name = law.__name__
        _registered[name] = Check(
            name,
            family,
            law,
            needs,
            needs_gradients,
            needs_second_order,
            needs_torch,
            kind,
            share,
            stays,
        )
        return law

    return register


def all_checks() -> tuple[Check, ...]:
    """Every check there is, family by family."""
    for family in FAMILIES:
        importlib.import_module(f"rnncheck.properties.{family}")
    return tuple(sorted(_registered.values(), key=lambda c: FAMILIES.index(c.family)))


def named_checks(names: list[str]) -> tuple[Check, ...]:
    """The checks with these ids, in their order in the list. KeyError naming an unknown one."""
    known = {c.id: c for c in all_checks()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise KeyError(f"no check is called {', '.join(unknown)}; there are {', '.join(known)}")
    return tuple(c for c in known.values() if c.id in names)
