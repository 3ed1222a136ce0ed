"""An LSTM whose gates look at the cell: i and f at the one before, o at the new one."""

from numpy import array, dot, exp, outer, tanh, zeros, zeros_like
from numpy.random import default_rng


def sig(v):
    return 1.0 / (1.0 + exp(-v))


SEQUENCE = default_rng(9).uniform(-1, 1, (4, 2))
TARGET = array([0.3, -0.7, 0.1])


def cell(p, x, h, c):
    i = sig(dot(p["Wi"], x) + dot(p["Ri"], h) + p["pi"] * c + p["bi"])
    f = sig(dot(p["Wf"], x) + dot(p["Rf"], h) + p["pf"] * c + p["bf"])
    z = tanh(dot(p["Wz"], x) + dot(p["Rz"], h) + p["bz"])
    c_new = i * z + f * c
    o = sig(dot(p["Wo"], x) + dot(p["Ro"], h) + p["po"] * c_new + p["bo"])
    return o * tanh(c_new), c_new, (i, f, z, o)


def loss_and_gradients(p):
    n = len(TARGET)
    hs, cs, gates = [zeros(n)], [zeros(n)], []
    for x in SEQUENCE:
        h, c, gate = cell(p, x, hs[-1], cs[-1])
        hs.append(h)
        cs.append(c)
        gates.append(gate)
    loss = 0.5 * ((hs[-1] - TARGET) ** 2).sum()
    d = {k: zeros_like(v) for k, v in p.items()}
    dh, dc = hs[-1] - TARGET, zeros(n)
    for t in range(len(SEQUENCE), 0, -1):
        i, f, z, o = gates[t - 1]
        c, c_prev = cs[t], cs[t - 1]
        do = dh * tanh(c) * o * (1 - o)
        dc = dc + dh * o * (1 - tanh(c) ** 2) + p["po"] * do
        di = dc * z * i * (1 - i)
        df = dc * c_prev * f * (1 - f)
        dz = dc * i * (1 - z**2)
        for name, delta in (("i", di), ("f", df), ("z", dz), ("o", do)):
            d["W" + name] += outer(delta, SEQUENCE[t - 1])
            d["R" + name] += outer(delta, hs[t - 1])
            d["b" + name] += delta
        d["pi"] += di * c_prev
        d["pf"] += df * c_prev
        d["po"] += do * c
        dh = sum(dot(p["R" + k].T, v) for k, v in (("i", di), ("f", df), ("z", dz), ("o", do)))
        dc = dc * f + p["pi"] * di + p["pf"] * df
    return loss, d


def example():
    rng, n, m = default_rng(10), len(TARGET), SEQUENCE.shape[1]
    params = {f"W{k}": rng.normal(0, 0.7, (n, m)) for k in "ifzo"}
    params |= {f"R{k}": rng.normal(0, 0.7, (n, n)) for k in "ifzo"}
    params |= {f"b{k}": rng.normal(0, 0.7, n) for k in "ifzo"}
    params |= {f"p{k}": rng.normal(0, 0.7, n) for k in "ifo"}
    return loss_and_gradients, params


EXAMPLES = {"lstm_peephole": example}
