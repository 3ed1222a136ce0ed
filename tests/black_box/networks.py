"""An LSTM, a GRU and a character model with their gradients by hand, and what people get wrong.

Each is `build(random, sizes, ...) -> (loss_and_gradients, parameters)`. `fault` names one mistake in
the backward pass; "" is right.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

Arrays = dict[str, Any]
Subject = tuple[Callable[[Any], Any], Arrays]


def sigmoid(a: Any) -> Any:
    return 0.5 * (1.0 + np.tanh(0.5 * a))


def lstm(
    random: np.random.Generator, T: int, B: int, n_in: int, H: int, *, fault: str = "",
    scale: Callable[[str], float] = lambda name: 1.0,
) -> Subject:  # fmt: skip
    """Gates i, f, g, o in one matrix W (4H, I + H); L = <d, h_1..T> + <e, c_T>."""
    parameters: Arrays = {
        "W": scale("W") * random.standard_normal((4 * H, n_in + H)) / np.sqrt(n_in + H),
        "b": scale("b") * random.standard_normal(4 * H),
        "h0": scale("h0") * random.standard_normal((B, H)),
        "c0": scale("c0") * random.standard_normal((B, H)),
    }
    x, d = random.standard_normal((T, B, n_in)), random.standard_normal((T, B, H))
    e = random.standard_normal((B, H))

    def loss_and_gradients(p: Arrays) -> Any:
        h, c, loss, tape = p["h0"], p["c0"], 0.0, []
        for t in range(T):
            z = np.concatenate([x[t], h], axis=1)
            a = z @ p["W"].T + p["b"]
            i, f, o = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), sigmoid(a[:, 3 * H :])
            g = np.tanh(a[:, 2 * H : 3 * H])
            before, c = c, f * c + i * g
            s = np.tanh(c)
            h = o * s
            tape.append((z, i, f, g, o, before, s))
            loss += np.sum(d[t] * h)
        loss += np.sum(e * c)
        G = {name: np.zeros_like(array) for name, array in p.items()}
        dh, dc = np.zeros_like(h), e.copy()
        for t in reversed(range(T)):
            z, i, f, g, o, before, s = tape[t]
            dh = dh + d[t]
            dc = dc + dh * o * ((1 - s) if fault == "1-h" else (1 - s * s))
            da = np.concatenate(
                [
                    dc * g * i * (1 - i),
                    np.zeros_like(f) if fault == "forgotten gate" else dc * before * f * (1 - f),
                    dc * i * (1 - g * g),
                    dh * s * (o if fault == "gate without its slope" else o * (1 - o)),
                ],
                axis=1,
            )
            if fault == "=":
                G["W"] = da.T @ z
            else:
                G["W"] += da.T @ z
            G["b"] += 0 if fault == "bias step" and t == T // 2 else da.sum(axis=0)
            dz = da @ p["W"]
            dh = dz[:, n_in:] * (1 - 1e-6 if fault == "1e-6" else 1.0)
            dc = dc if fault == "carry past the forget gate" else dc * f
            if fault == "truncated" and T - t == 3:
                dh, dc = 0 * dh, 0 * dc
        G["h0"], G["c0"] = dh, dc
        if fault == "averaged":
            G = {name: gradient / B for name, gradient in G.items()}
        return loss, G

    return loss_and_gradients, parameters


LSTM_FAULTS = (
    "1-h", "forgotten gate", "gate without its slope", "=", "bias step", "1e-6",
    "carry past the forget gate", "truncated", "averaged",
)  # fmt: skip


def gru(
    random: np.random.Generator, T: int, n_in: int, H: int, *, fault: str = "",
    scale: Callable[[str], float] = lambda name: 1.0,
) -> Subject:  # fmt: skip
    """h' = (1 - z) n + z h with n = tanh(W x + r (U h + c) + b), columns; L = |h - y|²/2 over time."""
    shapes = {"W": (3, H, n_in), "U": (3, H, H), "b": (3, H), "c": (H,)}
    parameters: Arrays = {
        name: scale(name) * random.standard_normal(shape) / np.sqrt(max(shape[-1], 1))
        for name, shape in shapes.items()
    }
    x, y = random.standard_normal((T, n_in)), random.standard_normal((T, H))
    h0 = random.standard_normal(H)

    def loss_and_gradients(p: Arrays) -> Any:
        W, U, b, c = p["W"], p["U"], p["b"], p["c"]
        h, loss, tape = h0, 0.0, []
        for t in range(T):
            r = sigmoid(W[0] @ x[t] + U[0] @ h + b[0])
            z = sigmoid(W[1] @ x[t] + U[1] @ h + b[1])
            q = U[2] @ h + c
            n = np.tanh(W[2] @ x[t] + r * q + b[2])
            tape.append((h, r, z, q, n))
            h = (1 - z) * n + z * h
            loss += 0.5 * np.sum((h - y[t]) ** 2)
        G = {name: np.zeros_like(array) for name, array in p.items()}
        dh, after = np.zeros(H), h
        for t in reversed(range(T)):
            h, r, z, q, n = tape[t]
            dh = dh + (after - y[t]) * (2.0 if fault == "twice" else 1.0)
            dn = dh * (1 - z) * (1 - n * n)
            dr = dn * q * r * (1 - r)
            dz = dh * ((n - h) if fault == "sign" else (h - n)) * z * (1 - z)
            deltas = (dr, dz, dn)
            for k, delta in enumerate(deltas):
                G["W"][k] += np.outer(delta, x[t])
                G["b"][k] += delta
                inner = delta * r if k == 2 and fault != "no reset" else delta
                G["U"][k] += np.outer(h, inner) if fault == "transposed" else np.outer(inner, h)
            G["c"] += dn * r
            transposed = U if fault == "no transpose" else U.transpose(0, 2, 1)
            carry = transposed[0] @ dr + transposed[1] @ dz + transposed[2] @ (dn * r)
            dh = carry if fault == "no skip" else dh * z + carry
            after = h
        if fault == "no c":
            G["c"] = np.zeros(H)
        return loss, G

    return loss_and_gradients, parameters


GRU_FAULTS = (
    "twice", "sign", "no reset", "transposed", "no transpose", "no skip", "no c",
)  # fmt: skip


def characters(
    random: np.random.Generator, T: int, V: int, H: int, *, fault: str = "",
    scale: Callable[[str], float] = lambda name: 1.0,
) -> Subject:  # fmt: skip
    """min-char-rnn's lossFun, without its clipping: one-hot columns, softmax, cross-entropy."""
    shapes = {"Wxh": (H, V), "Whh": (H, H), "Why": (V, H), "bh": (H, 1), "by": (V, 1)}
    parameters: Arrays = {
        name: scale(name) * random.standard_normal(shape) / np.sqrt(shape[-1])
        for name, shape in shapes.items()
    }
    inputs, targets = random.integers(V, size=T), random.integers(V, size=T)
    hprev = random.standard_normal((H, 1))

    def loss_and_gradients(p: Arrays) -> Any:
        xs, hs, ps, loss = {}, {-1: hprev}, {}, 0.0
        for t in range(T):
            xs[t] = np.zeros((V, 1))
            xs[t][inputs[t]] = 1
            hs[t] = np.tanh(p["Wxh"] @ xs[t] + p["Whh"] @ hs[t - 1] + p["bh"])
            y = p["Why"] @ hs[t] + p["by"]
            powers = np.exp(y - y.max())
            ps[t] = powers / powers.sum()
            loss += -np.log(ps[t][targets[t], 0])
        G = {name: np.zeros_like(array) for name, array in p.items()}
        dhnext = np.zeros((H, 1))
        for t in reversed(range(T)):
            dy = np.copy(ps[t])
            dy[targets[t]] -= 0 if fault == "no target" else 1
            G["Why"] += dy @ hs[t].T
            G["by"] += dy
            dh = p["Why"].T @ dy + (0 if fault == "no carry" else dhnext)
            draw = (1 - hs[t] * hs[t]) * dh
            G["bh"] += dh if fault == "bias before tanh" else draw
            G["Wxh"] += draw @ xs[t].T
            G["Whh"] += draw @ hs[t if fault == "this state" else t - 1].T
            dhnext = (p["Whh"] if fault == "no transpose" else p["Whh"].T) @ draw
        if fault == "clipped":
            G = {name: np.clip(g, -0.1, 0.1) for name, g in G.items()}
        return loss, G

    return loss_and_gradients, parameters


CHARACTER_FAULTS = (
    "no target", "no carry", "bias before tanh", "this state", "no transpose", "clipped",
)  # fmt: skip
