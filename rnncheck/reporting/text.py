"""A report as a person reads it: a line a check, then each finding: what, where, on which case."""

import io
import math

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from rnncheck.properties.registry import all_checks
from rnncheck.report import CheckReport, Finding, Report, Status

WIDTH = 100
_STYLES = {Status.PASSED: "green", Status.FAILED: "bold red", Status.ERROR: "bold red"}


def report_text(report: Report) -> str:
    """The report as plain text, without colours."""
    return plain_text(render(report))


def plain_text(what: RenderableType) -> str:
    """Anything rich can show, without colours and trailing blanks."""
    file = io.StringIO()
    Console(file=file, width=WIDTH, no_color=True, highlight=False).print(what)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines()).rstrip()


def render(report: Report) -> Group:
    """The report for a rich console."""
    findings = [Padding(render_finding(*group), (1, 0, 0, 0)) for group in _grouped(report)]
    errors = [Text(f"\n{c.note}") for c in report.checks if c.status is Status.ERROR]
    return Group(_checks(report), *findings, *errors, Text(), verdict_line(report))


def verdict_line(report: Report) -> Text:
    """Right or wrong, in one line."""
    failed = sum(c.status is Status.FAILED for c in report.checks)
    errors = [c for c in report.checks if c.status is Status.ERROR]
    run = f"profile {report.profile}, seed {report.seed}"
    if errors:
        text = f"rnncheck itself failed in {errors[0].check}; the verdict on {report.implementation} is open"
        return Text(f"{text} ({run})", style="bold red")
    if failed:
        return Text(
            f"WRONG: {report.implementation} fails {failed} of {len(report.checks)} checks ({run})",
            style="bold red",
        )
    if report.passed:
        ran = [c for c in report.checks if c.status is Status.PASSED]
        return Text(
            f"RIGHT: {report.implementation} passes all {len(ran)} checks that apply ({run})",
            style="bold green",
        )
    silent = ", ".join(report.silent_families) or "anything"
    return Text(
        f"NOTHING TOLD: no case could have shown a fault of {report.implementation} in {silent} ({run})",
        style="bold yellow",
    )


def _checks(report: Report) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", expand=False)
    table.add_column(report.implementation, style="bold", no_wrap=True)
    table.add_column("status", no_wrap=True)
    table.add_column("cases", justify="right")
    table.add_column("worst error / allowed", justify="right")
    table.add_column("", overflow="fold")
    for check in report.checks:
        status = Text(
            check.status.value.replace("_", " "), style=_STYLES.get(check.status, "yellow")
        )
        worst = "" if check.worst is None else f"{check.worst:.2g}"
        table.add_row(check.check, status, str(check.cases or ""), worst, _remarks(check))
    return table


def _remarks(check: CheckReport) -> str:
    """Why a check says nothing, or what it left out; nothing for cases merely out of its reach."""
    refused = f"{check.refused} degenerate cases refused" if check.refused else ""
    plain = check.status in (Status.PASSED, Status.FAILED)
    if check.status is Status.ERROR:
        return "rnncheck failed: see below"
    note = "" if plain and (check.not_applicable or check.refused) else check.note
    return "; ".join(part for part in (refused, note) if part)


def _grouped(report: Report) -> list[list[Finding]]:
    """Findings that say the same, together: one message, one set of wrong arrays.

    That it disagrees with other networks is only named if it has been shown against the truth.
    """
    groups: dict[object, list[Finding]] = {}
    families = {check.check: check.family for check in report.checks}
    for finding in report.findings:
        key: object = frozenset(finding.wrong) or finding.message
        if groups and families[finding.check] == "agreement":
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
        facts["error"] = (
            f"{finding.measured:.3g} where {finding.allowed:.3g} is allowed: {ratio:.3g} times too much"
        )
    if finding.wrong:
        facts["wrong"] = ", ".join(f"{n} ({_times(r)})" for n, r in finding.wrong.items())
        facts["right"] = ", ".join(finding.right) or "nothing else that was compared"
    facts["case"] = f"{finding.case.sizes()} ({finding.case.origin})"
    if finding.case_file:
        facts["kept in"] = str(finding.case_file)
    if same:
        facts["seen by"] = ", ".join(other.check for other in same)
    if finding.diagnosis:
        facts["diagnosis"] = finding.diagnosis
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for word, fact in facts.items():
        table.add_row(f"  {word}", Text(fact, style="bold" if word == "diagnosis" else ""))
    return Group(*lines, table)


def _times(ratio: float) -> str:
    return f"{ratio:.2g}×" if math.isfinite(ratio) else "not a number"
