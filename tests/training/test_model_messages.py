"""What is wrong with a model or a call, in words."""

from typing import Any

import numpy as np
import pytest
from training.models import B, T

from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.sequential import Sequential


def small(**options: Any) -> Sequential:
    return Sequential([RNN(3), Linear(2)], 2, rng=0, **options)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Sequential([], 2), "layers is empty; it must hold at least one layer"),
        (
            lambda: Sequential([RNN(3), "Linear"], 2),
            r"layers\[1\] must be an RNN, Linear or Iterated",
        ),
        (lambda: Sequential([RNN(3)], 0), "input_size must be at least 1, not 0"),
        (lambda: small(implementation="numpy"), "implementation must be one of scalar, manual,"),
        (lambda: small(dtype="float16"), "dtype must be float64 or float32, not float16"),
        (lambda: RNN(0), "hidden_size must be at least 1, not 0"),
        (lambda: RNN(3, biases=3), "biases must be 1 or 2, not 3"),
        (lambda: RNN(3, generated=2, outputs="last"), "generated steps need one direction"),
        (lambda: Linear(0), "out_features must be at least 1, not 0"),
        (
            lambda: Linear(2, "elu"),
            "activation must be one of identity, tanh, relu, sigmoid, softmax",
        ),
        (lambda: Linear(2, bias=1), "bias must be True or False, not 1"),
        (lambda: Iterated([Linear(2)], 0), "times must be at least 1, not 0"),
        (lambda: Iterated([], 2), "layers is empty"),
        (
            lambda: Sequential([Linear(4), Iterated([Linear(3)], 2)], 2),
            r"layer 1, which reads 4 features: Iterated feeds the output of its layers \(3 features\) back",
        ),
        (
            lambda: Sequential([Linear(4), RNN(3, generated=2)], 2),
            r"layer 1, which reads 4 features: generated steps feed the output \(3 features\) back",
        ),
    ],
)
def test_a_model_that_cannot_be(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()


X = np.zeros((T, B, 2))


@pytest.mark.parametrize(
    ("layers", "call", "message"),
    [
        (None, lambda m: m(X[0]), r"x has shape \(3, 2\); it must have 3 axes: time, batch, input"),
        (None, lambda m: m(X[..., :1]), r"x has shape \(4, 3, 1\); it must have shape \(4, 3, 2\)"),
        (None, lambda m: m(X.astype("float32")), "x is float32; this network computes in float64"),
        (None, lambda m: m(X, [1, 2]), r"lengths has shape \(2,\); it must have shape \(3,\)"),
        (None, lambda m: m(X, [1, 2, 5]), r"lengths must lie in 0..T = 0..4"),
        (None, lambda m: m.backward(X), "backward needs a forward pass first"),
        (None, lambda m: (m(X), m.backward(X[:1])), r"d_output has shape \(1, 3, 2\); it must have"),
        (None, lambda m: m.generate(X, -1), "steps must be a number of steps, at least 0, not -1"),
        (None, lambda m: m.generate(X[:0], 1), "generate needs at least one step of x"),
        ([Linear(1)], lambda m: m.generate(X, 1), r"feeds the output \(1 features\) back as x \(2\)"),
        ([RNN(1, bidirectional=True)], lambda m: m.generate(X, 1), "generate needs one direction"),
        ([RNN(2, generated=1)], lambda m: m(X, [4, 4, 4]), "layer 0 generates steps: it needs"),
        ([RNN(2, generated=1)], lambda m: m(X[:0]), "layer 0 generates steps: it needs at least one"),
        ([Iterated([RNN(2)], 2)], lambda m: m(X), r"layer 0 feeds .* time axis 1 \(not 4\)"),
        ([Iterated([RNN(2)], 2)], lambda m: m(X[:1], [1, 1, 1]), "layer 0 feeds .* and no lengths"),
        (None, lambda m: m.load_state_dict({}), "state_dict lacks 0.weight_ih_l0, .*; it must hold"),
        (
            None,
            lambda m: m.load_state_dict(m.state_dict() | {"2.weight": X}),
            "state_dict has the unknown 2.weight; it must hold 0.weight_ih_l0, ",
        ),
        (
            None,
            lambda m: m.load_state_dict(m.state_dict() | {"1.bias": np.zeros(3)}),
            r"1.bias has shape \(3,\); it must have shape \(2,\)",
        ),
    ],
)  # fmt: skip
def test_a_call_that_cannot_be(layers, call, message):
    model = small() if layers is None else Sequential(layers, 2, rng=0)
    with pytest.raises((ValueError, TypeError, RuntimeError), match=message):
        call(model)
