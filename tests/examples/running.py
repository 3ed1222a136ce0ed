"""A script of `examples/`, run, and what it printed as numbers."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

FOLDER = Path(__file__).resolve().parents[2] / "examples"


class Ran(NamedTuple):
    """What a script has left: its names, and the words of each line that it printed."""

    names: dict[str, Any]
    text: str

    def rows(self, columns: int) -> list[list[float]]:
        """The lines that are numbers and nothing else, at least so many of them."""
        found = []
        for line in self.text.splitlines():
            try:
                found.append([float(word) for word in line.split()])
            except ValueError:
                continue
        return [row for row in found if len(row) >= columns]

    def numbers(self, words: str) -> list[float]:
        """All numbers in the one line that has these words."""
        [line] = [line for line in self.text.splitlines() if words in line]
        return [float(number) for number in re.findall(r"\d+\.?\d*(?:e[+-]?\d+)?", line)]


Run = Callable[..., Ran]
