"""What kills a mutant: a run of the harness on `manual` as it lies here, up to the first failure.

First the properties that need no reference, then everything else, on the cases of the standard
profile. One line of JSON says who killed it; the exit status is 1 if somebody did.
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

from rnncheck.engine import Run
from rnncheck.events import Checked, Event, Finished, Running
from rnncheck.implementation import Implementation
from rnncheck.implementations import references
from rnncheck.pool import Pools
from rnncheck.properties.registry import Check, all_checks
from rnncheck.report import ExitCode, Report
from rnncheck.settings import PROFILES, Settings

REFERENCES = ("truth", "dyadic", "agreement")
"""Families that compare with what the network must give: by the exact oracle or another network."""

FORMULA = ("forward_is_certified",)
"""Checks of other families that do."""

PROFILE = replace(PROFILES["standard"], name="mutants", few_cases=PROFILES["quick"].few_cases)
"""The standard profile; but what takes hundreds of runs a case stops after fewer."""

HANGS = 60.0
"""Seconds of processor time on one case after which a mutant hangs; the right network takes about one."""

MEMORY = 8 * 2**30
"""Bytes; beyond it a mutant gets a MemoryError."""


@dataclass
class Verdict:
    """Who killed the mutant. stage: import, properties, everything or survived; how: the verdict.

    refused: the first check of a degenerate case that the mutant would not take. To refuse one is a
    network's right, so no check fails; but `manual` takes them all, and the report tells.
    """

    stage: str
    check: str = ""
    how: str = ""
    refused: str = ""


def needs_no_reference(check: Check) -> bool:
    """Whether a check holds the network to nothing but its own results."""
    return check.family not in REFERENCES and check.id not in FORMULA


def judged(stages: dict[str, Iterator[Event]], verdict: Verdict) -> Verdict:
    """Filled in as the stages go, so that it says where a mutant hangs."""
    for stage, events in stages.items():
        verdict.stage = stage
        for event in events:
            if isinstance(event, Running):
                _alive(event.check, verdict)
            elif isinstance(event, Checked) and event.verdict in ("failed", "error"):
                verdict.check, verdict.how = event.check, event.verdict
                return verdict
            elif isinstance(event, Checked) and event.verdict == "refused":
                verdict.refused = verdict.refused or event.check
            elif isinstance(event, Finished) and event.report.exit_code != ExitCode.CONFORMANT:
                verdict.check, verdict.how = _silent(event.report), "silent"
                return verdict
    if verdict.refused:
        return Verdict("everything", verdict.refused, "refused")
    return Verdict("survived")


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


def stages(subject: Implementation, folder: Path) -> dict[str, Iterator[Event]]:
    """The two runs: they share the pool, and neither remembers earlier ones."""
    pools = Pools()
    chosen: dict[str, list[str]] = {"properties": [], "everything": []}
    for check in all_checks():
        chosen["properties" if needs_no_reference(check) else "everything"].append(check.id)
    return {
        stage: Run(
            subject, Settings(PROFILE, checks=tuple(ids), folder=folder, database="none"), pools
        ).events()
        for stage, ids in chosen.items()
    }


def main() -> int:
    """0 if the mutant survives, 1 if it is killed, 2 if it is not the code that lies here."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if not Path(references.__file__).resolve().is_relative_to(Path.cwd()):
        print("rnncheck is not imported from this folder", file=sys.stderr)
        return 2
    found = Verdict("import")
    threading.Thread(target=_watch, args=(found,), daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        try:
            subject = references.reference("manual")
        except Exception as error:
            found.how = type(error).__name__
        else:
            found = judged(stages(subject, Path(folder)), found)
    print(json.dumps(asdict(found)), flush=True)
    return int(found.stage != "survived")


if __name__ == "__main__":
    sys.exit(main())
