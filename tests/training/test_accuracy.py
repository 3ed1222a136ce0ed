"""Which outputs are right, and what share of them."""

import numpy as np
import pytest
from training.lines import column, line

from rnncheck.training.accuracy import Binary, Categorical
from rnncheck.training.losses import (
    BinaryCrossEntropy,
    SquaredError,
)
from rnncheck.training.optimizers import SGD


def test_accuracy_is_the_share_of_all_that_was_judged():
    """Batches of 2 and 1 rows: 1 of 2 right and 1 of 1 is 2 of 3, not the mean of a half and one."""
    history = line(1.0).fit(
        column(1, 0, 1), column(1, 1, 1), loss=BinaryCrossEntropy("sum"), optimizer=SGD(0.0),
        epochs=1, batch_size=2, shuffle=False, accuracy=Binary(), progress=False,
        validation=(column(0, 1, 0, 0), column(0, 0, 1, 0)),
    )  # fmt: skip
    assert history.accuracy == [2 / 3]
    assert history.validation_accuracy == [2 / 4]


def test_an_accuracy_may_be_a_number_for_each_batch():
    shares = iter([0.5, 1.0])
    history = line(1.0).fit(
        column(1, 0, 1), column(1, 1, 1), loss=SquaredError(), optimizer=SGD(0.0), epochs=1,
        batch_size=2, shuffle=False, accuracy=lambda *_: next(shares), progress=False,
    )  # fmt: skip
    assert history.accuracy == [(0.5 + 0.5 + 1.0) / 3]


OUTPUT = np.array(  # time, batch, feature; the last step of row 1 is padding, and would be right
    [[[3.0, 1.0], [0.0, 2.0]], [[2.0, 5.0], [7.0, 6.0]], [[1.0, 1.0], [9.0, 0.0]]]
)
NUMBERS = np.array([[0, 0], [1, 0], [0, 0]])


@pytest.mark.parametrize("target", [NUMBERS, np.eye(2)[NUMBERS]], ids=["numbers", "one-hot"])
def test_categorical_takes_the_largest_feature_of_each_step(target):
    """Not of each time, over features or rows: right are (0,0), (1,0), (2,0) of two alike, and (1,1)."""
    lengths = np.array([3, 2])
    assert sorted(Categorical()(OUTPUT, target, lengths)) == [False, True, True, True, True]
    assert Categorical("last")(OUTPUT, target, lengths).tolist() == [True, True]
    assert Categorical()(OUTPUT, target).sum() == 5


def test_binary_compares_every_entry_with_its_side():
    output = np.array([[[0.2, 0.5], [0.4, 0.9]], [[0.7, 0.1], [0.0, 0.0]]])
    target = np.array([[[0.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [1.0, 1.0]]])
    lengths = np.array([2, 1])
    assert sorted(Binary()(output, target, lengths)) == [False, False, True, True, True, True]
    assert sorted(Binary("last")(output, target, lengths)) == [False, False, True, True]
    assert Binary(threshold=0.3)(output, target, lengths).sum() == 5
