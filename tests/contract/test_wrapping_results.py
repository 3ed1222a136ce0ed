"""A wrapped network: the message for results from which no array can be read."""

import re
from typing import Any

import numpy as np
import pytest
from contract.drawing import B, H, I, T, draw

from rnncheck.results import SubjectError
from rnncheck.spec import RNNSpec
from rnncheck.wrapping import Wrapped, wrap

WORDS: dict[str, Any] = {
    "x": "time batch input",
    "h0": "batch hidden",
    "output": "time batch hidden",
    "params": {"U": "hidden input", "W": "hidden prev", "b": "hidden"},
}


def returning(result: Any, gradients: Any = None) -> Wrapped:
    return wrap(lambda *_: result, lambda p, x, h0, d_output, d_h_n: gradients, **WORDS)


STATES = np.zeros((T, B, H))
ARRAY = "expected a NumPy array of shape"
MISSING = "(is a return statement missing?)"
EXPECTED = f"{ARRAY} ({T}, {B}, {H}) = (time, batch, hidden)"
OF_H_N = f"{ARRAY} ({B}, {H}) = (batch, hidden)"


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (None, f"forward's output is None {MISSING}; {EXPECTED}"),
        ([1, 2, 3], f"forward's output is a list of 3; {EXPECTED}"),
        ((), "forward returned a tuple of 0; expected output, or (output, h_n)"),
        ((STATES,) * 3, "forward returned a tuple of 3; expected output, or (output, h_n)"),
        ({"y": 1}, f"forward's output is a dict with 'y'; {EXPECTED}"),
        (1.5, f"forward's output is float 1.5; {EXPECTED}"),
        (STATES[0], f"forward's output has shape ({B}, {H}); {EXPECTED}"),
        (np.float64(3), f"forward's output has shape (); {EXPECTED}"),
        (STATES.swapaxes(0, 1), f"forward's output has shape ({B}, {T}, {H}); {EXPECTED}"),
        (STATES[:0], f"forward's output has shape (0, {B}, {H}); {EXPECTED}"),
        (STATES.astype(object), f"forward's output is an array of object; {EXPECTED}, of floats"),
        (STATES.astype(complex), "forward's output is an array of complex128; expected"),
        (STATES.astype(bool), "forward's output is an array of bool; expected"),
        ((STATES, [0.0]), f"forward's h_n is a list of 1; {OF_H_N}"),
        ((STATES, STATES), f"forward's h_n has shape ({T}, {B}, {H}); {OF_H_N}"),
        ((STATES[0], STATES[0]), f"forward's output has shape ({B}, {H}); {EXPECTED}"),
    ],
)  # fmt: skip
def test_a_forward_that_gives_no_output_is_told(result, says):
    with pytest.raises(SubjectError, match=f"^{re.escape(says)}"):
        returning(result).forward(draw())


GRADIENTS = {"U": np.zeros((H, I)), "W": np.zeros((H, H)), "b": np.zeros(H)}


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (None, f"None {MISSING}"),
        ([1, 2], "a list of 2"),
        ((1, 2, 3), "a tuple of 3"),
        (STATES, f"an array of shape ({T}, {B}, {H})"),
    ],
)
def test_a_backward_that_gives_no_dict_is_told(result, says):
    message = re.escape(f"backward returned {says}; expected a dict of U, W, b")
    with pytest.raises(SubjectError, match=f"^{message}$"):
        returning(STATES, result).gradients(draw())


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ("Wb", "a dict with 'W', 'b'; it lacks U"),
        ("W", "a dict with 'W'; it lacks U, b"),
        ("", "a dict with nothing; it lacks U, W, b"),
    ],
)
def test_gradients_that_are_missing_are_told(names, says):
    gradients = {name: GRADIENTS[name] for name in names}
    with pytest.raises(SubjectError, match=f"^backward returned {re.escape(says)}$"):
        returning(STATES, gradients).gradients(draw())


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("U", np.zeros((I, H)), f"has shape ({I}, {H}); {ARRAY} ({H}, {I}) = (hidden, input)"),
        ("W", [], f"is a list of 0; {ARRAY} ({H}, {H}) = (hidden, prev)"),
        ("W", None, f"is None {MISSING}; {ARRAY} ({H}, {H}) = (hidden, prev)"),
        ("b", np.zeros((H, 1)), f"has shape ({H}, 1); {ARRAY} ({H},) = (hidden)"),
        ("b", [0.0] * H, f"is a list of {H}; {ARRAY} ({H},) = (hidden)"),
        (
            "x", np.zeros((B, T, I)),
            f"has shape ({B}, {T}, {I}); {ARRAY} ({T}, {B}, {I}) = (time, batch, input)",
        ),
        ("h0", np.zeros((1, B, H)), f"has shape (1, {B}, {H}); {OF_H_N}"),
    ],
)  # fmt: skip
def test_a_gradient_that_is_no_gradient_is_told(name, value, says):
    message = re.escape(f"backward's gradient for {name} {says}")
    with pytest.raises(SubjectError, match=f"^{message}$"):
        returning(STATES, {**GRADIENTS, name: value}).gradients(draw())


def test_shapes_are_told_in_the_orientation_of_the_user():
    params = {"U": "input hidden", "W": "prev hidden"}
    words = {**WORDS, "output": "hidden 1 time batch", "params": params}
    wrapped = wrap(lambda *_: STATES, lambda p, x, h0, d, e: {"U": GRADIENTS["U"], "W": 0}, **words)
    case = draw(RNNSpec(I, H, bias=False))
    wanted = f"({H}, 1, {T}, {B}) = (hidden, 1, time, batch)"
    says = f"forward's output has shape {STATES.shape}; {ARRAY} {wanted}"
    with pytest.raises(SubjectError, match=f"^{re.escape(says)}$"):
        wrapped.forward(case)
    says = f"backward's gradient for U has shape ({H}, {I}); {ARRAY} ({I}, {H}) = (input, hidden)"
    with pytest.raises(SubjectError, match=f"^{re.escape(says)}$"):
        wrapped.gradients(case)


def test_what_backward_gives_beyond_the_parameters_is_no_fault():
    found = returning(STATES, {**GRADIENTS, "loss": 3.0}).gradients(draw())
    assert list(found) == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0"]


def test_what_the_users_code_raises_is_not_disguised():
    def broken(*arguments: Any) -> Any:
        raise ZeroDivisionError("mine")

    wrapped = wrap(broken, broken, **WORDS)
    for call in (wrapped.forward, wrapped.gradients):
        with pytest.raises(ZeroDivisionError, match="mine"):
            call(draw())


@pytest.mark.parametrize(("t", "b", "i"), [(0, B, I), (T, 0, I), (T, B, 0)])
def test_an_empty_array_is_right_whatever_its_shape(t, b, i):
    """`np.array([])` of a loop that never ran holds nothing that could be wrong."""
    case = draw(RNNSpec(i, H), t, b)
    empty, gradients = np.array([]), {**GRADIENTS, "U": np.zeros((H, i)), "x": np.array([])}
    output = empty if 0 in (t, b) else STATES
    wrapped = returning((output, np.zeros((b, H)) if b else empty), gradients)
    found = wrapped.forward(case)
    assert (found.output.shape, found.h_n.shape) == ((t, b, H), (1, b, H))
    assert wrapped.gradients(case)["x"].shape == (t, b, i)
