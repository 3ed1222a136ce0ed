"""`Case`: what it refuses, by name; what it says of itself; copies that share nothing."""

import dataclasses
import re
from typing import Any

import numpy as np
import pytest
from contract.drawing import (
    DEEP,
    PLAIN,
    B,
    H,
    I,
    T,
    assert_same_bits,
    changed,
    draw,
    everything,
)

from rnncheck.spec import RNNSpec

ARRAYS = [*DEEP.parameter_shapes(), "x", "h0", "d_output", "d_h_n", "lengths", "dropout_masks"]
FLOATS = [name for name in ARRAYS if name != "lengths"]


def test_arrays_are_named_in_order():
    case = everything()
    backwards = case.replace(parameters=dict(reversed(case.parameters.items())))
    assert [name for name, _ in backwards.arrays()] == ARRAYS
    assert all(array is dict(case.arrays())[name] for name, array in backwards.arrays())


def test_absent_arrays_are_left_out():
    assert [name for name, _ in draw().arrays()] == [
        *PLAIN.parameter_shapes(), "x", "h0", "d_output", "d_h_n",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("extra", ["longer", "one axis more"])
def test_a_wrong_shape_is_told_by_name_with_both_shapes(name, extra):
    case = everything()
    right = dict(case.arrays())[name].shape
    wrong = (*right[:-1], right[-1] + 1) if extra == "longer" else (*right, 1)
    array = np.ones(wrong, np.int64 if name == "lengths" else np.float64)
    if name == "x" and extra == "one axis more":
        message = f"x has shape {wrong}; a case needs (T, B, I): 3 dimensions"
    else:
        message = f"{name} has shape {wrong}; it must have shape {right}"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        changed(case, name, array)


@pytest.mark.parametrize("shape", [(), (I,), (T, I)])
def test_x_has_three_axes(shape):
    with pytest.raises(ValueError, match=rf"^x has shape {re.escape(str(shape))}.*\(T, B, I\)"):
        draw().replace(x=np.zeros(shape))


@pytest.mark.parametrize("name", [name for name in FLOATS if name != "x"])
@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.complex128, object])
def test_every_array_has_the_dtype_of_x(name, dtype):
    case = everything()
    array = dict(case.arrays())[name].astype(dtype)
    with pytest.raises(TypeError, match=f"^{name} is {array.dtype} where x is float64"):
        changed(case, name, array)


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex128", "object"])
def test_a_case_holds_floating_point_numbers(dtype):
    with pytest.raises(TypeError, match=f"floating-point numbers, not {dtype}"):
        draw().astype(dtype)


@pytest.mark.parametrize("name", [name for name in ARRAYS if name != "dropout_masks"])
def test_lists_are_no_arrays(name):
    case = everything()
    with pytest.raises(TypeError, match=f"^{name} must be a NumPy array, not a list"):
        changed(case, name, dict(case.arrays())[name].tolist())


@pytest.mark.parametrize("lengths", [[1.0, 2.0], [True, False]])
def test_lengths_are_integers(lengths):
    array = np.array(lengths)
    with pytest.raises(TypeError, match=f"^lengths must be integers, not {array.dtype}"):
        draw().replace(lengths=array)


@pytest.mark.parametrize("lengths", [[-1, 2], [2, T + 1]])
def test_lengths_lie_between_0_and_T(lengths):
    with pytest.raises(ValueError, match=rf"^lengths .* 0\.\.{T}, not {re.escape(str(lengths))}"):
        draw().replace(lengths=np.array(lengths))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_lengths_of_0_and_T_are_lengths(dtype):
    assert draw(lengths=np.array([0, T], dtype)).valid_steps().tolist() == [0, T]


def test_without_lengths_every_step_is_valid():
    assert draw().valid_steps().tolist() == [T] * B


def test_wrong_names_are_all_told():
    case = draw()
    parameters = dict(case.parameters)
    array = parameters.pop("weight_hh_l0")
    names = ", ".join(PLAIN.parameter_shapes())
    with pytest.raises(ValueError, match="^parameters lacks weight_hh_l0; it must hold " + names):
        case.replace(parameters=parameters)
    with pytest.raises(ValueError, match="lacks weight_hh_l0 and has the unknown W_hh, U; it must"):
        case.replace(parameters={**parameters, "W_hh": array, "U": array})
    with pytest.raises(ValueError, match=r"^parameters has the unknown W_hh; it must hold"):
        case.replace(parameters={**case.parameters, "W_hh": array})


@pytest.mark.parametrize(
    ("case", "degenerate"),
    [
        (draw(), False),
        (draw(lengths=[1, T]), False),
        (draw(t=0), True),
        (draw(b=0), True),
        (draw(RNNSpec(0, H)), True),
        (draw(lengths=[0, T]), True),
    ],
)
def test_a_case_without_something_is_degenerate(case, degenerate):
    assert case.is_degenerate == degenerate


@pytest.mark.parametrize(("t", "b", "i"), [(0, B, I), (T, 0, I), (T, B, 0), (0, 0, 0)])
def test_sizes_may_be_0(t, b, i):
    case = draw(RNNSpec(i, H), t, b)
    assert (case.T, case.B, case.x.shape) == (t, b, (t, b, i))


def test_a_copy_is_equal_and_shares_no_memory():
    case = everything()
    copy = case.copy()
    assert (copy.spec, copy.origin) == (case.spec, case.origin)
    theirs = dict(copy.arrays())
    for name, array in case.arrays():
        assert_same_bits(theirs[name], array, name)
        assert not np.shares_memory(theirs[name], array), name


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64"])
def test_astype_converts_all_but_the_lengths(dtype):
    case = everything()
    cast = case.astype(dtype)
    for name, array in case.arrays():
        expected = array if name == "lengths" else array.astype(dtype)
        assert_same_bits(dict(cast.arrays())[name], expected, name)
    assert (cast.dtype, cast.spec, cast.origin) == (np.dtype(dtype), case.spec, case.origin)


def test_a_case_is_frozen_and_replace_gives_another():
    case = draw()
    with pytest.raises(dataclasses.FrozenInstanceError):
        case.origin = "elsewhere"  # type: ignore[misc]
    other = case.replace(origin="elsewhere")
    assert (case.origin, other.origin) == ("drawn", "elsewhere")
    assert other.x is case.x


@pytest.mark.parametrize(
    "options",
    [
        {"t": T + 1},
        {"b": B + 1},
        {"spec": RNNSpec(I + 1, H)},
        {"spec": RNNSpec(I, H + 1)},
        {"spec": RNNSpec(I, H, 2)},
        {"spec": RNNSpec(I, H, bidirectional=True)},
        {"spec": RNNSpec(I, H, bias=False)},
        {"spec": RNNSpec(I, H, nonlinearity="relu")},
        {"spec": RNNSpec(I, H, output_size=H)},
        {"spec": RNNSpec(I, H, output_size=H, readout="softmax")},
        {"lengths": [T, 1]},
        {"dtype": np.float32},
    ],
)
def test_the_line_of_sizes_tells_cases_apart(options: dict[str, Any]):
    assert draw(**options).sizes() != draw().sizes()
    assert "\n" not in draw(**options).sizes()
