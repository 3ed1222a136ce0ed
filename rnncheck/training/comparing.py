"""What several implementations made of one step: how far apart, and who is off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnncheck.case import Array
from rnncheck.training.envelope import StepEnvelope

Results = Mapping[str, Mapping[str, Array]]
"""By implementation, every array of a step by its name."""


@dataclass(frozen=True)
class Spread:
    """One array at the entry where the implementations lie furthest apart, for what is allowed there.

    spread, allowed: from the smallest to the largest value, and two envelopes. values: of each
    implementation; expected: of the envelope's own run. off: who is further from that than one
    envelope. telling: whether a mistake would show: the allowance is smaller than some entry, or
    all of them are exactly 0, and must be. trouble: what makes numbers of no account: an array that is
    missing, or has another shape.
    """

    array: str
    index: tuple[int, ...] = ()
    spread: float = 0.0
    allowed: float = np.inf
    values: Mapping[str, float] | None = None
    expected: float = np.nan
    off: tuple[str, ...] = ()
    telling: bool = False
    trouble: str = ""

    @property
    def ratio(self) -> float:
        """The spread as a fraction of what is allowed; above 1 they do not agree."""
        if self.trouble:
            return np.inf
        return self.spread / self.allowed


def spreads(results: Results, envelope: StepEnvelope) -> list[Spread]:
    """Every array of the step, in the order in which one follows from the other."""
    silent = bool(silenced(envelope))
    return [_spread(name, results, envelope, silent) for name in envelope.values]


def silenced(envelope: StepEnvelope) -> str:
    """Why nothing can be said of a whole step, or nothing."""
    if envelope.chaotic:
        return "chaotic: rounding fills the state of some row"
    return "a value may overflow" if envelope.overflowed else ""


def _spread(name: str, results: Results, envelope: StepEnvelope, silent: bool) -> Spread:
    expected, allowed = envelope.values[name], envelope.allowed[name]
    trouble = {who: _trouble(arrays, name, expected.shape) for who, arrays in results.items()}
    wrong = {who: words for who, words in trouble.items() if words}
    if wrong:
        return Spread(name, off=tuple(wrong), trouble=next(iter(wrong.values())))
    if silent or not expected.size:
        return Spread(name, telling=not silent)
    values = np.stack([np.asarray(arrays[name], np.float64) for arrays in results.values()])
    with np.errstate(all="ignore"):
        apart = values.max(axis=0) - values.min(axis=0)
        apart = np.where(np.isfinite(values).all(axis=0), apart, np.inf)
        said = np.isfinite(allowed)
        ratios = np.where(said, apart / (2.0 * allowed), -1.0)
        seen = (said & (2.0 * allowed < np.abs(expected))).any()
    flat = int(np.argmax(ratios))
    at = np.unravel_index(flat, ratios.shape)
    if not said[at]:
        return Spread(name)
    here = {
        who: float(v)
        for who, v in zip(results, values.reshape(len(values), -1)[:, flat], strict=True)
    }
    found = Spread(
        name, tuple(int(i) for i in at), float(apart[at]), 2.0 * float(allowed[at]), here,
        float(expected[at]), telling=bool(seen or (said.all() and not expected.any())),
    )  # fmt: skip
    return replace(found, off=_off(found))


def _off(spread: Spread) -> tuple[str, ...]:
    assert spread.values is not None
    one = spread.allowed / 2.0
    near = {who: abs(value - spread.expected) <= one for who, value in spread.values.items()}
    return tuple(who for who, is_near in near.items() if not is_near)


def _trouble(arrays: Mapping[str, Array], name: str, shape: tuple[int, ...]) -> str:
    if name not in arrays:
        return "is missing"
    found = np.shape(arrays[name])
    return "" if found == shape else f"has shape {found}; it must have shape {shape}"


STAGES = ("output", "loss", "gradient", "updated", "state")
"""What of a step follows from what; the first that is off is where the mistake is."""


def stage(array: str) -> str:
    """Where in the step an array stands."""
    word = array.partition(" ")[0]
    return word if word in STAGES else "state"


def first_cause(found: Sequence[Spread]) -> Spread:
    """Of what is off, what nothing else can have caused: the earliest stage, the layer nearest the loss.

    Of several there, the one that is off by most, in envelopes.
    """
    wrong = [spread for spread in found if spread.ratio > 1.0]
    earliest = min(STAGES.index(stage(spread.array)) for spread in wrong)
    there = [spread for spread in wrong if STAGES.index(stage(spread.array)) == earliest]
    top = max(layer_of(spread.array) for spread in there)
    return max((s for s in there if layer_of(s.array) == top), key=lambda s: s.ratio)


def layer_of(array: str) -> tuple[int, ...]:
    """The place of the layer whose array it is: (2,), or (0, 1) within an iterated one; () for none."""
    parameter = array.rpartition(" ")[2]
    return tuple(int(part) for part in parameter.split(".") if part.isdigit())
