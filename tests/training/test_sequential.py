"""Layers in a row are one network, of which the truth is known, on every implementation.

`RNN`, `RNN`, `Linear` in a row compute what a network of two layers with a readout does: ball
arithmetic gives its output and every gradient, the envelope how near a right model must come.
"""

import numpy as np
import pytest
from training.judging import same_bits
from training.models import IMPLEMENTATIONS, MODELS, SOME, B, T, model_of, right

from rnncheck.case import Array
from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.sequential import Sequential


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("key", MODELS)
def test_layers_in_a_row_are_one_network(key, implementation):
    same, truth = MODELS[key], right(key)
    model = model_of(key, implementation)
    assert truth.accepts("output", model(truth.case.x, same.lengths))
    found = model.backward(truth.case.d_output)
    assert list(found) == [*model.parameters, "x"]
    assert truth.accepts("x", found.pop("x"))
    for own, name in same.names.items():
        assert truth.accepts(name, found[own]), own
    for own in set(found) - set(same.names):
        assert not found[own].any(), f"{own} has no part in it"


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("key", ["three layers, lengths", "both ways", "generated"])
def test_float32_is_computed_in_float32(key, implementation):
    same, truth = MODELS[key], right(key, "float32")
    model = model_of(key, implementation, "float32")
    assert truth.accepts("output", model(truth.case.x, same.lengths))
    found = model.backward(truth.case.d_output)
    assert all(truth.accepts(name, found[own]) for own, name in {**same.names, "x": "x"}.items())


def dyadic(model: Sequential, steps: int) -> tuple[Array, Array]:
    """Halves up to 1 for the parameters, x and the cotangent: multiples of 2⁻¹¹ below 2²⁰, so exact.

    What is added up anywhere is a product of at most 9 parameters (three layers over three steps, or
    three times two layers and one more), an x and a cotangent, each a half: a multiple of 2⁻¹¹. None
    is above 1, and there are fewer than 3·3·(3·3)⁵ of them in a sum. So 31 bits hold every sum.
    """
    rng = np.random.default_rng(4)
    model.load_state_dict(
        {n: rng.integers(-2, 3, a.shape) / 2 for n, a in model.parameters.items()}
    )
    x = rng.integers(-2, 3, (steps, B, model.input_size)) / 2
    return x, rng.integers(-2, 3, model(x).shape) / 2


@pytest.mark.parametrize(
    ("layers", "steps"),
    [
        ([Linear(3), RNN(3, nonlinearity="relu"), Linear(2, "relu")], 3),
        (
            [
                RNN(3, nonlinearity="identity", outputs="last", biases=1),
                Linear(3, "relu"),
                Linear(2),
            ],
            3,
        ),
        ([RNN(2, nonlinearity="relu", bidirectional=True, truncation=None), Linear(2)], 3),
        ([RNN(2, nonlinearity="identity", truncation=1), Linear(2)], 3),
        ([Iterated([RNN(2, nonlinearity="relu"), Linear(2)], 3), Linear(1)], 1),
    ],
    ids=["linear first", "many to one", "both ways", "truncated", "iterated"],
)
def test_without_rounding_all_implementations_agree_bit_for_bit(layers, steps):
    one = Sequential(layers, 2, rng=0)
    x, d = dyadic(one, steps)
    output, found = one(x), one.backward(d)
    assert output.any()
    assert all(found[name].any() for name in found if name != "0.0.weight_hh_l0")  # from h = 0 only
    for implementation in IMPLEMENTATIONS:
        other = one.on(implementation)
        assert (other(x) == output).all(), implementation
        assert same_bits(other.backward(d), found), implementation


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("first", [RNN(3), Linear(2)], ids=["rnn", "linear"])
def test_what_lies_in_the_padding_changes_nothing(first, implementation):
    layers = [first, RNN(2, bidirectional=True), Linear(3, "softmax")]
    model = Sequential(layers, 2, implementation=implementation, rng=1)
    rng = np.random.default_rng(1)
    x, d = rng.normal(size=(T, B, 2)), rng.normal(size=(T, B, 3))
    padding = np.arange(T)[:, None] >= np.array(SOME)
    results = []
    for filling in (0.0, np.nan):
        x[padding], d[padding] = filling, filling
        output = model(x, SOME)
        assert not output[padding].any()
        results.append({"output": output, **model.backward(d)})
    assert not results[0]["x"][padding].any()
    assert same_bits(*results)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_linear_layer_after_the_last_step_sees_that_one_alone(implementation):
    """Many to one is the last step of many to many, if nothing else is asked of it."""
    layers = [RNN(3), Linear(2, "tanh")]
    every = Sequential(layers, 2, implementation=implementation, rng=1)
    last = Sequential([RNN(3, outputs="last"), layers[1]], 2, implementation=implementation, rng=1)
    x = np.random.default_rng(3).integers(-4, 5, (T, B, 2)) / 4
    assert last(x).shape == (1, B, 2)
    # The same three products and sums for each row, in however many rows: BLAS may order them
    # otherwise for another number of rows, so that two sums of 4 terms may differ by 2·4u·Σ|terms|,
    # Σ|terms| <= 4 (weights within 1/√3, states within 1); tanh, a contraction, may add 4 ulp on each side.
    u = np.finfo(float).eps / 2
    assert np.abs(last(x) - every(x)[-1:]).max() <= (2 * 4 * 4 + 2 * 8) * u


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_after_the_last_step_there_are_no_lengths_any_more(implementation):
    """What follows it runs on one step of every row, that of a row without steps, 0, too."""
    layers = [RNN(3, outputs="last"), RNN(3), Linear(2)]
    whole = Sequential(layers, 2, implementation=implementation, rng=1)
    first, rest = (
        Sequential(part, size, implementation=implementation, rng=1)
        for part, size in ((layers[:1], 2), (layers[1:], 3))
    )
    own = {n: a for n, a in whole.parameters.items() if n.startswith("0.")}
    first.load_state_dict(own)
    others = {n: a for n, a in whole.parameters.items() if n not in own}
    rest.load_state_dict({f"{int(n[0]) - 1}{n[1:]}": a for n, a in others.items()})
    x, lengths = np.random.default_rng(3).normal(size=(T, B, 2)), [3, 0, 2]
    output = whole(x, lengths)
    assert (output == rest(first(x, lengths))).all()
    assert output[0, 1].all()
    d = np.ones(output.shape)
    found, after = whole.backward(d), rest.backward(d)
    assert all((found[f"{int(n[0]) + 1}{n[1:]}"] == after[n]).all() for n in after if n != "x")
    assert (found["x"] == first.backward(after["x"])["x"]).all()
