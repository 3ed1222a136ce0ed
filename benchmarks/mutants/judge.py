"""What kills a mutant: a run of the harness on `manual` as it lies here, up to the first failure.

First the properties that need no reference, then everything else, on the cases of the standard
profile; where nothing fails, the same in small blocks. One line of JSON says who killed it; the exit
status is 1 if somebody did.
`python -m benchmarks.mutants.judge` judges one mutant; `server` judges many.
"""

import json
import os
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

from rnncheck.case import Case
from rnncheck.engine import Run
from rnncheck.events import Checked, Event, Finished, Running
from rnncheck.implementation import Implementation
from rnncheck.implementations import references
from rnncheck.keeper import Keeper
from rnncheck.pool import Pools
from rnncheck.properties.registry import all_checks
from rnncheck.report import ExitCode, Report
from rnncheck.settings import PROFILES, Settings

MANUAL = "rnncheck.implementations.manual"

PROFILE = replace(PROFILES["standard"], name="mutants", few_cases=PROFILES["quick"].few_cases)
"""The standard profile; but what takes hundreds of runs a case stops after fewer."""

HANGS = 60.0
"""Seconds of processor time on one case after which a mutant hangs; the right network takes about one."""

MEMORY = 8 * 2**30
"""Bytes; beyond it a mutant gets a MemoryError."""

SMALL_BLOCKS = 200
"""Bytes of a block of steps. Of `manual`'s own, a megabyte, every case of the pools is a single block;
of these most cases are several. And every weight is a large one then, in another order in memory."""


@dataclass
class Verdict:
    """Who killed the mutant. stage: import, properties, everything or survived; how: the verdict.

    refused: the first check of a degenerate case that the mutant would not take. To refuse one is a
    network's right, so no check fails; but `manual` takes them all, and the report tells. blocks:
    whether it took small ones to see it.
    """

    stage: str
    check: str = ""
    how: str = ""
    refused: str = ""
    blocks: bool = False


class Forgetful(Keeper):
    """Keeps no case: nobody replays a mutant."""

    def running(self, case: Case) -> Path:
        """Where it would lie."""
        return self.search_file


def forget() -> None:
    """Nothing that was imported of `manual` is used again."""
    for name in [name for name in sys.modules if f"{name}.".startswith(f"{MANUAL}.")]:
        del sys.modules[name]
    package, _, name = MANUAL.rpartition(".")
    vars(sys.modules[package]).pop(name, None)


def load() -> Implementation:
    """`manual` as its files say now: no bytecode, which may be of a file a moment ago."""
    forget()
    kept, sys.pycache_prefix = sys.pycache_prefix, os.devnull
    try:
        return references.reference("manual")
    finally:
        sys.pycache_prefix = kept


def fails(stages: dict[str, Iterator[Event]], verdict: Verdict) -> bool:
    """Whether a check fails. The verdict is filled in on the way, so that it says where a mutant hangs."""
    for stage, events in stages.items():
        verdict.stage = stage
        for event in events:
            if isinstance(event, Running):
                _alive(event.check, verdict)
            elif isinstance(event, Checked) and event.verdict in ("failed", "error"):
                verdict.check, verdict.how = event.check, event.verdict
                return True
            elif isinstance(event, Checked) and event.verdict == "refused":
                verdict.refused = verdict.refused or event.check
            elif isinstance(event, Finished) and event.report.exit_code != ExitCode.CONFORMANT:
                verdict.check, verdict.how = _silent(event.report), "silent"
                return True
    return False


def _silent(report: Report) -> str:
    return ", ".join(report.silent_families)


_since = [time.process_time()]


def _alive(check: str, verdict: Verdict) -> None:
    verdict.check, _since[0] = check, time.process_time()


def _watch(verdict: Verdict) -> None:
    """End the process, as killed, if one case takes too long."""
    while True:
        time.sleep(1.0)
        if time.process_time() - _since[0] > HANGS:
            verdict.how = "hung"
            print(json.dumps(asdict(verdict)), flush=True)
            os._exit(1)


def stages(subject: Implementation, folder: Path, pools: Pools) -> dict[str, Iterator[Event]]:
    """The two runs: they share the pools, and neither remembers earlier ones."""
    chosen: dict[str, list[str]] = {"properties": [], "everything": []}
    for check in all_checks():
        chosen["everything" if check.needs_reference else "properties"].append(check.id)
    runs = {
        stage: Run(
            subject, Settings(PROFILE, checks=tuple(ids), folder=folder, database="none"), pools
        )
        for stage, ids in chosen.items()
    }
    for run in runs.values():
        run.keeper = Forgetful(folder, subject.name)
    return {stage: run.events() for stage, run in runs.items()}


def judge(pools: Pools, found: Verdict) -> Verdict:
    """The verdict on `manual` as it lies here. found: filled in on the way there."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            subject = load()
        except Exception as error:
            found.how = type(error).__name__
            return found
        for found.blocks in (False, True):
            if found.blocks:
                small = {"BLOCK_BYTES": SMALL_BLOCKS, "SMALL_BYTES": 0}
                vars(sys.modules[f"{MANUAL}.memory"]).update(small)
            if fails(stages(subject, Path(folder), pools), found):
                return found
    if found.refused:
        return Verdict("everything", found.refused, "refused")
    return Verdict("survived")


def report(pools: Pools) -> int:
    """Judge within the limits and print the verdict. 0 if the mutant survives, 1 if it is killed."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    found = Verdict("import")
    _alive("", found)
    threading.Thread(target=_watch, args=(found,), daemon=True).start()
    found = judge(pools, found)
    print(json.dumps(asdict(found)), flush=True)
    return int(found.stage != "survived")


def require_here() -> None:
    """SystemExit if the code that is imported is not the code that lies here."""
    if not Path(references.__file__).resolve().is_relative_to(Path.cwd()):
        print("rnncheck is not imported from this folder", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    require_here()
    sys.exit(report(Pools()))
