"""Changes of coordinates do what the laws of symmetry take them to do."""

from typing import Any

import numpy as np
import pytest
from altered_networks import right, trials

from rnncheck.case import Array
from rnncheck.properties.routes import gauge_additions as more
from rnncheck.properties.routes.gauge_maps import Monomial, gauge, joined, permutations, scales


def matrix(a: Monomial) -> Array:
    return a.of(np.eye(a.order.size), axis=0)


@pytest.mark.parametrize("draw", [permutations, lambda r: scales(r, (-1.0, 2.0, 0.5))])
def test_a_monomial_is_a_matrix_and_its_dual_keeps_inner_products(draw: Any) -> None:
    """<A⁻ᵀ d, A v> = <d, v>, in powers of two and small integers without rounding."""
    random = np.random.default_rng(0)
    a = joined([draw(random)(4), draw(random)(3)])
    v, d = random.integers(-8, 9, (2, 5, 7)).astype(float)
    np.testing.assert_array_equal(a.of(v), v @ matrix(a).T)
    np.testing.assert_array_equal(a.of(v.T, axis=0), matrix(a) @ v.T)
    np.testing.assert_array_equal((a.dual(d) * a.of(v)).sum(axis=1), (d * v).sum(axis=1))
    np.testing.assert_array_equal(matrix(a.inverse) @ matrix(a), np.eye(7))
    assert not a.is_trivial


def test_changes_of_coordinates_and_additions_can_be_undone_and_do_something() -> None:
    for trial in trials(right("manual"), 60):
        case, random = trial.case, np.random.default_rng(1)
        change = gauge(case.spec, permutations(random))
        there = change.case(case)
        back = change.inverse.case(there)
        for (name, a), (_, b) in zip(case.arrays(), back.arrays(), strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)
        if case.spec.hidden_size > 1:
            assert not all(part.is_trivial for part in change.cells.values())
        arrays = {**case.parameters, "x": case.x, "h0": case.h0, "output": case.d_output}
        grown = dict(more.with_dead_units(case).arrays())
        grown = {name: grown["d_output" if name == "output" else name] for name in arrays}
        for name, array in more.without_dead_units(grown, case.spec).items():
            np.testing.assert_array_equal(array, arrays[name], err_msg=name)
