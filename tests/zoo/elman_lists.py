"""Lists of states that become arrays at the end: append, insert, np.array, np.stack."""

import numpy as np

import rnncheck


def forward(params, x, h0):
    outputs, states = [], [h0]
    for x_t in x:
        a_t = np.add(np.dot(x_t, params["Wx"].T), np.dot(states[-1], params["Wh"].T))
        states.append(np.tanh(a_t + params["bx"] + params["bh"]))
        outputs.append(np.dot(states[-1], params["Wy"].T) + params["by"])
    return np.stack(outputs), states[-1]


def backward(params, x, h0, dys, dh_last):
    states = [h0]
    for x_t in x:
        pre = x_t @ params["Wx"].T + params["bx"] + states[-1] @ params["Wh"].T + params["bh"]
        states.append(np.tanh(pre))
    das, dxs, carried = [], [], dh_last
    for h, dy in zip(states[:0:-1], dys[::-1]):
        dh = dy @ params["Wy"] + carried
        da = np.multiply(dh, 1 - np.square(h))
        das.insert(0, da)
        dxs.append(da @ params["Wx"])
        carried = da @ params["Wh"]
    dxs.reverse()
    db = np.array([da.sum(axis=0) for da in das]).sum(axis=0)
    return {
        "Wx": sum(da.T @ x_t for da, x_t in zip(das, x)),
        "Wh": sum(da.T @ h for da, h in zip(das, states)),
        "bx": db,
        "bh": db.copy(),
        "Wy": sum(dy.T @ h for dy, h in zip(dys, states[1:])),
        "by": np.array([dy.sum(axis=0) for dy in dys]).sum(axis=0),
        "x": np.stack(dxs, axis=0),
        "h0": carried,
    }


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch output",
    params={
        "Wx": "hidden input",
        "Wh": "hidden prev",
        "bx": "hidden",
        "bh": "hidden",
        "Wy": "output hidden",
        "by": "output",
    },
    name="lists",
)
