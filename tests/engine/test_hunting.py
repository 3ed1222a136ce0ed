"""A thorough run goes on beyond its pool, where errors were largest."""

from dataclasses import replace
from pathlib import Path

import networks
import pytest

import rnncheck
from rnncheck.pool import Source
from rnncheck.properties.strategies import build
from rnncheck.report import CheckReport
from rnncheck.settings import PROFILES
from rnncheck.wrapping import Wrapped

CASES, HUNTED = 12, 10


def hunted(subject: Wrapped, monkeypatch: pytest.MonkeyPatch, more: int) -> CheckReport:
    few = replace(PROFILES["quick"], cases=CASES, shrink_cases=40, hunted_cases=more)
    monkeypatch.setitem(PROFILES, "quick", few)
    checks = ("forward_matches_truth",)
    return rnncheck.check(subject, profile="quick", checks=checks, database="none").checks[0]


def test_a_fault_that_no_case_of_the_pool_shows_is_found_and_shrunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    can = networks.wrap(networks.forward, networks.backward).capabilities
    pool = {build(d).x.tobytes() for d in Source(can, "general", 0, CASES).draw()}

    def right_in_the_pool(params: networks.Arrays, x: object, h0: object) -> object:
        states, h = networks.forward(params, x, h0)
        return (states, h) if x.tobytes() in pool else (states + 1.0, h)  # type: ignore[attr-defined]

    subject = networks.wrap(right_in_the_pool, networks.backward)
    assert hunted(subject, monkeypatch, 0).finding is None
    found = hunted(subject, monkeypatch, HUNTED)
    assert found.finding is not None
    assert CASES < found.cases <= CASES + HUNTED
    assert found.finding.case.T <= 2


def test_a_right_network_is_right_beyond_the_pool_too_and_always_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    subject = networks.wrap(networks.forward, networks.backward)
    first, again = (hunted(subject, monkeypatch, HUNTED) for _ in range(2))
    assert first == again
    assert first.finding is None
    assert first.cases == CASES + HUNTED
