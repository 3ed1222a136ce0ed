"""The catalogue: every fault and every variant, found in the files of their families.

A fault is a class that overrides one equation. Its docstring is its entry in the handbook: what is wrong in
the first line; then a line that begins with `Shows:` (what it does to a network, and where it does not
show), and one with `Seen:` (the projects and issues it was seen in, or `by hand`: a slip that people make).
"""

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from rnncheck.implementations.faulty.plain import Plain

FAMILIES = (
    "state", "layers", "layout", "direction", "lengths", "activation", "readout", "dropout",
    "carry", "truncation", "accumulation", "upstream", "memory", "contracts", "precision",
    "published",
)  # fmt: skip
"""The files of faults, in the order of the handbook."""

VARIANTS = "variants"
"""The file of networks that are unusual and right."""


@dataclass(frozen=True)
class Fault:
    """One entry: a faulty network, or (family variants) an unusual one that is right.

    id: the class's name in words. wrong, terms: where the gradient is off, for faults whose forward
    pass is right: the arrays (without layer and direction), and which terms of their sums.
    """

    id: str
    family: str
    make: type[Plain]

    @property
    def what(self) -> str:
        """What is wrong, in one line."""
        return self.text.partition("\n")[0]

    @property
    def text(self) -> str:
        """The whole docstring."""
        return inspect.getdoc(self.make) or ""

    @property
    def shows(self) -> str:
        """What it does to a network."""
        return self._field("Shows")

    @property
    def seen(self) -> str:
        """Where it was seen."""
        return self._field("Seen")

    @property
    def wrong(self) -> tuple[str, ...]:
        """The arrays whose gradients are off; empty if the forward pass is wrong, or nothing at first."""
        return self.make.wrong

    @property
    def terms(self) -> str:
        """Which terms of these gradients' sums are off."""
        return self.make.terms

    @property
    def same_as(self) -> tuple[str, ...]:
        """Other faults that, made together, are this one in other words."""
        return self.make.same_as

    @property
    def code(self) -> str:
        """The equations that it overrides, as they stand in its class, without the docstring."""
        source = textwrap.dedent(inspect.getsource(self.make))
        body = ast.parse(source).body[0]
        assert isinstance(body, ast.ClassDef)
        methods = [node for node in body.body if isinstance(node, ast.FunctionDef)]
        lines = source.splitlines()
        parts = [lines[node.lineno - 1 : node.end_lineno] for node in methods]
        return textwrap.dedent("\n\n".join("\n".join(part) for part in parts))

    def _field(self, name: str) -> str:
        found = re.search(rf"^{name}: (.*?)(?=^\w+: |\Z)", self.text, re.MULTILINE | re.DOTALL)
        return " ".join(found.group(1).split()) if found else ""


@cache
def faults() -> tuple[Fault, ...]:
    """Every fault, family by family."""
    return tuple(entry for family in FAMILIES for entry in _entries(family))


def variants() -> tuple[Fault, ...]:
    """Every unusual network that is right."""
    return tuple(_entries(VARIANTS))


def named(name: str) -> Fault:
    """The fault or variant of that name. KeyError, naming it, if there is none."""
    for entry in (*faults(), *variants()):
        if entry.id == name:
            return entry
    raise KeyError(f"no fault is called {name}")


def _entries(family: str) -> Iterator[Fault]:
    module = importlib.import_module(f"{__package__}.{family}")
    for name, found in [*vars(module).items()]:  # a proof adds to the globals
        own = inspect.isclass(found) and found.__module__ == module.__name__
        if own and issubclass(found, Plain) and not name.startswith("_"):
            yield Fault(in_words(name), family, found)


def in_words(name: str) -> str:
    """MissingTranspose -> missing_transpose."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def family_text(family: str) -> str:
    """What a family has in common: its file's docstring."""
    return inspect.getdoc(importlib.import_module(f"{__package__}.{family}")) or ""
