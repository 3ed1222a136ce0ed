"""Cases made of one that failed: those that the check itself made, and what may have been called before."""

from collections.abc import Callable

import numpy as np

from rnncheck.case import Case
from rnncheck.implementation import Implementation
from rnncheck.properties.registry import Check
from rnncheck.properties.shapes import first_steps
from rnncheck.properties.trial import PoolCase, Trial, fingerprint
from rnncheck.verdicts import judge

MOST_DERIVED, MOST_ROWS = 8, 64
"""Of those that a check makes, in its order: the first are the ones that it compares; and how large a
batch may be whose truth is worked out."""


class _Watched(Trial):
    """A trial that remembers every case that was made of its own."""

    def __init__(
        self, subject: Implementation, entry: PoolCase, made: dict[bytes, PoolCase]
    ) -> None:
        super().__init__(subject, entry)
        self.made = made

    def on(self, case: Case) -> Trial:
        """The subject on another case, remembered."""
        entry = super().on(case).entry
        self.made.setdefault(fingerprint(case), entry)
        return _Watched(self.subject, entry, self.made)


def derived_cases(
    check: Check, make: Callable[[], Implementation], entry: PoolCase
) -> list[PoolCase]:
    """What the check makes of a case, the case itself left out, and batches of thousands of rows."""
    made: dict[bytes, PoolCase] = {}
    judge(check, _Watched(make(), entry, made))
    made.pop(fingerprint(entry.case), None)
    return [entry for entry in made.values() if entry.case.B <= MOST_ROWS][:MOST_DERIVED]


def earlier(subject: Implementation, entry: PoolCase) -> list[PoolCase]:
    """What may be called before a case so that what is kept from it shows.

    The same with another h0; and sequences that are longer, shorter, more, and of other lengths.
    """
    case, can = entry.case, subject.capabilities
    other = case.replace(h0=case.h0 + case.dtype.type(can.initial_state))
    made = [other]
    if case.T > 1:
        made.append(first_steps(other, 1))
    if can.lengths and not case.spec.generated:
        steps = np.full(case.B, case.T)
        made += [other.replace(lengths=n) for n in (steps, np.ones_like(steps)) if case.T > 1]
    made += [_repeated(other, time=2, rows=1), _repeated(other, time=1, rows=2)]
    return [PoolCase(one) for one in made if not can.missing(one) and one.T and one.B]


def _repeated(case: Case, time: int, rows: int) -> Case:
    """Every step and every row so many times, one after the other."""
    masks, steps = case.dropout_masks, time if case.spec.outputs == "all" else 1
    if time > 1 and case.spec.generated:
        return case
    return case.replace(
        x=np.tile(case.x, (time, rows, 1)),
        h0=np.tile(case.h0, (1, rows, 1)),
        d_output=np.tile(case.d_output, (steps, rows, 1)),
        d_h_n=np.tile(case.d_h_n, (1, rows, 1)),
        dropout_masks=None if masks is None else np.tile(masks, (1, time, rows, 1)),
        lengths=None if case.lengths is None else np.tile(case.lengths, rows),
    )
