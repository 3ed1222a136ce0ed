"""Layouts, defaults and validation: what a caller passes, and the message if it is wrong."""

import re
from typing import Any

import numpy as np
import pytest
from contract.drawing import B, H, I, T, assert_same_bits

from rnncheck.canonical import (
    Layout,
    canonical_inputs,
    canonical_output,
    canonical_state,
    checked_state_dict,
    floats,
)
from rnncheck.spec import RNNSpec

SPEC = RNNSpec(I, H, 2, bidirectional=True)
S = SPEC.num_states
FLOAT64 = np.dtype(np.float64)
LAYOUTS = {
    "time-major": Layout(),
    "batch-first": Layout(batch_first=True),
    "unbatched": Layout(batched=False),
    "unbatched, batch_first=True": Layout(batched=False, batch_first=True),
}


def numbers(*shape: int) -> Any:
    return np.random.default_rng(0).standard_normal(shape)


def accept(x: Any, h0: Any = None, lengths: Any = None, batch_first: bool = False) -> Any:
    return canonical_inputs(SPEC, x, h0, lengths, batch_first=batch_first, dtype=FLOAT64)


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_sequences_and_states_go_in_and_come_out(name):
    """By torch's documentation: (T, B, F), (B, T, F) with batch_first, (T, F) without a batch;
    a state is (L·D, B, H), or (L·D, H) without a batch, whatever batch_first says."""
    layout = LAYOUTS[name]
    b = B if layout.batched else 1
    sequence, state = numbers(T, b, I), numbers(S, b, H)
    given = layout.sequence_out(sequence)
    for t in range(T):
        for row in range(b):
            at = (row, t) if layout.batch_first else (t, row)
            assert_same_bits(given[at if layout.batched else t], sequence[t, row])
    given_state = layout.state_out(state)
    assert_same_bits(given_state, state if layout.batched else state[:, 0])
    assert_same_bits(layout.sequence_in(given), sequence)
    assert_same_bits(layout.state_in(given_state), state)


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_inputs_become_time_major(name):
    layout = LAYOUTS[name]
    b = B if layout.batched else 1
    x, h0 = numbers(T, b, I), numbers(S, b, H)
    found, time_major, state, lengths = accept(
        layout.sequence_out(x), layout.state_out(h0), [1] * b, layout.batch_first
    )
    assert found == layout
    assert_same_bits(time_major, x)
    assert_same_bits(state, h0)
    assert lengths.tolist() == [1] * b


def test_the_defaults_are_zeros_and_all_steps():
    _, _, state, lengths = accept(numbers(T, B, I))
    assert_same_bits(state, np.zeros((S, B, H)))
    assert lengths is None
    single = np.dtype(np.float32)
    state = canonical_state(Layout(), "h0", None, (S, B, H), single)
    assert_same_bits(state, np.zeros((S, B, H), single))


def test_lists_of_numbers_are_arrays():
    x = numbers(T, B, I)
    assert_same_bits(accept(x.tolist())[1], x)
    assert floats("x", [1, 2], np.dtype(np.float32)).dtype == np.float32


@pytest.mark.parametrize(
    ("x", "h0", "batch_first", "says"),
    [
        ((I,), None, False, "x has shape (4,); it must have 3 axes, or 2 without a batch"),
        ((), None, False, "x has shape (); it must have 3 axes"),
        ((T, B, I, 1), None, False, "x has shape (3, 2, 4, 1); it must have 3 axes"),
        (
            (T, B, 9), None, False,
            "x has shape (3, 2, 9); it must have shape (3, 2, 4) (time, batch, input)",
        ),
        (
            (B, T, 9), None, True,
            "x has shape (2, 3, 9); it must have shape (2, 3, 4) (batch, time, input)",
        ),
        ((T, 9), None, True, "x has shape (3, 9); it must have shape (3, 4) (time, input)"),
        (
            (T, B, I), (S, B, H + 1), False,
            "h0 has shape (4, 2, 6); it must have shape (4, 2, 5) "
            "(layers x directions, batch, hidden)",
        ),
        (
            (T, B, I), (B, S, H), False,
            "h0 has shape (2, 4, 5); it must have shape (4, 2, 5) (layers",
        ),
        ((B, T, I), (B, S, H), True, "h0 has shape (2, 4, 5); it must have shape (4, 2, 5)"),
        ((T, B, I), (S, H), False, "h0 has shape (4, 5); it must have shape (4, 2, 5)"),
        (
            (T, I), (S, 1, H), False,
            "h0 has shape (4, 1, 5); it must have shape (4, 5) (layers x directions, hidden)",
        ),
    ],
)  # fmt: skip
def test_wrong_shapes_are_told_in_the_layout_of_the_caller(x, h0, batch_first, says):
    with pytest.raises(ValueError, match=f"^{re.escape(says)}"):
        accept(numbers(*x), None if h0 is None else numbers(*h0), batch_first=batch_first)


@pytest.mark.parametrize("name", list(LAYOUTS))
def test_wrong_cotangents_are_told_in_the_layout_of_the_caller(name):
    layout = LAYOUTS[name]
    b = B if layout.batched else 1
    right = {
        "time-major": "(3, 2, 10) (time, batch, output)",
        "batch-first": "(2, 3, 10) (batch, time, output)",
    }.get(name, "(3, 10) (time, output)")
    wrong = numbers(7, 7)
    message = f"d_output has shape (7, 7); it must have shape {right}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        canonical_output(layout, "d_output", wrong, (T, b, 2 * H), FLOAT64)
    state = (S, B, H) if layout.batched else (S, H)
    message = f"d_h_n has shape (7, 7); it must have shape {state}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        canonical_state(layout, "d_h_n", wrong, (S, b, H), FLOAT64)


@pytest.mark.parametrize("dtype", ["float32", "int64", "complex128", "object"])
def test_arrays_of_another_dtype_are_told_by_name(dtype):
    x, h0 = numbers(T, B, I), numbers(S, B, H)
    with pytest.raises(TypeError, match=f"^x is {dtype}; this network computes in float64$"):
        accept(x.astype(dtype))
    with pytest.raises(TypeError, match=f"^h0 is {dtype}; this network computes in float64$"):
        accept(x, h0.astype(dtype))


@pytest.mark.parametrize("value", [[["a"]], [[1.0], [1.0, 2.0]], [[1j]], [[{}]], None, "x"])
def test_what_is_no_array_of_numbers_is_told_by_name(value):
    with pytest.raises((TypeError, ValueError), match=r"^(x|h0) (must be an array|has shape)"):
        accept(value)
    if value is not None:
        with pytest.raises((TypeError, ValueError), match=r"^h0 must be an array of numbers: "):
            accept(numbers(T, B, I), value)


@pytest.mark.parametrize(
    ("lengths", "error", "says"),
    [
        ([1], ValueError, "lengths has shape (1,); it must have shape (2,) (one for each batch"),
        ([[1, 2]], ValueError, "lengths has shape (1, 2); it must have shape (2,)"),
        (3, ValueError, "lengths has shape (); it must have shape (2,)"),
        ([], ValueError, "lengths has shape (0,); it must have shape (2,)"),
        ([1.0, 2.0], TypeError, "lengths must be integers, not float64"),
        ([True, False], TypeError, "lengths must be integers, not bool"),
        ([-1, 2], ValueError, "lengths must lie in 0..T = 0..3, not [-1, 2]"),
        ([2, 4], ValueError, "lengths must lie in 0..T = 0..3, not [2, 4]"),
    ],
)
@pytest.mark.parametrize("batch_first", [False, True])
def test_wrong_lengths_are_told(lengths, error, says, batch_first):
    x = numbers(B, T, I) if batch_first else numbers(T, B, I)
    with pytest.raises(error, match=f"^{re.escape(says)}"):
        accept(x, lengths=lengths, batch_first=batch_first)


def test_a_batch_of_none_has_no_lengths():
    assert accept(numbers(T, 0, I), lengths=[])[3].shape == (0,)


def state_of(spec: RNNSpec) -> dict[str, Any]:
    return {name: numbers(*shape) for name, shape in spec.parameter_shapes().items()}


def test_a_state_dict_is_copied_into_the_order_of_the_spec():
    given = state_of(SPEC)
    taken = checked_state_dict(SPEC, dict(reversed(given.items())), FLOAT64)
    assert list(taken) == list(SPEC.parameter_shapes())
    for name, array in taken.items():
        assert_same_bits(array, given[name], name)
        assert not np.shares_memory(array, given[name])


@pytest.mark.parametrize("name", list(SPEC.parameter_shapes()))
def test_a_wrong_shape_in_a_state_dict_is_told(name):
    right = SPEC.parameter_shapes()[name]
    wrong = (*right[:-1], right[-1] + 1)
    message = f"{name} has shape {wrong}; it must have shape {right}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        checked_state_dict(SPEC, {**state_of(SPEC), name: numbers(*wrong)}, FLOAT64)


@pytest.mark.parametrize("value", [[[1.0], [1.0, 2.0]], "no", [{}]])
def test_what_is_no_array_in_a_state_dict_is_told(value):
    state = {**state_of(SPEC), "bias_hh_l1": value}
    with pytest.raises(TypeError, match=r"^bias_hh_l1 must be an array of numbers: "):
        checked_state_dict(SPEC, state, FLOAT64)


def test_wrong_names_in_a_state_dict_are_all_told():
    state = state_of(SPEC)
    array = state.pop("bias_hh_l1")
    state["bias"] = array
    says = "state_dict lacks bias_hh_l1 and has the unknown bias; it must hold weight_ih_l0, "
    with pytest.raises(ValueError, match="^" + says):
        checked_state_dict(SPEC, state, FLOAT64)
