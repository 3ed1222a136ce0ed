"""Starts from zeros always and gives no final state; relu as a * (a > 0); Keras's names."""

import numpy as np

import rnncheck


class SimpleRNN:
    def __init__(self, kernel, recurrent_kernel, bias):
        self.kernel, self.recurrent_kernel, self.bias = kernel, recurrent_kernel, bias
        self.units = recurrent_kernel.shape[0]

    def __call__(self, inputs):
        batch, timesteps, _ = inputs.shape
        self.inputs = inputs
        self.states = np.zeros((timesteps + 1, batch, self.units))
        for t in range(1, timesteps + 1):
            z = inputs[:, t - 1] @ self.kernel + self.states[t - 1] @ self.recurrent_kernel
            z += self.bias
            self.states[t] = z * (z > 0)
        return self.states[1:].transpose(1, 0, 2)

    def gradient(self, upstream):
        grads = {
            "kernel": np.zeros_like(self.kernel),
            "recurrent_kernel": np.zeros_like(self.recurrent_kernel),
            "bias": np.zeros_like(self.bias),
            "x": np.zeros_like(self.inputs),
        }
        carried = np.zeros_like(self.states[0])
        for t in range(len(self.states) - 1, 0, -1):
            dz = (upstream[:, t - 1] + carried) * np.sign(self.states[t])
            grads["kernel"] += np.swapaxes(self.inputs[:, t - 1], 0, 1) @ dz
            grads["recurrent_kernel"] += np.transpose(self.states[t - 1]) @ dz
            grads["bias"] += dz.sum(axis=0, keepdims=True)
            grads["x"][:, t - 1] = dz @ self.kernel.T
            carried = dz @ self.recurrent_kernel.T
        return grads


def forward(params, x):
    return SimpleRNN(**params)(x)


def backward(params, x, d_output):
    layer = SimpleRNN(**params)
    layer(x)
    return layer.gradient(d_output)


rnn = rnncheck.wrap(
    forward,
    backward,
    x="batch time input",
    output="batch time hidden",
    params={"kernel": "input hidden", "recurrent_kernel": "prev hidden", "bias": "1 hidden"},
    nonlinearity="relu",
    name="from zeros",
)
