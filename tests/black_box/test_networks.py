"""Right networks pass and faults are found, by hand-written LSTM, GRU and character model."""

from collections.abc import Callable

import numpy as np
import pytest
from black_box.networks import (
    CHARACTER_FAULTS,
    GRU_FAULTS,
    LSTM_FAULTS,
    Subject,
    characters,
    gru,
    lstm,
)

from rnncheck import GradientError, gradcheck


def an_lstm(seed: int, fault: str = "") -> Subject:
    return lstm(np.random.default_rng(seed), 6, 3, 2, 3, fault=fault)


def a_gru(seed: int, fault: str = "") -> Subject:
    return gru(np.random.default_rng(seed), 5, 2, 3, fault=fault)


def a_character_model(seed: int, fault: str = "") -> Subject:
    return characters(np.random.default_rng(seed), 7, 4, 3, fault=fault)


NETWORKS = (an_lstm, a_gru, a_character_model)
FAULTY = [
    (build, fault)
    for build, faults in zip(NETWORKS, (LSTM_FAULTS, GRU_FAULTS, CHARACTER_FAULTS), strict=True)
    for fault in faults
]


@pytest.mark.parametrize("build", NETWORKS)
@pytest.mark.parametrize("seed", range(4))
def test_right_networks_pass_in_every_entry(build: Callable[..., Subject], seed: int) -> None:
    function, parameters = build(seed)
    result = gradcheck(function, parameters)
    assert result.passed
    assert result.checked == result.total == sum(np.size(a) for a in parameters.values())
    assert (result.wrong, result.undecided, result.kinks) == (0, 0, 0)
    assert result.worst <= 1
    assert result.findings == ()


@pytest.mark.parametrize(("build", "fault"), FAULTY)
def test_every_fault_is_found(build: Callable[..., Subject], fault: str) -> None:
    function, parameters = build(0, fault)
    with pytest.raises(GradientError) as caught:
        gradcheck(function, parameters)
    assert caught.value.result.worst > 1


def wrong_arrays(subject: Subject) -> set[str]:
    result = gradcheck(*subject, raise_exception=False)
    return {array.name for array in result.arrays if array.is_wrong}


@pytest.mark.parametrize(
    ("build", "fault", "arrays"),
    [
        (an_lstm, "bias step", {"b"}),
        (an_lstm, "=", {"W"}),
        (an_lstm, "averaged", {"W", "b", "h0", "c0"}),
        (a_gru, "no c", {"c"}),
        (a_gru, "transposed", {"U"}),
        (a_gru, "no reset", {"U"}),
        (a_character_model, "bias before tanh", {"bh"}),
        (a_character_model, "this state", {"Whh"}),
        (a_character_model, "no carry", {"Wxh", "Whh", "bh"}),
    ],
)
def test_the_arrays_that_the_fault_touches_are_wrong_and_the_others_right(
    build: Callable[..., Subject], fault: str, arrays: set[str]
) -> None:
    assert wrong_arrays(build(0, fault)) == arrays


@pytest.mark.parametrize("fault", ["no reset", "no c"])
def test_only_the_entries_that_the_fault_touches_are_wrong(fault: str) -> None:
    """Leaving r out of dU touches the third matrix alone: the candidate's."""
    result = gradcheck(*a_gru(1, fault), raise_exception=False)
    for array in result.arrays:
        for entry in array.entries:
            touched = array.name == "c" if fault == "no c" else (
                array.name == "U" and entry.index[0] == 2
            )  # fmt: skip
            assert (entry.verdict == "wrong") is touched, entry


@pytest.mark.parametrize("seed", range(24))
def test_badly_scaled_networks_are_never_accused(seed: int) -> None:
    """Each array at a scale of its own, from 1e-8 to 1e4: saturated, dead, or narrower than the steps."""
    random = np.random.default_rng((seed, 7))
    scales = {
        name: 10.0 ** random.uniform(-8.0, 4.0)
        for name in ("W", "b", "h0", "c0", "U", "c", "Wxh", "Whh", "Why", "bh", "by")
    }
    T, B, n_in, H = (int(random.integers(1, most)) for most in (9, 4, 4, 4))
    build = (
        lambda: lstm(random, T, B, n_in, H, scale=scales.__getitem__),
        lambda: gru(random, T, n_in, H, scale=scales.__getitem__),
        lambda: characters(random, T, n_in + 1, H, scale=lambda n: min(scales[n], 100.0)),
    )[seed % 3]
    result = gradcheck(*build(), entries=6, seed=seed, raise_exception=False)
    assert result.wrong == 0, result.text
