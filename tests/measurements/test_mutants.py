"""The judge of docs/mutants.md, on a few cases: whom it lets live, and what it says of whom it does not."""

import importlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from rnncheck.implementation import Capabilities
from rnncheck.implementations import references
from rnncheck.implementations.manual import large, memory
from rnncheck.pool import Pools, Source
from rnncheck.properties.registry import named_checks
from rnncheck.properties.strategies import build

CHECKS = ["gradient_matches_truth", "gradients_of_chunks_add", "a_second_call_gives_the_same"]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """On `manual` as it has been imported; its blocks are as they were when the test ends."""
    judge = importlib.import_module("benchmarks.mutants.judge")
    monkeypatch.setattr(judge, "PROFILE", replace(judge.PROFILE, cases=8, some_cases=8))
    monkeypatch.setattr(judge, "all_checks", lambda: named_checks(CHECKS))
    monkeypatch.setattr(judge, "load", lambda: references.reference("manual"))
    monkeypatch.setattr(memory, "BLOCK_BYTES", memory.BLOCK_BYTES)
    monkeypatch.setattr(memory, "SMALL_BYTES", memory.SMALL_BYTES)
    return judge


def test_the_right_network_survives(judge: ModuleType) -> None:
    assert judge.judge(Pools(), judge.Verdict("import")) == judge.Verdict("survived")


def test_what_is_wrong_with_many_blocks_is_seen_in_small_ones(
    judge: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = large.LargeBack._blocks

    def from_the_last_on(self: large.LargeBack, h: memory.Array) -> Iterator[large.BlockBack]:
        return reversed(list(right(self, h)))

    monkeypatch.setattr(large.LargeBack, "_blocks", from_the_last_on)
    found = judge.judge(Pools(), judge.Verdict("import"))
    assert (found.stage, found.how, found.blocks) == ("properties", "failed", True)


def test_no_case_is_kept(judge: ModuleType, tmp_path: Path) -> None:
    (draw,) = Source(Capabilities(), "general", 0, 1).draw()
    judge.Forgetful(tmp_path, "manual").running(build(draw))
    assert not list(tmp_path.glob("*.npz"))
