"""The class `RNN` of every reference: modes, states, layouts, memory and errors (no torch here)."""

from typing import Any

import numpy as np
import pytest
from contract.drawing import assert_same_bits

from rnncheck.implementations import autodiff, manual, scalar

T, B, I, H, L, D = 3, 2, 4, 5, 2, 2  # noqa: E741
OF_ARRAYS = [manual.RNN, autodiff.RNN]
ALL = [*OF_ARRAYS, scalar.RNN]
of_arrays = pytest.mark.parametrize("RNN", OF_ARRAYS, ids=["manual", "autodiff"])
of_all = pytest.mark.parametrize("RNN", ALL, ids=["manual", "autodiff", "scalar"])


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


def make(RNN: Any, **options: Any) -> Any:
    """A bidirectional network of two layers, always with the same parameters."""
    rnn = RNN(I, H, L, bidirectional=True, **options)
    rnn.load_state_dict({n: numbers(*np.shape(a)) for n, a in rnn.state_dict().items()})
    return rnn


def run(rnn: Any, x: Any, h0: Any = None, *rest: Any) -> dict[str, Any]:
    """Everything a call and a backward give, as arrays."""
    output, h_n = rnn(x, h0, *rest)
    d_output, d_h_n = numbers(*np.shape(output), seed=1), numbers(*np.shape(h_n), seed=2)
    gradients = rnn.backward(d_output, d_h_n)
    found = {"output": output, "h_n": h_n} | {"d_" + n: g for n, g in gradients.items()}
    return {name: np.array(values) for name, values in found.items()}


@of_all
def test_gradients_are_named_in_the_order_of_the_state_dict(RNN):
    rnn = make(RNN)
    rnn(numbers(T, B, I))
    gradients = rnn.backward(numbers(T, B, D * H))
    assert list(gradients) == [*rnn.state_dict(), "x", "h0"]
    for name, array in rnn.state_dict().items():
        assert np.shape(gradients[name]) == np.shape(array), name


@of_all
def test_without_h0_it_starts_from_zeros(RNN):
    x, zeros = numbers(T, B, I), np.zeros((L * D, B, H))
    rnn = make(RNN)
    with_zeros, without = run(rnn, x, zeros), run(rnn, x)
    for name, values in with_zeros.items():
        assert_same_bits(without[name], values, name)


@of_all
def test_without_d_h_n_its_cotangent_is_zeros(RNN):
    rnn, d_output = make(RNN), numbers(T, B, D * H)
    rnn(numbers(T, B, I))
    without = rnn.backward(d_output)
    zeros = rnn.backward(d_output, np.zeros((L * D, B, H)))
    for name, gradient in zeros.items():
        assert_same_bits(np.array(without[name]), np.array(gradient), name)


@of_all
def test_backward_needs_a_forward(RNN):
    with pytest.raises(RuntimeError, match="backward needs a forward"):
        make(RNN).backward(numbers(T, B, D * H))


@of_all
def test_backward_answers_for_the_last_call(RNN):
    x, other = numbers(T, B, I), numbers(T + 2, B + 1, I)
    rnn = make(RNN)
    expected = run(rnn, x)
    run(rnn, other)
    found = run(rnn, x)
    for name, values in expected.items():
        assert_same_bits(found[name], values, name)


@of_all
def test_backward_can_be_asked_again(RNN):
    rnn, d_output = make(RNN), numbers(T, B, D * H)
    rnn(numbers(T, B, I))
    first, second = rnn.backward(d_output), rnn.backward(d_output)
    for name, gradient in first.items():
        assert_same_bits(np.array(second[name]), np.array(gradient), name)


@of_all
def test_batch_first_exchanges_the_axes_of_sequences_alone(RNN):
    """The same numbers are computed in the same order, so every bit is the same.

    (The cotangents are drawn in the caller's layout: here they are exchanged by hand.)"""
    x, h0 = numbers(T, B, I), numbers(L * D, B, H)
    d_output, d_h_n = numbers(T, B, D * H), numbers(L * D, B, H, seed=1)
    major, first = make(RNN), make(RNN, batch_first=True)
    output, h_n = map(np.array, major(x, h0))
    output_first, h_n_first = map(np.array, first(x.swapaxes(0, 1), h0))
    assert_same_bits(output_first.swapaxes(0, 1).copy(), output)
    assert_same_bits(h_n_first, h_n)
    expected = major.backward(d_output, d_h_n)
    found = first.backward(d_output.swapaxes(0, 1), d_h_n)
    for name, gradient in expected.items():
        turned = np.array(found[name]).swapaxes(0, 1) if name == "x" else np.array(found[name])
        assert_same_bits(turned.copy(), np.array(gradient), name)


@of_all
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_sequence_alone_is_a_batch_of_one(RNN, batch_first):
    x, h0 = numbers(T, I), numbers(L * D, H)
    d_output, d_h_n = numbers(T, D * H), numbers(L * D, H, seed=1)
    batch, alone = make(RNN), make(RNN, batch_first=batch_first)
    for one, many in zip(alone(x, h0), batch(x[:, None], h0[:, None]), strict=True):
        assert_same_bits(np.array(one), np.array(many)[:, 0].copy())
    expected = batch.backward(d_output[:, None], d_h_n[:, None])
    for name, gradient in alone.backward(d_output, d_h_n).items():
        wanted = np.array(expected[name])
        wanted = wanted[:, 0].copy() if name in ("x", "h0") else wanted
        assert_same_bits(np.array(gradient), wanted, name)


def whole_numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(-2, 3, shape).astype(np.float64)


@of_all
def test_steps_beyond_the_length_are_padding(RNN):
    """Row b is what its first n_b steps give alone; beyond them output and d_x are 0.

    Exactly so: sums and products of whole numbers below 2**53 have no rounding error, and ReLU of
    one is one."""
    rnn = RNN(I, H, L, "relu", bidirectional=True)
    rnn.load_state_dict({n: whole_numbers(*np.shape(a)) for n, a in rnn.state_dict().items()})
    lengths, x, h0 = [T, 1], whole_numbers(T, B, I), whole_numbers(L * D, B, H)
    d_output, d_h_n = whole_numbers(T, B, D * H, seed=1), whole_numbers(L * D, B, H, seed=2)
    output, h_n = map(np.array, rnn(x, h0, lengths))
    back = rnn.backward(d_output, d_h_n)
    assert max(np.abs(np.array(g)).max() for g in back.values()) < 2**53
    d_x, d_h0 = np.array(back["x"]), np.array(back["h0"])
    for b, n in enumerate(lengths):
        output_b, h_n_b = rnn(x[:n, b], h0[:, b])
        back = rnn.backward(d_output[:n, b], d_h_n[:, b])
        assert (output[:n, b] == np.array(output_b)).all()
        assert (h_n[:, b] == np.array(h_n_b)).all()
        assert (d_x[:n, b] == np.array(back["x"])).all()
        assert (d_h0[:, b] == np.array(back["h0"])).all()
        assert not output[n:, b].any()
        assert not d_x[n:, b].any()


@of_all
def test_state_dicts_are_copies(RNN):
    rnn = make(RNN)
    before = {name: np.array(array) for name, array in rnn.state_dict().items()}
    for load in (False, True):
        state = rnn.state_dict()
        if load:
            rnn.load_state_dict(state)
        for values in state.values():
            values[0] = np.full(np.shape(values[0]), 9.0).tolist()
        for name, array in rnn.state_dict().items():
            assert_same_bits(np.array(array), before[name], name)


@of_all
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weight_hh_l1": None}, "weight_hh_l1"),
        ({"weight_ho": np.zeros((1, 1))}, "weight_ho"),
        ({"bias_ih_l0": np.zeros(H + 1)}, r"bias_ih_l0 has shape \(6,\); .* shape \(5,\)"),
    ],
)
def test_a_wrong_state_dict_changes_nothing(RNN, change, says):
    rnn = make(RNN)
    before = {name: np.array(array) for name, array in rnn.state_dict().items()}
    state = {name: 2 * array for name, array in before.items()} | change
    with pytest.raises(ValueError, match=says):
        rnn.load_state_dict({name: array for name, array in state.items() if array is not None})
    for name, array in rnn.state_dict().items():
        assert_same_bits(np.array(array), before[name], name)


def relay(RNN: Any, p: float, **options: Any) -> Any:
    """Two layers that hand on x = 1: the output is dropout's multiplier itself."""
    rnn = RNN(1, 1, 2, "identity", dropout=p, **options)
    state = {name: np.zeros(np.shape(a)) for name, a in rnn.state_dict().items()}
    rnn.load_state_dict(state | {"weight_ih_l0": [[1.0]], "weight_ih_l1": [[1.0]]})
    return rnn


@of_all
def test_dropout_is_for_training_only(RNN):
    x, p = np.ones((3, 200, 1)), 0.25
    rnn = relay(RNN, p)
    assert_same_bits(np.array(rnn(x)[0]), x, "a new network is in eval mode")
    assert rnn.train() is rnn
    first, second = (np.array(rnn(x)[0]) for _ in range(2))
    assert set(first.ravel()) == {0.0, 1 / (1 - p)}
    assert (first != second).any(), "drawn anew for each call"
    assert_same_bits(np.array(rnn.backward(np.ones(x.shape))["x"]), second, "the last call's mask")
    assert rnn.eval() is rnn
    assert_same_bits(np.array(rnn(x)[0]), x)
    assert (np.array(rnn.train(True)(x)[0]) != x).any()
    assert_same_bits(np.array(rnn.train(False)(x)[0]), x)


@of_all
def test_dropout_drops_p_of_all(RNN):
    """The number dropped of n is binomial: six deviations √(n p (1-p)) are left to chance."""
    p, n = 0.25, 4000
    dropped = n - np.count_nonzero(np.array(relay(RNN, p).train()(np.ones((1, n, 1)))[0]))
    assert abs(dropped - n * p) < 6 * np.sqrt(n * p * (1 - p))


@of_all
def test_dropout_does_nothing_to_a_single_layer(RNN):
    rnn, x = RNN(I, H, dropout=0.5), numbers(T, B, I)
    for one, other in zip(rnn(x), rnn.train()(x), strict=True):
        assert_same_bits(np.array(one), np.array(other))


@of_all
@pytest.mark.parametrize("hidden", [1, 4, 100])
def test_parameters_start_uniform_within_one_over_the_root_of_hidden_size(RNN, hidden):
    for name, array in RNN(50, hidden).state_dict().items():
        values = np.array(array)
        assert np.abs(values).max() <= 1 / np.sqrt(hidden), name
        if values.size >= 2000:  # else chance decides; here 1 in 10^44
            assert np.abs(values).max() > 0.95 / np.sqrt(hidden), name
            assert values.min() < 0 < values.max(), name


@of_all
def test_wrong_arguments_are_told_in_the_layout_of_the_caller(RNN):
    rnn = make(RNN, batch_first=True)
    with pytest.raises(ValueError, match=r"^x has shape \(2, 3, 9\); .* \(2, 3, 4\)"):
        rnn(numbers(B, T, 9))
    with pytest.raises(ValueError, match=r"^h0 has shape \(2, 4, 5\); .* \(4, 2, 5\)"):
        rnn(numbers(B, T, I), numbers(B, L * D, H))
    with pytest.raises(ValueError, match=r"^lengths has shape \(1,\); .* \(2,\)"):
        rnn(numbers(B, T, I), None, [1])
    with pytest.raises(ValueError, match=r"^lengths.*0\.\.3"):
        rnn(numbers(B, T, I), None, [1, T + 1])
    rnn(numbers(B, T, I))
    with pytest.raises(ValueError, match=r"^d_output has shape \(3, 2, 10\); .* \(2, 3, 10\)"):
        rnn.backward(numbers(T, B, D * H))
    with pytest.raises(ValueError, match=r"^d_h_n has shape \(2, 4, 5\); .* \(4, 2, 5\)"):
        rnn.backward(numbers(B, T, D * H), numbers(B, L * D, H))


@of_all
def test_a_network_that_is_none_is_refused_by_the_name_of_its_option(RNN):
    with pytest.raises(ValueError, match=r"^hidden_size must be at least 1"):
        RNN(I, 0)
    with pytest.raises(ValueError, match=r"^nonlinearity must be one of"):
        RNN(I, H, nonlinearity="elu")
