"""The next point of a sine from the 50 before it: two recurrent layers, then two linear ones."""

import argparse

import numpy as np

from rnncheck.training.layers import RNN, Linear
from rnncheck.training.losses import SquaredError
from rnncheck.training.optimizers import RMSProp
from rnncheck.training.sequential import Sequential

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--picture", help="a file to draw the curve in")
arguments = parser.parse_args()

# The data: 150 windows of 50 points each, and the point after each window. Arrays are time-major:
# (time, window, feature). Nothing about them is random.
curve = np.sin(np.arange(300.0))
known = curve[:200]
x = np.stack([known[start : start + 50] for start in range(150)], axis=1)[..., None]
y = known[None, 50:, None]  # (1, 150, 1): one point a window

# The model: the first layer says something at every step, the second only at the end.
layers = [RNN(32, output_size=32), RNN(32, outputs="final"), Linear(8), Linear(1)]
model = Sequential(layers, input_size=1, rng=0)
print(model.summary(steps=50))

# Training: on the first 50 windows, 8 at a time. The published loss reads as the sum of an epoch's
# 7 batch means. A network that always says 0 would have 7 times the mean of sin², about 3.5.
history = model.fit(
    x[:, :50], y[:, :50], loss=SquaredError(), optimizer=RMSProp(5e-4),
    epochs=arguments.epochs, batch_size=8, shuffle=False,
)  # fmt: skip
published = {1: "3.32", 2: "2.75", 3: "2.27", 9: "0.074", 10: "0.064"}
print("\nepoch    loss  published")
for epoch, losses in enumerate(history.batch_losses, start=1):
    print(f"{epoch:5}  {sum(losses):6.3f}  {published.get(epoch, ''):>9}")

# What it has learned: to predict the 100 windows that it has not seen, and to go on by itself, its
# own predictions being all it knows of the points after the 200th.
predicted = model.predict(x)[0, :, 0]
continued = model.generate(known[-50:, None, None], steps=99)[:, 0, 0]
unseen, further = (predicted - known[50:])[50:], continued - curve[200:]
print("\nmean squared error (always saying 0 has 0.5)")
print(f"{np.mean(unseen**2):.5f}  on the 100 windows it was not trained on")
print(f"{np.mean(further**2):.5f}  on 100 points of its own continuation")

if arguments.picture:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
    axes.plot(curve, "k.", markersize=3, label="sin(i)")
    axes.plot(range(50, 200), predicted, label="predicted from 50 true points")
    axes.plot(range(200, 300), continued, label="continued from its own predictions")
    axes.set_xlabel("i")
    axes.legend(loc="lower left")
    figure.savefig(arguments.picture)
