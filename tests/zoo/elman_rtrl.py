"""Real-time recurrent learning: the influence of every weight on the state, carried forward."""

import numpy as np

import rnncheck


def forward(params, x, h0):
    h, hs = h0, []
    for x_t in x:
        h = np.tanh(params["Wi"] @ x_t + params["Wr"] @ h + params["b"])
        hs.append(h)
    return np.array(hs), h


def backward(params, x, h0, d_output, d_h_n):
    Wi, Wr, b = params["Wi"], params["Wr"], params["b"]
    n, T = len(b), len(x)
    eye = np.eye(n)
    P_i = np.zeros((n, *Wi.shape))
    P_r = np.zeros((n, *Wr.shape))
    P_b, P_0 = np.zeros((n, n)), np.eye(n)
    dWi, dWr, db, dh0 = np.zeros_like(Wi), np.zeros_like(Wr), np.zeros_like(b), np.zeros_like(h0)
    h = h0
    for t in range(T):
        new = np.tanh(Wi @ x[t] + Wr @ h + b)
        D = np.diag(1 - new**2)
        J = D @ Wr
        P_i = np.tensordot(J, P_i, axes=1) + np.einsum("kl,lj,i->kji", D, eye, x[t])
        P_r = np.tensordot(J, P_r, axes=1) + np.einsum("kl,lj,i->kji", D, eye, h)
        P_b = J @ P_b + D
        P_0 = J @ P_0
        h = new
        g = d_output[t] + d_h_n if t == T - 1 else d_output[t]
        dWi += np.tensordot(g, P_i, axes=1)
        dWr += np.tensordot(g, P_r, axes=1)
        db += g @ P_b
        dh0 += g @ P_0
    return {"Wi": dWi, "Wr": dWr, "b": db, "h0": dh0 if T else d_h_n}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time input",
    h0="hidden",
    output="time hidden",
    params={"Wi": "hidden input", "Wr": "hidden prev", "b": "hidden"},
    name="real-time recurrent learning",
)
