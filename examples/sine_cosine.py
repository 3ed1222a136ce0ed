"""The sine's network on sin(i)·cos(i): what is held out is watched, and the weights move house."""

import argparse
import tempfile
from pathlib import Path

import numpy as np

from rnncheck.training.layers import RNN, Linear
from rnncheck.training.losses import SquaredError
from rnncheck.training.optimizers import RMSProp
from rnncheck.training.sequential import Sequential

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--picture", help="a file to draw the losses and the curve in")
arguments = parser.parse_args()

# The data, as in sine.py: windows of 50 points predict the next.
points = np.sin(np.arange(200.0)) * np.cos(np.arange(200.0))  # half of sin(2i)
x = np.stack([points[start : start + 50] for start in range(150)], axis=1)[..., None]
y = points[None, 50:, None]

# The model, as in sine.py. The gradients are those that were derived by hand.
layers = [RNN(32, output_size=32), RNN(32, outputs="final"), Linear(8), Linear(1)]
model = Sequential(layers, input_size=1, implementation="manual", rng=0)

# Training, watched: the loss on the 100 windows that are held out follows every epoch.
history = model.fit(
    x[:, :50], y[:, :50], loss=SquaredError(), optimizer=RMSProp(5e-4),
    epochs=arguments.epochs, batch_size=8, shuffle=False, validation=(x[:, 50:], y[:, 50:]),
)  # fmt: skip
print("mean squared error (always saying 0 has 0.125; nothing was published)")
print("epoch  trained on  held out")
for epoch, pair in enumerate(zip(history.loss, history.validation_loss, strict=True), start=1):
    print(f"{epoch:5}  {pair[0]:10.5f}  {pair[1]:8.5f}")

# The weights in a file, and back into a network whose gradients nobody derived: it finds them by
# automatic differentiation. Both compute the same, but for rounding.
with tempfile.TemporaryDirectory() as folder:
    path = model.save(Path(folder) / "sine_cosine.npz")
    other = Sequential.load(path, implementation="autodiff")
direction = np.ones((1, 150, 1))  # the gradient of the sum of all outputs
apart = {"output": np.abs(model(x) - other(x)).max()}
gradients, others = model.backward(direction), other.backward(direction)
apart |= {name: np.abs(g - others[name]).max() / np.abs(g).max() for name, g in gradients.items()}
print(
    "\nmanual and autodiff, with the same weights, are apart by (gradients: of their largest entry)"
)
for name, difference in apart.items():
    print(f"{difference:8.1e}  {name}")

if arguments.picture:
    import matplotlib.pyplot as plt

    figure, (above, below) = plt.subplots(2, figsize=(9, 6), layout="constrained")
    above.semilogy(history.loss, label="trained on")
    above.semilogy(history.validation_loss, label="held out")
    below.plot(range(50, 200), points[50:], "k.", markersize=3, label="sin(i)·cos(i)")
    below.plot(range(50, 200), model.predict(x)[0, :, 0], label="predicted")
    above.legend()
    below.legend()
    figure.savefig(arguments.picture)
