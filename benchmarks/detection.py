"""Truncated BPTT: the smallest truncation k that goes undetected, beside today's checkers."""

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from benchmarks.networks import network
from benchmarks.tables import table
from rnncheck.case import Case
from rnncheck.engine import judge
from rnncheck.pool import Pools, Source
from rnncheck.properties.registry import named_checks
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.settings import PROFILES
from rnncheck.spec import RNNSpec

COMMAND = "python -m benchmarks detection"
T, B, I, H = 50, 2, 4, 8
RADII = (0.3, 0.5, 0.9)
(CHECK,) = named_checks(["gradient_matches_truth"])


def weights(radius: float) -> dict[str, Any]:
    """One network and one input at a spectral radius, as an author would draw them."""
    random = np.random.default_rng(0)
    U = random.standard_normal((H, H))
    U *= radius / np.abs(np.linalg.eigvals(U)).max()
    return {
        "W": random.standard_normal((H, I)) / np.sqrt(I),
        "U": U,
        "b": 0.1 * random.standard_normal(H),
        "x": random.standard_normal((T, B, I)),
        "d_output": random.standard_normal((T, B, H)),
    }


def truncated_loss(k: int, given: dict[str, Any]) -> Callable[..., torch.Tensor]:
    """<d_output, output> as a torch function of W, U, b whose backward is BPTT cut to lags 0..k."""
    subject = network(truncation=k)
    h0, d_h_n = np.zeros((B, H)), np.zeros((B, H))

    class Loss(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *parameters: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(*parameters)
            named = dict(zip("WUb", (p.detach().numpy() for p in parameters), strict=True))
            output, _ = subject._user_forward(named, given["x"], h0)
            return torch.tensor((output * given["d_output"]).sum())

        @staticmethod
        def backward(ctx: Any, d: torch.Tensor) -> tuple[torch.Tensor, ...]:
            named = dict(zip("WUb", (p.detach().numpy() for p in ctx.saved_tensors), strict=True))
            assert subject._user_backward is not None
            found = subject._user_backward(named, given["x"], h0, given["d_output"], d_h_n)
            return tuple(d * torch.tensor(found[name]) for name in "WUb")

    return Loss.apply


def passes_gradcheck(k: int, given: dict[str, Any], fast: bool) -> bool:
    leaves = [torch.tensor(given[name], requires_grad=True) for name in "WUb"]
    torch.manual_seed(0)
    loss = truncated_loss(k, given)
    return torch.autograd.gradcheck(loss, leaves, fast_mode=fast, raise_exception=False)


def passes_check_grads(k: int, given: dict[str, Any]) -> bool:
    """jax.test_util.check_grads in reverse mode, with its own tolerances for float64."""
    import jax
    import jax.numpy as jnp
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)
    subject, h0 = network(truncation=k), np.zeros((B, H))

    def forward(W: Any, U: Any, b: Any) -> Any:
        h, total = jnp.zeros((B, H)), 0.0
        for t in range(T):
            h = jnp.tanh(given["x"][t] @ W.T + h @ U.T + b)
            total += (h * given["d_output"][t]).sum()
        return total

    def backward(saved: Any, d: Any) -> Any:
        named = dict(zip("WUb", map(np.asarray, saved), strict=True))
        assert subject._user_backward is not None
        found = subject._user_backward(named, given["x"], h0, given["d_output"], h0)
        return tuple(d * found[name] for name in "WUb")

    loss = jax.custom_vjp(forward)
    loss.defvjp(lambda *parameters: (forward(*parameters), parameters), backward)
    try:
        check_grads(loss, tuple(given[name] for name in "WUb"), order=1, modes=["rev"])
    except AssertionError:
        return False
    return True


def passes_here(k: int, given: dict[str, Any]) -> bool:
    """rnncheck's truth and envelope, on the author's own weights only."""
    p = {"weight_ih_l0": given["W"], "weight_hh_l0": given["U"], "bias_ih_l0": given["b"]}
    p["bias_hh_l0"] = np.zeros(H)
    state = np.zeros((1, B, H))
    case = Case(RNNSpec(I, H), p, given["x"], state, given["d_output"], state.copy())
    return judge(CHECK, Trial(network(truncation=k), PoolCase(case))).word != "failed"


def passes_pool(k: int, pools: Pools) -> bool:
    """`rnncheck check`, standard profile: the cases that it draws itself."""
    subject = network(truncation=k)
    source = Source(subject.capabilities, "general", 0, PROFILES["standard"].cases)
    return not any(
        judge(CHECK, Trial(subject, entry)).word == "failed" for entry in pools.get(source).values()
    )


def smallest_undetected(passes: Callable[[int], bool]) -> str:
    """The smallest k < T - 1 that passes; k = T - 1 is full BPTT and must."""
    found = next((k for k in range(T - 1) if passes(k)), None)
    return "none: every k is detected" if found is None else f"k = {found}"


def measured(passes: Callable[..., bool] | None, given: dict[str, Any]) -> str:
    if passes is None:
        return "not installed"
    return smallest_undetected(lambda k: passes(k, given))


def has_jax() -> bool:
    return importlib.util.find_spec("jax") is not None


def run() -> str:
    own = smallest_undetected(partial(passes_pool, pools=Pools()))
    checkers: dict[str, Callable[..., bool] | None] = {
        "`torch.autograd.gradcheck`, fast mode": partial(passes_gradcheck, fast=True),
        "`torch.autograd.gradcheck`, slow mode": partial(passes_gradcheck, fast=False),
        "`jax.test_util.check_grads`": passes_check_grads if has_jax() else None,
        "rnncheck, on these weights only": passes_here,
    }
    rows = [
        [name, *(measured(passes, weights(radius)) for radius in RADII)]
        for name, passes in checkers.items()
    ]
    rows.append(["rnncheck check, standard profile", *[own] * len(RADII)])
    head = ("checker", *(f"radius {radius}" for radius in RADII))
    return (
        f"## Truncated BPTT\n\n`{COMMAND}`; BPTT cut to lags 0..k of T = {T} steps: the smallest k "
        "that goes undetected, by the spectral radius of the author's recurrent matrix. The "
        "other checkers see the author's weights; `rnncheck check` draws its own, among them "
        "orthogonal ones, on which gradients live for all T.\n\n" + table(head, rows)
    )
