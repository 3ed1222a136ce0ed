"""Cases for the tests of the contract: every array random, every size another number."""

from typing import Any

import numpy as np

from rnncheck.case import Case
from rnncheck.spec import RNNSpec

T, B, I, H, O = 3, 2, 4, 5, 6  # noqa: E741

PLAIN = RNNSpec(I, H)
DEEP = RNNSpec(I, H, 2, bidirectional=True, output_size=O, readout="softmax")


def draw(
    spec: RNNSpec = PLAIN,
    t: int = T,
    b: int = B,
    *,
    dtype: Any = np.float64,
    lengths: Any = None,
    dropout: bool = False,
    seed: int = 0,
) -> Case:
    """A case whose arrays are normal, so that no two entries of it are equal."""
    random = np.random.default_rng(seed)
    arrays: dict[str, Any] = {
        name: random.standard_normal(shape).astype(dtype)
        for name, shape in (spec.parameter_shapes() | spec.array_shapes(t, b)).items()
        if name not in ("output", "h_n", "lengths")
    }
    parameters = {name: arrays.pop(name) for name in spec.parameter_shapes()}
    if not dropout:
        arrays["dropout_masks"] = None
    given = None if lengths is None else np.asarray(lengths)
    return Case(spec=spec, parameters=parameters, lengths=given, origin="drawn", **arrays)


def everything(**options: Any) -> Case:
    """A case that has every array there is."""
    return draw(DEEP, lengths=[T, 1], dropout=True, **options)


def changed(case: Case, name: str, array: Any) -> Case:
    """The case with one array, or one parameter, replaced by another."""
    if name in case.parameters:
        return case.replace(parameters={**case.parameters, name: array})
    return case.replace(**{name: array})


def assert_same_bits(found: Any, expected: Any, what: str = "") -> None:
    """The same shape, dtype and bytes: NaN equals NaN here, and 0.0 does not equal -0.0."""
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what
    assert found.tobytes() == expected.tobytes(), what
