"""What was proved, as a person reads it: the claim, the sizes, the branches, the chance of error."""

from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rnncheck.report import Branch, Certificate, Report, Status

CLAIMS = {
    "gradient": "its gradient is the derivative of its forward pass",
    "forward": "its forward pass is the formula of the network",
    "second": "its second derivatives are those of its gradient",
}
MOST = 4
"""Sizes and branches that a report lists; of more it gives the number."""


def render_certificates(report: Report) -> list[RenderableType]:
    """The block that stands first in a report; nothing if nothing was proved.

    What a failed check has certified at other sizes is not told: there it is right by accident.
    """
    passed = [check for check in report.checks if check.status is Status.PASSED]
    certificates = [c for check in passed for c in check.certificates]
    if not certificates:
        return []
    claims = [CLAIMS[what] for what in CLAIMS if any(c.what == what for c in certificates)]
    head = Text(f"CERTIFIED of {report.implementation}, as exact identities: ", style="bold green")
    head.append(", ".join(claims[:-1]) + " and " * bool(claims[1:]) + claims[-1], style="green")
    return [Group(head, _facts(certificates))]


def _facts(certificates: Sequence[Certificate]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    proved: dict[str, list[str]] = {}
    for certificate in certificates:
        proved.setdefault(certificate.sizes.rpartition(" ")[0], []).append(certificate.what)
    rows = [f"{sizes} ({', '.join(what)})" for sizes, what in proved.items()]
    _list(table, "  at", rows)
    _list(table, "  branches", _branches(certificates) or ["none: the code compares nothing"])
    chance = max(certificate.false_accept for certificate in certificates)
    words = f"wrong code is certified with a probability below {at_most(chance)} each"
    table.add_row("  error", Text(words))
    return table


def at_most(chance: float) -> str:
    """Two digits, rounded up."""
    text = f"{chance:.1e}"
    return text if float(text) >= chance else f"{1.06 * chance:.1e}"


def _list(table: Table, word: str, rows: Sequence[str]) -> None:
    for i, row in enumerate(rows[:MOST]):
        table.add_row("" if i else word, Text(row))
    if len(rows) > MOST:
        table.add_row("", Text(f"and {len(rows) - MOST} more"))


def _branches(certificates: Sequence[Certificate]) -> list[str]:
    """Each line that compares, with how often it went either way in all the runs."""
    held: Counter[tuple[str, int, str]] = Counter()
    failed: Counter[tuple[str, int, str]] = Counter()
    for branch in (b for c in certificates for b in c.branches):
        held[_line(branch)] += branch.held
        failed[_line(branch)] += branch.failed
    return [
        f"{file}, line {line} ({relation}): {held[file, line, relation]} times yes, "
        f"{failed[file, line, relation]} times no"
        for file, line, relation in sorted(held)
    ]


def _line(branch: Branch) -> tuple[str, int, str]:
    return branch.file, branch.line, branch.relation
