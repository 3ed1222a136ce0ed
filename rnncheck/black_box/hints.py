"""What all entries of a wrong gradient have in common; silent where chance could have done it."""

import math
from collections.abc import Sequence

from rnncheck.black_box.entries import Entry, Index, Verdict

CHANCE = 1e-6
"""A hint is given only if entries unrelated to it would fit it with less than this probability."""

Interval = tuple[float, float]


def hint(shape: Index, entries: Sequence[Entry]) -> str | None:
    """The one reading that the entries of a wrong array allow: 0, a multiple, or the transpose."""
    if not any(entry.verdict is Verdict.WRONG for entry in entries):
        return None
    if len(entries) > 1 and all(entry.claimed == 0.0 for entry in entries):
        return "0 in every entry"
    factor = common_factor(entries)
    if factor is not None:
        return f"{short(factor)} times the right one in every entry"
    if _is_transposed(shape, entries):
        return "the transpose of the right one (in its last two axes)"
    return None


def common_factor(entries: Sequence[Entry]) -> Interval | None:
    """All c with claimed = c·value in every decided entry, within the errors; None if there is none.

    Two unrelated numbers have a ratio in an interval of relative width w with a probability of order w;
    n entries agree by chance with w^(n-1).
    """
    decided = [e for e in entries if e.verdict in (Verdict.WRONG, Verdict.RIGHT)]
    clear = [e for e in decided if abs(e.value) > e.error and abs(e.claimed) > e.slack]
    if len(clear) < 2 or len(decided) < len(entries):
        return None
    ends = [_quotients(e) for e in clear]
    low, high = max(a for a, _ in ends), min(b for _, b in ends)
    widths = sorted((b - a) / max(abs(a), abs(b)) for a, b in ends)
    if low > high or math.prod(widths[1:]) > CHANCE:
        return None
    size = max(abs(low), abs(high))
    rest = (e for e in decided if e not in clear)
    fits = all(abs(e.claimed) <= e.slack + size * (abs(e.value) + e.error) for e in rest)
    return (low, high) if fits else None


def shared_factor(arrays: Sequence[Sequence[Entry]]) -> Interval | None:
    """The factor of several wrong arrays, if it is the same one for all."""
    factors = [common_factor(entries) for entries in arrays]
    known = [factor for factor in factors if factor is not None]
    if len(known) < 2 or len(known) < len(arrays):
        return None
    low, high = max(a for a, _ in known), min(b for _, b in known)
    return (low, high) if low <= high else None


def short(factor: Interval) -> str:
    """The simplest number in an interval: 1/n, or the fewest digits."""
    low, high = factor
    middle = (low + high) / 2.0
    for digits in range(1, 18):
        text = f"{middle:.{digits}g}"
        n = round(1.0 / middle) if middle else 0
        if low <= float(text) <= high:
            return text
        if digits > 2 and n and low <= 1.0 / n <= high:
            return f"1/{n}" if n > 0 else f"-1/{-n}"
    return f"{middle:.17g}"


def _quotients(entry: Entry) -> Interval:
    """The least and the largest (claimed ± slack) / (value ± error)."""
    above = (entry.claimed - entry.slack, entry.claimed + entry.slack)
    below = (entry.value - entry.error, entry.value + entry.error)
    quotients = [a / b for a in above for b in below]
    return min(quotients), max(quotients)


def _is_transposed(shape: Index, entries: Sequence[Entry]) -> bool:
    if len(shape) < 2 or shape[-1] != shape[-2] or len(entries) < math.prod(shape):
        return False
    if any(entry.verdict in (Verdict.UNDECIDED, Verdict.KINK) for entry in entries):
        return False
    at = {entry.index: entry for entry in entries}
    chance, fits = 1.0, True
    for (*first, i, j), entry in at.items():
        turned = at[*first, j, i]
        allowed = turned.error + entry.slack
        fits = fits and abs(entry.claimed - turned.value) <= allowed
        if entry.verdict is Verdict.WRONG:
            chance *= min(1.0, allowed / abs(entry.claimed)) if entry.claimed else 1.0
    return fits and chance <= CHANCE
