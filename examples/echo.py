"""Up to five symbols are read, then said in reverse, then an end mark: sequence to sequence."""

import argparse
import itertools

import numpy as np

from rnncheck.training.accuracy import Categorical
from rnncheck.training.clipping import ClipNorm
from rnncheck.training.layers import RNN
from rnncheck.training.losses import CrossEntropy
from rnncheck.training.optimizers import Adam
from rnncheck.training.schedules import Exponential
from rnncheck.training.sequential import Sequential

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=60)
parser.add_argument("--picture", help="a file to draw the accuracy in")
arguments = parser.parse_args()
rng = np.random.default_rng(0)

# The data: all sequences of one to five of a, b, c. While the network reads it says ".", and while it
# speaks it reads "."; what it says is one longer than what it read. They differ in length, and so
# are padded with zeros to 11 steps: `lengths` says how many count.
every = [w for n in range(1, 6) for w in map("".join, itertools.product("abc", repeat=n))]
every = rng.permutation(every)
lengths = np.array([2 * len(word) + 1 for word in every])
x, y = np.zeros((2, 11, len(every), 4))
for row, word in enumerate(every):
    n = len(word)
    heard, said = word + "." * (n + 1), "." * n + word[::-1] + "."
    for t in range(2 * n + 1):
        x[t, row, "abc.".index(heard[t])] = y[t, row, "abc.".index(said[t])] = 1.0
held, part = slice(72), slice(72, None)  # a fifth is held out

# The model listens and answers with one and the same state.
model = Sequential([RNN(48, output_size=4, readout="softmax")], input_size=4, rng=rng)
history = model.fit(
    x[:, part], y[:, part], lengths=lengths[part], loss=CrossEntropy(), optimizer=Adam(5e-3),
    epochs=arguments.epochs, batch_size=16, rng=rng, clip=ClipNorm(1.0),
    schedule=Exponential(0.97), accuracy=Categorical(),
    validation=(x[:, held], y[:, held], lengths[held]),
)  # fmt: skip
print("epoch    loss  steps right  held out   (nothing was published)")
rows = zip(history.loss, history.accuracy, history.validation_accuracy, strict=True)
for epoch, row in enumerate(rows, start=1):
    if epoch % 10 == 0 or epoch in (1, arguments.epochs):
        print("{:5}  {:6.3f}  {:11.3f}  {:8.3f}".format(epoch, *row))

# What it answers to words that it has not seen.
said = model.predict(x[:, held], lengths[held]).argmax(-1)
answers = [
    "".join("abc."[i] for i in said[len(w) : 2 * len(w) + 1, r]) for r, w in enumerate(every[held])
]
for word, answer in list(zip(every[held], answers, strict=True))[:10]:
    print(f"{word:>6} → {answer}")
right = sum(answer == word[::-1] + "." for word, answer in zip(every[held], answers, strict=True))
print(f"{right} of 72 held-out words are said in reverse without a mistake")

if arguments.picture:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
    axes.plot(history.accuracy, label="steps right, trained on")
    axes.plot(history.validation_accuracy, label="held out")
    axes.legend()
    figure.savefig(arguments.picture)
