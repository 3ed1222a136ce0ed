"""Cost as sequences and batches grow: the references, and a check by the engine's truth and envelope."""

import gc
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from multiprocessing import get_context

from benchmarks.tables import table
from rnncheck.case import Case
from rnncheck.implementations.references import NAMES, reference
from rnncheck.properties.draw import Draw
from rnncheck.properties.registry import named_checks
from rnncheck.properties.strategies import build
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.spec import RNNSpec
from rnncheck.verdicts import judge

COMMAND = "python -m benchmarks linear"
LENGTHS, BATCHES = (10, 100, 1000, 10_000), (1, 10, 100, 1000)
ROWS, STEPS = 2, 10
"""Of the cases whose lengths grow, and of those whose batches do."""
ENGINE = {"check, states contract": "contractive", "check, states last": "orthogonal"}
USUAL = 100
"""The length and batch whose cost per step and row the others are compared with."""
TURN = 0.1
"""Seconds for which a small case is run again and again."""
CHECK = "gradient_matches_truth"


def case(T: int, B: int, regime: str = "orthogonal") -> Case:
    """A tanh network of 3 features and 4 units."""
    return build(
        Draw(
            RNNSpec(3, 4), T, B, regime, "both", h0=True, final_state=True, lengths=None,
            dropout=False, dtype="float64", one_bias=False, seed=1,
        )
    )  # fmt: skip


def work(who: str, T: int, B: int) -> Callable[[], object]:
    """Forward and backward of a reference; or a check from nothing: envelope, truth, verdict."""
    if who in ENGINE:
        check, drawn, manual = (
            named_checks([CHECK])[0],
            case(T, B, ENGINE[who]),
            reference("manual"),
        )
        return lambda: judge(check, Trial(manual, PoolCase(drawn)))
    one, drawn = reference(who), case(T, B)
    return lambda: (one.forward(drawn), one.gradients(drawn))


def cost(who: str, T: int, B: int) -> tuple[float, float]:
    """Microseconds of the processor per step and row, and the megabytes that the process has grown by."""
    work(who, 2, 1)()  # whatever is imported or compiled at first
    run = work(who, T, B)
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    while sum(seconds) < TURN:
        start = time.process_time()
        run()
        seconds.append(time.process_time() - start)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return 1e6 * statistics.median(seconds) / (T * B), (after - before) / 1024


def measured(who: str, sizes: Sequence[tuple[int, int]]) -> list[tuple[float, float]]:
    """Each in a process of its own, so that none has the memory of another."""
    found = []
    for T, B in sizes:
        with get_context("spawn").Pool(1) as pool:
            found.append(pool.apply(cost, (who, T, B)))
    return found


def rows(sizes: Sequence[tuple[int, int]], usual: tuple[int, int]) -> list[list[str]]:
    """By implementation: at every size the cost per step and row over that at the usual one."""
    lines = []
    for who in (*NAMES, *ENGINE):
        costs = dict(zip(sizes, measured(who, sizes), strict=True))
        ratios = [f"{costs[size][0] / costs[usual][0]:.2f}" for size in sizes]
        lines.append(
            [f"`{who}`" if who in NAMES else who, *ratios, f"{costs[sizes[-1]][1]:.0f} MB"]
        )
    return lines


def run() -> str:
    lengths, batches = [(T, ROWS) for T in LENGTHS], [(STEPS, B) for B in BATCHES]
    by_length = table(
        ("", *(f"T = {T:,}" for T in LENGTHS), "memory at the last"), rows(lengths, (USUAL, ROWS))
    )
    by_batch = table(
        ("", *(f"B = {B:,}" for B in BATCHES), "memory at the last"), rows(batches, (STEPS, USUAL))
    )
    return (
        f"## Long sequences and large batches\n\n`{COMMAND}`; I = 3, H = 4, float64; processor time per "
        f"step and row, over that at {USUAL}: 1 is linear growth, less than 1 better. References: forward "
        "and backward; `scalar` and `autodiff` keep objects for every step, more of them than the "
        f"processor's caches hold from some length on. Check: all of `{CHECK}`, envelope and exact truth "
        "included. The truth is in ball arithmetic. Where a network forgets (states contract) its "
        "enclosures stay narrow; where it does not, and is so long that they would not, each step starts "
        "from a point whose distance from the truth is known (`oracles/drift.py`), which takes a little "
        "longer and no more digits.\n\n"
        f"B = {ROWS}:\n\n{by_length}\n\nT = {STEPS}:\n\n{by_batch}\n"
    )
