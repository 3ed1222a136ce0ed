"""All in float32: whatever comes in is converted, and so are the constants."""

import numpy as np

import rnncheck

FLOAT = np.float32


def forward(params, x, h0):
    W = {k: v.astype(FLOAT) for k, v in params.items()}
    x = x.astype(np.float32)
    h = h0.astype(np.float32)
    hs = np.zeros((x.shape[0],) + h.shape, dtype=FLOAT)
    for t in range(x.shape[0]):
        h = np.tanh(np.matmul(x[t], W["w_ih"].T) + np.matmul(h, W["w_hh"].T) + W["b"])
        hs[t] = h
    return hs, h


def backward(params, x, h0, dout, dh):
    hs, _ = forward(params, x, h0)
    x, h0, dh = x.astype("float32"), h0.astype("float32"), np.asarray(dh, dtype=FLOAT)
    w_ih, w_hh = (params[k].astype(FLOAT) for k in ("w_ih", "w_hh"))
    dw_ih = np.zeros_like(w_ih, dtype=FLOAT)
    dw_hh = np.zeros_like(w_hh, dtype=FLOAT)
    db = np.zeros(params["b"].shape, dtype=np.float32)
    dx = np.empty(x.shape, dtype=np.float32)
    for t in reversed(range(x.shape[0])):
        da = (dout[t].astype(FLOAT) + dh) * (FLOAT(1) - hs[t] ** 2)
        dw_ih += np.matmul(da.T, x[t])
        dw_hh += np.matmul(da.T, hs[t - 1] if t else h0)
        db += da.sum(axis=0, dtype=FLOAT)
        dx[t] = np.matmul(da, w_ih)
        dh = np.matmul(da, w_hh)
    return {"w_ih": dw_ih, "w_hh": dw_hh, "b": db, "x": dx, "h0": dh}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"w_ih": "hidden input", "w_hh": "hidden prev", "b": "hidden"},
    dtypes=("float32",),
    name="float32",
)
