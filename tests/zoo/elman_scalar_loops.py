"""Nothing but Python numbers: every sum is a loop, the tanh is math.tanh."""

import math

import numpy as np

import rnncheck


def forward(params, x, h0):
    Wxh, Whh, bh = params["Wxh"], params["Whh"], params["bh"]
    T, B, D = x.shape
    H = len(bh)
    hs = [[[0.0] * H for _ in range(B)] for _ in range(T)]
    for b in range(B):
        prev = [h0[b][j] for j in range(H)]
        for t in range(T):
            new = []
            for j in range(H):
                total = bh[j]
                for i in range(D):
                    total += Wxh[j][i] * x[t][b][i]
                for k in range(H):
                    total += Whh[j][k] * prev[k]
                new.append(math.tanh(total))
            hs[t][b] = new
            prev = new
    last = hs[-1] if T > 0 else h0
    return np.array(hs), np.array(last)


def backward(params, x, h0, d_output, d_h_n):
    Wxh, Whh, bh = params["Wxh"], params["Whh"], params["bh"]
    hs, _ = forward(params, x, h0)
    T, B, D = x.shape
    H = len(bh)
    dWxh = [[0.0 for _ in range(D)] for _ in range(H)]
    dWhh = [[0.0 for _ in range(H)] for _ in range(H)]
    dbh = [0.0] * H
    dx = np.zeros((T, B, D))
    dh0 = np.zeros((B, H))
    for b in range(B):
        dhnext = [d_h_n[b][j] for j in range(H)]
        for t in range(T - 1, -1, -1):
            before = hs[t - 1][b] if t > 0 else h0[b]
            da = [0.0] * H
            for j in range(H):
                dh = d_output[t][b][j] + dhnext[j]
                da[j] = (1.0 - hs[t][b][j] * hs[t][b][j]) * dh
                dbh[j] += da[j]
                for i in range(D):
                    dWxh[j][i] += da[j] * x[t][b][i]
                for k in range(H):
                    dWhh[j][k] += da[j] * before[k]
            for i in range(D):
                for j in range(H):
                    dx[t, b, i] += Wxh[j, i] * da[j]
            dhnext = [sum(Whh[j][k] * da[j] for j in range(H)) for k in range(H)]
        for k in range(H):
            dh0[b, k] = dhnext[k]
    return {
        "Wxh": np.array(dWxh),
        "Whh": np.array(dWhh),
        "bh": np.array(dbh),
        "x": dx,
        "h0": dh0,
    }


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"Wxh": "hidden input", "Whh": "hidden prev", "bh": "hidden"},
    name="scalar loops",
)
