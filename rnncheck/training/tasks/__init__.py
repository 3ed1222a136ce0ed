"""The published networks' tasks, a file each: data from a seed, networks, settings, published figures.

from rnncheck.training.tasks import find
task = find("sine")
model, data = task.model("manual", seed=0), task.data(0)
"""

import importlib

from rnncheck.training.tasks.task import Data, Examples, Figure, Setup, Task

__all__ = ["NAMES", "Data", "Examples", "Figure", "Setup", "Task", "find"]

NAMES = (
    "sine", "sine_cosine", "multiplication", "forward_pass", "modulo3", "rising_sums", "counting",
    "echo",
)  # fmt: skip


def find(name: str) -> Task:
    """The task of that name. ValueError, with all the names, for another."""
    if name not in NAMES:
        raise ValueError(f"task must be one of {', '.join(NAMES)}, not {name!r}")
    task: Task = importlib.import_module(f"rnncheck.training.tasks.{name}").TASK
    return task
