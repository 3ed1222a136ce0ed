"""The bars of the epochs on a terminal, and nothing where there is none."""

import io
import re
from typing import Any

import pytest
from rich.console import Console
from training.lines import column, line

from rnncheck.training.losses import (
    SquaredError,
)
from rnncheck.training.optimizers import SGD


def shown(epochs: int = 2, rows: int = 3, **options: Any) -> list[str]:
    """The lines that stand on the terminal in the end: what was written after the last was erased."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=100)
    line().fit(
        column(*[1] * rows), column(*[3] * rows), loss=SquaredError(), optimizer=SGD(0.0),
        epochs=epochs, batch_size=1, rng=0, progress=console, **options,
    )  # fmt: skip
    last = file.getvalue().rpartition("\x1b[2K")[2]
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", last)
    return [line.strip() for line in plain.splitlines() if line.strip()]


def test_each_epoch_has_a_bar_with_rate_and_loss():
    lines = shown(validation=(column(1), column(1)))
    assert len(lines) == 2
    for epoch, text in enumerate(lines):
        assert text.startswith(f"epoch {epoch + 1}/2 ")
        assert re.search(r"3/3 [0-9.e+]+/s +loss 9 validation 1$", text)


def test_of_many_epochs_the_last_ten_stay_in_sight():
    lines = shown(epochs=14, rows=2)
    assert [line.split()[1] for line in lines] == [f"{n}/14" for n in range(5, 15)]


@pytest.mark.parametrize("progress", [True, False])
def test_there_is_no_bar_without_a_terminal(progress, capsys):
    line().fit(
        column(1), column(3), loss=SquaredError(), optimizer=SGD(0.1), epochs=2, progress=progress
    )
    assert capsys.readouterr() == ("", "")


def test_the_bars_end_with_an_error():
    """The cursor is shown again."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=True)

    def fails(*_: Any) -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        line().fit(
            column(1), column(3), loss=SquaredError(), optimizer=SGD(0.1), epochs=2,
            accuracy=fails, progress=console,
        )  # fmt: skip
    assert file.getvalue().count("\x1b[?25h") == 1
