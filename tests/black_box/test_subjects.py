"""Functions that cannot be checked, and arguments that are none: one clear message each."""

import itertools
from typing import Any

import numpy as np
import pytest

from rnncheck import SubjectError, gradcheck

W = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])


def returning(value: Any) -> Any:
    return lambda p: value


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "returned None (is a return statement missing?); expected the pair"),
        ((1.0, {"W": W}, W), "a tuple of 3; expected the pair (loss, gradients) (if it returns more"),
        ((W, {"W": W}), "the loss that f returned is an array of shape (2, 3); expected one number"),
        ((None, {"W": W}), "the loss that f returned is None"),
        (("1", {"W": W}), "the loss that f returned is str '1'"),
        ((np.nan, {"W": W}), "the loss that f returned is nan at the parameters given"),
        ((np.float32(1), {"W": W}), "the loss that f returned is float32"),
        ((1.0, None), "the gradients that f returned are None"),
        ((1.0, [W]), "expected a mapping with the names of the parameters: 'W'"),
        ((1.0, {"dW": W}), "have no 'W': they have 'dW'"),
        ((1.0, {"W": None}), "gradients['W'] that f returned is None: it was never computed"),
        ((1.0, {"W": W[0]}), "has shape (3,); expected an array of float64 of shape (2, 3)"),
        ((1.0, {"W": W.T}), "has shape (3, 2); expected an array of float64 of shape (2, 3), that "
         "of the parameter (the transpose of what it should be?)"),
        ((1.0, {"W": W.astype("f4")}), "gradients['W'] that f returned is float32"),
        ((1.0, {"W": W * 1j}), "complex128; expected an array of float64"),
        ((1.0, {"W": W * [1, np.inf, 1]}), "gradients['W'][0, 1] that f returned is -inf, though the "
         "loss is 1; 2 of its 6 entries"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_told(result: Any, words: str) -> None:
    with pytest.raises(SubjectError) as caught:
        gradcheck(returning(result), {"W": W}, name="f")
    assert words in str(caught.value)


def test_too_few_gradients_of_a_list() -> None:
    with pytest.raises(SubjectError, match="a list of 1; expected a list of 2"):
        gradcheck(returning((1.0, [W])), [W, W])


def test_an_exception_is_told_and_kept() -> None:
    with pytest.raises(SubjectError, match="f raised KeyError: 'U'") as caught:
        gradcheck(lambda p: p["U"], {"W": W}, name="f")
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_exception_that_is_no_mathematics_is_told_wherever_it_comes() -> None:
    def fails_elsewhere(p: Any) -> Any:
        if p["W"][0, 0] != 0.5:
            raise TypeError("oops")
        return 0.0, p

    with pytest.raises(SubjectError, match="TypeError: oops, not at the parameters given"):
        gradcheck(fails_elsewhere, {"W": W})


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({}, ValueError, "parameters is empty"),
        (W, TypeError, "for one array: [array]"),
        ({1: W}, TypeError, "names of parameters must be strings"),
        ({"W": W.astype("f4")}, TypeError, "parameters['W'] is float32; it must be"),
        ({"W": W.astype(int)}, TypeError, "convert it with .astype(numpy.float64)"),
        ([W, None], TypeError, "parameters[1] is None"),
        ({"W": W.tolist()}, TypeError, "parameters['W'] is a list of 2"),
        ({"W": W * [1, np.nan, 1]}, ValueError, "parameters['W'] is not finite (first at [0, 1])"),
    ],
)
def test_parameters_that_are_none(parameters: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        gradcheck(returning((1.0, {"W": W})), parameters)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "error"), [(0, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_entries_must_be_a_number_of_them(entries: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="entries is"):
        gradcheck(returning((1.0, {"W": W})), {"W": W}, entries=entries)


def test_the_function_must_be_one() -> None:
    with pytest.raises(TypeError, match="must be a function of the parameters"):
        gradcheck(3, {"W": W})  # type: ignore[arg-type]


def test_a_loss_that_changes_from_call_to_call() -> None:
    counter = itertools.count()
    with pytest.raises(
        SubjectError, match=r"the loss that f .*: 0.0 at first, 1.0 in the second call"
    ):
        gradcheck(lambda p: (float(next(counter)), p), {"W": W}, name="f")


def test_a_state_that_leaks_into_the_next_call() -> None:
    state = {"h": 0.0}

    def leaks(p: Any) -> Any:
        state["h"] = np.tanh(p["w"] + state["h"])
        return state["h"], {"w": 1 - state["h"] ** 2}

    with pytest.raises(SubjectError, match="changes from call to call"):
        gradcheck(leaks, {"w": 0.5})


def test_a_gradient_buffer_that_is_never_set_to_0() -> None:
    buffer = np.zeros_like(W)

    def accumulates(p: Any) -> Any:
        np.add(buffer, 2 * p["W"], out=buffer)
        return np.sum(p["W"] ** 2), {"W": buffer}

    with pytest.raises(SubjectError, match="added to and never set back to 0"):
        gradcheck(accumulates, {"W": W})


def test_a_state_that_only_other_parameters_disturb() -> None:
    """Two calls in a row agree; after a call with other parameters the first result is another."""
    last = {"w": 0.5}

    def remembers(p: Any) -> Any:
        before, last["w"] = last["w"], p["w"]
        return p["w"] + before, {"w": 1.0}

    with pytest.raises(SubjectError, match="after calls with other parameters"):
        gradcheck(remembers, {"w": 0.5})


def test_a_change_that_comes_late_is_found_at_the_end() -> None:
    calls = itertools.count()

    def decays(p: Any) -> Any:
        late = next(calls) > 20
        return np.sum(p["W"] ** 2) + late, {"W": 2 * p["W"]}

    with pytest.raises(SubjectError, match=r"after \d+ calls"):
        gradcheck(decays, {"W": W})


def test_a_buffer_that_is_reused_and_a_parameter_that_is_overwritten_are_no_fault() -> None:
    buffer = np.zeros_like(W)

    def reuses(p: Any) -> Any:
        loss = np.sum(p["W"] ** 2)
        np.multiply(p["W"], 2.0, out=buffer)
        p["W"][:] = np.nan
        return loss, {"W": buffer, "more": None}

    given = W.copy()
    assert gradcheck(reuses, {"W": given}).passed
    assert np.array_equal(given, W)


def test_shapes_are_those_given() -> None:
    seen = []

    def looks(p: Any) -> Any:
        seen.append((type(p), type(p[0]), p[1].shape, p[2].shape))
        return p[0] ** 2 + np.sum(p[2]), [2 * p[0], p[1], np.ones((1, 2))]

    result = gradcheck(looks, [3.0, np.zeros((0, 2)), np.ones((1, 2))])
    assert set(seen) == {(list, float, (0, 2), (1, 2))}
    assert "parameters[1] (0, 2): empty" in result.text


def test_nothing_but_empty_arrays_tells_nothing() -> None:
    result = gradcheck(lambda p: (1.0, p), {"W": np.zeros((0, 3))}, raise_exception=False)
    assert not result.passed
    assert "NOTHING TOLD" in str(result)
    assert (result.checked, result.total, result.worst) == (0, 0, 0.0)
