"""A model as an object: names, parameters, what a call leaves alone, what it needs."""

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from training.judging import same_bits
from training.models import IMPLEMENTATIONS, B, T

from rnncheck.training.layers import RNN, Linear
from rnncheck.training.sequential import Sequential


def test_names_and_shapes_are_those_of_a_torch_sequential():
    torch = pytest.importorskip("torch")
    theirs = torch.nn.Sequential(
        torch.nn.RNN(2, 3, 2, bidirectional=True),
        torch.nn.Linear(6, 4),
        torch.nn.Linear(4, 1, False),
    )
    ours = Sequential([RNN(3, 2, bidirectional=True), Linear(4), Linear(1, bias=False)], 2)
    expected = {name: tuple(p.shape) for name, p in theirs.state_dict().items()}
    assert {name: a.shape for name, a in ours.parameters.items()} == expected
    assert list(ours.parameters) == list(expected)


def test_parameters_are_drawn_as_torch_draws_them():
    """U(-1/√n, 1/√n), n the units of a recurrent layer or the features of a linear one.

    Of N such numbers the largest is below (1-e) of the bound with a probability of (1-e)^N: with
    e = 0.02 and N = 1000 that is 2e-9.
    """
    model = Sequential([RNN(25), Linear(1000)], 40, rng=0)
    for name, bound in (("0.weight_ih_l0", 0.2), ("1.weight", 0.2), ("1.bias", 0.2)):
        largest = np.abs(model.parameters[name]).max()
        assert 0.98 * bound < largest <= bound, name


def test_one_generator_gives_one_model_on_every_implementation():
    made = [Sequential([RNN(3), Linear(2)], 2, implementation=i, rng=7) for i in IMPLEMENTATIONS]
    assert all(same_bits(made[0].parameters, other.parameters) for other in made)
    assert not same_bits(made[0].parameters, Sequential(made[0].layers, 2, rng=8).parameters)


def test_a_model_on_another_implementation_has_parameters_of_its_own():
    one = Sequential([RNN(3), Linear(2)], 2, rng=7)
    kept = one.state_dict()
    other = one.on("autodiff")
    assert same_bits(other.parameters, kept)
    for array in other.parameters.values():
        array[...] = 0.0
    assert same_bits(one.parameters, kept)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_call_changes_nothing_and_may_be_repeated(implementation):
    model = Sequential([RNN(3), Linear(2, "softmax")], 2, implementation=implementation, rng=7)
    x = np.random.default_rng(0).normal(size=(T, B, 2))
    kept = {"x": x.copy(), **model.state_dict()}
    output = model(x)
    first = model.backward(np.ones_like(output))
    output[...] = np.nan
    model.predict(2 * x)
    assert same_bits(model.backward(np.ones_like(output)), first)
    assert same_bits({"x": x, **model.parameters}, kept)
    assert (model(x) == model.predict(x)).all()


def small(**options: Any) -> Sequential:
    return Sequential([RNN(3), Linear(2)], 2, rng=0, **options)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
@pytest.mark.parametrize("shape", [(0, B), (T, 0), (0, 0)])
def test_nothing_goes_through_as_nothing(shape, implementation):
    """No steps or no rows: empty outputs, and gradients of 0; "final" reads a zero state."""
    layers = [RNN(3, bidirectional=True), RNN(3, outputs="final"), Linear(2, "softmax")]
    model = Sequential(layers, 2, implementation=implementation, rng=0)
    output = model(np.zeros((*shape, 2)))
    assert output.shape == (1, shape[1], 2)
    found = model.backward(np.zeros(output.shape))
    assert found["x"].shape == (*shape, 2)
    assert not any(gradient.any() for gradient in found.values())


def test_torch_is_left_as_it_was():
    """Neither its generator nor its default dtype is touched by making or running a model."""
    torch = pytest.importorskip("torch")
    before = torch.random.get_rng_state()
    model = small(implementation="torch")
    model(np.zeros((T, B, 2)))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.get_default_dtype() == torch.float32


def test_a_model_in_numpy_needs_numpy():
    code = (
        "from rnncheck.training.sequential import Sequential\n"
        "from rnncheck.training.layers import RNN, Linear\n"
        "import sys, numpy\n"
        "model = Sequential([RNN(2), Linear(1)], 1, rng=0)\n"
        "model.backward(model(numpy.ones((1, 1, 1))))\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "numpy" in loaded
    assert not loaded & {"torch", "flint", "hypothesis", "matplotlib", "safetensors", "rich"}


def test_a_model_says_what_it_is():
    assert re.match(r"Sequential\(\[RNN\(hidden_size=3, .*Linear\(out_features=2, ", repr(small()))
