"""What somebody's code can get at: globals, attributes, closures, classes; and putting it back."""

import functools
import sys
import sysconfig
from collections.abc import Callable, Iterator
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

FOREIGN = frozenset({"numpy", "scipy", "torch", "jax", "jaxlib", "tensorflow", "keras", "flint",
    "hypothesis", "pytest", "_pytest", "numba", "cupy", "autograd", "pandas", "sklearn", "rich",
    "click", "builtins", "rnncheck"})  # fmt: skip
"""Packages whose code is never looked into: it is no network's own, or no NumPy code."""

OURS = "rnncheck.implementations"
MOST = 10_000
"""Things that are looked at before the search for the code's own modules gives up."""

Undo = Callable[[], None]


class Reach:
    """Everything that a subject's code can get at: globals, attributes, closures, classes."""

    def __init__(self) -> None:
        self.seen: dict[int, object] = {}
        self.spaces: dict[int, dict[str, Any]] = {}
        self.attributes: dict[int, dict[str, Any]] = {}
        self.containers: dict[int, Any] = {}
        self.cells: dict[int, CellType] = {}
        self.classes: dict[int, type] = {}
        self.caches: dict[int, Any] = {}

    def visit(self, thing: Any, names: frozenset[str] = frozenset()) -> None:  # noqa: ANN401
        """Look at a thing and all that can be reached from it; names: by which modules are used."""
        if isinstance(thing, ModuleType):
            self._module(thing, names)
            return
        if id(thing) in self.seen or len(self.seen) > MOST:
            return
        self.seen[id(thing)] = thing
        if isinstance(thing, FunctionType):
            self._function(thing)
        elif isinstance(thing, MethodType):
            self.visit(thing.__func__)
            self.visit(thing.__self__)
        elif isinstance(thing, functools.partial):
            for part in (thing.func, *thing.args, *thing.keywords.values()):
                self.visit(part)
        elif isinstance(thing, staticmethod | classmethod):
            self.visit(thing.__func__)
        elif isinstance(thing, property):
            for function in (thing.fget, thing.fset):
                self.visit(function)
        elif isinstance(thing, type):
            self._class(thing)
        elif isinstance(thing, dict | list | tuple):
            self._container(thing)
        elif not isinstance(thing, np.ndarray | np.generic | str | bytes | int | float):
            self._instance(thing)

    def snapshots(self) -> Iterator[Undo]:
        """For everything that may be written to: what puts it back."""
        spaces = (*self.spaces.values(), *self.attributes.values(), *self.containers.values())
        for space in spaces:
            yield _restoring(space)
        for cached in self.caches.values():  # what it remembers are numbers of the other kind
            cached.cache_clear()
            yield cached.cache_clear
        for cell in self.cells.values():
            yield functools.partial(setattr, cell, "cell_contents", cell.cell_contents)
        for owner in self.classes.values():
            yield _restoring_class(owner)

    def _function(self, function: FunctionType) -> None:
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            self.visit(wrapped)
        if _is_foreign(function.__module__ or "", function.__code__.co_filename):
            return
        space, names = function.__globals__, _names(function.__code__)
        self.spaces[id(space)] = space
        for name in names & space.keys():
            self.visit(space[name], names)
        for cell in function.__closure__ or ():
            try:
                content = cell.cell_contents
            except ValueError:  # a variable that has not been given a value yet
                continue
            self.cells[id(cell)] = cell
            self.visit(content, names)
        for default in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
            self.visit(default)

    def _module(self, module: ModuleType, names: frozenset[str]) -> None:
        if _is_foreign(module.__name__, getattr(module, "__file__", None) or ""):
            return
        space = vars(module)
        for name in names & space.keys() or [n for n in space if not n.startswith("__")]:
            if not isinstance(space[name], ModuleType):
                self.visit(space[name])

    def _class(self, owner: type) -> None:
        file = getattr(sys.modules.get(owner.__module__), "__file__", None) or ""
        if _is_foreign(owner.__module__, file):
            return
        self.classes[id(owner)] = owner
        for member in vars(owner).values():
            self.visit(member)
        for base in owner.__bases__:
            self.visit(base)

    def _container(self, thing: Any) -> None:  # noqa: ANN401 - a dict, list or tuple
        if len(thing) > MOST:
            return
        if not isinstance(thing, tuple):
            self.containers[id(thing)] = thing
        for part in thing.values() if isinstance(thing, dict) else thing:
            self.visit(part)

    def _instance(self, thing: Any) -> None:  # noqa: ANN401 - an object of any class
        self.visit(type(thing))
        if isinstance(thing, functools._lru_cache_wrapper):
            self.caches[id(thing)] = thing
        attributes = getattr(thing, "__dict__", None)
        if isinstance(attributes, dict):
            if id(type(thing)) in self.classes:
                self.attributes[id(attributes)] = attributes
            for value in list(attributes.values()):
                self.visit(value)


def _restoring(space: Any) -> Undo:  # noqa: ANN401 - a dict or a list
    """What gives a dict or list its present content again."""
    if isinstance(space, list):
        items = list(space)

        def put_back_list() -> None:
            space[:] = items

        return put_back_list
    content = dict(space)

    def put_back() -> None:
        for key in [key for key in space if key not in content]:
            del space[key]
        space.update(content)

    return put_back


def _restoring_class(owner: type) -> Undo:
    """What gives a class its present variables again."""
    content = {name: v for name, v in vars(owner).items() if not name.startswith("__")}

    def put_back() -> None:
        for name in [n for n in vars(owner) if n not in content and not n.startswith("__")]:
            delattr(owner, name)
        for name, value in content.items():
            if vars(owner).get(name) is not value:
                setattr(owner, name, value)

    return put_back


def _names(code: CodeType) -> frozenset[str]:
    """Every name that a function's code looks up, and the code within it."""
    inner = (c for c in code.co_consts if isinstance(c, CodeType))
    return frozenset(code.co_names).union(*map(_names, inner))


def _is_foreign(module: str, file: str) -> bool:
    if module == OURS or module.startswith(f"{OURS}."):
        return False
    package = module.partition(".")[0]
    if (
        package in FOREIGN
        or package in sys.builtin_module_names
        or package in sys.stdlib_module_names
    ):
        return package != "__main__"
    return file.startswith(_STANDARD) and "site-packages" not in file


_STANDARD = sysconfig.get_path("stdlib")
