"""The published networks' files, and checks of them that share their cases."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

from rnncheck.checking import run_events
from rnncheck.events import Finished
from rnncheck.implementation import Implementation
from rnncheck.pool import Pools
from rnncheck.report import Report
from rnncheck.settings import PROFILES, Settings

FOLDER = Path(__file__).parents[2] / "examples" / "published"
NAMES = (
    "array_autodiff", "layered_numpy", "forward_and_keras", "softmax_by_hand", "scalar_autodiff",
)  # fmt: skip
POOLS = Pools()

TWINS = {
    "carry_without_transpose": {"transpose_missing"},  # which differs in dh0, and there is no h0
    "steps_concatenated": {"features_joined_over_time"},  # of one sequence: a row of T H numbers
}
"""Entries of the catalogue that are the same in such a network."""


def load(name: str) -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        return import_module(name)
    finally:
        sys.path.remove(str(FOLDER))


def check(network: Implementation, *checks: str) -> Report:
    """Some checks, quick profile."""
    settings = Settings(PROFILES["quick"], checks=checks, database="none")
    *_, last = run_events(network, settings, POOLS)
    assert isinstance(last, Finished)
    return last.report


def named(report: Report) -> set[str]:
    """Every fault that a finding names."""
    return {name for f in report.findings for one in f.faults for name in one.split(" + ")}
