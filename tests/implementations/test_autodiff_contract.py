"""The contract of `forward` and `backward`: shapes, dtypes, memory, and long sequences."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from rnncheck.implementations.autodiff import Tensor, backward, forward
from rnncheck.spec import RNNSpec

Array = npt.NDArray[np.floating]

SPEC = RNNSpec(3, 2, 2, bidirectional=True, output_size=4, readout="softmax", dropout=0.5)
LENGTHS = np.array([5, 0, 3])


def draw(spec: RNNSpec, T: int, B: int) -> dict[str, Array]:
    """Every array of a case, random, in float64; the dropout masks are 0 or 2."""
    rng = np.random.default_rng(0)
    shapes = spec.parameter_shapes() | spec.array_shapes(T, B)
    arrays: dict[str, Array] = {
        name: 0.5 * rng.standard_normal(shape) for name, shape in shapes.items()
    }
    arrays["dropout_masks"] = 2.0 * (arrays["dropout_masks"] > 0)
    return arrays


def run(arrays: dict[str, Array]) -> tuple[dict[str, Array], Callable[[], dict[str, Array]]]:
    """The results of `forward` for SPEC, and `backward` on its tape, to be called at will."""
    parameters = {name: arrays[name] for name in SPEC.parameter_shapes()}
    output, h_n, tape = forward(
        SPEC, parameters, arrays["x"], arrays["h0"], LENGTHS, arrays["dropout_masks"]
    )
    results = {"output": output, "h_n": h_n}
    return results, lambda: backward(tape, arrays["d_output"], arrays["d_h_n"])


def test_the_gradients_are_named_shaped_and_ordered_as_the_spec_says() -> None:
    """Parameters in the order of parameter_shapes(), then x, then h0."""
    arrays = draw(SPEC, 5, 3)
    results, gradients = run(arrays)
    shapes = SPEC.parameter_shapes() | {name: arrays[name].shape for name in ("x", "h0")}
    assert [(n, a.shape) for n, a in gradients().items()] == list(shapes.items())
    assert results["output"].shape == (5, 3, 4)
    assert results["h_n"].shape == (4, 3, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("nonlinearity", ["tanh", "relu", "sigmoid", "identity"])
@pytest.mark.parametrize("readout", ["identity", "sigmoid", "softmax"])
@pytest.mark.parametrize(
    "option", [{"truncation": 1}, {"outputs": "last"}, {"outputs": "final"}, {"generated": 2}]
)
def test_one_dtype_throughout(
    dtype: type, nonlinearity: str, readout: str, option: dict[str, Any]
) -> None:
    """Results, gradients, and every Tensor between: a detour by float64 would change roundings."""
    spec = RNNSpec(2, 2, 1, nonlinearity, output_size=2, readout=readout, **option)  # type: ignore[arg-type]
    arrays: dict[str, Array] = {
        name: array.astype(dtype) for name, array in draw(spec, 4, 2).items()
    }
    parameters = {name: arrays[name] for name in spec.parameter_shapes()}
    output, h_n, tape = forward(spec, parameters, arrays["x"], arrays["h0"])
    got = backward(tape, arrays["d_output"], arrays["d_h_n"])
    assert {array.dtype for array in (output, h_n, *got.values())} == {np.dtype(dtype)}
    seen: set[Tensor] = set()
    waiting = [tape.output, tape.h_n]
    while waiting:
        tensor = waiting.pop()
        assert tensor.dtype == dtype
        waiting += [parent for parent in tensor.parents if parent not in seen]
        seen.update(tensor.parents)
    assert seen.issuperset(tape.leaves.values())


def test_the_memory_of_strided_fortran_and_read_only_arguments_does_not_matter() -> None:
    """The same bits come out, and nothing was written to: read-only arrays would refuse."""

    def awkward(array: Array) -> Array:
        wide = np.full((*array.shape, 2), np.nan, order="F")
        wide[..., 1] = array
        view = wide[..., 1]
        view.flags.writeable = False
        return view

    arrays = draw(SPEC, 5, 3)
    results, gradients = run(arrays)
    strange_results, strange_gradients = run({n: awkward(a) for n, a in arrays.items()})
    expected, got = results | gradients(), strange_results | strange_gradients()
    assert list(got) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(got[name], array)


def test_the_caller_may_write_into_everything_he_gave_and_got() -> None:
    """No two arrays share memory, so a second backward gives the same bits as the first."""
    arrays = draw(SPEC, 5, 3)
    results, gradients = run(arrays)
    first = gradients()
    expected = {name: array.copy() for name, array in first.items()}
    everything = [*results.values(), *first.values(), *arrays.values()]
    for a, b in itertools.combinations(everything, 2):
        assert not np.shares_memory(a, b)
    cotangents = [arrays["d_output"], arrays["d_h_n"]]
    for array in everything:
        if not any(array is cotangent for cotangent in cotangents):
            array[...] = np.nan
    second = gradients()
    for name, array in expected.items():
        np.testing.assert_array_equal(second[name], array)


def test_backward_is_linear_in_its_cotangents_and_does_not_accumulate() -> None:
    """Doubled cotangents give exactly doubled gradients, whatever was asked of the tape before."""
    arrays = draw(SPEC, 5, 3)
    _, gradients = run(arrays)
    once = gradients()
    arrays["d_output"] *= 2.0
    arrays["d_h_n"] *= 2.0
    for name, array in gradients().items():
        np.testing.assert_array_equal(array, 2.0 * once[name])


def test_a_cotangent_of_another_shape_is_refused() -> None:
    """It would broadcast, and the answer would look right."""
    arrays = draw(SPEC, 5, 3)
    _, gradients = run(arrays)
    arrays["d_h_n"] = np.ones((1, 1, 1))
    with pytest.raises(ValueError, match="cotangent"):
        gradients()


@pytest.mark.parametrize("sizes", list(itertools.product((0, 3), (0, 2), (0, 2))))
@pytest.mark.parametrize("readout", [None, 2])
def test_empty_sizes_give_zeros_of_the_right_shape(
    sizes: tuple[int, int, int], readout: int | None
) -> None:
    """T = 0, B = 0, I = 0 in every combination; with T = 0, h_n = h0 and dh0 = d_h_n."""
    T, B, size = sizes
    spec = RNNSpec(size, 3, 2, bidirectional=True, output_size=readout)
    arrays = draw(spec, T, B)
    x, h0, masks = arrays["x"], arrays["h0"], arrays["dropout_masks"]
    p = {name: arrays[name] for name in spec.parameter_shapes()}
    output, h_n, tape = forward(spec, p, x, h0, np.full(B, T), masks)
    assert output.shape == (T, B, spec.output_features)
    got = backward(tape, np.ones_like(output), np.full_like(h_n, 7.0))
    shapes = spec.parameter_shapes() | {"x": x.shape, "h0": h0.shape}
    assert {name: array.shape for name, array in got.items()} == shapes
    if T == 0:
        np.testing.assert_array_equal(h_n, h0)
        np.testing.assert_array_equal(got["h0"], np.full_like(h0, 7.0))
    if T * B == 0:
        assert all(not got[name].any() for name in [*spec.parameter_shapes(), "x"])


def test_three_thousand_steps() -> None:
    """Running sums: w = u = 1 gives h_n = Σ x, dx = 1, dW_hh = Σ_t h_{t-1}, all integers."""
    spec, T = RNNSpec(1, 1, nonlinearity="identity", bias=False), 3000
    x = np.arange(T, dtype=float) % 7 - 3
    p = {name: np.ones((1, 1)) for name in ("weight_ih_l0", "weight_hh_l0")}
    _, h_n, tape = forward(spec, p, x.reshape(T, 1, 1), np.zeros((1, 1, 1)))
    assert h_n == x.sum()
    got = backward(tape, np.zeros((T, 1, 1)), np.ones((1, 1, 1)))
    np.testing.assert_array_equal(got["x"], np.ones((T, 1, 1)))
    assert got["weight_hh_l0"] == np.cumsum(x)[:-1].sum()
