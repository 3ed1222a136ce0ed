"""How far the way back through time goes: δ_t has lags 0..k where truncation is k, and all without it."""

import numpy as np

from rnncheck.implementations.faulty.cell import Array, CellTape
from rnncheck.implementations.faulty.plain import EVERYTHING, Plain


class TruncatedAfterOneLink(Plain):
    """Back-propagation goes back one link from each output unless told otherwise.

    Shows: for T > 2, everywhere. Memory of one step is learned, and nothing longer.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "lags 2 and up"

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """Lags 0 and 1."""
        k = 1 if tape.truncation is None else tape.truncation
        return self.truncated_deltas(tape, d_h, d_h_n, k)


class TruncatedAfterTwoLinks(Plain):
    """Back-propagation goes back two links from each output unless told otherwise.

    Shows: for T > 3; hardly where W_hh is small, for then nothing comes from further away.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "lags 3 and up"

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """Lags 0..2."""
        k = 2 if tape.truncation is None else tape.truncation
        return self.truncated_deltas(tape, d_h, d_h_n, k)


class TruncatedAfterFiveLinks(Plain):
    """Back-propagation goes back five links from each output unless told otherwise.

    Shows: for T > 6 and gradients that live that long; a check on short sequences sees nothing, nor one
    with a small W_hh and a tolerance.
    Seen: by hand
    """

    wrong, terms = EVERYTHING, "lags 6 and up"

    def deltas(self, tape: CellTape, d_h: Array, d_h_n: Array) -> Array:
        """Lags 0..5."""
        k = 5 if tape.truncation is None else tape.truncation
        return self.truncated_deltas(tape, d_h, d_h_n, k)


class TruncatedOneLinkEarly(Plain):
    """Truncation after k links stops after k - 1: its bound is off by one.

    Shows: where truncation is asked for, in lag k alone; not for k = 0, nor k ≥ T - 1 in a library that
    then goes back in full.
    Seen: rsokl/MyGrad PR#7
    """

    wrong, terms = EVERYTHING, "lags 1 and up"

    def truncated_deltas(self, tape: CellTape, d_h: Array, d_h_n: Array, k: int) -> Array:
        """Lags 0..k-1."""
        return super().truncated_deltas(tape, d_h, d_h_n, max(k - 1, 0))


class TruncationCountsFromTheEnd(Plain):
    """Truncation after k links carries in the last k steps of the sequence, not k links from each output.

    Shows: where truncation is asked for and T > k + 1. The last output is right; the others lose what
    they have earlier than that, however near it is.
    Seen: rsokl/MyGrad PR#4 (review)
    """

    wrong, terms = EVERYTHING, "lags 1 and up"

    def truncated_deltas(self, tape: CellTape, d_h: Array, d_h_n: Array, k: int) -> Array:
        """A carry into steps T-1-k and later, none into those before."""
        delta = np.array([self.upstream(tape, t, d_h, d_h_n) for t in range(tape.T)])
        for t in reversed(range(tape.T)):
            if tape.T - 1 - k <= t < tape.T - 1:
                delta[t] += self.carried(tape, t, delta[t + 1])
            delta[t] = self.delta(tape, t, delta[t])
        return delta
