"""`fit`: which rows it takes and when, what it makes of them, and what it says of it."""

from itertools import chain
from typing import Any

import numpy as np
import pytest
from training.judging import same_bits
from training.lines import column, line
from training.models import IMPLEMENTATIONS

from rnncheck.case import Array
from rnncheck.training.accuracy import Categorical
from rnncheck.training.clipping import ClipValue
from rnncheck.training.layers import RNN, Linear
from rnncheck.training.losses import (
    SoftmaxCrossEntropy,
    SquaredError,
)
from rnncheck.training.optimizers import SGD, Adam
from rnncheck.training.schedules import Exponential
from rnncheck.training.sequential import Sequential


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_a_line_is_fitted_as_worked_out_by_hand(implementation):
    """The loss (w·1 - 3)² has the gradient 2(w - 3): with a rate of 1/4, w - 3 halves at every step."""
    model = line().on(implementation)
    history = model.fit(
        column(1), column(3), loss=SquaredError(), optimizer=SGD(0.25), epochs=4, progress=False
    )
    assert history.loss == [9.0, 9.0 / 4, 9.0 / 16, 9.0 / 64]
    assert history.batch_losses == [[loss] for loss in history.loss]
    assert model.parameters["0.weight"].item() == 3.0 - 3.0 / 16
    assert history.accuracy == history.validation_loss == history.validation_accuracy == []


def test_batches_follow_one_another_in_the_order_of_the_rows():
    """w = 0, then 0 + 2·1/4·(1 - 0) = 1/2, then 1/2 + 1/2·(2 - 1/2) = 5/4: the losses 1, 9/4, 49/16."""
    model = line()
    history = model.fit(
        column(1, 1, 1), column(1, 2, 3), loss=SquaredError(), optimizer=SGD(0.25), epochs=1,
        batch_size=1, shuffle=False, progress=False,
    )  # fmt: skip
    assert history.batch_losses == [[1.0, (2 - 0.5) ** 2, (3 - 1.25) ** 2]]
    assert model.parameters["0.weight"].item() == 1.25 + 0.5 * (3 - 1.25)


@pytest.mark.parametrize(
    ("reduction", "expected"), [("mean", (0 + 1 + 4 + 9 + 16) / 5), ("sum", 0 + 1 + 4 + 9 + 16)]
)
def test_the_loss_of_an_epoch_is_that_of_all_rows(reduction, expected):
    """Where nothing is learned; the last of three batches has one row, and counts as one."""
    history = line().fit(
        column(1, 1, 1, 1, 1), column(0, 1, 2, 3, 4), loss=SquaredError(reduction),
        optimizer=SGD(0.0), epochs=2, batch_size=2, rng=0, progress=False,
    )  # fmt: skip
    assert history.loss == [expected, expected]
    assert [len(losses) for losses in history.batch_losses] == [3, 3]


def test_the_loss_of_an_epoch_counts_steps_where_rows_are_of_different_lengths():
    """Rows of 1 and 3 steps in batches of one: the mean over four steps, of errors 4 and three times 0."""
    x, y = np.ones((3, 2, 1)), np.zeros((3, 2, 1))
    y[:, 0], y[1:, 0] = 2.0, np.nan
    history = line().fit(
        x, y, loss=SquaredError(), optimizer=SGD(0.0), epochs=1, batch_size=1, lengths=[1, 3],
        rng=0, progress=False,
    )  # fmt: skip
    assert sorted(history.batch_losses[0]) == [0.0, 4.0]
    assert history.loss == [1.0]


class Watched:
    """An accuracy that keeps what it is asked about."""

    def __init__(self) -> None:
        self.seen: list[tuple[list[float], list[int] | None]] = []

    def __call__(self, output: Array, target: Any, lengths: Any) -> float:
        self.seen.append((target[0, :, 0].tolist(), None if lengths is None else lengths.tolist()))
        return 0.0


def orders(rng: Any, shuffle: bool = True, epochs: int = 4) -> list[list[float]]:
    """The targets of each epoch in the order in which they came, which are the numbers of the rows."""
    watched = Watched()
    rows = np.arange(10.0)
    line().fit(
        column(*rows), column(*rows), loss=SquaredError(), optimizer=SGD(0.0), epochs=epochs,
        batch_size=3, rng=rng, shuffle=shuffle, accuracy=watched, progress=False,
        lengths=np.ones(10, int),
    )  # fmt: skip
    batches = [target for target, _ in watched.seen]
    assert [len(batch) for batch in batches] == [3, 3, 3, 1] * epochs
    assert all(n == [1] * len(target) for target, n in watched.seen)
    return [list(chain(*batches[4 * e : 4 * e + 4])) for e in range(epochs)]


def test_every_epoch_takes_every_row_once_in_an_order_of_its_own():
    """Four orders of ten rows are drawn: two are equal with a probability of 6/10! < 2e-6."""
    found = orders(5)
    assert all(sorted(order) == list(range(10)) for order in found)
    assert len({tuple(order) for order in found}) == 4


def test_the_order_is_the_generators():
    """The same seed, or a generator made of it: the same orders; without shuffling that of the rows."""
    assert orders(5) == orders(np.random.default_rng(5)) != orders(6)
    assert orders(None, shuffle=False) == [list(range(10))] * 4


def test_x_its_target_and_its_length_stay_together():
    """A row of n ones, of which the network counts the steps: no error, whatever the order."""
    counter = Sequential([RNN(1, nonlinearity="identity", bias=False, outputs="last")], 1, rng=0)
    counter.load_state_dict({name: [[1.0]] for name in counter.parameters})
    lengths = np.array([4, 2, 5, 1, 3, 6])
    x = np.ones((6, 6, 1))
    history = counter.fit(
        x, lengths[None, :, None].astype(float), loss=SquaredError(), optimizer=SGD(0.1), epochs=5,
        batch_size=2, rng=3, lengths=lengths, validation=(x, np.full((1, 6, 1), 6.0)), progress=False,
    )  # fmt: skip
    assert history.loss == [0.0] * 5
    assert history.validation_loss == [0.0] * 5


def test_validation_is_looked_at_after_the_epoch_and_changes_nothing():
    """After each step w - 3 has halved: the validation's loss is the next epoch's."""
    data: dict[str, Any] = {"loss": SquaredError(), "optimizer": SGD(0.25), "progress": False}
    one, other = line(), line()
    plain = one.fit(column(1), column(3), epochs=3, **data)
    both = other.fit(column(1), column(3), epochs=3, validation=(column(1), column(3)), **data)
    assert both.loss == plain.loss
    assert both.validation_loss == [9.0 / 4, 9.0 / 16, 9.0 / 64]
    assert same_bits(one.parameters, other.parameters)


def test_validation_has_lengths_of_its_own():
    x, y = np.ones((2, 1, 1)), np.array([0.0, 5.0])[:, None, None]
    history = line().fit(
        x, y, loss=SquaredError(), optimizer=SGD(0.0), epochs=1, validation=(x, y, [1]),
        progress=False,
    )  # fmt: skip
    assert history.loss == [12.5]
    assert history.validation_loss == [0.0]


def test_the_learning_rate_follows_the_schedule_from_epoch_0():
    """Rates 1/4 and 1/8: 2/4, then 2/8 of what is missing to 3 is made up."""
    model = line()
    model.fit(
        column(1), column(3), loss=SquaredError(), optimizer=SGD(0.25), epochs=2,
        schedule=Exponential(0.5), progress=False,
    )  # fmt: skip
    assert model.parameters["0.weight"].item() == 1.5 + 2 / 8 * 1.5


def test_gradients_are_clipped():
    model = line()
    model.fit(
        column(1), column(3), loss=SquaredError(), optimizer=SGD(1.0), epochs=2,
        clip=ClipValue(0.5), progress=False,
    )  # fmt: skip
    assert model.parameters["0.weight"].item() == 1.0


def test_the_optimizer_goes_on_from_batch_to_batch():
    """Adam's two steps by `fit` are its two steps by `train_step` with the states handed on."""
    one = Sequential([RNN(3), Linear(1)], 1, rng=0)
    other = one.on("manual")
    x, y = np.ones((3, 4, 1)), np.zeros((3, 4, 1))
    options: dict[str, Any] = {"loss": SquaredError(), "optimizer": Adam(0.1)}
    one.fit(x, y, epochs=1, batch_size=2, shuffle=False, progress=False, **options)
    first = other.train_step(x[:, :2], y[:, :2], **options)
    other.train_step(x[:, 2:], y[:, 2:], states=first.states, **options)
    assert same_bits(one.parameters, other.parameters)


@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_evaluate_is_the_loss_of_what_predict_gives(implementation):
    layers = [RNN(3, bidirectional=True), Linear(2)]  # what lies in the padding would count
    model = Sequential(layers, 1, implementation=implementation, rng=0)
    x, y, n = np.ones((3, 4, 1)), np.array([[0, 1, 1, 0]] * 3), np.array([1, 3, 2, 3])
    loss = SoftmaxCrossEntropy()
    found = model.evaluate(x, y, loss, lengths=n, accuracy=Categorical())
    output = model.predict(x, n)
    assert found.loss == loss.value(output, y, n)
    right = [output[t, b].argmax() == y[t, b] for b in range(4) for t in range(n[b])]
    assert found.accuracy == np.mean(right)
    assert model.evaluate(x, y, loss).accuracy is None


# What is wrong, in words.


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, not 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, not 0"),
        ({"batch_size": 1}, "shuffle=True needs an rng, a seed or a numpy.random.Generator"),
        ({"validation": (column(1),)}, r"validation has 1 parts; it must be \(x, y\) or \(x, y, lengths\)"),
        ({"y": column(1)}, r"y has shape \(1, 1, 1\); it must have as many rows as x, 2, on axis 1"),
        ({"x": column(1)[0]}, r"x has shape \(1, 1\); it must have 3 axes: time, batch, input"),
        ({"x": column(), "y": column()}, r"x has shape \(1, 0, 1\); there must be at least one row"),
        ({"lengths": [1]}, r"lengths has shape \(1,\); it must have shape \(2,\)"),
        ({"y": np.zeros((2, 2, 1))}, r"target has shape \(2, 2, 1\); it must have that of output"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted(change, message):
    given: dict[str, Any] = {"x": column(1, 1), "y": column(1, 2), "epochs": 1} | change
    with pytest.raises(ValueError, match=message):
        line().fit(loss=SquaredError(), optimizer=SGD(0.1), progress=False, **given)


def test_a_float32_model_stays_one():
    model = Sequential([RNN(3), Linear(1)], 1, dtype="float32", rng=0)
    x = np.ones((2, 3, 1), "float32")
    model.fit(x, x, loss=SquaredError(), optimizer=Adam(0.1), epochs=2, progress=False)
    assert {a.dtype.name for a in model.parameters.values()} == {"float32"}
    assert model(x).dtype == np.float32
