"""What the measurements share: a Markdown table, and timing of interleaved pairs."""

import statistics
import time
from collections.abc import Callable, Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *([str(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def median_ratio(first: Callable[[], object], second: Callable[[], object], pairs: int) -> float:
    """The median of first's time over second's, measured in turn, after one warm-up of each."""
    first()
    second()
    ratios = []
    for _ in range(pairs):
        start = time.perf_counter()
        first()
        middle = time.perf_counter()
        second()
        ratios.append((middle - start) / (time.perf_counter() - middle))
    return statistics.median(ratios)
