"""The derivative of tanh as 1 / cosh(a)**2; the pre-activations are what is kept."""

import numpy as np

import rnncheck


def cosh(a):
    return 0.5 * (np.exp(a) + np.exp(-a))


def forward_pass(params, inputs, state):
    pre_activations = []
    states = [state]
    for x in inputs:
        a = np.einsum("ji,bi->bj", params["V"], x) + np.einsum("jk,bk->bj", params["W"], state)
        a = a + params["c"]
        state = np.tanh(a)
        pre_activations.append(a)
        states.append(state)
    return pre_activations, states


def forward(params, x, h0):
    _, states = forward_pass(params, x, h0)
    return np.array(states[1:]), states[-1]


def backward(params, x, h0, grad_output, grad_h):
    pre_activations, states = forward_pass(params, x, h0)
    V, W = params["V"], params["W"]
    dV, dW, dc = np.zeros(V.shape), np.zeros(W.shape), np.zeros(params["c"].shape)
    dx = []
    t = len(x)
    while t > 0:
        t -= 1
        delta = (grad_output[t] + grad_h) / cosh(pre_activations[t]) ** 2
        dV += np.einsum("bj,bi->ji", delta, x[t])
        dW += np.einsum("bj,bk->jk", delta, states[t])
        dc += np.einsum("bj->j", delta)
        dx.append(np.einsum("bj,ji->bi", delta, V))
        grad_h = np.einsum("bj,jk->bk", delta, W)
    return {"V": dV, "W": dW, "c": dc, "x": np.array(dx[::-1]), "h0": grad_h}


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"V": "hidden input", "W": "hidden prev", "c": "hidden"},
    name="one over cosh squared",
)
