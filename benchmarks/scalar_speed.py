"""Gradients one scalar at a time: `implementations/scalar` against PyPI's micrograd."""

import gc
import math
import random
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from micrograd.engine import Value as Micrograd

from benchmarks.tables import table
from rnncheck.implementations.scalar import RecurrentLayer, Value, functional, straight
from rnncheck.implementations.scalar.nested import full
from rnncheck.spec import RNNSpec

COMMAND = "python -m benchmarks scalar_speed"
T, I, H = 10, 2, 5
SPEC = RNNSpec(I, H)
CALLS = 100
"""In a row, then the other's turn. A training makes hundreds, in which garbage is collected again and
again; in ten, most of `micrograd`'s would outlast the turn, and so be collected outside the clock."""

Vector = Sequence[Any]


def tanh(self: Micrograd) -> Micrograd:
    """What micrograd's Value lacks, in the way in which its `relu` is written."""
    y = math.tanh(self.data)
    out = Micrograd(y, (self,), "tanh")

    def _backward() -> None:
        self.grad += (1 - y * y) * out.grad

    out._backward = _backward
    return out


def neuron(w: Vector, x: Vector, u: Vector, h: Vector, b: Any, c: Any) -> Micrograd:
    """`tanh(w · x + b + u · h + c)`, by micrograd."""
    from_input = sum((w_i * x_i for w_i, x_i in zip(w, x, strict=True)), b)
    return tanh(from_input + sum((u_i * h_i for u_i, h_i in zip(u, h, strict=True)), c))


def leaves(numbers: Vector) -> list[Micrograd]:
    return [Micrograd(number) for number in numbers]


class Functions:
    """The network as a function: from numbers to the gradient's numbers, for all sides."""

    def __init__(self) -> None:
        rng = random.Random(0)
        bound = 1 / math.sqrt(H)
        self.parameters: dict[str, Any] = {
            name: full(shape, lambda: rng.uniform(-bound, bound))
            for name, shape in SPEC.parameter_shapes().items()
        }
        arrays = SPEC.array_shapes(T, 1)
        self.x, self.h0, self.d_output, self.d_h_n = (
            full(arrays[name], lambda: rng.uniform(-1, 1)) for name in ("x", "h0", "output", "h_n")
        )

    def by(self, module: Any) -> dict[str, Any]:
        """By `forward` and `backward` of this module."""
        tape = module.forward(SPEC, self.parameters, self.x, self.h0)[2]
        return module.backward(tape, self.d_output, self.d_h_n)

    def micrograd(self) -> dict[str, Any]:
        weights = [[leaves(row) for row in self.parameters[f"weight_{k}_l0"]] for k in ("ih", "hh")]
        biases = [leaves(self.parameters[f"bias_{k}_l0"]) for k in ("ih", "hh")]
        x, h0 = [leaves(x_t) for (x_t,) in self.x], leaves(self.h0[0][0])
        h, loss = h0, Micrograd(0.0)
        for x_t, (d_t,) in zip(x, self.d_output, strict=True):
            h = [neuron(w, x_t, u, h, b, c) for w, u, b, c in zip(*weights, *biases, strict=True)]
            loss = sum((h_j * d for h_j, d in zip(h, d_t, strict=True)), loss)
        loss = sum((h_j * d for h_j, d in zip(h, self.d_h_n[0][0], strict=True)), loss)
        loss.backward()
        grads = [[[w.grad for w in row] for row in matrix] for matrix in (*weights, biases, x)]
        gradient = dict(zip(self.parameters, [*grads[:2], *grads[2]], strict=True))
        return gradient | {"x": [[x_t] for x_t in grads[3]], "h0": [[[h.grad for h in h0]]]}


class Objects:
    """The network as an object with its parameters in it, trained with `loss.backward()`."""

    def __init__(self) -> None:
        rng = random.Random(0)
        self.layer = RecurrentLayer(I, H, "tanh", rng=rng)
        self.x, self.d = (
            [[rng.uniform(-1, 1) for _ in range(n)] for _ in range(T)] for n in (I, H)
        )
        self.rows = [
            (*(leaves([v.data for v in part.flatten()]) for part in (n.wx, n.wa)), Micrograd(0.0))
            for n in self.layer.neurons
        ]

    def own(self) -> list[float]:
        states = self.layer(self.x)
        loss = Value(0.0)
        for h, d in zip(states, self.d, strict=True):
            loss = sum((h_j * d_j for h_j, d_j in zip(h, d, strict=True)), loss)
        self.layer.zero_grad()
        loss.backward()
        return [p.grad for p in self.layer.parameters()]

    def micrograd(self) -> list[float]:
        parameters = [p for w, u, b in self.rows for p in (*w, *u, b)]
        h, loss = leaves([0.0] * H), Micrograd(0.0)
        for x_t, d in zip(self.x, self.d, strict=True):
            h = [neuron(w, x_t, u, h, b, 0.0) for w, u, b in self.rows]
            loss = sum((h_j * d_j for h_j, d_j in zip(h, d, strict=True)), loss)
        for p in parameters:
            p.grad = 0
        loss.backward()
        return [p.grad for p in parameters]


def seconds(call: Callable[[], object], calls: int = CALLS) -> float:
    """The processor time of some calls in a row, with no garbage left over from others."""
    gc.collect()
    start = time.process_time()
    for _ in range(calls):
        call()
    return time.process_time() - start


def times_as_fast(own: Callable[[], object], other: Callable[[], object], pairs: int) -> float:
    """The median of other's time over own's, measured in turn, after a warm-up of each."""
    own()
    other()
    return 1 / statistics.median(seconds(own) / seconds(other) for _ in range(pairs))


def calls_until_written_pays(functions: Functions, pairs: int) -> float:
    """The time in which straight-line code is written, over what it saves a call."""

    def write() -> object:
        return straight.write_program.__wrapped__(SPEC, T, (T,), False)

    written = statistics.median(seconds(write, 1) for _ in range(pairs))
    slow, fast = (
        statistics.median(seconds(partial(functions.by, way)) / CALLS for _ in range(pairs))
        for way in (functional, straight)
    )
    return written / (slow - fast)


def run(pairs: int = 20) -> str:
    functions, objects = Functions(), Objects()
    ways = [
        ("`forward` + `backward`", lambda: functions.by(functional), functions.micrograd),
        ("those of `straight.py`", lambda: functions.by(straight), functions.micrograd),
        ("`RecurrentLayer`, `loss.backward()`", objects.own, objects.micrograd),
    ]
    rows = []
    gc.collect()
    gc.freeze()  # what the libraries have created is not looked through at every collection
    for name, own, other in ways:
        usual = times_as_fast(own, other, pairs)
        gc.disable()
        without = times_as_fast(own, other, pairs)
        gc.enable()
        rows.append((name, f"{usual:.1f}", f"{without:.1f}"))
    calls = calls_until_written_pays(functions, pairs)
    gc.unfreeze()
    head = ("", "times as fast as micrograd", "the same without the garbage collector")
    return (
        f"## Single numbers\n\n`{COMMAND}`; forward and backward at T = {T}, I = {I}, H = {H} against "
        f"PyPI's `micrograd`, given a tanh, on the same graph; processor time, median of {pairs} "
        f"interleaved pairs of {CALLS} calls each. Values of `micrograd` and their closures refer to "
        "each other, so that only Python's garbage collector frees them, again and again in a row of "
        "calls as long as that: this is a part of what it costs, as it is in a training. The last "
        "column leaves it out. Required of `forward` + `backward`: 15. Straight-line code is for one "
        f"network that is run very often: writing it costs what {calls:.0f} calls save.\n\n"
        + table(head, rows)
    )
