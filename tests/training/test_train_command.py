"""`rnncheck train`: what it prints, writes and exits with."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.console import Console
from training import planting

from rnncheck.cli import main
from rnncheck.training.backends import autodiff
from rnncheck.training.running import train, train_in_lockstep
from rnncheck.training.tasks import rising_sums

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rnncheck(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["train", *arguments])


def read(file: str = "out.json") -> dict:
    return json.loads(Path(file).read_text(encoding="utf-8"))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lockstep on one epoch of two rows, without torch, which takes seconds to import."""
    task = replace(rising_sums.TASK, short=rising_sums.Short(epochs=1, rows=2))
    monkeypatch.setattr(rising_sums, "TASK", task)
    names = ("manual", "autodiff", "scalar")
    monkeypatch.setitem(train_in_lockstep.__kwdefaults__, "implementations", names)


def test_the_loss_stands_beside_the_published_one() -> None:
    pytest.importorskip("matplotlib")
    result = rnncheck("rising_sums", "--json", "out.json", "--picture", "curves.png")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines()]
    assert ["epoch", "published", "loss"] in lines
    written = read()
    (run,) = written["runs"]
    assert written["published"] == {"1": 0.818, "11": 0.308, "101": 0.016}
    assert (written["task"], written["seed"], written["exit_code"]) == ("rising_sums", 0, 0)
    assert (run["implementation"], len(run["losses"])) == ("manual", 101)
    for epoch, loss in ((1, "0.818"), (11, "0.308"), (101, "0.016")):
        assert [str(epoch), loss, f"{run['losses'][epoch - 1]:.4g}"] in lines
    assert run["after"] == {"sequences right, of 6": 6.0}
    assert Path("curves.png").read_bytes().startswith(PNG)
    assert "picture: curves.png" in result.output


def test_the_picture_lies_in_rnnchecks_own_folder() -> None:
    pytest.importorskip("matplotlib")
    assert rnncheck("rising_sums", "--epochs", "2").exit_code == 0
    assert Path(".rnncheck/rising_sums.png").read_bytes().startswith(PNG)
    assert Path(".rnncheck/.gitignore").read_text() == "*\n"


def test_without_matplotlib_there_is_no_picture_unless_one_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    result = rnncheck("rising_sums", "--epochs", "1")
    assert result.exit_code == 0
    assert "no picture: a picture needs matplotlib" in result.output
    result = rnncheck("rising_sums", "--epochs", "1", "--picture", "a.png")
    assert result.exit_code == 2
    assert "pip install matplotlib" in result.output


def test_the_same_seed_gives_the_same_run() -> None:
    losses = [
        train("rising_sums", epochs=3, seed=seed)[0].losses for seed in (1, 1, 2)
    ]  # fmt: skip
    assert losses[0] == losses[1] != losses[2]


def test_a_wrong_gradient_is_trained_beside_the_right_one() -> None:
    result = rnncheck("modulo3", "--epochs", "2", "--json", "out.json")
    assert result.exit_code == 0, result.output
    assert "published gradient: 2 epochs" in result.output
    assert "(wrong: the carry lacks its transpose, dW_hh is one number)" in " ".join(
        result.output.split()
    )
    right, published = read()["runs"]
    assert (right["wrong"], bool(published["wrong"])) == ("", True)
    assert right["before"] == published["before"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cosine",), "task must be one of sine, sine_cosine, "),
        (("sine", "--implementation", "jax"), "'jax' is not one of"),
        (("sine", "--epochs", "0"), "0 is not in the range"),
        (("sine", "--picture", "nowhere/a.png"), "there is no folder nowhere"),
        (("sine", "--json", "nowhere/a.json"), "there is no folder nowhere"),
        (("rising_sums", "--epochs", "1", "--picture", "a.docx"), "cannot write a.docx"),
    ],
)
def test_wrong_usage_is_said(arguments: tuple[str, ...], message: str) -> None:
    result = rnncheck(*arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())


@pytest.mark.usefixtures("short")
def test_in_lockstep_all_agree() -> None:
    result = rnncheck("rising_sums", "--implementation", "all", "--json", "out.json")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "2 steps in lockstep on manual, autodiff, scalar, 2 of 6 rows" in said
    assert "26 arrays compared, the largest difference 0." in said
    (run,) = read()["runs"]
    assert run["implementation"] == "all"
    assert run["lockstep"]["steps"] == 2
    assert 0 < run["lockstep"]["worst"] < 1
    assert run["lockstep"]["finding"] is None


@pytest.mark.usefixtures("short")
def test_epochs_that_are_asked_for_are_of_all_rows() -> None:
    result = rnncheck("rising_sums", "--implementation", "all", "--epochs", "1")
    assert "6 steps in lockstep on manual, autodiff, scalar, 6 of 6 rows" in result.output


@pytest.mark.usefixtures("short")
def test_a_step_on_which_they_disagree_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planting.WrongOptimizer, "begins", 2)
    monkeypatch.setattr(autodiff, "BACKEND", planting.WrongOptimizer)
    result = rnncheck("rising_sums", "--implementation", "all", "--json", "out.json")
    assert result.exit_code == 1, result.output
    said = " ".join(result.output.split())
    assert "implementations_train_in_lockstep" in said
    assert "step 2 (epoch 1, batch 2): autodiff is off in updated " in said
    assert "every gradient is right: the mistake is in its optimizer (SGD)" in said
    assert "1 step in lockstep" in said
    assert "then the implementations disagree" in said
    finding = read()["runs"][0]["lockstep"]["finding"]
    assert finding["message"].startswith("step 2 ")
    assert finding["case_file"] == str(Path(".rnncheck/rising_sums-step.npz"))
    assert Path(finding["case_file"]).exists()
    assert f"kept in {finding['case_file']}" in said


@pytest.mark.usefixtures("short")
def test_a_first_step_that_fails_leaves_nothing_to_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autodiff, "BACKEND", planting.WrongOptimizer)
    result = rnncheck("rising_sums", "--implementation", "all")
    assert result.exit_code == 1, result.output
    assert "step 1 (epoch 1, batch 1): autodiff is off" in result.output


@pytest.mark.usefixtures("short")
def test_where_nothing_could_be_said_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import rnncheck.training.lockstep as module

    right = module.step_envelope
    monkeypatch.setattr(
        module, "step_envelope", lambda *a: right(*a)._replace(chaotic=True)
    )  # fmt: skip
    result = rnncheck("rising_sums", "--implementation", "all")
    assert result.exit_code == 5, result.output
    said = " ".join(result.output.split())
    assert "of 26 nothing could be said" in said
    assert "2 steps of these said nothing at all: chaotic: rounding fills the state" in said


@pytest.mark.usefixtures("short")
def test_a_bar_shows_rate_and_loss() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100)
    (run,) = train_in_lockstep("rising_sums", progress=console)
    text = file.getvalue()
    assert "epoch 1/1" in text
    assert "/s" in text
    assert f"loss {run.losses[0]:.4g}" in text


def test_torch_is_among_those_in_lockstep() -> None:
    pytest.importorskip("torch")
    task = replace(rising_sums.TASK, short=rising_sums.Short(epochs=2))
    (run,) = train_in_lockstep(task)
    assert run.lockstep is not None
    assert run.lockstep.implementations == ("manual", "autodiff", "scalar", "torch")
    assert run.lockstep.steps == 12
    assert run.lockstep.finding is None
    assert not run.lockstep.silent
    assert not run.lockstep.told_nothing
