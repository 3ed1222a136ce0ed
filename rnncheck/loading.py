"""From what a user names to an implementation: a reference, torch, a file, a class, an object."""

import importlib
import importlib.util
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeGuard

from rnncheck.implementation import Capabilities, Implementation
from rnncheck.implementations.references import NAMES, ArrayReference, reference
from rnncheck.module import RecurrentModule
from rnncheck.results import UsageError, describe
from rnncheck.wrapping import Wrapped

BUILT_IN = (*NAMES, "torch")


@dataclass(frozen=True)
class Target:
    """A name of our own (`manual`, `torch`), or a file and perhaps an object in it."""

    text: str
    file: Path | None
    attribute: str | None


def parse_target(text: str) -> Target:
    """`NAME`, `FILE.py` or `FILE.py:OBJECT`. UsageError if it is none of these or not there."""
    if text in BUILT_IN:
        return Target(text, None, None)
    path, _, attribute = (
        text.rpartition(":") if text.count(":") and ".py:" in text else (text, "", "")
    )
    if not path.endswith(".py"):
        raise UsageError(
            f"{text!r} is neither a built-in ({', '.join(BUILT_IN)}) nor a Python file; "
            "write FILE.py or FILE.py:OBJECT"
        )
    file = Path(path)
    if not file.is_file():
        raise UsageError(f"there is no file {path}")
    return Target(text, file, attribute or None)


def built_in(name: str) -> Implementation:
    """A reference, or torch's own network. UsageError if torch is not installed."""
    if name in NAMES:
        return reference(name)
    if name != "torch":
        raise UsageError(f"{name!r} is not built in; there are {', '.join(BUILT_IN)}")
    try:
        adapter: Implementation = _torch_adapter().TorchRNN()
        return adapter
    except ImportError as error:
        raise UsageError(
            "torch is not installed; pip install 'rnncheck[torch]' (the README says how to get "
            "the small CPU build)"
        ) from error


def load_file(target: Target) -> list[Implementation]:
    """Import the file and take the object named, or every implementation that stands in it."""
    assert target.file is not None
    module = _import_file(target.file)
    for variable, value in vars(module).items():
        if isinstance(value, Wrapped) and value.unnamed:
            value.name, value.unnamed = variable, False
    if target.attribute is not None:
        return [_attribute(module, target)]
    found = {id(v): v for v in vars(module).values() if _is_ready(v)}
    if not found:
        raise UsageError(
            f"{target.file} has no network to check: expected an rnncheck.wrap(...) at the top "
            f"level, or FILE.py:OBJECT to name one"
        )
    return list(found.values())


def as_implementation(value: object) -> Implementation:
    """An object as an implementation: one already, a torch class, a class of ours.

    UsageError, saying what can be checked, for anything else.
    """
    if isinstance(value, str):
        return _named(value)
    if _is_ready(value):
        return value
    if isinstance(value, type) and issubclass(value, RecurrentModule):
        return _from_module_class(value)
    if isinstance(value, type) and _is_torch_rnn(value):
        return built_in("torch")
    raise UsageError(
        f"{describe(value)} cannot be checked: pass what rnncheck.wrap(...) returns, torch.nn.RNN, "
        f"an object with name, capabilities, forward and gradients, or one of {', '.join(BUILT_IN)}"
    )


def _named(text: str) -> Implementation:
    """What a string names, as on the command line, but loaded into this process."""
    target = parse_target(text)
    if target.file is None:
        return built_in(target.text)
    found = load_file(target)
    if len(found) > 1:
        names = ", ".join(implementation.name for implementation in found)
        raise UsageError(f"{text} has several networks ({names}); name one: FILE.py:OBJECT")
    return found[0]


def _attribute(module: ModuleType, target: Target) -> Implementation:
    missing = object()
    value = getattr(module, target.attribute or "", missing)
    if value is missing:
        names = [n for n, v in vars(module).items() if _is_ready(v)]
        hint = f"; it has {', '.join(names)}" if names else ""
        raise UsageError(f"{target.file} has no object {target.attribute!r}{hint}")
    try:
        return as_implementation(value)
    except UsageError as error:
        raise UsageError(f"{target.text}: {error}") from None


def _is_ready(value: object) -> TypeGuard[Implementation]:
    if isinstance(value, type) or not isinstance(value, Implementation):
        return False
    return isinstance(value.name, str) and isinstance(value.capabilities, Capabilities)


def _import_file(file: Path) -> ModuleType:
    name = file.stem
    while name in sys.modules:  # a json.py must not take the place of json
        name += "_"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise UsageError(f"{file} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.resolve().parent))
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        text = f": {error}" if str(error) else ""
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == module.__file__]
        where = f" (line {lines[-1]})" if lines else ""
        raise UsageError(f"importing {file} raised {type(error).__name__}{text}{where}") from error
    return module


def _is_torch_rnn(value: type) -> bool:
    return value.__module__.startswith("torch.nn.") and value.__name__ == "RNN"


def _torch_adapter() -> ModuleType:
    return importlib.import_module("rnncheck.adapters.torch")


def _from_module_class(value: type[RecurrentModule]) -> Implementation:
    return ArrayReference(f"{value.__module__}.{value.__name__}", value._forward, value._backward)
