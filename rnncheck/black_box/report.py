"""The report of a `GradientCheck` in words."""

from typing import TYPE_CHECKING

from rnncheck.black_box.entries import Entry, Index, Verdict
from rnncheck.black_box.hints import hint, shared_factor, short

if TYPE_CHECKING:
    from rnncheck.black_box.result import ArrayResult, GradientCheck


def report(check: "GradientCheck") -> str:
    """A headline, every finding, a line for each array, and what the numbers rest on."""
    lines = [_headline(check)]
    for array in check.arrays:
        if array.is_wrong and array.worst is not None:
            lines += _finding(array, array.worst, check)
    factor = shared_factor([array.entries for array in check.arrays if array.is_wrong])
    if factor is not None:
        lines.append(f"  all of these arrays are {short(factor)} times the right ones")
    lines += [f"  {_summary(array)}" for array in check.arrays]
    lines += [f"    {words}" for array in check.arrays for words in _examples(array)]
    if check.outside:
        lines.append(f"  with a parameter moved, {check.name} raised {check.outside}")
    if check.certificate is not None:
        lines.append(f"  {check.certificate}")
    lines.append(
        f"  largest error / allowed {check.worst:.2g}; noise of the loss {check.noise:.1e}; "
        f"{check.calls} calls of {check.name}"
    )
    return "\n".join(lines)


def _headline(check: "GradientCheck") -> str:
    of = f"{check.checked} entries checked"
    if check.checked < check.total:
        of += f", of {check.total}"
    if check.wrong:
        arrays = ", ".join(array.name for array in check.arrays if array.is_wrong)
        return f"{check.name}: WRONG GRADIENT of {arrays} ({check.wrong} wrong; {of})"
    if check.is_telling:
        return f"{check.name}: passed ({of})"
    if not check.checked:
        return f"{check.name}: NOTHING TOLD: the parameters have no entries"
    why = "every entry is undecided, or below the noise of the loss"
    return f"{check.name}: NOTHING TOLD ({of}): {why}"


def _finding(array: "ArrayResult", entry: Entry, check: "GradientCheck") -> list[str]:
    claimed, value = _apart(entry.claimed, entry.value)
    lines = [
        f"  {place(entry.name, entry.index)} is wrong:",
        f"    {claimed}  is what {check.name} gives",
        f"    {value}  is what differences of its own loss give, ± {entry.error:.1e}",
        f"    off by {entry.gap:.3g}, {entry.ratio:.3g} times the {entry.allowed:.1e} that are "
        f"allowed ({entry.slack:.1e} of it for the rounding of the gradient)",
    ]
    words = hint(array.shape, array.entries)
    if words:
        lines.append(f"    the gradient of {array.name} is {words}")
    return lines


def _apart(one: float, other: float) -> tuple[str, str]:
    """Both with as many digits as it takes to see the difference, and 6 more than that if there are."""
    digits = 8
    while digits < 17 and f"{one:.{digits - 4}g}" == f"{other:.{digits - 4}g}":
        digits += 1
    texts = [f"{value:.{digits}g}" for value in (one, other)]
    width = max(map(len, texts))
    return texts[0].rjust(width), texts[1].rjust(width)


def _summary(array: "ArrayResult") -> str:
    """`W (4, 3): 10 of 12 right, 2 WRONG`."""
    right, checked = len(array.having(Verdict.RIGHT)), len(array.entries)
    if not array.size:
        return f"{array.name} {array.shape}: empty"
    parts = [f"{right} of {checked} right"]
    for verdict, words in (
        (Verdict.WRONG, "WRONG"),
        (Verdict.KINK, "at a kink"),
        (Verdict.UNDECIDED, "undecided"),
    ):
        count = len(array.having(verdict))
        if count:
            parts.append(f"{count} {words}")
    if right and not any(entry.is_telling for entry in array.entries):
        parts.append("all of them below the noise")
    if checked < array.size:
        parts.append(f"{array.size - checked} not looked at")
    return f"{array.name} {array.shape}: " + ", ".join(parts)


def _examples(array: "ArrayResult") -> list[str]:
    """One kink and one undecided entry, so that they can be looked up."""
    lines = []
    for entry in array.having(Verdict.KINK)[:1]:
        lines.append(
            f"{place(entry.name, entry.index)} is at a kink: slopes {entry.left:.6g} and "
            f"{entry.right:.6g}, the gradient is {entry.claimed:.6g} by convention"
        )
    for entry in array.having(Verdict.UNDECIDED)[:1]:
        lines.append(
            f"{place(entry.name, entry.index)} is undecided: the gradient is {entry.claimed:.6g}, "
            f"differences give {entry.value:.6g} ± {entry.error:.1e}"
        )
    return lines


def place(name: str, index: Index) -> str:
    """`W[0, 1]`; a number has no index."""
    return f"{name}{list(index)}" if index else name
