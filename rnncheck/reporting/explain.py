"""What a check demands, and where the allowance of a case comes from."""

import difflib
import inspect
import textwrap
from pathlib import Path
from typing import get_args

import numpy as np
from rich.table import Table

from rnncheck.case import Case
from rnncheck.implementations.faulty.catalogue import Fault, faults, variants
from rnncheck.oracles.envelope import SAFETY, Envelope, envelope
from rnncheck.oracles.noise import SAMPLES, Source
from rnncheck.properties.registry import all_checks, named_checks
from rnncheck.reporting.text import plain_text
from rnncheck.results import UsageError


def explain_name(name: str) -> str:
    """What a fault of the catalogue is, or what a check demands. UsageError for a name of neither."""
    entries = {entry.id: entry for entry in (*faults(), *variants())}
    if name in entries:
        return explain_fault(entries[name])
    try:
        return explain_check(name)
    except KeyError:
        near = difflib.get_close_matches(name, [*entries, *(c.id for c in all_checks())], 3, 0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UsageError(
            f"no fault or check is called {name}{hint} (`rnncheck faults` and `rnncheck list` name all)"
        ) from None


def explain_fault(fault: Fault) -> str:
    """A fault's docstring, where its gradient is wrong, and its code."""
    lines = [f"{fault.id} ({fault.family})", "", fault.text]
    if fault.terms:
        lines += ["", f"Off: the gradients for {', '.join(fault.wrong)}: {fault.terms}."]
    return "\n".join([*lines, "", *textwrap.indent(fault.code, "    ").splitlines()])


def explain_check(name: str) -> str:
    """A check's docstring: the law in its first line, then what is compared and allowed."""
    (check,) = named_checks([name])
    return f"{check.id} ({check.family})\n\n{inspect.getdoc(check.law)}"


def explain_case(path: Path) -> str:
    """For every array of a case: the largest allowance, and what each kind of operation adds to it.

    Each share is the envelope with that operation alone rounding, in units of the allowance; errors
    do not add up linearly, so shares need not either. UsageError if the file holds no case.
    """
    try:
        case = Case.load(path)
    except (FileNotFoundError, ValueError) as error:
        raise UsageError(str(error)) from error
    whole = envelope(case)
    alone = {source: envelope(case, only=source) for source in get_args(Source)}
    result = alone["result"]
    used = [s for s, p in alone.items() if any(_share(p, whole, result, n) for n in whole.arrays)]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("array", no_wrap=True)
    for column in ("allowed", *used, "says something"):
        heading = column.replace(" ", "\n").replace("-", "-\n")  # all columns must fit
        table.add_column(heading, justify="right", vertical="bottom")
    for name, allowance in whole.arrays.items():
        if allowance.allowed.size:
            shares = [f"{_share(alone[source], whole, result, name):.0%}" for source in used]
            told = f"{int(allowance.telling.sum())} of {allowance.telling.size}"
            table.add_row(name, f"{_largest(whole, name):.2g}", *shares, told)
    return f"{_preamble(case, whole)}\n\n{plain_text(table)}"


def _preamble(case: Case, whole: Envelope) -> str:
    unit = np.finfo(case.dtype).eps / 2
    lines = [
        f"{case.sizes()} ({case.origin})",
        f"Allowed: {SAFETY:g} times the largest deviation of {SAMPLES} runs in which every operation "
        f"errs by as much as {case.dtype} may (u = {unit:.2g}), entry by entry. Below: the largest "
        "entry of each array, and what is left of it if one kind of operation alone rounds.",
    ]
    if whole.chaotic:
        lines.append(
            "Chaos: rounding fills a whole state of this case; what comes after says nothing, and "
            "every gradient array is judged by its largest allowance."
        )
    if whole.overflowed:
        lines.append(f"Some value may leave the range of {case.dtype}: what follows says nothing.")
    if whole.near_kinks:
        lines.append(
            f"ReLU: {whole.near_kinks} of its arguments are so near 0 that rounding decides the sign."
        )
    return "\n".join(lines)


def _largest(part: Envelope, name: str) -> float:
    return float(np.max(part[name].allowed, initial=0.0))


def _share(part: Envelope, whole: Envelope, result: Envelope, name: str) -> float:
    """What one kind of operation adds beyond the rounding of the result, as part of the whole."""
    largest = _largest(whole, name)
    if largest == 0.0:
        return 0.0
    beyond = 0.0 if part is result else _largest(result, name)
    return (_largest(part, name) - beyond) / largest
