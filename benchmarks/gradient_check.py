"""Every entry of every parameter, x and h0 by impulses, against `torch.autograd.gradcheck`."""

import functools
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch

from benchmarks.exact_differences import case as drawn
from benchmarks.tables import table
from rnncheck.adapters.torch import TorchRNN
from rnncheck.case import Case
from rnncheck.implementation import Forward, Gradients
from rnncheck.oracles.differences.impulse.black_box import black_box_differences
from rnncheck.oracles.differences.impulse.own import impulse_differences
from rnncheck.oracles.differences.impulse.tangents import impulse_tangents
from rnncheck.properties.routes.entry_runs import loss_noise
from rnncheck.properties.routes.impulse_runs import ImpulseRuns
from rnncheck.properties.trial import PoolCase, Trial

COMMAND = "python -m benchmarks gradient_check"
SIZES = ((10, 2, 4, 8), (20, 4, 16, 32), (30, 4, 32, 64))
SHORTEST = 0.02
"""Seconds that a way is timed for at least, call after call."""


def gradcheck(case: Case) -> Callable[[], object]:
    """gradcheck, slow mode, of the scalar loss: every entry of the parameters, x and h0."""
    module = torch_module(case.spec.input_size, case.spec.hidden_size)
    names = list(case.spec.parameter_shapes())
    arrays = (*(case.parameters[name] for name in names), case.x, case.h0)
    leaves = [torch.tensor(array, requires_grad=True) for array in arrays]
    weights = [torch.tensor(array) for array in (case.d_output, case.d_h_n)]

    def loss(*tensors: torch.Tensor) -> torch.Tensor:
        named = dict(zip(names, tensors, strict=False))
        results = torch.func.functional_call(module, named, tuple(tensors[-2:]))
        return sum((w * r).sum() for w, r in zip(weights, results, strict=True))

    return lambda: torch.autograd.gradcheck(loss, leaves)


@functools.cache
def torch_module(input_size: int, hidden_size: int) -> torch.nn.RNN:
    return torch.nn.RNN(input_size, hidden_size, dtype=torch.float64)


def torch_forward(case: Case) -> Forward:
    """`torch.nn.RNN` on the case's own memory."""
    module = torch_module(case.spec.input_size, case.spec.hidden_size)
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.copy_(torch.from_numpy(case.parameters[name]))
        output, h_n = module(torch.from_numpy(case.x), torch.from_numpy(case.h0))
    return Forward(output.numpy(), h_n.numpy())


def estimated(entry: PoolCase, founded: bool) -> Gradients:
    """What `gradient_matches_own_forward` does with torch: every value comes with its doubt.

    founded: whether it is shown first that torch is made of such impulses.
    """
    trial = Trial(TorchRNN(), entry)
    runs = ImpulseRuns(trial)
    if founded:
        assert runs.is_founded(entry.envelope, loss_noise(trial, entry.envelope))
    return {name: value for name, (value, _) in runs.differences(entry.envelope).items()}


def truth(case: Case) -> Gradients:
    """Back-propagation in extended precision, 11 bits more than float64 has."""
    p = {name: array.astype(np.longdouble) for name, array in case.parameters.items()}
    W, U, b, c = p.values()
    states = [case.h0[0].astype(np.longdouble)]
    for x in case.x:
        states.append(np.tanh(x @ W.T + states[-1] @ U.T + b + c))
    carry = case.d_h_n[0].astype(np.longdouble)
    deltas = np.zeros((case.T, *carry.shape), np.longdouble)
    for t in reversed(range(case.T)):
        deltas[t] = (1 - states[t + 1] ** 2) * (carry + case.d_output[t])
        carry = deltas[t] @ U
    d_w, d_u = (np.einsum("tbh,tbi->hi", deltas, np.array(z)) for z in (case.x, states[:-1]))
    total = deltas.sum(axis=(0, 1))
    found = (d_w, d_u, total, total, deltas @ W, carry[None])
    return dict(zip((*p, "x", "h0"), found, strict=True))


def error(found: Gradients, exact: Gradients) -> float:
    """The largest error, relative to the largest entry of its array."""
    return max(
        float(np.abs(found[name] - value).max() / np.abs(value).max())
        for name, value in exact.items()
    )


def seconds(call: Callable[[], object]) -> float:
    """Processor time of a call."""
    calls, start = 0, time.process_time()
    while (taken := time.process_time() - start) < SHORTEST or not calls:
        call()
        calls += 1
    return taken / calls


def measured(sizes: tuple[int, int, int, int], pairs: int) -> list[tuple[float, float]]:
    """Of every way: gradcheck's time over its own, and its error."""
    case = drawn(*sizes)
    entry, exact, other = PoolCase(case), truth(case), gradcheck(case)
    ways: list[Callable[[], Gradients]] = [
        lambda: impulse_differences(case),
        lambda: impulse_tangents(case),
        lambda: black_box_differences(torch_forward, case),
        lambda: estimated(entry, founded=False),
        lambda: estimated(entry, founded=True),
    ]
    errors = [error(way(), exact) for way in ways]
    ratios: list[list[float]] = [[] for _ in ways]
    for _ in range(pairs):
        reference = seconds(other)
        for way, kept in zip(ways, ratios, strict=True):
            kept.append(reference / seconds(way))
    return list(zip(map(statistics.median, ratios), errors, strict=True))


def run(pairs: int = 5) -> str:
    torch.set_num_threads(1)
    columns = [measured(sizes, pairs) for sizes in SIZES]
    names = (
        ("differences of our own forward", "50"),
        ("tangents of our own forward", "150 at the largest size"),
        ("differences of torch's forward", "15"),
        ("the same with four steps and error estimates, through the adapter", ""),
        ("the same, and their premise shown: all that the check does", ""),
    )
    rows = [
        (name, *(f"{column[i][0]:.0f} ({column[i][1]:.0e})" for column in columns), required)
        for i, (name, required) in enumerate(names)
    ]
    head = ("by impulses", *(str(sizes) for sizes in SIZES), "required")
    return (
        f"## Every entry of a gradient\n\n`{COMMAND}`; every entry of every parameter, x and h0 at "
        "(T, B, I, H): times as fast as `torch.autograd.gradcheck` (slow mode, scalar loss, the same "
        "entries), and in parentheses the largest error relative to the largest entry of the array, "
        "against back-propagation in extended precision. One thread, processor time, median of "
        f"{pairs} interleaved pairs. Required errors: 1e-9 of differences, 1e-14 of tangents.\n\n"
        + table(head, rows)
    )
