"""Do the sums of the pairs rise at every step? Trained number by number, with `Value`s."""

import argparse
import random
from itertools import pairwise

from rnncheck.implementations.scalar import Layer, RecurrentLayer, RecurrentNN

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--epochs", type=int, default=101)
parser.add_argument("--picture", help="a file to draw the loss in")
arguments = parser.parse_args()
rng = random.Random(0)


def sequence_of(length, rises):
    """Pairs of numbers in [0, 1), drawn until their sums rise at every step, or until they do not."""
    while True:
        pairs = [(rng.random(), rng.random()) for _ in range(length)]
        sums = [a + b for a, b in pairs]
        if all(before < after for before, after in pairwise(sums)) == rises:
            return pairs


# The data: six sequences of two to five pairs, half of them rising. None has to be padded.
data = [(sequence_of(n, rises=i % 2 == 0), i % 2 == 0) for i, n in enumerate((2, 3, 4, 5, 2, 3))]

# The model: five neurons that remember, and one that judges what they remember in the end.
model = RecurrentNN([RecurrentLayer(2, 5, "tanh", rng=rng), Layer(5, 1, "sigmoid", rng=rng)])
print(f"{model}: {len(model.parameters())} parameters")

# Training: one sequence at a time. `loss` knows what it was computed from, down to the last weight;
# `backward` goes the way back, and leaves d loss / d weight in each weight's `grad`.
losses = []
for _ in range(arguments.epochs):
    total = 0.0
    for pairs, rises in data:
        [p] = model.many_to_one(pairs)
        loss = -(p if rises else 1 - p).log()
        model.zero_grad()  # else the gradients of all steps so far would add up
        loss.backward()
        for weight in model.parameters():
            weight.data -= 0.3 * weight.grad
        total += loss.data / len(data)
    losses.append(total)

published = {0: 0.818, 10: 0.308, 100: 0.016}
print("epoch   loss  published   (log 2 = 0.693 is a coin's)")
for epoch in sorted({0, 10, 100, arguments.epochs - 1} & set(range(arguments.epochs))):
    print(f"{epoch:5}  {losses[epoch]:5.3f}  {published.get(epoch, ''):>9}")

right = 0
for pairs, rises in data:
    [p] = model.many_to_one(pairs)
    right += (p.data > 0.5) == rises
    sums = " ".join(f"{a + b:.2f}" for a, b in pairs)
    print(f"do {sums} rise? {'yes' if rises else 'no'}; it says {p.data:.3f}")
print(f"{right} of 6 right, published 6")

if arguments.picture:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(9, 3), layout="constrained")
    axes.semilogy(losses, label="loss")
    axes.plot(published.keys(), published.values(), "kx", label="published")
    axes.legend()
    figure.savefig(arguments.picture)
