"""What a check is, and the list of all of them."""

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass

from rnncheck.properties.outcome import Outcome
from rnncheck.properties.strategies import Kind
from rnncheck.properties.trial import Trial

FAMILIES = ("proof", "truth", "dyadic", "gradients", "agreement")
"""The files of checks, in the order in which a report shows them."""

Law = Callable[[Trial], Outcome]


@dataclass(frozen=True)
class Check:
    """One property that a right network has; `law` measures it on one trial.

    id: the name of the function, everywhere. family: the file it stands in. needs_gradients:
    whether it applies to implementations with a backward pass only; needs_second_order: with
    second derivatives. costly: whether one case
    takes many calls, so that the profile limits them. needs_torch: whether torch must be installed.
    kind: of the cases it is run on.
    """

    id: str
    family: str
    law: Law
    needs_gradients: bool = False
    needs_second_order: bool = False
    needs_torch: bool = False
    costly: bool = False
    kind: Kind = "general"

    @property
    def equation(self) -> str:
        """The first line of the docstring: the property itself."""
        return (inspect.getdoc(self.law) or "").partition("\n")[0]


_registered: dict[str, Check] = {}


def check(
    *,
    needs_gradients: bool = False,
    needs_second_order: bool = False,
    needs_torch: bool = False,
    costly: bool = False,
    kind: Kind = "general",
) -> Callable[[Law], Law]:
    """Register a function of a trial as a check of the family that its file is."""

    def register(law: Law) -> Law:
        family = law.__module__.rpartition(".")[2]
        name = law.__name__
        _registered[name] = Check(
            name, family, law, needs_gradients, needs_second_order, needs_torch, costly, kind
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
