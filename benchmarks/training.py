"""The published networks, trained in full over five seeds, and in lockstep."""

from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

from rich.progress import track

from benchmarks.tables import table
from rnncheck.training.running import Trained, train_in_lockstep, train_setup
from rnncheck.training.tasks import NAMES, find
from rnncheck.training.tasks.task import Figure, Setup

COMMAND = "python -m benchmarks training"
SEEDS = 5
WORDS = {
    "sine": "mean squared error over all 150 windows",
    "sine_cosine": "mean squared error over all 150 windows",
    "multiplication": "accuracy at steps 2 to 10, pairs held out",
    "forward_pass": "mean squared error, held out",
    "modulo3": "symbols right, of 100",
    "rising_sums": "sequences right, of 6",
    "counting": "largest error of 8 steps from 100..104",
    "echo": "whole answers right, held out",
}  # fmt: skip
"""The figure of each task that the table shows."""

BESIDE = "state carried, published settings"


def setups(name: str) -> tuple[Setup, ...]:
    """A task's, and for counting what the published settings make of the correct network."""
    own = find(name).setups
    if name != "counting":
        return own
    return (*own, replace(own[0], name=BESIDE, build=own[1].build))


def trained(job: tuple[str, int, int]) -> tuple[str, int, list[float], list[Figure], list[Figure]]:
    """One network on one seed: losses, and the evaluation before and after."""
    name, which, seed = job
    run = train_setup(find(name), setups(name)[which], seed=seed)
    return name, which, run.losses, run.before, run.after


def in_lockstep(name: str) -> list[list[object]]:
    """A row for each network of a task in lockstep."""
    return [_lockstep_row(run) for run in train_in_lockstep(name)]


def _lockstep_row(run: Trained) -> list[object]:
    tally = run.lockstep
    assert tally is not None
    name = f"{run.task.name}, {run.setup.name}" if run.setup.name else run.task.name
    rows = f"{tally.rows} of {len(run.data.train)}"
    agree = "no" if tally.finding else "yes"
    silent = tally.silent.total()
    return [name, rows, tally.steps, f"{tally.compared:,}", f"{tally.worst:.2f}", silent, agree]


def run(cases: int = SEEDS) -> str:
    """Five seeds of each, or `cases`."""
    jobs = [
        (name, which, seed)
        for name in NAMES
        for which in range(len(setups(name)))
        for seed in range(cases)
    ]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        results = list(track(pool.map(trained, jobs), "training", total=len(jobs)))
        locked = list(track(pool.map(in_lockstep, NAMES), "lockstep", total=len(NAMES)))
    rows = []
    for name in NAMES:
        for which, setup in enumerate(setups(name)):
            own = [r for r in results if (r[0], r[1]) == (name, which)]
            rows.append([name, setup.name, *_cells(name, own)])
    heads = ("task", "network", "epochs", "first loss", "last loss", "published", "", "after")
    lock = ("task", "rows", "steps", "arrays", "largest difference", "nothing said of", "agree")
    return (
        f"## Training\n\n`{COMMAND}`: the published networks with the published numbers of epochs, "
        f"data and parameters of {cases} seeds each, on `manual`; smallest to largest. Losses as "
        "they were published: sums over the epoch for sine, sine_cosine and modulo3.\n\n"
        + table(heads, rows)
        + "\n\nIn lockstep, one seed, on manual, autodiff, scalar and torch: every array of every step "
        "compared; the largest difference as a fraction of the two envelopes that are allowed.\n\n"
        + table(lock, [row for part in locked for row in part])
    )


def _cells(
    name: str, results: list[tuple[str, int, list[float], list[Figure], list[Figure]]]
) -> list[str]:
    task = find(name)
    losses = [r[2] for r in results]
    after = [f.value for r in results for f in r[4] if f.words == WORDS[name]]
    published = task.published
    ends = f"{published[min(published)]:g} → {published[max(published)]:g}" if published else ""
    return [
        str(len(losses[0])), _range(x[0] for x in losses), _range(x[-1] for x in losses), ends,
        WORDS[name], _range(after),
    ]  # fmt: skip


def _range(values: Iterable[float]) -> str:
    numbers = sorted(values)
    low, high = f"{numbers[0]:.3g}", f"{numbers[-1]:.3g}"
    return low if low == high else f"{low} to {high}"
