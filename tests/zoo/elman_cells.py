"""A dataclass for the cell, a generator for the forward pass, a deque of named tuples for the tape."""

from collections import deque, namedtuple
from dataclasses import dataclass, field

import numpy as np

import rnncheck

Record = namedtuple("Record", "x before after")


@dataclass
class Cell:
    w: np.ndarray
    u: np.ndarray
    b: np.ndarray
    tape: deque = field(default_factory=deque)

    def __call__(self, x, h):
        new = np.tanh(np.atleast_2d(x) @ self.w + h @ self.u + self.b)
        self.tape.append(Record(x=x, before=h, after=new))
        return new

    def scan(self, xs, h):
        for x in xs:
            h = self(x, h)
            yield h

    def gradients(self, d_output, d_state):
        d_w, d_u, d_b = np.zeros_like(self.w), np.zeros_like(self.u), np.zeros_like(self.b)
        d_x = deque()
        for d in d_output[::-1]:
            record = self.tape.pop()
            d_pre = (d + d_state) * (1 + record.after) * (1 - record.after)
            d_w += record.x.T @ d_pre
            d_u += record.before.T @ d_pre
            d_b += d_pre.sum(axis=0)
            d_x.appendleft(d_pre @ self.w.T)
            d_state = d_pre @ self.u.T
        return {"w": d_w, "u": d_u, "b": d_b, "x": np.array(d_x), "h0": d_state}


def forward(params, x, h0):
    cell = Cell(**params)
    out = np.array(list(cell.scan(x, h0)))
    return out, cell.tape[-1].after


def backward(params, x, h0, d_output, d_h_n):
    cell = Cell(**params)
    for _ in cell.scan(x, h0):
        pass
    return cell.gradients(d_output, d_h_n)


rnn = rnncheck.wrap(
    forward,
    backward,
    x="time batch input",
    h0="batch hidden",
    output="time batch hidden",
    params={"w": "input hidden", "u": "prev hidden", "b": "hidden"},
    name="cells",
)
