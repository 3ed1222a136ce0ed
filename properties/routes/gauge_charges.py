"""Sums of values times gradients: Euler's identity and the charges of units (Noether)."""

from collections.abc import Callable, Iterable, Iterator
from functools import reduce
from operator import add
from typing import Any

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.oracles.envelope import Envelope
from rnncheck.oracles.noise import Mask
from rnncheck.properties.outcome import NotApplicable
from rnncheck.properties.relation import Measured, measured
from rnncheck.properties.trial import Trial

Term = tuple[Measured, Array]
"""Measured numbers and their weights, both (features, all other axes)."""

Pick = Callable[[Array], Array]


def of_gradient(
    trial: Trial, name: str, allowed: Envelope, pick: Pick = lambda a: a
) -> Iterator[Term]:
    """The gradient of an array, weighted by the array (padding of x by 0); pick: a part of both.

    Nothing if the subject gives no such gradient and the array is 0. Raises NotApplicable if it is not.
    """
    case = trial.case
    value = case.parameters[name] if name in case.parameters else getattr(case, name)
    if name == "x":
        value = np.where(_padding(case), 0, value)
    if name in trial.gradients:
        yield _part(measured(trial, name, allowed), name, pick), _columns(pick(value), name)
    elif value.any():
        raise NotApplicable(f"no gradient for {name} is given")


def of_result(
    trial: Trial, name: str, allowed: Envelope, pick: Pick = lambda a: a
) -> Iterator[Term]:
    """`output` or `h_n`, weighted by its cotangent (0 in the padding); pick: a part of both.

    Nothing if forward gives no h_n and nothing asks for it.
    """
    case = trial.case
    cotangent = case.d_h_n
    if name == "output":
        cotangent = np.where(case.output_padding()[..., None], 0, case.d_output)
    if name in trial.arrays:
        yield _part(measured(trial, name, allowed), name, pick), _columns(pick(cotangent), name)
    elif cotangent.any():
        raise NotApplicable(f"forward gives no {name}")


def inner(terms: Iterable[Term]) -> Measured:
    """Σ weight · number, over everything."""
    return _total(m.weighted(w, (0, 1)) for m, w in terms)


def by_row(terms: Iterable[Term]) -> Measured:
    """The same for each feature."""
    return _total(m.weighted(w, 1) for m, w in terms)


def charges(trial: Trial, allowed: Envelope) -> dict[str, tuple[Measured, Measured]]:
    """Both sides of the conservation law, for the units of every cell."""
    spec = trial.case.spec
    mixes = spec.nonlinearity == "identity" and trial.case.dropout_masks is None
    sides = {}
    for cell in spec.cells():
        gained = _total(_products(m, w) for m, w in _incoming(trial, allowed, *cell))
        lost = _total(_products(m, w) for m, w in _outgoing(trial, allowed, *cell))
        pair = gained, _mapped(lost, np.transpose)
        if not mixes:
            pair = _mapped(pair[0], np.diagonal), _mapped(pair[1], np.diagonal)
        sides[f"the charge of the units of {spec.suffix(*cell)}"] = pair
    return sides


def _incoming(trial: Trial, allowed: Envelope, layer: int, direction: int) -> Iterator[Term]:
    """What is scaled with the units: their rows of the weights, their biases, their first states."""
    spec, suffix = trial.case.spec, trial.case.spec.suffix(layer, direction)
    for name in (f"{kind}_{suffix}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")):
        if name in trial.case.parameters:
            yield from of_gradient(trial, name, allowed)
    row = layer * spec.num_directions + direction
    yield from of_gradient(trial, "h0", allowed, lambda states: states[row])
    if layer == spec.num_layers - 1 and _feeds_back_states(trial.case):
        yield from of_gradient(trial, "x", allowed)


def _outgoing(trial: Trial, allowed: Envelope, layer: int, direction: int) -> Iterator[Term]:
    """What is divided by the scale, transposed so that units come first, and what the units put out."""
    spec, H = trial.case.spec, trial.case.spec.hidden_size
    own = slice(direction * H, (direction + 1) * H)
    own_weights = f"weight_hh_{spec.suffix(layer, direction)}"
    yield from of_gradient(trial, own_weights, allowed, np.transpose)
    row = layer * spec.num_directions + direction
    yield from of_result(trial, "h_n", allowed, lambda states: states[row])
    readers = []
    if layer < spec.num_layers - 1:
        readers = [f"weight_ih_{spec.suffix(layer + 1, d)}" for d in range(spec.num_directions)]
    elif spec.output_size is not None:
        readers = ["weight_ho"]
    else:
        yield from of_result(trial, "output", allowed, lambda output: output[..., own])
        if _feeds_back_states(trial.case):
            readers = ["weight_ih_l0"]
    for name in readers:
        yield from of_gradient(trial, name, allowed, lambda weights: weights[:, own].T)


def _feeds_back_states(case: Case) -> bool:
    return bool(case.spec.generated) and case.spec.output_size is None


def _products(numbers: Measured, weights: Array) -> Measured:
    """Σ_n number_in weight_jn, (H, H)."""
    repeated = _mapped(numbers, lambda a: np.repeat(a[:, None, :], len(weights), axis=1))
    return repeated.weighted(weights[None], 2)


def _total(parts: Iterable[Measured]) -> Measured:
    nothing = Measured(np.zeros(()), np.zeros(()), np.ones((), bool))
    return reduce(add, parts, nothing)


def _part(numbers: Measured, name: str, pick: Pick) -> Measured:
    return _mapped(numbers, lambda a: _columns(pick(a), name))


def _mapped(numbers: Measured, change: Callable[[Any], Any]) -> Measured:
    return Measured(change(numbers.value), change(numbers.allowed), change(numbers.telling))


def _columns(array: Array, name: str) -> Array:
    """Features first, all else in one axis: parameters have them first already."""
    if array.ndim == 1:
        return array[:, None]
    return array if name.startswith("weight") else array.reshape(-1, array.shape[-1]).T


def _padding(case: Case) -> Mask:
    padding: Mask = (np.arange(case.T)[:, None] >= case.valid_steps()[None, :])[..., None]
    return padding
