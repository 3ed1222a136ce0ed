"""The door: somebody's code gets other numbers, and everything is as before when it has run."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from rnncheck.oracles.following.arrays import Convert
from rnncheck.oracles.following.numbers import ControlFlow, Unfollowed, converted
from rnncheck.oracles.following.proxy import proxies, replacements
from rnncheck.oracles.following.reach import MOST, Reach
from rnncheck.results import tell

DEEPEST = 8
"""Containers within containers whose arrays are replaced."""


@contextmanager
def followed(subject: object, convert: Convert) -> Iterator[None]:
    """Within the block the subject's code sees `np`, `math` and `float` that make other numbers.

    They are put into the globals of every function that the subject can reach, where arrays of
    floats become arrays of these numbers (as copies), and so do those in attributes, closures and
    class variables. Whatever the code does to its globals, attributes, dicts and lists, and
    whatever it raises, all is put back as it was. convert: from a plain number to one of the kind.
    """
    numpy, mathematics, number = proxies(convert)
    swap = _Swap(convert, replacements(numpy, mathematics, convert), number)
    reach = Reach()
    reach.visit(subject)
    if not reach.spaces:
        raise Unfollowed("it has no Python code of its own, but only a library's")
    with ExitStack() as stack:
        for restore in reach.snapshots():
            stack.callback(restore)
        for space in reach.spaces.values():
            swap.into_globals(space)
        for attributes in reach.attributes.values():
            swap.into(attributes)
        for cell in reach.cells.values():
            cell.cell_contents = swap.value(cell.cell_contents)
        for owner in reach.classes.values():
            swap.into_class(owner)
        yield


@contextmanager
def subjects_turn() -> Iterator[None]:
    """Whatever the subject raises is Unfollowed, with the line; its warnings are not shown."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Unfollowed as reason:
        raise Unfollowed(tell(reason, kind=False)) from None
    except ControlFlow:
        raise
    except (Exception, SystemExit) as error:
        cause = error.__cause__
        if isinstance(cause, Unfollowed):  # NumPy raises its own "from" what a number has raised
            text = tell(cause.with_traceback(error.__traceback__), kind=False)
            raise Unfollowed(text) from None
        raise Unfollowed(tell(error)) from None


class _Swap:
    """What is put in the place of what."""

    def __init__(self, convert: Convert, table: dict[int, object], number: type) -> None:
        self.convert, self.table, self.number = convert, table, number

    def value(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - anything that code can hold
        """The stand-in for a value, or the value itself; a container with one in it is copied."""
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            return converted(value, self.convert)
        if id(value) in self.table:
            return self.table[id(value)]
        kind = type(value)
        if kind not in (dict, list, tuple) or len(value) > MOST or depth > DEEPEST:
            return value
        inside = list(value.values() if kind is dict else value)
        changed = [self.value(v, depth + 1) for v in inside]
        if all(new is old for new, old in zip(changed, inside, strict=True)):
            return value
        return dict(zip(value, changed, strict=True)) if kind is dict else kind(changed)

    def into(self, space: dict[str, Any]) -> None:
        """Replace what a namespace holds."""
        for name, value in list(space.items()):
            if not name.startswith("__"):
                space[name] = self.value(value)

    def into_globals(self, space: dict[str, Any]) -> None:
        """The same for a module's globals, where `float` is looked up before it is built in."""
        self.into(space)
        space.setdefault("float", self.number)

    def into_class(self, owner: type) -> None:
        """Replace the arrays among a class's variables; a function there would become a method."""
        for name, value in list(vars(owner).items()):
            if isinstance(value, np.ndarray | dict | list | tuple) and not name.startswith("__"):
                new = self.value(value)
                if new is not value:
                    setattr(owner, name, new)
