"""`uncollected`: Python's garbage collector waits until a function has returned.

Whenever some hundred objects more have been made than freed, the collector goes through them, and now
and then through all there are, for groups that nothing outside refers to. Who builds a graph of a
million nodes has it gone through again and again, and nothing in it is garbage before it is used up.
What is not referred to any more is freed at once all the same: that is counted, not collected.
"""

import gc
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def uncollected(function: Callable[P, T]) -> Callable[P, T]:
    """The function, with the collector off while it runs, if it was on."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        if not gc.isenabled():
            return function(*args, **kwargs)
        gc.disable()
        try:
            return function(*args, **kwargs)
        finally:
            gc.enable()

    return run
