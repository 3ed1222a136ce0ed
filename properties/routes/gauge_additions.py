"""Networks with something more in them that changes nothing: a feature, or a dead unit in every cell."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from rnncheck.case import Array, Case
from rnncheck.spec import RNNSpec

Arrays = Mapping[str, Array]
Values = npt.NDArray[np.floating[Any]]


def first_weights(spec: RNNSpec) -> tuple[str, ...]:
    """The names of the matrices that read x."""
    return tuple(f"weight_ih_{spec.suffix(0, d)}" for d in range(spec.num_directions))


def with_feature(case: Case, value: float, weights: Arrays) -> Case:
    """One more feature at the end of x, of this value at every valid step (and NaN in the padding).

    weights: of the feature `(H,)`, by the name of each matrix that reads it.
    """
    column = np.full((case.T, case.B, 1), value, case.dtype)
    column[np.arange(case.T)[:, None] >= case.valid_steps()[None, :]] = np.nan
    wider = {
        name: np.concatenate([case.parameters[name], new[:, None].astype(case.dtype)], axis=1)
        for name, new in weights.items()
    }
    return case.replace(
        spec=replace(case.spec, input_size=case.spec.input_size + 1),
        parameters={**case.parameters, **wider},
        x=np.concatenate([case.x, column], axis=2),
    )


def without_feature(arrays: Arrays, spec: RNNSpec) -> dict[str, Array]:
    """The results for one more feature, without it; spec: of the network without."""
    names = (*first_weights(spec), "x")
    return {name: a[..., :-1] if name in names else a for name, a in arrays.items()}


def new_columns(arrays: Arrays, spec: RNNSpec) -> dict[str, Array]:
    """The gradients of the additional feature's weights, by direction's suffix."""
    return {n.removeprefix("weight_ih_"): arrays[n][:, -1] for n in first_weights(spec)}


def with_dead_units(case: Case) -> Case:
    """One more unit at the end of every cell, to which nothing listens.

    It is -1/2 of the first unit's weights and biases, and 1/2 of its initial state: finite where the
    first unit is. All outgoing weights and cotangents are 0. Where the states are fed back as input,
    x has one more feature, the weights of which are 0.
    """
    spec = case.spec
    wider = replace(
        spec,
        hidden_size=spec.hidden_size + 1,
        input_size=spec.input_size + (bool(spec.generated) and spec.output_size is None),
    )
    grown = {name: _grown(spec, name, array) for name, array in case.arrays()}
    parameters = {name: grown.pop(name) for name in spec.parameter_shapes()}
    return case.replace(spec=wider, parameters=parameters, **grown)


def without_dead_units(arrays: Arrays, spec: RNNSpec) -> dict[str, Array]:
    """The results of `with_dead_units` for the units that there were; spec: of the network without."""
    return {name: _shrunk(spec, name, array) for name, array in arrays.items()}


def of_dead_units(arrays: Arrays, spec: RNNSpec) -> dict[str, Array]:
    """The gradients of what leads into the dead units: of their weights, biases and first states."""
    found = {}
    for name in (*spec.parameter_shapes(), "h0"):
        into = [axis for axis, _, factor in _unit_axes(spec, name) if factor]
        if into and name in arrays:
            found[name] = np.take(arrays[name], [-1], axis=into[0])
    return found


def _unit_axes(spec: RNNSpec, name: str) -> Iterator[tuple[int, int, float]]:
    """The axes of an array along which units lie: axis, in how many parts, and what the dead one is.

    That is its multiple of the part's first entry: 0 where it leads out of the unit.
    """
    D, fed_back = spec.num_directions, spec.generated and spec.output_size is None
    if name.startswith(("weight_ih", "weight_hh", "bias_ih", "bias_hh")):
        yield 0, 1, -0.5
    if name.startswith("weight_hh"):
        yield 1, 1, 0.0
    if name == "weight_ho" or (name.startswith("weight_ih") and name not in first_weights(spec)):
        yield 1, D, 0.0
    if fed_back and (name == "x" or name in first_weights(spec)):
        yield (2, 1, 1.0) if name == "x" else (1, 1, 0.0)
    if name in ("h0", "h_n", "d_h_n"):
        yield 2, 1, 0.0 if name == "d_h_n" else 0.5
    if name in ("output", "d_output") and spec.output_size is None:
        yield 2, D, 0.0
    if name == "dropout_masks":
        yield 3, D, 1.0


def _grown(spec: RNNSpec, name: str, array: Array) -> Values:
    for axis, count, factor in _unit_axes(spec, name):
        parts = []
        for part in np.split(array, count, axis):
            parts += [part, array.dtype.type(factor) * np.take(part, [0], axis)]
        array = np.concatenate(parts, axis)
    return array


def _shrunk(spec: RNNSpec, name: str, array: Array) -> Values:
    for axis, count, _ in _unit_axes(spec, name):
        parts = np.split(array, count, axis)
        array = np.concatenate([np.delete(part, -1, axis) for part in parts], axis)
    return array
