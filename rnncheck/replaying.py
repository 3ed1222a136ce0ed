"""One kept case again: every check that applies to it, and each number beside what it must be."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rnncheck.case import Case, read_kept
from rnncheck.diagnosis import explained
from rnncheck.events import (
    Checked,
    CheckEnded,
    Event,
    Finished,
    Found,
    Replayed,
    Running,
    Side,
    Started,
)
from rnncheck.evidence import Evidence, kept_fresh
from rnncheck.implementation import Implementation, locate
from rnncheck.keeper import Keeper
from rnncheck.properties.registry import all_checks, named_checks
from rnncheck.properties.trial import PoolCase, Refused, Trial
from rnncheck.report import CheckReport, ExitCode, Report, Status
from rnncheck.results import SubjectError, UsageError
from rnncheck.settings import Settings
from rnncheck.verdicts import Tally, Verdict, beyond, describe, judge

RAN = (Status.PASSED, Status.VACUOUS)
Numbers = npt.NDArray[Any]


def load(path: Path) -> tuple[Case, dict[str, str]]:
    """A kept case, and what it was kept for. UsageError if the file holds none."""
    try:
        return Case.load(path), read_kept(path)
    except (OSError, ValueError) as error:
        raise UsageError(str(error)) from error


def kept_target(path: Path, kept: dict[str, str]) -> str:
    """The implementation that a case was kept for, as the user named it then.

    A file is looked for from here, and beside the folder in which the case lies. UsageError if the
    case does not say, or says what is not there.
    """
    target = kept.get("target", "")
    if not target:
        raise UsageError(f"{path} does not say what it was kept for; name it: replay {path} TARGET")
    if ".py" not in target:
        return target
    file, colon, attribute = target.partition(".py:")
    name = file + ".py" if colon else target
    places = [Path(name), path.resolve().parent.parent / name]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise UsageError(
            f"{path} was kept for {target}, which is not there; name it after the case"
        )
    return f"{found}:{attribute}" if colon else str(found)


def replay_events(subject: Implementation, path: Path, settings: Settings) -> Iterator[Event]:
    """The events of one implementation on one case; `Replayed` holds the numbers themselves."""
    case, _ = load(path)
    trial = Trial(subject, PoolCase(case))
    checks = named_checks(list(settings.checks)) if settings.checks else all_checks()
    keeper = Keeper(settings.folder, subject.name, settings.target)
    yield Started(subject.name, tuple(check.id for check in checks), len(checks))
    missing = subject.capabilities.missing(case)
    if missing is None:
        yield Running(checks[0].id, checks[0].family, keeper.running(case))
        yield _replayed(trial)
    reports = []
    for check in checks:
        tally, finding = Tally(check), None
        yield Running(check.id, check.family, keeper.running(case))
        lacks = beyond(check, subject.capabilities)
        verdict = Verdict("not_applicable", message=lacks) if lacks else judge(check, trial)
        yield Checked(check.id, verdict.word, tally.add(verdict))
        if verdict.word == "failed":
            finding = replace(describe(check, trial, verdict), case_file=path)
            finding = explained(Evidence(finding, check, [trial], [], kept_fresh(subject)))
            yield Found(finding)
        reports.append(tally.report(finding))
        yield CheckEnded(reports[-1])
    keeper.done()
    yield Finished(Report(subject.name, tuple(reports), settings.seed, "replay"))


def exit_code(reports: Sequence[CheckReport]) -> ExitCode:
    """3 the harness failed, 1 a finding, 5 no check applies to this case, 0 those that do hold."""
    statuses = {report.status for report in reports}
    if Status.ERROR in statuses:
        return ExitCode.HARNESS
    if Status.FAILED in statuses:
        return ExitCode.FINDING
    ran = any(report.status in RAN and report.cases for report in reports)
    return ExitCode.CONFORMANT if ran else ExitCode.NOTHING_TOLD


def _replayed(trial: Trial) -> Replayed:
    """The case and the results in the author's own names and orientation."""
    subject, case = trial.subject, trial.case
    given = [_side(subject, name, array) for name, array in case.arrays() if _has(subject, name)]
    results: list[Side] = []
    trouble = ""
    try:
        for name, value in trial.arrays.items():
            exact, allowance = trial.truth[name], trial.envelope[name]
            off, limit = exact.is_off(value, allowance), allowance.allowed
            results.append(_side(subject, name, value, exact.hi, limit, off))
    except (SubjectError, Refused) as error:
        trouble = str(error)
    return Replayed(subject.name, case.sizes(), case.origin, tuple(given), tuple(results), trouble)


def _has(subject: Implementation, name: str) -> bool:
    """Whether the author's network has such an array at all; if not, it is 0 in the case."""
    can = subject.capabilities
    lacking = {"h0": not can.initial_state, "d_h_n": not can.final_state}
    return not lacking.get(name, name.startswith("bias_hh") and 2 not in can.bias_vectors)


def _side(
    subject: Implementation, name: str, value: Numbers,
    expected: Numbers | None = None, allowed: Numbers | None = None, off: Numbers | None = None,
) -> Side:  # fmt: skip
    """An array as its author would print it; cotangents turn as what they belong to."""
    alike = {"d_output": "output", "d_h_n": "h_n"}.get(name, name)
    if alike in ("lengths", "dropout_masks"):
        return Side(name, value)
    own = locate(subject, alike, ()).array
    arrays = (_turned(subject, alike, array) for array in (value, expected, allowed, off))
    return Side(name.replace(alike, own), *arrays)


def _turned(subject: Implementation, name: str, array: Numbers | None) -> Numbers | None:
    """The array with every entry where its author has it."""
    if array is None or not array.size:
        return array
    places = {index: locate(subject, name, index).index for index in np.ndindex(array.shape)}
    turned = np.empty([max(along) + 1 for along in zip(*places.values(), strict=True)], array.dtype)
    for index, place in places.items():
        turned[place] = array[index]
    return turned
