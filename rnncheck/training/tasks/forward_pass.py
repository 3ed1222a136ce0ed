"""Random noise through a recurrent layer, and the same layer as Keras has it.

The published pass, (100, 64), saturates: every state is 1, so that it would look the same with almost any
mistake. The Keras network, `SimpleRNN(10, input_shape=(3, 1))` → `Dense(1)`, is trained on the mean of
three random numbers.
"""

import numpy as np

from rnncheck.case import Array
from rnncheck.initialisation import unit_uniform
from rnncheck.training.layers import RNN, Linear
from rnncheck.training.losses import SquaredError
from rnncheck.training.optimizers import Adam
from rnncheck.training.sequential import Sequential
from rnncheck.training.summary import count
from rnncheck.training.tasks.task import Data, Examples, Figure, Setup, Short, Task

STEPS, FEATURES, UNITS = 100, 32, 64
WINDOW, ROWS = 3, 200


def states(implementation: str = "manual", seed: int = 0) -> Array:
    """The published pass: (100, 64) states of noise through noise, all of it uniform in [0, 1)."""
    rng = np.random.default_rng((2, seed))
    layer = RNN(UNITS, biases=1, initialise=unit_uniform)
    network = Sequential((layer,), FEATURES, implementation=implementation, rng=rng)
    return np.asarray(network.predict(rng.random((STEPS, 1, FEATURES)))[:, 0])


def data(seed: int = 0) -> Data:
    """200 times three numbers in [0, 1) and their mean, x (3, 200, 1), y (1, 200, 1); 50 held out."""
    x = np.random.default_rng((0, seed)).random((WINDOW, ROWS, 1))
    everything = Examples(x, x.mean(axis=0, keepdims=True))
    return Data(everything.rows(slice(50, None)), everything.rows(slice(50)))


def build(implementation: str, rng: np.random.Generator) -> Sequential:
    """SimpleRNN(10, input_shape=(3, 1)) → Dense(1)."""
    layers = (RNN(10, outputs="final", biases=1), Linear(1))
    return Sequential(layers, 1, implementation=implementation, rng=rng)


def evaluate(model: Sequential, given: Data) -> list[Figure]:
    """The Keras network's parameters and error, and how little the published pass shows."""
    assert given.held_out is not None
    error = model.predict(given.held_out.x) - given.held_out.y
    found = states(model.implementation)
    return [
        Figure("parameters: SimpleRNN(10) on one feature", count(model.links[:1]), "120"),
        Figure("parameters: with Dense(1)", count(model.links), "131"),
        Figure("mean squared error, held out", float(np.mean(error**2))),
        Figure("states of the published pass, steps", len(found), "100"),
        Figure("and units", found.shape[1], "64"),
        Figure("share of them above 0.999: it sees nothing", float((found > 0.999).mean())),
    ]


TASK = Task(
    "forward_pass",
    "random noise through a recurrent layer, and the Keras layer",
    "The published pass concatenates its steps along axis 0, (6400,); it is (100, 64). What is trained is "
    "the Keras network, on the mean of three random numbers.",
    data,
    (Setup("", build, SquaredError(), Adam(1e-2), epochs=20, batch_size=10, shuffle=True),),
    "mean",
    Short(epochs=20, rows=40),
    evaluate,
)
