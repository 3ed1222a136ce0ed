"""What a comparison makes of arrays: the worst entry among those that say something."""

import numpy as np

from rnncheck.properties.outcome import Comparison


def compared(error: list[float], telling: list[bool]) -> Comparison:
    comparison = Comparison()
    value, expected = np.array(error), np.zeros(len(error))
    allowed = np.ones(len(error))
    comparison.add("x", value, expected, np.abs(value), allowed, np.array(telling))
    return comparison


def test_the_worst_entry_that_says_something_is_kept() -> None:
    [entry] = compared([9.0, 0.5, 2.0, 1.0], [False, True, True, True]).entries
    assert (entry.index, entry.measured) == ((2,), 2.0)


def test_a_silent_entry_is_no_failure_though_all_others_are_exact() -> None:
    comparison = compared([9.0, 0.0, 0.0], [False, True, True])
    assert not comparison.outcome(witness=True).failed
    [entry] = comparison.entries
    assert (entry.index, entry.measured) == ((1,), 0.0)


def test_an_array_in_which_nothing_says_anything_gives_no_entry() -> None:
    assert compared([9.0, 9.0], [False, False]).entries == []


def test_exact_comparison_leaves_open_the_sign_of_zero_and_nan() -> None:
    comparison = Comparison()
    comparison.add_exact("x", np.array([0.0, np.nan, 1.0]), np.array([-0.0, np.nan, 1.0]))
    assert not comparison.outcome(witness=True).failed
    comparison.add_exact("y", np.array([np.nan]), np.array([1.0]))
    assert comparison.outcome(witness=True).failed
    close = Comparison()
    close.add_exact("z", np.array([1.0 + 2.0**-52]), np.array([1.0]))
    assert close.outcome(witness=True).failed


def test_what_nobody_knows_is_not_zero() -> None:
    """An enclosure without bounds has 0 in its middle: it says nothing."""
    for allowed, telling in ((np.full(2, np.inf), False), (np.zeros(2), True)):
        comparison = Comparison()
        comparison.add("x", np.zeros(2), np.zeros(2), np.zeros(2), allowed, np.ones(2, bool))
        assert comparison.outcome(witness=True).witness is telling
