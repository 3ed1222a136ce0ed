"""Where a forward pass first leaves the right one, and what of it is right all the same."""

import numpy as np

from rnncheck.diagnosis.rules import is_off
from rnncheck.oracles.noise import Mask
from rnncheck.properties.trial import Trial


def first_divergence(trial: Trial) -> str | None:
    """The first step, and there the rows and units, whose output is off; None if no output is."""
    output, h_n = trial.forward.output, trial.forward.h_n
    off = is_off(trial, "output", output)
    state_off = h_n is not None and is_off(trial, "h_n", h_n).any()
    if not off.any():
        return "output is right, h_n is not" if state_off else None
    t = int(off.any(axis=(1, 2)).argmax())
    rows, units = _where(off[t], 1), _where(off[t], 0)
    right = _still_right(off, t)
    if h_n is not None and not state_off:
        right.append("h_n")
    words = f"the forward pass is first off at step t = {t}, {_list('row', rows, off.shape[1])}, "
    words += _list("unit", units, off.shape[2])
    return words + (f"; right: {', '.join(right)}" if right else "")


def _where(off: Mask, axis: int) -> list[int]:
    return [int(i) for i in np.flatnonzero(off.any(axis=axis))]


def _still_right(off: Mask, t: int) -> list[str]:
    rows = [i for i in range(off.shape[1]) if not off[:, i].any()]
    found = [f"every step before {t}"] if t else []
    return found + ([_list("row", rows, off.shape[1])] if rows else [])


def _list(word: str, which: list[int], count: int) -> str:
    if len(which) == count:
        return f"every {word}" if count > 1 else f"{word} 0"
    numbers = ", ".join(str(i) for i in which[:4]) + (", ..." if len(which) > 4 else "")
    return f"{word}{'s' if len(which) > 1 else ''} {numbers}"
