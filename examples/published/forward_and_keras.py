"""The forward pass of T = 100 steps, 32 features and 64 units, in plain NumPy.

rnncheck check forward_and_keras.py          # as it was published
rnncheck check forward_and_keras.py:fixed    # without its defect
python forward_and_keras.py                  # what its own example shows
"""

import numpy as np

import rnncheck

DEFECTS = frozenset({"steps_concatenated"})


def rnn_forward(inputs, W, U, b, defects=DEFECTS):
    state_t = np.zeros(len(b))
    successive_outputs = []
    for input_t in inputs:
        output_t = np.tanh(np.dot(W, input_t) + np.dot(U, state_t) + b)
        successive_outputs.append(output_t)
        state_t = output_t
    if "steps_concatenated" in defects:
        return np.concatenate(successive_outputs, axis=0), state_t
    return np.stack(successive_outputs, axis=0), state_t


def network(defects=DEFECTS):
    """The network with or without its defect, for rnncheck to run."""
    return rnncheck.wrap(
        lambda params, x: rnn_forward(x, params["W"], params["U"], params["b"], defects),
        x="time input",
        output="time hidden",
        params={"W": "hidden input", "U": "hidden prev", "b": "hidden"},
        name="the forward pass",
    )


published = network()


def __getattr__(name):
    """FILE.py:fixed has no defect, FILE.py:DEFECT that one, FILE.py:DEFECT+DEFECT those two."""
    if name != "fixed" and not set(name.split("+")) <= DEFECTS:
        raise AttributeError(name)
    return network(DEFECTS & set(name.split("+")))


if __name__ == "__main__":
    random = np.random.default_rng(0)
    inputs, W, U, b = (random.random(shape) for shape in ((100, 32), (64, 32), (64, 64), 64))
    for name, defects in {"as published": DEFECTS, "fixed": frozenset()}.items():
        outputs, _ = rnn_forward(inputs, W, U, b, defects)
        print(f"{name}: shape {outputs.shape}, the smallest of all outputs {outputs.min():.6f}")
