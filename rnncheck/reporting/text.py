"""A report as a person reads it: a line a check, then each finding: what, where, on which case."""

import io
import math
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rnncheck.properties.outcome import NOTHING
from rnncheck.properties.registry import all_checks
from rnncheck.report import CheckReport, Finding, Report, Status
from rnncheck.reporting.certificates import render_certificates

WIDTH = 100
ONE_BY_ONE = ("proof", "truth", "dyadic", "gradients", "agreement")
"""Families whose checks are listed one by one; of the others, those that did not pass."""

BETWEEN_RUNS = (
    "agreement", "gauge", "time", "chunks", "batch", "direction", "layers", "closed",
)  # fmt: skip
"""Families whose findings follow from what is wrong already, and are then only named."""

MOST = 600
"""Characters of a message that a report shows."""

_STYLES = {Status.PASSED: "green", Status.FAILED: "bold red", Status.ERROR: "bold red"}


def report_text(report: Report) -> str:
    """The report as plain text, without colours."""
    return plain_text(render(report))


def plain_text(what: RenderableType, width: int = WIDTH) -> str:
    """Anything rich can show, without colours and trailing blanks."""
    file = io.StringIO()
    Console(file=file, width=width, no_color=True, highlight=False).print(what, crop=False)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).rstrip()


def render(report: Report) -> Group:
    """The report for a rich console."""
    findings = [Padding(render_finding(*group), (1, 0, 0, 0)) for group in grouped(report)]
    errors = [Text(f"\n{c.note}") for c in report.checks if c.status is Status.ERROR]
    certified = [Padding(block, (0, 0, 1, 0)) for block in render_certificates(report)]
    return Group(*certified, _checks(report), *findings, *errors, Text(), verdict_line(report))


def verdict_line(report: Report) -> Text:
    """Right or wrong, in one line."""
    words, style = _verdict(report)
    run = f"profile {report.profile}, seed {report.seed}"
    return Text(f"{words} ({run})", style=style, no_wrap=True, overflow="ignore")


def _verdict(report: Report) -> tuple[str, str]:
    name = report.implementation
    applicable = [c for c in report.checks if c.status is not Status.NOT_APPLICABLE]
    failed = [c for c in report.checks if c.status is Status.FAILED]
    errors = [c for c in report.checks if c.status is Status.ERROR]
    if errors:
        words = f"rnncheck itself failed in {errors[0].check}; the verdict on {name} is open"
        return words, "bold red"
    if failed:
        words = f"WRONG: {name} fails {len(failed)} of {_checks_in_words(len(applicable))}"
        return words, "bold red"
    if report.passed:
        ran = [c for c in report.checks if c.status is Status.PASSED]
        all_that_apply = "the check that applies"
        if len(ran) > 1:
            all_that_apply = f"all {len(ran)} checks that apply"
        return f"RIGHT: {name} passes {all_that_apply}", "bold green"
    if not applicable:
        return f"NOTHING TOLD: no check applies to {name}", "bold yellow"
    silent = ", ".join(report.silent_families)
    words = f"NOTHING TOLD: no case could have shown a fault of {name} in {silent}"
    return words, "bold yellow"


def _checks_in_words(count: int) -> str:
    return "1 check" if count == 1 else f"{count} checks"


def _checks(report: Report) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", expand=False)
    table.add_column(Text(report.implementation), style="bold", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("cases", justify="right")
    table.add_column("error / allowed", justify="right")
    table.add_column("", overflow="fold")
    for family, checks in _families(report).items():
        together = family not in ONE_BY_ONE and len(checks) > 1
        if together:
            table.add_row(*_family_row(family, checks))
        for check in [c for c in checks if _stands_out(c)] if together else checks:
            indent = "  " if together else ""
            row = (check.status, check.cases, check.worst, _remarks(check))
            table.add_row(f"{indent}{check.check}", *_cells(*row))
    return table


def _families(report: Report) -> dict[str, list[CheckReport]]:
    families: dict[str, list[CheckReport]] = {}
    for check in report.checks:
        families.setdefault(check.family, []).append(check)
    return families


def _stands_out(check: CheckReport) -> bool:
    return check.status not in (Status.PASSED, Status.NOT_APPLICABLE)


def _family_row(family: str, checks: list[CheckReport]) -> tuple[RenderableType, ...]:
    """Many checks in one line: the worst status, and how many apply."""
    order = (Status.ERROR, Status.FAILED, Status.PASSED, Status.VACUOUS, Status.NOT_APPLICABLE)
    statuses = {check.status for check in checks}
    status = next((s for s in order if s in statuses), Status.PASSED)
    passed = sum(check.status is Status.PASSED for check in checks)
    missing = sum(check.status is Status.NOT_APPLICABLE for check in checks)
    words = (
        f"{len(checks)} checks" if passed == len(checks) else f"{passed} of {len(checks)} checks"
    )
    if missing:
        words += f", {missing} not applicable"
    worst = max((check.worst for check in checks if check.worst is not None), default=None)
    return (Text(family), *_cells(status, max(check.cases for check in checks), worst, words))


def _cells(
    status: Status, cases: int, worst: float | None, remark: str
) -> tuple[RenderableType, ...]:
    words = Text(status.value.replace("_", " "), style=_STYLES.get(status, "yellow"))
    return words, str(cases or ""), "" if worst is None else f"{worst:.2g}", Text(remark)


def _remarks(check: CheckReport) -> str:
    """Why a check says nothing, or what it left out; nothing for cases merely out of its reach."""
    plural = "" if check.refused == 1 else "s"
    refused = f"{check.refused} degenerate case{plural} refused" if check.refused else ""
    plain = check.status in (Status.PASSED, Status.FAILED)
    if check.status is Status.ERROR:
        return "rnncheck failed: see below"
    note = "" if plain and (check.not_applicable or check.refused) else check.note
    return "; ".join(printable(part) for part in (refused, note) if part)


def grouped(report: Report) -> list[list[Finding]]:
    """Findings that say the same, together: one message, one set of wrong arrays.

    That it disagrees with other networks, or with itself, is only named if it is known to be wrong.
    """
    groups: dict[object, list[Finding]] = {}
    families = {check.check: check.family for check in report.checks}
    for finding in report.findings:
        key: object = frozenset(finding.wrong) or finding.message
        sums = all(name.startswith("<") for name in finding.wrong)  # of no array in particular
        if groups and (families[finding.check] in BETWEEN_RUNS or (finding.wrong and sums)):
            key = next(iter(groups))
        groups.setdefault(key, []).append(finding)
    return list(groups.values())


def render_finding(finding: Finding, *same: Finding) -> RenderableType:
    """One finding: the law, what broke it, by how much, where, on which case, and why.

    same: findings of other checks that say the same, and are only named.
    """
    laws = {check.id: check.equation for check in all_checks()}
    lines = [Text(finding.check, style="bold red")]
    facts = {"law": laws.get(finding.check, ""), "found": finding.message}
    if finding.measured is not None and finding.allowed and math.isfinite(finding.measured):
        ratio = finding.measured / finding.allowed
        exact = f"{finding.measured:.3g} where nothing may be off"
        facts["error"] = (
            exact
            if finding.allowed <= NOTHING
            else (
                f"{finding.measured:.3g} where {finding.allowed:.3g} is allowed: {ratio:.3g} times too much"
            )
        )
    if finding.wrong:
        facts["wrong"] = ", ".join(f"{n} ({_times(r)})" for n, r in finding.wrong.items())
        facts["right"] = ", ".join(finding.right) or "nothing else that was compared"
    facts["case"] = f"{finding.case.sizes()} ({finding.case.origin})"
    if finding.case_file:
        facts["kept in"] = shown(finding.case_file)
    if same:
        facts["seen by"] = ", ".join(other.check for other in same)
    if finding.nature:
        facts["nature"] = finding.nature
    if finding.diagnosis:
        facts["diagnosis"] = finding.diagnosis
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for word, fact in facts.items():
        table.add_row(
            f"  {word}",
            Text(
                "\n".join(map(printable, fact.split("\n"))),
                style="bold" if word == "diagnosis" else "",
            ),
        )
    return Group(*lines, table)


def printable(text: str) -> str:
    """What an exception of the subject's says, of a size that can be read, without control codes."""
    if len(text) > MOST:
        text = f"{text[:MOST]} ..."
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def shown(path: Path) -> str:
    """A path as the user would write it: relative to where he is, if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _times(ratio: float) -> str:
    return f"{ratio:.2g}×" if math.isfinite(ratio) else "not finite"
