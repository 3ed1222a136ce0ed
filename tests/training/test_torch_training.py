"""On torch a model trains by torch's own losses, clipping and optimizers."""

import sys
from typing import Any

import numpy as np
import pytest
from training.trajectory import excess_over

from rnncheck.case import Array
from rnncheck.oracles.noisy import envelope_of
from rnncheck.results import UsageError
from rnncheck.training.clipping import ClipNorm, ClipValue
from rnncheck.training.layers import RNN, Linear
from rnncheck.training.losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Loss,
    SoftmaxCrossEntropy,
    SquaredError,
)
from rnncheck.training.optimizers import SGD, Adam, RMSProp
from rnncheck.training.sequential import Sequential

torch = pytest.importorskip("torch")
T, B = 3, 4
LENGTHS = [3, 1, 2, 3]


class Theirs(torch.nn.Module):
    """What a torch user writes for RNN(3), the last step of it, and Linear(2)."""

    def __init__(self, model: Sequential) -> None:
        super().__init__()
        self.rnn, self.linear = torch.nn.RNN(2, 3), torch.nn.Linear(3, 2)
        self.double()
        names = {"0.": "rnn.", "1.": "linear."}
        self.load_state_dict(
            {names[n[:2]] + n[2:]: torch.tensor(a) for n, a in model.parameters.items()}
        )

    def forward(self, x: Any) -> Any:
        return self.linear(self.rnn(x)[0][-1:])


@pytest.mark.parametrize("clip", [None, ClipNorm(0.25), ClipValue(0.125)])
@pytest.mark.parametrize(
    ("optimizer", "theirs"),
    [
        (SGD(0.1), lambda p: torch.optim.SGD(p, 0.1)),
        (SGD(0.1, 0.9, 0.5, weight_decay=0.1), lambda p: torch.optim.SGD(p, 0.1, 0.9, 0.5, 0.1)),
        (
            SGD(0.1, 0.9, nesterov=True),
            lambda p: torch.optim.SGD(p, 0.1, momentum=0.9, nesterov=True),
        ),
        (RMSProp(0.01), lambda p: torch.optim.RMSprop(p, 0.01)),
        (
            RMSProp(0.01, 0.9, 1e-7, 0.5, True, 0.1),
            lambda p: torch.optim.RMSprop(p, 0.01, 0.9, 1e-7, 0.1, 0.5, True),
        ),
        (Adam(0.01), lambda p: torch.optim.Adam(p, 0.01)),
        (
            Adam(0.01, (0.8, 0.9), 1e-7, 0.1),
            lambda p: torch.optim.Adam(p, 0.01, (0.8, 0.9), 1e-7, 0.1),
        ),
    ],
)  # fmt: skip
def test_torch_trains_as_torch_does(optimizer, theirs, clip):
    """Four steps against one of torch's optimizers that keeps its state by itself, bit for bit."""
    model = Sequential([RNN(3, outputs="last"), Linear(2)], 2, implementation="torch", rng=0)
    module = Theirs(model)
    own = theirs(module.parameters())
    rng, states = np.random.default_rng(2), {}
    for _ in range(4):
        x, y = rng.normal(size=(T, B, 2)), rng.normal(size=(1, B, 2))
        step = model.train_step(x, y, SquaredError(), optimizer, states, clip=clip)
        states = step.states
        own.zero_grad()
        loss = torch.nn.functional.mse_loss(module(torch.tensor(x)), torch.tensor(y))
        loss.backward()
        if isinstance(clip, ClipNorm):
            torch.nn.utils.clip_grad_norm_(module.parameters(), clip.max_norm)
        elif clip:
            torch.nn.utils.clip_grad_value_(module.parameters(), clip.limit)
        own.step()
        assert step.loss == loss.item()
        for parameter, name in zip(module.parameters(), model.parameters, strict=True):
            assert (parameter.detach().numpy() == step.parameters[name]).all(), name


PROBABILITIES = [BinaryCrossEntropy("sum"), BinaryCrossEntropy(), BinaryCrossEntropy(steps="last")]
BY_CLASS = [
    kind(reduction, steps)
    for kind in (CrossEntropy, SoftmaxCrossEntropy)
    for reduction in ("mean", "sum")
    for steps in ("all", "last")
]
VALUES = [SquaredError(), SquaredError("sum", "last")]


def readout(loss: Loss) -> Any:
    return {BinaryCrossEntropy: "sigmoid", CrossEntropy: "softmax"}.get(type(loss), "identity")


def targets(loss: Loss, numbers: bool) -> Array:
    rng = np.random.default_rng(8)
    if loss.by_class:
        classes = rng.integers(0, 3, (T, B))
        return classes if numbers else np.eye(3)[classes]
    return rng.random((T, B, 3))


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "padded"])
@pytest.mark.parametrize(
    ("loss", "numbers"),
    [
        *((loss, numbers) for loss in BY_CLASS for numbers in (True, False)),
        *((loss, False) for loss in PROBABILITIES + VALUES),
    ],
)
def test_torch_takes_its_own_losses(loss, numbers, lengths):
    """Value and cotangent of an output within two envelopes, one for each side."""
    from rnncheck.training.backends.torch_training import loss_of

    y, n = targets(loss, numbers), None if lengths is None else np.array(lengths)
    output = Sequential([Linear(3, readout(loss))], 2, rng=0)(
        np.random.default_rng(9).normal(size=(T, B, 2))
    )
    leaf = torch.tensor(output, requires_grad=True)
    value = loss_of(loss, leaf, y, n)
    value.backward()
    arguments = (output, y, n)
    allowed = envelope_of(loss.value, *arguments, dtype=output.dtype)
    assert excess_over(value.detach().numpy(), loss.value(*arguments), allowed) <= 1
    allowed = envelope_of(loss.cotangent, *arguments, dtype=output.dtype)
    assert excess_over(leaf.grad.numpy(), loss.cotangent(*arguments), allowed) <= 1


Unknown = type("Unknown", (), {"lr": 0.5, "clip": lambda self, gradients: dict(gradients)})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"loss": type("Huber", (Loss,), vars(SquaredError) | {})()},
            "torch has no loss Huber: train on",
        ),
        (
            {"optimizer": Unknown()},
            "torch has no optimizer Unknown: train on another implementation",
        ),
        ({"clip": Unknown()}, "torch has no clipping Unknown: train on another implementation"),
    ],
)
def test_torch_says_what_it_does_not_know(options, message):
    model = Sequential([Linear(1)], 2, implementation="torch", rng=0)
    given = {"loss": SquaredError(), "optimizer": SGD(0.5)} | options
    with pytest.raises(TypeError, match=message):
        model.train_step(np.zeros((T, B, 2)), np.zeros((T, B, 1)), **given)


def test_without_torch_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "rnncheck.training.backends.torch", raising=False)
    with pytest.raises(UsageError, match="needs torch, which is not installed: pip install torch"):
        Sequential([Linear(1)], 2, implementation="torch")
    assert Sequential([Linear(1)], 2, rng=0)(np.zeros((1, 1, 2))).shape == (1, 1, 1)
