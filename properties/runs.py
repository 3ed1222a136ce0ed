"""Calls whose arguments and results are held on to, and what may be asked of them."""

import warnings
from collections.abc import Mapping
from itertools import product

import numpy as np

from rnncheck.case import Array
from rnncheck.implementation import Entry, Handed, locate
from rnncheck.properties.outcome import Outcome
from rnncheck.properties.relation import exactly
from rnncheck.properties.trial import Trial
from rnncheck.results import SubjectError
from rnncheck.spec import RNNSpec

Arrays = dict[str, Array]

BY_ROW = ("output", "h_n", "x", "h0")
"""The results that each row has for itself, by row along axis 1: the two, and the gradients for x and h0."""


def run_forward(trial: Trial, held: Handed) -> Arrays:
    """`output`, and `h_n` if there is one: the subject's own arrays, not copies."""
    return {name: a for name, a in held.forward()._asdict().items() if a is not None}


def run_backward(trial: Trial, held: Handed) -> Arrays:
    """The gradients, by name; none if it has no backward pass."""
    return dict(held.gradients()) if trial.subject.capabilities.gradients else {}


def run_both(trial: Trial, held: Handed) -> Arrays:
    """Everything that it gives: forward, then backward."""
    return run_forward(trial, held) | run_backward(trial, held)


def copied(results: Arrays) -> Arrays:
    """The same in memory of its own."""
    return {name: array.copy() for name, array in results.items()}


def spoil(results: Arrays) -> int:
    """Write NaN into every result that can be written into; how many these are."""
    own = [array for array in results.values() if array.flags.writeable]
    for array in own:
        array[...] = np.nan
    return len(own)


def same_bits(trial: Trial, found: Arrays, expected: Arrays, circumstance: str) -> Outcome:
    """Bit for bit, told under the author's names."""
    pairs = {
        f"{told(trial, name)} {circumstance}": (array, expected[name])
        for name, array in found.items()
    }
    return exactly(pairs, witness=any(expected[name].any() for name in found))


def require_apart(trial: Trial, results: Arrays, others: Arrays) -> None:
    """Raise SubjectError if a result shares memory with one of the others, which are named in words."""
    for (name, one), (other, two) in product(results.items(), others.items()):
        if np.shares_memory(one, two):
            raise SubjectError(
                f"{told(trial, name)} lies in the memory of {other}: who writes into one "
                "changes the other; return a copy"
            )


def enter(entry: Entry, spec: RNNSpec, arrays: Mapping[str, Array]) -> Arrays:
    """A call by the entry of its users, its warnings unheard; it raises what it raises."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return entry.enter(spec, arrays)


def told(trial: Trial, name: str) -> str:
    """What a message calls a result, in the author's own name for it."""
    own = locate(trial.subject, name, ()).array
    return own if name in ("output", "h_n") else f"the gradient for {own}"
