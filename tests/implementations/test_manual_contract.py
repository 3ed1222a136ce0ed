"""What the manual implementation promises beside its numbers: padding, sizes, memory, dtypes."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from rnncheck.implementations.manual import backward, forward
from rnncheck.spec import RNNSpec

Array = np.ndarray
T, B = 5, 4
LENGTHS = np.array([3, 5, 0, 1])
PADDING = np.arange(T)[:, None] >= LENGTHS  # (T, B)
SPECS = [
    RNNSpec(2, 3),
    RNNSpec(2, 3, truncation=1, output_size=2, readout="sigmoid"),
    RNNSpec(2, 3, 2, "relu", False, True, 2, "softmax", False, dropout=0.5),
    RNNSpec(2, 3, 3, "sigmoid", True, True, dropout=0.5),
    RNNSpec(2, 1, 1, "identity"),
    RNNSpec(2, 3, 2, "relu", True, True, 2, "softmax", dropout=0.5, outputs="last"),
    RNNSpec(2, 3, truncation=1, outputs="last"),
    RNNSpec(2, 3, 2, "sigmoid", True, True, 2, outputs="final"),
    RNNSpec(2, 3, truncation=1, outputs="final"),
]
GENERATING = [
    RNNSpec(2, 2, generated=2),
    RNNSpec(2, 3, 2, "relu", True, False, 2, "sigmoid", dropout=0.5, generated=3),
]
ALL_SPECS = pytest.mark.parametrize("spec", SPECS + GENERATING)


def lengths_of(spec: RNNSpec) -> Array | None:
    """LENGTHS, or None: generated steps follow rows of full length."""
    return None if spec.generated else LENGTHS.copy()


def output_padding(spec: RNNSpec) -> Array:
    """(time axis of output, B): which outputs are no step's."""
    return PADDING[: spec.array_shapes(T, B)["output"][0]] & (spec.outputs != "final")


def draw(spec: RNNSpec, t: int = T, b: int = B, dtype: type = np.float64) -> dict[str, Array]:
    """Parameters, x, h0, dropout_masks, d_output and d_h_n: whole numbers in [-2, 2].

    Sums and products of them are exact, so that for relu and identity the order does not matter.
    """
    rng = np.random.default_rng(7)
    shapes = spec.parameter_shapes() | spec.array_shapes(t, b)
    names = [name for name in shapes if name not in ("output", "h_n", "lengths")]
    drawn = {name: rng.integers(-2, 3, size=shapes[name]).astype(dtype) for name in names}
    drawn["dropout_masks"] = 2 * (drawn["dropout_masks"] > 0).astype(dtype)
    return drawn


def run(spec: RNNSpec, a: dict[str, Array], lengths: Array | None) -> dict[str, Array]:
    """output, h_n and all gradients; any warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        output, h_n, tape = forward(spec, a, a["x"], a["h0"], lengths, a["dropout_masks"])
        gradients = backward(tape, a["d_output"], a["d_h_n"])
    return {"output": output, "h_n": h_n} | {"d_" + name: g for name, g in gradients.items()}


def assert_same_bits(one: dict[str, Array], other: dict[str, Array]) -> None:
    """Same names in the same order, same shapes and dtypes, same bytes."""
    assert list(one) == list(other)
    for name, values in one.items():
        assert (values.shape, values.dtype) == (other[name].shape, other[name].dtype), name
        assert values.tobytes() == other[name].tobytes(), name


@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
@pytest.mark.parametrize("junk", [np.nan, np.inf, -np.inf, 1e300])
def test_padding_influences_nothing(spec, junk):
    """Junk in x, d_output and the masks: the same bits; +0 in output and d_x, always."""
    a = draw(spec)
    expected = run(spec, a, LENGTHS)
    for name in ("x", "dropout_masks"):
        a[name][..., PADDING, :] = junk
    a["d_output"][output_padding(spec)] = junk
    found = run(spec, a, LENGTHS)
    assert_same_bits(found, expected)
    broken = run(spec, a | {name: a[name] * np.nan for name in spec.parameter_shapes()}, LENGTHS)
    for results in (found, broken):
        for zeros in (results["output"][output_padding(spec)], results["d_x"][PADDING]):
            assert zeros.tobytes() == bytes(zeros.nbytes)


@pytest.mark.parametrize("nonlinearity", ["relu", "identity"])
@pytest.mark.parametrize(
    ("num_layers", "bidirectional", "truncation"),
    [(1, False, None), (1, False, 0), (1, False, 2), (3, False, None), (2, True, None)],
)
def test_a_padded_row_is_a_shorter_row(nonlinearity, num_layers, bidirectional, truncation):
    """A batch gives row by row what each row gives alone with T = n_b; dW and db are the sums."""
    spec = RNNSpec(2, 3, num_layers, nonlinearity, True, bidirectional, 2, truncation=truncation)
    a = draw(spec)
    batch = run(spec, a, LENGTHS)
    sums = {"d_" + name: np.zeros(shape) for name, shape in spec.parameter_shapes().items()}
    for b, n in enumerate(LENGTHS):
        alone = dict(a)
        for name in ("x", "d_output", "dropout_masks"):
            alone[name] = a[name][..., :n, b : b + 1, :]
        for name in ("h0", "d_h_n"):
            alone[name] = a[name][:, b : b + 1]
        row = run(spec, alone, None)
        for name in ("output", "d_x"):
            assert (batch[name][:n, b] == row[name][:, 0]).all(), (name, b)
        for name in ("h_n", "d_h0"):
            assert (batch[name][:, b] == row[name][:, 0]).all(), (name, b)
        for name in sums:
            sums[name] += row[name]
    for name, total in sums.items():
        assert np.abs(total).max() < 2**53, "not exact any more"
        assert (batch[name] == total).all(), name


@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
@pytest.mark.parametrize(("t", "b", "i"), [(0, 2, 2), (3, 0, 2), (3, 2, 0), (0, 0, 0)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_empty_sizes(spec, t, b, i, dtype):
    """T, B or I of 0: the right shapes; without a step h_n = h0, d_h0 = d_h_n, all else 0."""
    spec = replace(spec, input_size=i)
    a = draw(spec, t, b, dtype)
    shapes = spec.array_shapes(t, b)
    gradients = spec.parameter_shapes() | {"x": shapes["x"], "h0": shapes["h0"]}
    found = run(spec, a, None)
    assert_same_bits(found, run(spec, a, np.full(b, t)))
    assert found["output"].shape == shapes["output"]
    assert found["h_n"].shape == shapes["h_n"]
    assert {name[2:]: g.shape for name, g in found.items() if name[:2] == "d_"} == gradients
    assert {values.dtype for values in found.values()} == {np.dtype(dtype)}
    if t == 0:
        assert (found["h_n"] == a["h0"]).all()
        assert spec.outputs == "final" or (found["d_h0"] == a["d_h_n"]).all()
    if b == 0 or (t == 0 and spec.outputs != "final"):  # which reads h0: test_manual_outputs
        assert all((found["d_" + name] == 0).all() for name in gradients if name != "h0")


def test_rows_without_a_step():
    """lengths of 0 everywhere, NaN in x and h0: only h_n = h0 and d_h0 = d_h_n remain."""
    spec = RNNSpec(2, 3, 2, bidirectional=True, output_size=2)
    a = draw(spec) | {"x": np.full((T, B, 2), np.nan), "h0": np.full((4, B, 3), np.nan)}
    found = run(spec, a, np.zeros(B, dtype=np.int64))
    assert (found["output"] == 0).all()
    assert np.isnan(found["h_n"]).all()
    assert (found["d_h0"] == a["d_h_n"]).all()
    assert all((found["d_" + name] == 0).all() for name in [*spec.parameter_shapes(), "x"])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_lengths_of_any_integer_dtype(dtype):
    """Unsigned lengths must not wrap around where the valid steps are reversed."""
    spec = SPECS[2]
    a = draw(spec)
    assert_same_bits(run(spec, a, LENGTHS.astype(dtype)), run(spec, a, LENGTHS))


@ALL_SPECS
def test_nothing_is_shared_or_kept(spec):
    """Writing into every input and every result changes neither the tape nor another result."""
    a = draw(spec)
    before = {name: values.copy() for name, values in a.items()}
    lengths = lengths_of(spec)
    expected = run(spec, a, lengths)
    output, h_n, tape = forward(spec, a, a["x"], a["h0"], lengths, a["dropout_masks"])
    d_output, d_h_n = a["d_output"].copy(), a["d_h_n"].copy()
    first = backward(tape, d_output, d_h_n)
    assert all((a[name] == before[name]).all() for name in a), "an input was written into"
    assert lengths is None or (lengths == LENGTHS).all()

    everything = [output, h_n, *first.values(), *a.values(), d_output, d_h_n]
    for i, one in enumerate(everything):
        assert not any(np.shares_memory(one, other) for other in everything[:i])
    first = {name: values.copy() for name, values in first.items()}
    other = backward(tape, -3 * d_output, 2 * d_h_n)
    for values in [*everything, *other.values()]:
        values[...] = np.nan
    if lengths is not None:
        lengths[...] = 1
    second = backward(tape, before["d_output"], before["d_h_n"])
    assert_same_bits(second, first)
    assert_same_bits(
        {"d_" + name: g for name, g in second.items()}, dict(list(expected.items())[2:])
    )


def fortran(values: Array) -> Array:
    """In Fortran's order."""
    return np.asfortranarray(values)


def strided(values: Array) -> Array:
    """Every second element of a larger array, backwards."""
    apart = np.zeros([2 * size for size in values.shape], dtype=values.dtype)
    view = apart[tuple(slice(None, None, -2) for _ in values.shape)]
    view[...] = values
    return view


def read_only(values: Array) -> Array:
    """Not writeable."""
    values = values.copy()
    values.flags.writeable = False
    return values


@pytest.mark.parametrize("layout", [fortran, strided, read_only])
@ALL_SPECS
def test_the_layout_of_the_inputs_does_not_matter(spec, layout):
    """The same bits from Fortran-ordered, strided and read-only arrays."""
    a = draw(spec)
    laid_out = {name: layout(values) for name, values in a.items()}
    lengths = None if spec.generated else layout(LENGTHS)
    assert_same_bits(run(spec, laid_out, lengths), run(spec, a, lengths_of(spec)))


@ALL_SPECS
def test_float32_stays_float32(spec):
    """x's dtype decides; whatever else is float64 is converted, and the results are float32."""
    single = draw(spec, dtype=np.float32)
    mixed = draw(spec) | {"x": single["x"]}
    found = run(spec, single, lengths_of(spec))
    assert {values.dtype for values in found.values()} == {np.dtype(np.float32)}
    assert_same_bits(run(spec, mixed, lengths_of(spec)), found)


def test_float32_is_exact_on_small_whole_numbers():
    """Linear and relu networks of whole numbers below 2**24: float32 equals float64."""
    spec = RNNSpec(2, 3, 1, "relu", bidirectional=True, output_size=2)
    single = run(spec, draw(spec, dtype=np.float32), LENGTHS)
    for name, values in run(spec, draw(spec), LENGTHS).items():
        assert np.abs(values).max() < 2**24
        assert (single[name] == values).all(), name


def test_saturated_readouts_do_not_warn():
    """Pre-activations of ±10000 give exactly 0 and 1, their gradients exactly 0."""
    for readout in ("sigmoid", "softmax"):
        spec = RNNSpec(2, 3, 1, "sigmoid", output_size=2, readout=readout)
        a = draw(spec) | {"weight_ho": np.zeros((2, 3)), "bias_o": np.array([1e4, -1e4])}
        a["bias_ih_l0"] = np.array([1e4, -1e4, 0.0])
        found = run(spec, a, None)
        assert (found["output"] == [1, 0]).all()
        assert (found["h_n"][0, :, :2] == [1, 0]).all()
        assert (found["d_bias_o"] == 0).all()
