"""n is followed by n+1, ..., n+5, each output fed back: without a state, and with one."""

import argparse

import numpy as np

from rnncheck.initialisation import fan_in_uniform
from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.losses import SquaredError
from rnncheck.training.optimizers import SGD, Adam
from rnncheck.training.schedules import Exponential
from rnncheck.training.sequential import Sequential

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=101)
parser.add_argument("--picture", help="a file to draw the losses in")
arguments = parser.parse_args()
epochs = arguments.epochs

# The data: x is one step, n; y is five. Arrays are (time, number, feature).
n = np.arange(100.0)[None, :, None]
y = n + np.arange(1.0, 6.0)[:, None, None]

# As published, every generated step starts from zeros: y_1 = f(n), y_2 = f(y_1), ... It is no recurrent
# network, but one affine map, f, iterated. That can count all the same: f(n) = n + 1.
f = [
    RNN(4, nonlinearity="identity", outputs="last", biases=1, initialise=fan_in_uniform),
    Linear(1, initialise=fan_in_uniform),
]
stateless = Sequential([Iterated(f, 5)], input_size=1, rng=0)
history = stateless.fit(n, y, loss=SquaredError(), optimizer=SGD(7e-6), epochs=epochs)

# The recurrent network has the same parameters, and carries its state through the four steps that
# it generates. With the settings above it learns little by epoch 101; it has its own.
layer = RNN(
    4, nonlinearity="identity", output_size=1, generated=4, biases=1, initialise=fan_in_uniform
)
stateful = Sequential([layer], input_size=1, rng=0)
carried = stateful.fit(
    n, y, loss=SquaredError(), optimizer=Adam(0.05), epochs=epochs, batch_size=10, rng=0,
    schedule=Exponential(0.97),
)  # fmt: skip

published = {0: 3773.6, 40: 2957.0, 50: 1276.0, 60: 2.77, 100: 2.75}
print("epoch  stateless  published  state carried")
for epoch in sorted({*published, epochs - 1} & set(range(epochs))):
    row = epoch, history.loss[epoch], published.get(epoch, ""), carried.loss[epoch]
    print("{:5}  {:9.2f}  {:>9}  {:13.5f}".format(*row))

# Eight steps, where five were trained, from numbers that neither has seen.
print("\n            stateless                          state carried")
start = np.arange(100.0, 105.0)[None, :, None]
for number in range(5):
    for model in stateless, stateful:
        answer = model.generate(start, 7)[:, number, 0]
        print(f"{100 + number}:", *map("{:.1f}".format, answer), end="   ")
    print()

if arguments.picture:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
    axes.semilogy(history.loss, label="stateless")
    axes.semilogy(carried.loss, label="state carried")
    axes.plot(published.keys(), published.values(), "kx", label="published")
    axes.legend()
    figure.savefig(arguments.picture)
