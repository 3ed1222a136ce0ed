"""Optimizers beside torch's and beside closed forms, over whole trajectories; and wrong ones."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache, partial

import flint
import numpy as np
import pytest
import torch
from training.trajectory import DTYPES, STEPS, excess_over, gradients

from rnncheck.case import Array
from rnncheck.oracles.noisy import envelope_of
from rnncheck.training.optimizers import SGD, Adam, Optimizer, RMSProp, State, updated

Build = Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]

PAIRS: dict[str, tuple[Optimizer, Build]] = {
    "plain": (SGD(0.1), partial(torch.optim.SGD, lr=0.1)),
    "decay": (SGD(0.1, weight_decay=0.3), partial(torch.optim.SGD, lr=0.1, weight_decay=0.3)),
    "momentum": (SGD(0.1, 0.9), partial(torch.optim.SGD, lr=0.1, momentum=0.9)),
    "dampening": (
        SGD(0.1, 0.9, 0.25, weight_decay=0.1),
        partial(torch.optim.SGD, lr=0.1, momentum=0.9, dampening=0.25, weight_decay=0.1),
    ),
    "nesterov": (
        SGD(0.1, 0.7, nesterov=True, weight_decay=0.1),
        partial(torch.optim.SGD, lr=0.1, momentum=0.7, nesterov=True, weight_decay=0.1),
    ),
    "rmsprop": (RMSProp(0.01), partial(torch.optim.RMSprop, lr=0.01)),
    "rmsprop momentum": (
        RMSProp(0.01, 0.9, 1e-4, 0.8, weight_decay=0.1),
        partial(
            torch.optim.RMSprop, lr=0.01, alpha=0.9, eps=1e-4, momentum=0.8, weight_decay=0.1
        ),
    ),
    "centered": (
        RMSProp(0.01, 0.9, 1e-3, centered=True),
        partial(torch.optim.RMSprop, lr=0.01, alpha=0.9, eps=1e-3, centered=True),
    ),
    "centered momentum": (
        RMSProp(0.01, 0.95, 1e-3, 0.5, True, 0.1),
        partial(
            torch.optim.RMSprop,
            lr=0.01, alpha=0.95, eps=1e-3, momentum=0.5, centered=True, weight_decay=0.1,
        ),
    ),
    "adam": (Adam(0.01), partial(torch.optim.Adam, lr=0.01)),
    "adam eps": (Adam(0.01, eps=1e-4), partial(torch.optim.Adam, lr=0.01, eps=1e-4)),
    "adam decay": (
        Adam(0.01, (0.8, 0.99), 1e-4, 0.1),
        partial(torch.optim.Adam, lr=0.01, betas=(0.8, 0.99), eps=1e-4, weight_decay=0.1),
    ),
}  # fmt: skip


def rates(lr: float, steps: int = STEPS) -> list[float]:
    """A learning rate that falls, rises and is 0 once."""
    return [lr * (1.0 + math.sin(n)) * (n != 7) for n in range(steps)]


def trajectory(optimizer: Optimizer, p: Array, gradients: Array) -> Array:
    state, path = optimizer.start(p), []
    for g, lr in zip(gradients, rates(optimizer.lr, len(gradients)), strict=True):
        p, state = optimizer.step(p, g, state, lr)
        path.append(p)
    return np.stack(path)


def torch_trajectory(build: Build, p: Array, gradients: Array) -> Array:
    parameter = torch.nn.Parameter(torch.tensor(p))
    optimizer, path = build([parameter]), []
    for g, lr in zip(gradients, rates(optimizer.defaults["lr"], len(gradients)), strict=True):
        optimizer.param_groups[0]["lr"] = lr
        parameter.grad = torch.tensor(g)
        optimizer.step()
        path.append(parameter.detach().numpy().copy())
    return np.stack(path)


@cache
def drawn(key: str, dtype: str) -> tuple[Array, Array, Array, Array]:
    """A parameter, its gradients, torch's path and what may differ from it."""
    right, build = PAIRS[key]
    rng = np.random.default_rng(0)
    p, g = rng.normal(size=5).astype(dtype), gradients(rng, dtype)
    allowed = envelope_of(partial(trajectory, right), p, g, dtype=dtype)
    return p, g, torch_trajectory(build, p, g), allowed


def apart(optimizer: Optimizer, key: str, dtype: str) -> float:
    """How far an optimizer is from torch's `key`, over two envelopes of the right one here."""
    p, g, torchs, allowed = drawn(key, dtype)
    found = trajectory(optimizer, p, g)
    assert found.dtype == dtype
    return excess_over(found, torchs, allowed)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("key", PAIRS)
def test_every_step_is_torchs(key: str, dtype: str) -> None:
    assert apart(PAIRS[key][0], key, dtype) <= 1.0


class Ascending(SGD):
    def step(
        self, parameter: Array, gradient: Array, state: State, lr: float | None = None
    ) -> tuple[Array, State]:
        return SGD.step(self, parameter, -gradient, state, lr)


class FirstStepDampened(SGD):
    def start(self, parameter: Array) -> State:
        return {"momentum_buffer": np.zeros_like(parameter)}


class DampenedMomentum(SGD):
    def step(
        self, parameter: Array, gradient: Array, state: State, lr: float | None = None
    ) -> tuple[Array, State]:
        plain = replace(self, momentum=self.momentum * (1.0 - self.dampening), dampening=0.0)
        return SGD.step(plain, parameter, gradient, state, lr)


class Decoupled(Adam):
    def step(
        self, parameter: Array, gradient: Array, state: State, lr: float | None = None
    ) -> tuple[Array, State]:
        rate = self.lr if lr is None else lr
        smaller = parameter * (1.0 - rate * self.weight_decay)
        return Adam.step(replace(self, weight_decay=0.0), smaller, gradient, state, lr)


class EpsInsideRoot(RMSProp):
    def step(
        self, parameter: Array, gradient: Array, state: State, lr: float | None = None
    ) -> tuple[Array, State]:
        v = self.alpha * state["square_avg"] + (1.0 - self.alpha) * gradient**2
        rate = self.lr if lr is None else lr
        return parameter - rate * (gradient / np.sqrt(v + self.eps)), {"square_avg": v}


class AltAdam(Adam):
    """Adam with each part to be changed."""

    count_from, first_corrected, second_corrected, eps_inside, eps_early = (
        0,
        True,
        True,
        False,
        False,
    )

    def step(
        self, parameter: Array, gradient: Array, state: State, lr: float | None = None
    ) -> tuple[Array, State]:
        n = float(state["step"]) + 1.0
        m = self.betas[0] * state["exp_avg"] + (1.0 - self.betas[0]) * gradient
        v = self.betas[1] * state["exp_avg_sq"] + (1.0 - self.betas[1]) * gradient**2
        at = n + self.count_from
        m_hat = m / (1.0 - self.betas[0] ** at) if self.first_corrected else m
        v_hat = v / (1.0 - self.betas[1] ** at) if self.second_corrected else v
        size = np.sqrt(v_hat + self.eps) if self.eps_inside else np.sqrt(v_hat) + self.eps
        if self.eps_early:
            size = (np.sqrt(v) + self.eps) / (1.0 - self.betas[1] ** at) ** 0.5
        new = {"step": np.array(n), "exp_avg": m, "exp_avg_sq": v}
        return parameter - (self.lr if lr is None else lr) * (m_hat / size), new


def altered(eps: float = 1e-8, **changes: object) -> Optimizer:
    made: Optimizer = type("Altered", (AltAdam,), changes)(0.01, eps=eps)
    return made


FAULTS: dict[str, tuple[str, Optimizer]] = {
    "no weight decay": ("decay", SGD(0.1)),
    "ascends": ("plain", Ascending(0.1)),
    "no momentum": ("momentum", SGD(0.1)),
    "dampening left out": ("dampening", SGD(0.1, 0.9, weight_decay=0.1)),
    "first step dampened": ("dampening", FirstStepDampened(0.1, 0.9, 0.25, weight_decay=0.1)),
    "dampens the momentum": ("dampening", DampenedMomentum(0.1, 0.9, 0.25, weight_decay=0.1)),
    "nesterov left out": ("nesterov", SGD(0.1, 0.7, weight_decay=0.1)),
    "rmsprop: eps inside the root": ("rmsprop", EpsInsideRoot(0.01)),
    "rmsprop: alpha and 1 - alpha": ("rmsprop", RMSProp(0.01, 1.0 - 0.99)),
    "rmsprop: Keras's eps": ("rmsprop", RMSProp(0.01, eps=1e-7)),
    "not centered": ("centered", RMSProp(0.01, 0.9, 1e-3)),
    "no bias correction": ("adam", altered(first_corrected=False, second_corrected=False)),
    "first bias correction left out": ("adam", altered(first_corrected=False)),
    "second bias correction left out": ("adam", altered(second_corrected=False)),
    "steps counted from 2": ("adam", altered(count_from=1)),
    "adam: eps inside the root": ("adam", altered(eps_inside=True)),
    "adam: eps before the correction": ("adam eps", altered(1e-4, eps_early=True)),
    "betas swapped": ("adam", Adam(0.01, (0.999, 0.9))),
    "AdamW's decay": ("adam decay", Decoupled(0.01, (0.8, 0.99), 1e-4, 0.1)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_formula_is_seen(fault: str, dtype: str) -> None:
    key, optimizer = FAULTS[fault]
    assert apart(optimizer, key, dtype) > 1.0


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_same_formula_written_otherwise_is_within(dtype: str) -> None:
    """The base of Adam's faults is right: it is the change that is seen."""
    assert apart(altered(), "adam", dtype) <= 1.0


def closed_form(optimizer: Optimizer, p: float, g: list[float]) -> list[flint.arb]:
    """The parameter after each step, from sums over all gradients so far instead of averages."""
    path, position = [], flint.arb(p)
    for n, lr in enumerate(rates(optimizer.lr, len(g)), start=1):
        position -= flint.arb(lr) * direction(optimizer, [flint.arb(x) for x in g[:n]])
        path.append(position)
    return path


def direction(optimizer: Optimizer, g: list[flint.arb]) -> flint.arb:
    n = len(g)

    def mean(values: list[flint.arb], decay: float) -> flint.arb:
        kept = flint.arb(decay)
        terms = [kept ** (n - i) * x for i, x in enumerate(values, start=1)]
        return (1 - kept) * sum(terms, flint.arb(0))

    squares = [x * x for x in g]
    if isinstance(optimizer, SGD):
        kept = flint.arb(optimizer.momentum)
        weights = [kept ** (n - 1)] + [
            (1 - flint.arb(optimizer.dampening)) * kept ** (n - i) for i in range(2, n + 1)
        ]
        return sum((w * x for w, x in zip(weights, g, strict=True)), flint.arb(0))
    if isinstance(optimizer, RMSProp):
        return g[-1] / (mean(squares, optimizer.alpha).sqrt() + flint.arb(optimizer.eps))
    assert isinstance(optimizer, Adam)
    first, second = map(flint.arb, optimizer.betas)
    m, v = mean(g, optimizer.betas[0]), mean(squares, optimizer.betas[1])
    return m / (1 - first**n) / ((v / (1 - second**n)).sqrt() + flint.arb(optimizer.eps))


@pytest.mark.parametrize("optimizer", [SGD(0.1, 0.9, 0.25), RMSProp(0.01), Adam(0.01)])
def test_every_step_is_the_closed_form(optimizer: Optimizer) -> None:
    rng = np.random.default_rng(5)
    p, g = rng.normal(size=3), gradients(rng, "float64", 3, 40)
    with flint.ctx.workprec(256):
        columns = [closed_form(optimizer, p[j], g[:, j].tolist()) for j in range(3)]
    truth = np.array([[float(x.mid()) for x in column] for column in columns]).T
    allowed = envelope_of(partial(trajectory, optimizer), p, g, dtype="float64")
    assert np.all(np.abs(trajectory(optimizer, p, g) - truth) <= allowed)


@pytest.mark.parametrize("key", PAIRS)
def test_a_step_changes_nothing_it_was_given_and_names_its_state_as_torch_does(key: str) -> None:
    optimizer, build = PAIRS[key]
    p, g = np.ones(3), np.array([1.0, 0.0, -2.0])
    state = optimizer.start(p)
    for array in (p, g, *state.values()):
        array.setflags(write=False)
    _, after = optimizer.step(p, g, state)
    for array in after.values():
        array.setflags(write=False)
    optimizer.step(p, g, after)
    parameter = torch.nn.Parameter(torch.ones(3))
    parameter.grad = torch.tensor(g, dtype=torch.float32)
    other = build([parameter])
    other.step()
    # torch counts RMSProp's steps too, of which its formula has no use
    names = {n for n, value in other.state[parameter].items() if value is not None}
    assert set(after) == (names - {"step"} if isinstance(optimizer, RMSProp) else names)


@pytest.mark.parametrize("key", PAIRS)
def test_samples_on_a_leading_axis_pass_through(key: str) -> None:
    rng = np.random.default_rng(2)
    p, g = rng.normal(size=(4, 5)), rng.normal(size=(6, 4, 5))
    together = trajectory(PAIRS[key][0], p, g)
    for k in range(4):
        assert np.array_equal(together[:, k], trajectory(PAIRS[key][0], p[k], g[:, k]))


def test_the_learning_rate_is_the_optimizers_unless_another_is_given() -> None:
    p, g = np.array([1.0]), np.array([2.0])
    assert SGD(0.25).step(p, g, {})[0] == 0.5
    assert SGD(0.25).step(p, g, {}, 0.125)[0] == 0.75
    assert SGD(0.25).step(p, g, {}, 0.0)[0] == 1.0


@pytest.mark.parametrize("key", PAIRS)
def test_a_learning_rate_of_numpys_does_not_widen_the_parameter(key: str) -> None:
    p = np.ones(2, "float32")
    optimizer = PAIRS[key][0]
    after, state = optimizer.step(p, p, optimizer.start(p), np.float64(0.1))
    assert after.dtype == p.dtype
    assert {array.dtype for name, array in state.items() if name != "step"} <= {p.dtype}


def test_a_spread_that_rounding_makes_negative_is_zero() -> None:
    """v - m² of a constant gradient goes to 0; below it, torch's root is NaN."""
    optimizer = RMSProp(0.5, eps=1.0, centered=True)
    state = {"square_avg": np.array([1.0]), "grad_avg": np.array([1.0000001])}
    p, _ = optimizer.step(np.zeros(1), np.ones(1), state)
    assert p == -0.5


def test_all_parameters_of_a_network_take_their_own_step() -> None:
    optimizer, rng = Adam(0.1), np.random.default_rng(1)
    parameters = {"weight": rng.normal(size=(2, 3)), "bias": rng.normal(size=2)}
    gradients = {"bias": rng.normal(size=2), "weight": rng.normal(size=(2, 3)), "x": np.ones(7)}
    after, states = updated(optimizer, parameters, gradients, {}, 0.2)
    again, _ = updated(optimizer, after, gradients, states, 0.3)
    for name, p in parameters.items():
        one, state = optimizer.step(p, gradients[name], optimizer.start(p), 0.2)
        assert np.array_equal(after[name], one)
        assert np.array_equal(again[name], optimizer.step(one, gradients[name], state, 0.3)[0])
    assert list(again) == ["weight", "bias"]


def test_gradients_that_do_not_fit_are_named() -> None:
    parameters = {"weight": np.ones((2, 3)), "bias": np.ones(2)}
    with pytest.raises(ValueError, match="gradients lacks bias; it must hold weight, bias"):
        updated(SGD(0.1), parameters, {"weight": np.ones((2, 3))}, {})
    wrong = {"weight": np.ones((3, 2)), "bias": np.ones(2)}
    message = r"gradient for weight has shape \(3, 2\); it must have the parameter's, \(2, 3\)"
    with pytest.raises(ValueError, match=message):
        updated(SGD(0.1), parameters, wrong, {})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(-1.0), r"lr must be at least 0, not -1\.0"),
        (lambda: SGD(float("nan")), "lr must be at least 0, not nan"),
        (lambda: SGD(1.0, -0.5), r"momentum must be at least 0, not -0\.5"),
        (lambda: SGD(1.0, nesterov=True), "nesterov needs a momentum above 0 and no dampening"),
        (lambda: SGD(1.0, 0.9, 0.1, True), r"not momentum=0\.9, dampening=0\.1"),
        (lambda: RMSProp(0.1, alpha=-1.0), "alpha must be at least 0"),
        (lambda: Adam(0.1, (0.9, 1.0)), r"betas must lie in \[0, 1\), not \(0\.9, 1\.0\)"),
        (lambda: Adam(0.1, eps=-1.0), "eps must be at least 0"),
    ],
)
def test_an_option_out_of_range_is_named(make: Callable[[], Optimizer], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
