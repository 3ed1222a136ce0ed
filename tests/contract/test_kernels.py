"""State dicts to Keras-style kernels and back."""

import numpy as np
import pytest

from rnncheck.implementations.manual import RNN
from rnncheck.initialisation import standard_normal
from rnncheck.kernels import from_kernels, to_kernels
from rnncheck.spec import RNNSpec

SPECS = [
    RNNSpec(3, 4),
    RNNSpec(3, 4, bias=False),
    RNNSpec(3, 4, 2, bidirectional=True, output_size=2),
    RNNSpec(3, 4, output_size=2, readout_bias=False),
]


def keras_simple_rnn(x: np.ndarray, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray):
    """Keras's definition: h_t = tanh(x_t kernel + h_{t-1} recurrent_kernel + bias)."""
    h, states = np.zeros((x.shape[1], recurrent.shape[0])), []
    for x_t in x:
        h = np.tanh(x_t @ kernel + h @ recurrent + bias)
        states.append(h)
    return np.array(states)


@pytest.mark.parametrize("spec", SPECS)
def test_round_trip_keeps_every_weight(spec: RNNSpec) -> None:
    state = standard_normal(spec, np.random.default_rng(0))
    back = from_kernels(spec, to_kernels(spec, state))
    assert list(back) == list(spec.parameter_shapes())
    for name, array in back.items():
        if name.startswith("bias_ih"):
            expected = state[name] + state[name.replace("ih", "hh")]
        elif name.startswith("bias_hh"):
            expected = np.zeros_like(array)
        else:
            expected = state[name]
        np.testing.assert_array_equal(array, expected)


def test_kernels_compute_what_keras_computes() -> None:
    rnn = RNN(3, 4, rng=0)
    # Whole numbers of eighths and one bias at 0: the two forms then add the same numbers.
    state = {n: np.round(8 * a) / 8 for n, a in rnn.state_dict().items()}
    state["bias_hh_l0"][:] = 0
    rnn.load_state_dict(state)
    x = np.random.default_rng(1).integers(-2, 3, (1, 2, 3)) / 2.0
    output, _ = rnn(x)
    ((kernel, recurrent, bias),) = to_kernels(rnn.spec, state)
    assert kernel.shape == (3, 4)
    np.testing.assert_array_equal(output, keras_simple_rnn(x, kernel, recurrent, bias))


def test_parameter_counts_are_those_of_the_keras_tutorial() -> None:
    """SimpleRNN(10, input_shape=(3, 1)): units² + features·units + units = 120; Dense(1): 11."""
    spec = RNNSpec(1, 10, output_size=1)
    rnn, dense = to_kernels(spec, standard_normal(spec, np.random.default_rng(0)))
    assert sum(w.size for w in rnn) == 120
    assert sum(w.size for w in dense) == 11


def test_wrong_kernels_are_named() -> None:
    spec = RNNSpec(3, 4)
    with pytest.raises(ValueError, match="2 layers of kernels; the network has 1"):
        from_kernels(spec, [[], []])
    with pytest.raises(ValueError, match="layer 0 has 1 weights; it must have 3"):
        from_kernels(spec, [[np.zeros((3, 4))]])
    with pytest.raises(ValueError, match=r"weight_ih_l0, transposed, has shape \(3, 4\).*\(4, 3\)"):
        from_kernels(spec, [[np.zeros((4, 3)), np.zeros((4, 4)), np.zeros(4)]])
    with pytest.raises(ValueError, match="state_dict lacks"):
        to_kernels(spec, {})
