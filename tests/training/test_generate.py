"""Outputs fed back as inputs, on every implementation."""

import numpy as np
import pytest
from training.models import IMPLEMENTATIONS, B, T, model_of, named, right

from rnncheck.training.layers import RNN, Linear
from rnncheck.training.sequential import Sequential


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("key", ["generated", "generated, both layers", "iterated"])
def test_generate_is_what_a_generating_network_gives(key, implementation):
    """However many steps the layer itself would generate."""
    truth, model = right(key), model_of(key, implementation)
    steps = truth.case.spec.generated
    assert truth.accepts("output", model.generate(truth.case.x, steps))


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_generate_carries_every_layers_state_on(implementation):
    """RNN and Linear in a row against the network with a readout, which generates by itself."""
    truth = right("generated")
    model = Sequential([RNN(3), Linear(2)], 2, implementation=implementation)
    names = named(truth.case.spec, ("0", ""), ("1", "linear"))
    model.load_state_dict({own: truth.case.parameters[name] for own, name in names.items()})
    assert truth.accepts("output", model.generate(truth.case.x, 3))
    assert truth.case.spec.generated == 3


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_generate_slides_a_window_where_one_output_is_read(implementation):
    layers = [RNN(3), RNN(3, outputs="last"), Linear(2)]
    model = Sequential(layers, 2, implementation=implementation, rng=3)
    x = np.random.default_rng(0).normal(size=(T, B, 2))
    made = model.generate(x, 6)
    assert made.shape == (7, B, 2)
    seen = np.concatenate([x, made])
    for step in range(7):
        assert (made[step] == model.predict(seen[step : step + T])[0]).all()


def test_generating_any_number_of_steps_is_the_beginning_of_generating_more():
    model = Sequential([RNN(3), Linear(2)], 2, rng=3)
    x = np.random.default_rng(0).normal(size=(T, B, 2))
    many = model.generate(x, 500)
    assert many.shape == (T + 500, B, 2)
    assert (model.generate(x, 20) == many[: T + 20]).all()
    assert (model.generate(x, 0) == model(x)).all()
