"""Every test runs in an empty folder, on few cases; the files it writes may import `networks`."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cli.running import TESTS, python_path

from rnncheck.settings import PROFILES


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", python_path(TESTS))
    monkeypatch.setattr(sys, "path", sys.path.copy())
    few = replace(PROFILES["quick"], cases=12, some_cases=3, few_cases=2, shrink_cases=40)
    monkeypatch.setitem(PROFILES, "quick", few)
    return tmp_path
