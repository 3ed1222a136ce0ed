"""Time to verdict: whole processes of `rnncheck check`, and where the time of one goes."""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.tables import table

COMMAND = "python -m benchmarks verdict"
EXAMPLE = Path(__file__).parent.parent / "examples" / "my_rnn.py"
MISTAKE, RIGHT = 'delta @ params["W_hh"].T  #', 'delta @ params["W_hh"]  #'
IMPORTS = (sys.executable, "-c", "import numpy, hypothesis")
BARE = (sys.executable, "-c", "pass")
RNNCHECK = (sys.executable, "-m", "rnncheck")
REQUIRED = {"quick": 20, "standard": 120}
ROUNDS, FEW = 9, 3
LINES = 8


def seconds(command: tuple[str, ...], folder: Path) -> tuple[float, float]:
    """The clock's and the processor's seconds of a process and its children."""
    environment = os.environ | {"PYTHONPATH": str(EXAMPLE.parent.parent)}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ratios(
    command: tuple[str, ...], base: tuple[str, ...], folder: Path, rounds: int
) -> tuple[float, float]:
    """Medians of interleaved pairs: by the clock, by the processor."""
    seconds(command, folder)
    pairs = [(seconds(command, folder), seconds(base, folder)) for _ in range(rounds)]
    clock, processor = ([one[i] / two[i] for one, two in pairs] for i in (0, 1))
    return statistics.median(clock), statistics.median(processor)


def right_network(folder: Path) -> Path:
    """The example without its mistake."""
    text = EXAMPLE.read_text(encoding="utf-8")
    assert MISTAKE in text
    path = folder / "right_rnn.py"
    path.write_text(text.replace(MISTAKE, RIGHT), encoding="utf-8")
    return path


def spent(path: Path, profile: str) -> Iterator[tuple[str, float]]:
    """By family of checks, or what else it was, the processor's seconds of a run in this process."""
    from rnncheck.checking import run_events
    from rnncheck.events import Checked, Running
    from rnncheck.loading import load_file, parse_target
    from rnncheck.pool import Pools
    from rnncheck.properties.registry import all_checks
    from rnncheck.settings import PROFILES, Settings

    families = {check.id: check.family for check in all_checks()}
    (subject,) = load_file(parse_target(f"{path}:rnn"))
    found: Counter[str] = Counter()
    settings = Settings(PROFILES[profile], folder=path.parent)
    last = time.process_time()
    drawn = False
    for event in run_events(subject, settings, Pools()):
        now = time.process_time()
        if isinstance(event, Checked):
            found[families[event.check]] += now - last
        elif isinstance(event, Running) and not drawn:
            found["drawing the pool of cases"] += now - last
            drawn = True
        else:
            found["writing cases, reports, the rest"] += now - last
        last = now
    return iter(found.most_common())


def run() -> str:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = right_network(folder)
        rows = []
        for profile, most in REQUIRED.items():
            command = (*RNNCHECK, "check", f"{path}:rnn", "--profile", profile)
            clock, processor = ratios(
                command, IMPORTS, folder, ROUNDS if profile == "quick" else FEW
            )
            rows.append((f"`--profile {profile}`", f"{clock:.1f}", f"{processor:.1f}", most))
        extra = [
            (seconds((*RNNCHECK, "--help"), folder), seconds(BARE, folder)) for _ in range(ROUNDS)
        ]
        above = [statistics.median(one[i] - two[i] for one, two in extra) for i in (0, 1)]
        parts = {profile: list(spent(path, profile)) for profile in REQUIRED}
    where = [
        (
            words,
            *(f"{dict(found)[words] / sum(dict(found).values()):.0%}" for found in parts.values()),
        )
        for words, _ in parts["standard"][:LINES]
        if words in dict(parts["quick"])
    ]
    head = ("`rnncheck check FILE:OBJECT`", "by the clock", "by the processor", "required")
    return (
        f"## Time to verdict\n\n`{COMMAND}`; whole processes, of a right network of one layer in NumPy, as a "
        'multiple of `python -c "import numpy, hypothesis"`; medians of interleaved pairs. '
        f"`rnncheck --help` takes {1000 * above[0]:.0f} ms more than a bare interpreter (by the processor "
        f"{1000 * above[1]:.0f} ms; required: 150).\n\n{table(head, rows)}\n\nWhere the time goes, once all "
        f"is imported:\n\n{table(('', *(f'`{p}`' for p in parts)), where)}\n"
    )
