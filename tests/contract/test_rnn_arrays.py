"""What the class `RNN` promises beyond torch's face: dtypes, seeds, memory, readout, truncation."""

from typing import Any

import numpy as np
import pytest
from contract.drawing import assert_same_bits, draw

from rnncheck.implementations import autodiff, manual
from rnncheck.spec import RNNSpec

T, B, I, H, L, D = 3, 2, 4, 5, 2, 2  # noqa: E741
pytestmark = pytest.mark.parametrize("reference", [manual, autodiff], ids=["manual", "autodiff"])


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("given", [True, False])
def test_the_dtype_stays(reference, dtype, mode, given):
    """Nothing is computed in another precision, with dropout, defaults, lengths and a readout."""
    rnn = reference.RNN(
        I, H, L, "sigmoid", dropout=0.5, bidirectional=True, output_size=3, readout="softmax",
        dtype=dtype, rng=0,
    )  # fmt: skip
    getattr(rnn, mode)()
    h0 = numbers(L * D, B, H).astype(dtype) if given else None
    results = rnn(numbers(T, B, I).astype(dtype), h0, [T, 1] if given else None)
    gradients = rnn.backward(numbers(T, B, 3).astype(dtype), h0)
    for array in (*results, *gradients.values(), *rnn.state_dict().values()):
        assert array.dtype == dtype


@pytest.mark.parametrize(("ours", "given"), [("float64", "float32"), ("float32", "float64")])
def test_arrays_of_another_dtype_are_refused(reference, ours, given):
    rnn = reference.RNN(I, H, dtype=ours)
    x, state = numbers(T, B, I), numbers(1, B, H)
    with pytest.raises(TypeError, match=f"^x is {given}; this network computes in {ours}"):
        rnn(x.astype(given))
    rnn(x.astype(ours))
    d_output = numbers(T, B, H)
    with pytest.raises(TypeError, match=f"^d_output is {given}; this network computes in {ours}"):
        rnn.backward(d_output.astype(given))
    with pytest.raises(TypeError, match=f"^d_h_n is {given}; this network computes in {ours}"):
        rnn.backward(d_output.astype(ours), state.astype(given))


def test_a_state_dict_of_another_dtype_is_converted(reference):
    """As torch does: a float32 network can be given a float64 one's parameters."""
    double, single = reference.RNN(I, H, rng=0), reference.RNN(I, H, dtype="float32")
    single.load_state_dict(double.state_dict())
    for name, array in single.state_dict().items():
        assert_same_bits(array, double.state_dict()[name].astype(np.float32), name)


@pytest.mark.parametrize("dtype", [int, bool, complex, object])
def test_the_dtype_is_a_floating_point_type(reference, dtype):
    with pytest.raises(
        TypeError, match=f"^dtype must be a floating-point type, not {np.dtype(dtype)}"
    ):
        reference.RNN(I, H, dtype=dtype)


def test_a_seed_decides_parameters_and_dropout(reference):
    """A seed, or a generator in that state."""
    x = numbers(T, B, I)

    def drawn(rng: Any) -> Any:
        rnn = reference.RNN(I, H, 2, dropout=0.5, rng=rng)
        return [*rnn.state_dict().values(), *rnn.train()(x)]

    for one, other in zip(drawn(3), drawn(np.random.default_rng(3)), strict=True):
        assert_same_bits(one, other)
    assert any((one != other).any() for one, other in zip(drawn(3), drawn(4), strict=True))
    assert any((one != other).any() for one, other in zip(drawn(None), drawn(None), strict=True))


def test_writing_into_arrays_after_a_call_changes_no_gradient(reference):
    rnn = reference.RNN(I, H, L, bidirectional=True, rng=0)
    x, h0, lengths = numbers(T, B, I), numbers(L * D, B, H), np.array([T, 1])
    d_output = numbers(T, B, D * H)
    output, h_n = rnn(x, h0, lengths)
    expected = {name: g.copy() for name, g in rnn.backward(d_output).items()}
    for array in (x, h0, output, h_n, *rnn.backward(d_output).values(), *rnn.parameters.values()):
        array[...] = np.nan
    lengths[...] = 0
    for name, gradient in rnn.backward(d_output).items():
        assert_same_bits(gradient, expected[name], name)


@pytest.mark.parametrize(
    "spec",
    [
        RNNSpec(I, H, output_size=3),
        RNNSpec(I, H, 2, "relu", False, True, 3, "softmax", False),
        RNNSpec(I, H, 1, "sigmoid", True, False, 3, "sigmoid"),
        RNNSpec(I, H, 1, "identity", truncation=1),
    ],
)
def test_the_class_is_the_functions(reference, spec):
    """Time-major, it hands its arguments to `forward` and `backward`: bit for bit the same."""
    case = draw(spec, T, B)
    rnn = reference.RNN(
        spec.input_size, spec.hidden_size, spec.num_layers, spec.nonlinearity, spec.bias,
        bidirectional=spec.bidirectional, output_size=spec.output_size, readout=spec.readout,
        readout_bias=spec.readout_bias, truncation=spec.truncation,
    )  # fmt: skip
    assert rnn.spec == spec
    rnn.load_state_dict(case.parameters)
    output, h_n, tape = reference.forward(spec, case.parameters, case.x, case.h0)
    for one, other in zip(rnn(case.x, case.h0), (output, h_n), strict=True):
        assert_same_bits(one, other)
    expected = reference.backward(tape, case.d_output, case.d_h_n)
    found = rnn.backward(case.d_output, case.d_h_n)
    assert list(found) == list(expected)
    for name, gradient in expected.items():
        assert_same_bits(found[name], gradient, name)


def test_it_tells_what_it_is(reference):
    text = repr(reference.RNN(I, H, 2, "relu"))
    assert text.startswith(f"{reference.__name__}.rnn.RNN(")
    assert f"input_size={I}, hidden_size={H}, num_layers=2, nonlinearity='relu'" in text
