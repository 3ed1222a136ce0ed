"""What `elman_names` keeps in a module of its own: one step and its derivative."""

from numpy import dot, tanh


def cell(x_t, h, Wax, Waa, ba):
    return tanh(dot(Wax, x_t) + dot(Waa, h) + ba)


def cell_backward(dh, cache, Wax, Waa):
    h_next, h_prev, x_t = cache
    dz = (1 - h_next**2) * dh
    dWax = dot(dz, x_t.T)
    dWaa = dot(dz, h_prev.T)
    dba = dz.sum(axis=1, keepdims=True)
    return dot(Wax.T, dz), dot(Waa.T, dz), dWax, dWaa, dba
