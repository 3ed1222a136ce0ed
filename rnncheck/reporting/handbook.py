"""The handbook of RNN bugs: the docstrings of the catalogue, family by family, as one page."""

from itertools import groupby
from pathlib import Path

from rnncheck.implementations.faulty.catalogue import Fault, family_text, faults, variants
from rnncheck.results import UsageError

COMMAND = "rnncheck faults --handbook docs/handbook.md"


def handbook() -> str:
    """The page in Markdown."""
    entries = [*faults(), *variants()]
    parts = [
        "# Handbook of RNN bugs\n\n"
        f"Written by `{COMMAND}` from the docstrings in `implementations/faulty/`: {len(faults())} "
        f"mistakes, and {len(variants())} networks that look odd and are right. Each is a network with one "
        "equation changed; `rnncheck explain NAME` shows one of them here, `rnncheck faults` which "
        "checks find it.\n"
    ]
    for family, members in groupby(entries, key=lambda entry: entry.family):
        parts.append(f"## {family.capitalize()}\n\n{family_text(family)}\n")
        parts += [_chapter(entry) for entry in members]
    return "\n".join(parts)


def _chapter(entry: Fault) -> str:
    lines = [f"### {entry.id}", "", entry.what, ""]
    if entry.shows:
        lines.append(f"- Shows: {entry.shows}")
    if entry.terms:
        wrong = ", ".join(f"`{name}`" for name in entry.wrong)
        lines.append(f"- Off: the gradients for {wrong}: {entry.terms}.")
    if entry.seen:
        lines.append(f"- Seen: {entry.seen}")
    return "\n".join([*lines, "", "```python", entry.code, "```", ""])


def write_handbook(path: Path) -> None:
    """Write the page. UsageError if the file cannot be written."""
    try:
        path.write_text(handbook(), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
