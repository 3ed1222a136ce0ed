"""What runs a `Sequential`: a module for each implementation, imported only when it is used."""

import importlib

from rnncheck.training.backends.base import Backend, Run
from rnncheck.training.chain import Link

__all__ = ["NAMES", "Backend", "Run", "make"]

NAMES = ("scalar", "manual", "autodiff", "torch")


def make(name: str, links: tuple[Link, ...], dtype: str) -> Backend:
    """The backend of that name for these layers. ValueError for another name.

    UsageError if it is torch and torch is not installed.
    """
    if name not in NAMES:
        raise ValueError(f"implementation must be one of {', '.join(NAMES)}, not {name!r}")
    module = importlib.import_module(f"rnncheck.training.backends.{name}")
    backend: Backend = module.BACKEND(links, dtype)
    return backend
