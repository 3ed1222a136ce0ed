"""What docs/training.md shows is what happens (numbers aside: they depend on library versions)."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from rnncheck.cli import main

PAGE = Path(__file__).resolve().parents[2] / "docs" / "training.md"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def blotted(text: str) -> list[str]:
    lines = (" ".join(NUMBER.sub("#", line).split()) for line in text.splitlines())
    return [line for line in lines if line]


def blocks(language: str) -> list[str]:
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [block for word, block in found if word == language]


def test_the_command_prints_what_is_shown() -> None:
    pytest.importorskip("matplotlib")
    shown = next(block for block in blocks("") if block.startswith("$ rnncheck train counting"))
    printed = CliRunner().invoke(main, ["train", "counting"]).output
    assert blotted(printed) == blotted(shown.partition("\n")[2])


def test_the_code_runs_and_says_what_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the diagnosis, whose checks of the layer alone take long."""
    name = "rnncheck.training.disagreement.explained_alone"
    monkeypatch.setattr(name, lambda finding, backend, folder: finding)
    names: dict[str, object] = {}
    for block in blocks("python"):
        exec(block, names)
    message = blotted(capsys.readouterr().out)[:2]
    shown = next(block for block in blocks("") if block.startswith("step 1 "))
    assert [line.partition("[")[0] for line in message] == [
        line.partition("[")[0] for line in blotted(shown)[:2]
    ]
    assert Path(".rnncheck/model-step.npz").exists()
