"""Scripts run as the command line would, in an empty folder."""

import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from examples.running import FOLDER, Ran, Run


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a script in an empty folder, as the command line would."""

    def run(name: str, *arguments: str) -> Ran:
        path = FOLDER / f"{name}.py"
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", [str(path), *arguments])
        names = runpy.run_path(str(path), run_name="__main__")
        return Ran(names, capsys.readouterr().out)

    return run


@pytest.fixture
def run_and_draw(run: Run, tmp_path: Path) -> Iterator[Run]:
    """The same for a script with a picture: it is asked for, and is all that is written."""
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")

    def run_and_draw(name: str, *arguments: str) -> Ran:
        ran = run(name, *arguments, "--picture", "drawn.png")
        assert [path.name for path in tmp_path.iterdir()] == ["drawn.png"]
        picture = plt.imread(tmp_path / "drawn.png")
        assert len(np.unique(picture.reshape(-1, picture.shape[-1]), axis=0)) > 10  # not empty
        return ran

    yield run_and_draw
    plt.close("all")
