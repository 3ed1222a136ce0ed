"""What a diagnosis has to go by: the finding, the cases, and the network as it was before any call."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rnncheck.implementation import Implementation
from rnncheck.properties.registry import Check
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.report import Finding


@dataclass(frozen=True)
class Evidence:
    """A finding and all that may explain it.

    trials: the smallest failing case first, then others on which the same check fails. others: cases of
    the pool, whatever the check says of them: an explanation must hold there too. make: the network,
    without what earlier calls may have left in it.
    """

    finding: Finding
    check: Check
    trials: Sequence[Trial]
    others: Sequence[PoolCase]
    make: Callable[[], Implementation]


def kept_fresh(subject: Implementation) -> Callable[[], Implementation]:
    """Copies of a network as it is now; the network itself if it cannot be copied."""
    try:
        pristine = copy.deepcopy(subject)
        copy.deepcopy(pristine)
    except Exception:  # somebody's object may raise anything when it is copied
        return lambda: subject
    return lambda: copy.deepcopy(pristine)
