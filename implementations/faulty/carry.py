"""What goes wrong on the way back through time: δ_t = φ'(a_t) ⊙ (… + W_hhᵀ δ_{t+1})."""

from rnncheck.implementations.faulty.cell import Array, CellTape
from rnncheck.implementations.faulty.plain import Plain

EVERYTHING = ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "x", "h0")


class CarryWithoutTranspose(Plain):
    """The carry multiplies by W_hh where its transpose belongs.

    Shows: every gradient is off as soon as something comes back from the next step; not for T = 1, nor
    for a symmetric W_hh. The network still trains.
    Seen: datascience.SE 10545; at least ten repositories that go back to one tutorial.
    """

    wrong = EVERYTHING
    terms = "lags 1 and up"

    def carried(self, tape: CellTape, t: int, delta_next: Array) -> Array:
        """W_hh δ_{t+1}."""
        return delta_next @ tape.cell.weight_hh.T
