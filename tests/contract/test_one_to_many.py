"""The RNN classes beyond torch: many to one, final state only, generation; weights that move."""

import numpy as np
import pytest

from rnncheck.implementations import autodiff, manual, scalar
from rnncheck.module import RecurrentModule
from rnncheck.spec import RNNSpec

CLASSES = [manual.RNN, autodiff.RNN]


@pytest.fixture(params=CLASSES, ids=["manual", "autodiff"])
def rnn_class(request: pytest.FixtureRequest) -> type[RecurrentModule]:
    return request.param


def inputs(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape)


def test_last_is_the_last_valid_step_without_a_time_axis(rnn_class: type[RecurrentModule]) -> None:
    every = rnn_class(2, 3, output_size=4, rng=1)
    last = rnn_class(2, 3, output_size=4, outputs="last", rng=1)
    x, lengths = inputs(5, 3, 2), [5, 2, 1]
    y, h_n = last(x, lengths=lengths)
    full, full_h_n = every(x, lengths=lengths)
    assert y.shape == (3, 4)
    np.testing.assert_array_equal(y, [full[n - 1, b] for b, n in enumerate(lengths)])
    np.testing.assert_array_equal(h_n, full_h_n)


def test_gradients_of_last_are_those_of_a_sparse_cotangent(
    rnn_class: type[RecurrentModule],
) -> None:
    every, last = rnn_class(2, 3, rng=1), rnn_class(2, 3, outputs="last", rng=1)
    x, d = inputs(4, 2, 2), inputs(2, 3)
    every(x)
    last(x)
    sparse = np.zeros((4, 2, 3))
    sparse[-1] = d
    expected = every.backward(sparse)
    for name, gradient in last.backward(d).items():
        np.testing.assert_array_equal(gradient, expected[name])


def test_final_reads_out_both_directions_final_states(rnn_class: type[RecurrentModule]) -> None:
    rnn = rnn_class(2, 3, bidirectional=True, outputs="final", rng=1)
    y, h_n = rnn(inputs(4, 2, 2))
    np.testing.assert_array_equal(y, np.concatenate([h_n[0], h_n[1]], axis=1))
    unbatched, _ = rnn(inputs(4, 2, 2)[:, 0])
    assert unbatched.shape == (6,)


def test_generate_feeds_the_output_back(rnn_class: type[RecurrentModule]) -> None:
    rnn = rnn_class(2, 3, output_size=2, rng=1)
    x = inputs(1, 4, 2)
    y, h_n = rnn.generate(x, 3)
    assert y.shape == (4, 4, 2)
    h, seen = None, x
    for step in range(4):
        out, h = rnn(seen, h)
        # The same products of the same shapes: no operation is done otherwise.
        np.testing.assert_array_equal(out[0], y[step])
        seen = out
    np.testing.assert_array_equal(h, h_n)


def test_generated_gradients_flow_through_the_fed_back_outputs(
    rnn_class: type[RecurrentModule],
) -> None:
    """h_t = w h_{t-1} + u x_t, x_t = h_{t-1}: h_n = (w + u)^n (w h0 + u x0) in one dimension."""
    rnn = rnn_class(1, 1, nonlinearity="identity", bias=False)
    u, w, steps = 0.5, 0.25, 3
    rnn.load_state_dict({"weight_ih_l0": [[u]], "weight_hh_l0": [[w]]})
    y, _ = rnn.generate([[[2.0]]], steps, [[[4.0]]])
    first = w * 4.0 + u * 2.0
    assert y[-1].item() == (w + u) ** steps * first
    d = np.zeros((4, 1, 1))
    d[-1] = 1.0
    found = rnn.backward(d)
    slope = steps * (w + u) ** (steps - 1) * first
    power = (w + u) ** steps
    expected = {
        "weight_ih_l0": slope + power * 2.0,
        "weight_hh_l0": slope + power * 4.0,
        "x": power * u,
        "h0": power * w,
    }
    assert {name: gradient.item() for name, gradient in found.items()} == expected


def test_generate_says_what_it_needs(rnn_class: type[RecurrentModule]) -> None:
    with pytest.raises(ValueError, match=r"feed the output \(3 features\) back as x \(2\)"):
        rnn_class(2, 3).generate(inputs(1, 1, 2), 2)
    with pytest.raises(ValueError, match="at least one step of x"):
        rnn_class(3, 3).generate(inputs(0, 1, 3), 2)
    with pytest.raises(ValueError, match="one direction"):
        rnn_class(6, 3, bidirectional=True).generate(inputs(1, 1, 6), 2)


def test_state_dicts_move_between_all_three() -> None:
    spec = RNNSpec(2, 3, 2, bidirectional=True)
    first = manual.RNN(2, 3, 2, bidirectional=True, rng=1)
    middle = scalar.RNN(2, 3, 2, bidirectional=True)
    middle.load_state_dict(first.state_dict())
    last = autodiff.RNN(2, 3, 2, bidirectional=True)
    last.load_state_dict(middle.state_dict())
    assert list(last.state_dict()) == list(spec.parameter_shapes())
    for name, array in first.state_dict().items():
        np.testing.assert_array_equal(last.state_dict()[name], array)
