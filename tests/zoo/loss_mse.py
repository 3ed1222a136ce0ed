"""Mean squared error over T and B: np.mean forward, 2 / (T B) backward; a sine to be continued."""

import numpy as np

T, B, I, H, O = 7, 2, 1, 4, 3
time = np.linspace(0, 2 * np.pi, (T + 1) * B).reshape(T + 1, B, 1)
wave = np.sin(time)
x_train = wave[:-1]
y_train = np.concatenate([wave[1:], np.cos(time[1:]), wave[1:] ** 2], axis=2)


def forward(params, x):
    h = np.zeros((T + 1, B, H))
    y = np.zeros((T, B, O))
    for t in range(T):
        h[t] = np.tanh(x[t] @ params["Wx"] + h[t - 1] @ params["Wh"] + params["bh"])
        y[t] = h[t] @ params["Wy"] + params["by"]
    return h, y  # h[-1] is never written: it is the zero state before h[0]


def backward(params, x, h, dy):
    grads = {k: np.zeros_like(v) for k, v in params.items()}
    dh_next = np.zeros((B, H))
    for t in range(T - 1, -1, -1):
        grads["Wy"] += h[t].T @ dy[t]
        grads["by"] += dy[t].sum(axis=0)
        dh = dy[t] @ params["Wy"].T + dh_next
        dz = dh * (1.0 - h[t] ** 2)
        grads["Wx"] += x[t].T @ dz
        grads["Wh"] += h[t - 1].T @ dz
        grads["bh"] += dz.sum(axis=0)
        dh_next = dz @ params["Wh"].T
    return grads


def loss_and_gradients(params):
    h, y = forward(params, x_train)
    error = y - y_train
    loss = np.mean(np.sum(error**2, axis=2))
    return loss, backward(params, x_train, h, 2 * error / (T * B))


def loss_and_gradients_of_the_mean(params):
    h, y = forward(params, x_train)
    loss = ((y - y_train) ** 2).mean()
    return loss, backward(params, x_train, h, 2 * (y - y_train) / y.size)


def parameters():
    rng = np.random.default_rng(5)
    return {
        "Wx": rng.normal(0, 0.7, (I, H)),
        "Wh": rng.normal(0, 0.7, (H, H)),
        "bh": rng.normal(0, 0.7, H),
        "Wy": rng.normal(0, 0.7, (H, O)),
        "by": rng.normal(0, 0.7, O),
    }


EXAMPLES = {
    "mse": lambda: (loss_and_gradients, parameters()),
    "mse_mean": lambda: (loss_and_gradients_of_the_mean, parameters()),
}
