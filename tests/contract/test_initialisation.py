"""Where weights start: ranges, shapes, orthogonality, and the same numbers from the same seed."""

import numpy as np
import pytest

from rnncheck import initialisation
from rnncheck.initialisation import Initialiser
from rnncheck.spec import RNNSpec

SPEC = RNNSpec(3, 16, 2, bidirectional=True, output_size=5)
ALL = [
    initialisation.torch_uniform,
    initialisation.fan_in_uniform,
    initialisation.xavier_uniform,
    initialisation.orthogonal,
    initialisation.standard_normal,
    initialisation.unit_uniform,
]


def bounds(name: str, shape: tuple[int, ...]) -> dict[Initialiser, float]:
    """The largest absolute value that each uniform initialisation may give."""
    inputs = shape[1] if len(shape) == 2 else 0
    return {
        initialisation.torch_uniform: 1 / np.sqrt(32 if name in ("weight_ho", "bias_o") else 16),
        initialisation.fan_in_uniform: 1 / np.sqrt(inputs) if inputs else 0.0,
        initialisation.xavier_uniform: np.sqrt(6 / sum(shape)) if inputs else 0.0,
    }


@pytest.mark.parametrize("initialise", ALL)
def test_every_parameter_has_its_shape_and_the_generator_decides(initialise: Initialiser) -> None:
    first, same, other = (initialise(SPEC, np.random.default_rng(s)) for s in (0, 0, 1))
    assert {n: a.shape for n, a in first.items()} == SPEC.parameter_shapes()
    for name, array in first.items():
        np.testing.assert_array_equal(array, same[name])
    assert any((array != other[name]).any() for name, array in first.items())


@pytest.mark.parametrize("initialise", ALL[:3])
def test_uniform_ranges_are_kept_and_used(initialise: Initialiser) -> None:
    for name, array in initialise(SPEC, np.random.default_rng(0)).items():
        bound = bounds(name, array.shape)[initialise]
        assert np.abs(array).max() <= bound
        # 40 values and more: that all of them stay below half the bound has odds of 2^-40.
        assert array.size < 40 or np.abs(array).max() >= bound / 2


def test_orthogonal_matrices_are_orthogonal() -> None:
    for name, array in initialisation.orthogonal(SPEC, np.random.default_rng(0)).items():
        if array.ndim == 2:
            short = array if array.shape[0] <= array.shape[1] else array.T
            error = np.abs(short @ short.T - np.eye(len(short))).max()
            # Householder QR: orthogonal to about n^(3/2) u (Higham, §19.3), n = 32 at most.
            assert error <= 32**1.5 * np.finfo(float).eps, name


def test_unit_uniform_is_not_negative() -> None:
    drawn = initialisation.unit_uniform(SPEC, np.random.default_rng(0))
    assert all((array >= 0).all() and (array < 1).all() for array in drawn.values())
