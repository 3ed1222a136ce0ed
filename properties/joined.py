"""Several outcomes as one."""

from collections.abc import Iterable
from dataclasses import replace

from rnncheck.properties.outcome import Outcome


def joined(outcomes: Iterable[Outcome]) -> Outcome:
    """What all of them found; a witness if each is one; the first note."""
    parts = list(outcomes)
    entries = tuple(entry for part in parts for entry in part.entries)
    note = next((part.note for part in parts if part.note), "")
    return Outcome(entries, all(part.witness for part in parts), note)


def told(outcome: Outcome, circumstance: str) -> Outcome:
    """The outcome with every array's name followed by the circumstance it was found in."""
    entries = tuple(replace(e, array=f"{e.array} {circumstance}") for e in outcome.entries)
    return replace(outcome, entries=entries)
