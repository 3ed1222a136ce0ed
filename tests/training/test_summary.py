"""The table of layers, with Keras's counts."""

import pytest

from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.sequential import Sequential


def rows(model: Sequential, steps: int | None = None) -> list[list[str]]:
    """The table's cells, a list a layer."""
    lines = model.summary(steps).splitlines()
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if "│" in line]


def counts(model: Sequential) -> list[int]:
    """Total, trainable and non-trainable, as the last three lines say them."""
    lines = [line.split(" params: ") for line in model.summary().splitlines()[-3:]]
    assert [words for words, _ in lines] == [" Total", " Trainable", " Non-trainable"]
    return [int(number.replace(",", "")) for _, number in lines]


def test_the_published_table():
    """Keras: SimpleRNN(10, input_shape=(3, 1)), Dense(1) has 120 and 11 parameters, together 131."""
    model = Sequential([RNN(10, biases=1, outputs="last"), Linear(1)], 1)
    assert rows(model, 3) == [
        ["rnn (RNN)", "(None, 10)", "120"],
        ["linear (Linear)", "(None, 1)", "11"],
    ]
    assert counts(model) == [131, 131, 0]
    head = model.summary(3).splitlines()[1]
    assert [cell.strip() for cell in head.strip("┃").split("┃")] == [
        "Layer (type)", "Output Shape", "Param #"
    ]  # fmt: skip


@pytest.mark.parametrize(("units", "features"), [(10, 1), (1, 1), (32, 7), (64, 32)])
def test_a_layer_with_one_bias_has_as_many_parameters_as_kerass(units, features):
    """units² + features·units + units (SimpleRNN); and, with torch's second bias, units more."""
    one, two = (Sequential([RNN(units, biases=n)], features) for n in (1, 2))
    assert rows(one)[0][2] == f"{units**2 + features * units + units:,}"
    assert rows(two)[0][2] == f"{units**2 + features * units + 2 * units:,}"


@pytest.mark.parametrize(("units", "features"), [(10, 3), (64, 32)])
def test_kerass_bidirectional_layer_has_twice_as_many(units, features):
    model = Sequential([RNN(units, biases=1, bidirectional=True), Linear(5)], features)
    twice = 2 * (units**2 + features * units + units)
    assert [row[2] for row in rows(model)] == [f"{twice:,}", f"{5 * 2 * units + 5:,}"]


def test_a_frozen_layer_is_counted_apart():
    frozen = RNN(10, biases=1, outputs="last", trainable=False)
    assert counts(Sequential([frozen, Linear(1)], 1)) == [131, 11, 120]
    assert counts(Sequential([frozen, Linear(1, trainable=False)], 1)) == [131, 0, 131]


def test_shapes_are_batch_first_with_a_time_axis_where_there_is_one():
    layers = [RNN(4), RNN(3, bidirectional=True), RNN(2, outputs="final"), Linear(5, bias=False)]
    expected = ["4)", "6)"]
    for steps in (None, 7):
        shapes = [row[1] for row in rows(Sequential(layers, 2), steps)]
        assert shapes[:2] == [f"(None, {steps}, {features}" for features in expected]
        assert shapes[2:] == ["(None, 2)", "(None, 5)"]


def test_steps_that_a_layer_makes_are_counted():
    generating = Sequential([RNN(2, generated=4), Linear(3)], 2)
    assert [row[1] for row in rows(generating, 3)] == ["(None, 7, 2)", "(None, 7, 3)"]
    assert [row[1] for row in rows(generating)] == ["(None, None, 2)", "(None, None, 3)"]
    again = Sequential([RNN(2, outputs="last"), RNN(2, generated=4)], 2)
    assert [row[1] for row in rows(again)] == ["(None, 2)", "(None, 5, 2)"]


def test_an_iterated_network_is_one_layer_whose_parameters_count_once():
    """4 units that read 1 feature, with Keras's one bias, and the readout: 16 + 4 + 4 and 4 + 1."""
    counting = Iterated([RNN(4, nonlinearity="identity", biases=1), Linear(1)], 5)
    model = Sequential([counting], 1)
    assert rows(model, 1) == [["iterated (Iterated)", "(None, 5, 1)", "29"]]
    frozen = Iterated([RNN(4, biases=1), Linear(1, trainable=False)], 5)
    assert counts(Sequential([frozen], 1)) == [29, 24, 5]


def test_layers_of_a_kind_are_numbered_as_kerass_are():
    names = [row[0] for row in rows(Sequential([RNN(2), RNN(2), Linear(2), RNN(2), Linear(2)], 2))]
    assert names == [
        "rnn (RNN)", "rnn_1 (RNN)", "linear (Linear)", "rnn_2 (RNN)", "linear_1 (Linear)"
    ]  # fmt: skip


def test_counts_are_those_of_the_parameters():
    model = Sequential([RNN(7, 2, output_size=3), Linear(4), Iterated([Linear(4)], 3)], 5)
    total = sum(array.size for array in model.parameters.values())
    assert counts(model)[0] == total == sum(int(row[2].replace(",", "")) for row in rows(model))
