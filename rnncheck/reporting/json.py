"""The report for programs: one JSON document for all implementations of a run."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rnncheck.events import Unusable
from rnncheck.report import CheckReport, ExitCode, Finding, Report
from rnncheck.reporting.text import shown
from rnncheck.results import UsageError

FORMAT = 1
"""Raised when a key changes its meaning or goes away; new keys do not raise it."""


def require_folder(path: Path) -> None:
    """UsageError unless the folder of a file that is to be written is there."""
    if not path.parent.is_dir():
        raise UsageError(f"cannot write {path}: there is no folder {path.parent}")


def write_json(
    path: Path, reports: Sequence[Report], exit_code: ExitCode, unusable: Sequence[Unusable] = ()
) -> None:
    """Write the reports to a file, and why others are missing.

    Infinite numbers are written as null: JSON has none. Raises UsageError if the file cannot be
    written.
    """
    document = {
        "format": FORMAT,
        "exit_code": int(exit_code),
        "reports": [report_dict(report) for report in reports],
        "unusable": [{"target": one.target, "message": one.message} for one in unusable],
    }
    try:
        path.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def report_dict(report: Report) -> dict[str, Any]:
    """A report as plain data."""
    return {
        "implementation": report.implementation,
        "passed": report.passed,
        "profile": report.profile,
        "seed": report.seed,
        "silent_families": list(report.silent_families),
        "checks": [_check(check) for check in report.checks],
    }


def _check(check: CheckReport) -> dict[str, Any]:
    return {
        "check": check.check,
        "family": check.family,
        "status": check.status.value,
        "cases": check.cases,
        "witnesses": check.witnesses,
        "refused": check.refused,
        "not_applicable": check.not_applicable,
        "worst": _number(check.worst),
        "note": check.note,
        "finding": None if check.finding is None else finding_dict(check.finding),
        "certificates": [asdict(certificate) for certificate in check.certificates],
    }


def finding_dict(finding: Finding) -> dict[str, Any]:
    """A finding as plain data."""
    place = finding.place
    return {
        "message": finding.message,
        "measured": _number(finding.measured),
        "allowed": _number(finding.allowed),
        "place": None if place is None else {"array": place.array, "index": list(place.index)},
        "wrong": {name: _number(ratio) for name, ratio in finding.wrong.items()},
        "right": list(finding.right),
        "nature": finding.nature,
        "diagnosis": finding.diagnosis,
        "faults": list(finding.faults),
        "where": None if finding.where is None else asdict(finding.where),
        "case": finding.case.sizes(),
        "origin": finding.case.origin,
        "case_file": None if finding.case_file is None else shown(finding.case_file),
    }


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
