"""A step of training on each implementation: exact where nothing rounds, and torch's own where it is torch.

With the squared error, ReLU or the identity, halves for numbers and a learning rate of a power of two,
no step rounds: all four must give the same bits, torch by its own loss, clipping and optimizer.
"""

from typing import Any

import numpy as np
import pytest
from training.judging import same_bits

from rnncheck.case import Array
from rnncheck.training.backends import NAMES
from rnncheck.training.clipping import ClipNorm, ClipValue
from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.losses import (
    SquaredError,
)
from rnncheck.training.optimizers import SGD
from rnncheck.training.sequential import Sequential

torch = pytest.importorskip("torch")
T, B = 3, 4
LENGTHS = [3, 1, 2, 3]


def halves(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(-2, 3, shape) / 2


def exact_model(layers: list[Any], seed: int = 1) -> Sequential:
    model = Sequential(layers, 2, rng=0)
    rng = np.random.default_rng(seed)
    model.load_state_dict({name: halves(rng, a.shape) for name, a in model.parameters.items()})
    return model


PLANS: list[Any] = [
    pytest.param({"optimizer": SGD(0.25)}, id="sgd"),
    pytest.param({"optimizer": SGD(4.0, momentum=0.5, nesterov=True), "lr": 0.125}, id="nesterov"),
    pytest.param(
        {"optimizer": SGD(0.25, momentum=0.5, dampening=0.5, weight_decay=0.5)}, id="decay"
    ),
    pytest.param({"optimizer": SGD(0.5), "clip": ClipValue(1.5)}, id="clipped"),
    pytest.param({"optimizer": SGD(0.5), "lengths": LENGTHS}, id="lengths"),
    pytest.param({"optimizer": SGD(0.5), "lengths": LENGTHS, "steps": "last"}, id="last steps"),
]


@pytest.mark.parametrize("plan", PLANS)
def test_steps_without_rounding_are_the_same_bits_everywhere(plan):
    """Two steps of every implementation, the second with the optimizer's states of the first.

    It cannot pass wrongly: had something rounded, sums in another order could differ. That nothing
    does is looked at nevertheless: multiples of 2⁻³⁶ below 2¹¹ leave 6 bits for what cancels.
    """
    options = dict(plan)
    loss = SquaredError("sum", options.pop("steps", "all"))
    frozen = Linear(2, trainable=False)
    model = exact_model([RNN(2, nonlinearity="relu", biases=1), frozen, Linear(1)])
    rng = np.random.default_rng(3)
    x, y = halves(rng, (T, B, 2)), halves(rng, (T, B, 1))
    models = {name: model.on(name) for name in NAMES}
    states: dict[str, Any] = dict.fromkeys(NAMES, None)
    for _ in range(2):
        steps = {
            n: m.train_step(x, y, loss, states=states[n], **options) for n, m in models.items()
        }
        states = {name: step.states for name, step in steps.items()}
        one = steps["manual"]
        assert one.loss > 0
        for array in (*one.gradients.values(), *one.parameters.values()):
            assert (array * 2.0**36 % 1 == 0).all()
            assert np.abs(array).max() < 2.0**11
        for name, other in steps.items():
            assert other.loss == one.loss, name
            assert (other.output == one.output).all(), name
            assert same_bits(other.gradients, one.gradients), name
            assert same_bits(other.parameters, one.parameters), name
            assert list(other.states) == list(one.states), name
            assert all(same_bits(other.states[p], one.states[p]) for p in one.states), name
            assert models[name].parameters is other.parameters


@pytest.mark.parametrize("name", NAMES)
def test_what_is_frozen_stays_and_is_not_clipped_with_the_rest(name):
    """The norm that bounds the gradients is that of what is trained: ClipNorm of it changes nothing."""
    frozen = [RNN(2, nonlinearity="relu", trainable=False), Linear(1)]
    x, y = np.ones((T, B, 2)), 8.0 + np.zeros((T, B, 1))
    one = exact_model(frozen)
    before = one.state_dict()
    plain = one.on(name).train_step(x, y, SquaredError(), SGD(0.5))
    own = [plain.gradients[n] for n in before if n.startswith("1.")]
    norm = float(np.sqrt(sum(np.sum(g * g) for g in own)))
    everything = np.sqrt(sum(np.sum(plain.gradients[n] ** 2) for n in before))
    assert everything > 1.01 * norm
    clipped = one.on(name).train_step(x, y, SquaredError(), SGD(0.5), clip=ClipNorm(1.001 * norm))
    assert same_bits(clipped.parameters, plain.parameters)
    changed = {n for n in before if (plain.parameters[n] != before[n]).any()}
    assert changed == {"1.weight", "1.bias"}
    assert set(plain.states) == changed
    assert same_bits(one.parameters, before)


@pytest.mark.parametrize("name", NAMES)
def test_a_frozen_layer_within_an_iterated_one_stays(name):
    layers = [Iterated([RNN(2, trainable=False), Linear(2)], 3)]
    model = Sequential(layers, 2, implementation=name, rng=0)
    before = model.state_dict()
    model.train_step(np.ones((1, B, 2)), np.zeros((3, B, 2)), SquaredError(), SGD(0.5))
    after = model.parameters
    assert {n for n in before if (after[n] != before[n]).any()} == {"0.1.weight", "0.1.bias"}


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_target_is_named_on_every_implementation(name):
    model = Sequential([Linear(3)], 2, implementation=name, rng=0)
    with pytest.raises(ValueError, match=r"target has shape \(3, 4, 2\)"):
        model.train_step(np.zeros((T, B, 2)), np.zeros((T, B, 2)), SquaredError(), SGD(0.5))
