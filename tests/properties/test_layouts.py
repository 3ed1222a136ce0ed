"""Memory layouts: the same numbers, in memory of their own, with other strides."""

import numpy as np
import pytest

from rnncheck.properties.layouts import LAYOUTS, broadcast


@pytest.mark.parametrize("shape", [(3, 4, 2), (5,), (1, 3), (0, 2)])
def test_a_layout_holds_the_same_numbers_in_memory_of_its_own(shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(0).standard_normal(shape)
    for layout in [*LAYOUTS.values(), broadcast]:
        laid_out = layout(array)
        np.testing.assert_array_equal(laid_out, array)
        assert not np.shares_memory(laid_out, array)
    if array.ndim == 3:
        strides = [layout(array).strides for layout in LAYOUTS.values()]
        assert len({*strides, array.strides}) == 4
        assert broadcast(np.ones(shape)).strides == (0, 0, 0)
