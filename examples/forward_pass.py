"""One forward pass, written out; why random noise tests nothing; and the layer as Keras has it."""

import argparse

import numpy as np

from rnncheck.training.layers import RNN, Linear
from rnncheck.training.losses import SquaredError
from rnncheck.training.optimizers import Adam
from rnncheck.training.sequential import Sequential

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--picture", help="a file to draw the states in")
arguments = parser.parse_args()
rng = np.random.default_rng(0)


def forward(x, W, U, b):
    """The states (T, H) of x (T, I): h_t = tanh(W x_t + U h_{t-1} + b) from h_0 = 0."""
    h, states = np.zeros(len(b)), []
    for x_t in x:
        h = np.tanh(W @ x_t + U @ h + b)
        states.append(h)
    return np.stack(states)  # np.concatenate would join them into one vector, as was published


# The published pass: 100 steps, 32 inputs, 64 units, all of it uniform in [0, 1).
x, W, U, b = rng.random((100, 32)), rng.random((64, 32)), rng.random((64, 64)), rng.random(64)
noise = forward(x, W, U, b)
print(f"the states: {noise.shape}, published as {np.concatenate(noise).shape}")
print(f"of the {noise.size} states {(noise == 1).mean():.1%} are 1, to the last bit")

# A sum of 96 positive terms is far beyond where tanh is 1, to the last bit. Whatever the recurrence
# does, it shows nowhere: with U transposed, the most common of mistakes, the numbers are the same.
print("U transposed, states that differ: ", (forward(x, W, U.T, b) != noise).sum())
# With weights around 0, of a size that tanh can tell apart, the same mistake shows at once.
W, U, b = (rng.uniform(-1 / 8, 1 / 8, array.shape) for array in (W, U, b))
small = forward(x, W, U, b)
print("the same with weights in ±1/8:    ", (forward(x, W, U.T, b) != small).sum())

# The library's layer with these weights is the same function.
layer = Sequential([RNN(64, biases=1)], input_size=32)
layer.load_state_dict({"0.weight_ih_l0": W, "0.weight_hh_l0": U, "0.bias_ih_l0": b})
apart = np.abs(layer.predict(x[:, None])[:, 0] - small).max()
print(f"the library's layer is {apart:.0e} away\n")

# Keras: SimpleRNN(10, input_shape=(3, 1)), then Dense(1). Published: 120 and 11 parameters, 131.
model = Sequential([RNN(10, outputs="final", biases=1), Linear(1)], input_size=1, rng=rng)
print(model.summary(steps=3))

# It has something to learn here: the mean of three random numbers.
x = rng.random((3, 200, 1))
y = x.mean(axis=0, keepdims=True)
history = model.fit(
    x, y, loss=SquaredError(), optimizer=Adam(0.01), epochs=arguments.epochs, batch_size=10, rng=rng
)
first, last = history.loss[0], history.loss[-1]
print(f"\nthe mean of three numbers: loss {first:.5f} in the first epoch, {last:.5f} in the last")

if arguments.picture:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
    axes.hist([noise.ravel(), small.ravel()], 50, label=["weights in [0, 1)", "in ±1/8"])
    axes.set(xlabel="state", yscale="log")
    axes.legend()
    figure.savefig(arguments.picture)
