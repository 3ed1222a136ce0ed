"""Time of forward and backward: `manual` against `torch.nn.RNN`, and `autodiff` against `manual`."""

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import get_context
from typing import Any, NamedTuple

import numpy as np
import torch

from benchmarks.tables import table
from rnncheck.implementations import autodiff, manual
from rnncheck.implementations.manual import fleet
from rnncheck.spec import RNNSpec

COMMAND = "python -m benchmarks speed"
SMALLEST, MIDDLE, LARGEST = (10, 1, 4, 8), (100, 32, 64, 128), (100, 64, 256, 256)
REQUIRED = {
    SMALLEST: 10, (50, 8, 16, 32): 6, MIDDLE: 1.5, LARGEST: 1.2, (500, 16, 64, 64): 2.3,
    (35, 20, 650, 650): 1.1,
}  # fmt: skip
DTYPES = ("float32", "float64")
NETWORKS = 512
TURN = 0.01
"""Seconds of a side's turn, at least: small networks are called many times in a row."""
ROUNDING = 1e4
"""Units in the last place by which two sides may differ: sums of up to 6400 terms, 500 steps."""

Size = tuple[int, int, int, int]
Run = Callable[[], Mapping[str, Any]]


class Case(NamedTuple):
    """Arrays by their names in `RNNSpec`, for one network, or with a first axis for several."""

    spec: RNNSpec
    arrays: dict[str, np.ndarray]

    @property
    def parameters(self) -> dict[str, np.ndarray]:
        return {name: self.arrays[name] for name in self.spec.parameter_shapes()}

    def __getitem__(self, names: str) -> list[np.ndarray]:
        return [self.arrays[name] for name in names.split()]


def draw(size: Size, dtype: str, *networks: int) -> Case:
    """As torch begins: parameters uniform in ±1/√H; normal numbers for the rest."""
    rng = np.random.default_rng(0)
    T, B, features, H = size
    spec = RNNSpec(features, H)
    parameters = {
        name: rng.uniform(-1, 1, (*networks, *shape)) / np.sqrt(H)
        for name, shape in spec.parameter_shapes().items()
    }
    shapes = spec.array_shapes(T, B)
    data = {
        name: rng.normal(size=(*networks, *shapes[name]))
        for name in ("x", "h0", "d_output", "d_h_n")
    }
    return Case(spec, {name: a.astype(dtype) for name, a in (parameters | data).items()})


def torch_side(case: Case) -> Run:
    network = torch.nn.RNN(case.spec.input_size, case.spec.hidden_size)
    network = network.to(getattr(torch, str(case.arrays["x"].dtype)))
    network.load_state_dict({name: torch.tensor(a) for name, a in case.parameters.items()})
    x, h0, *cotangents = map(torch.tensor, case["x h0 d_output d_h_n"])
    leaves = dict(network.named_parameters()) | {"x": x, "h0": h0}
    for leaf in leaves.values():
        leaf.requires_grad_()

    def run() -> Mapping[str, Any]:
        for leaf in leaves.values():
            leaf.grad = None
        torch.autograd.backward(network(x, h0), cotangents)
        return {name: leaf.grad for name, leaf in leaves.items()}

    return run


def module_side(module: Any, case: Case, size: Size | None = None) -> Run:
    """The class `RNN` of a reference; with a size, its plan."""
    spec, (x, h0, d_output, d_h_n) = case.spec, case["x h0 d_output d_h_n"]
    network = module.RNN(spec.input_size, spec.hidden_size, dtype=x.dtype)
    network.load_state_dict(case.parameters)
    called = network.plan(*size[:2]) if size else network

    def run() -> Mapping[str, Any]:
        called(x, h0)
        return called.backward(d_output, d_h_n)

    return run


def fleet_side(case: Case) -> Run:
    x, h0, d_output, d_h_n = case["x h0 d_output d_h_n"]
    used: list[Any] = [None]

    def run() -> Mapping[str, Any]:
        used[0] = fleet.forward(case.spec, case.parameters, x, h0, used=used[0])[2]
        return fleet.backward(used[0], d_output, d_h_n)

    return run


def product(size: Size, dtype: str) -> Run:
    """What the largest size is compared with: one product as that of its input projection."""
    T, B, features, H = size
    rng = np.random.default_rng(0)
    x, weight = (rng.normal(size=s).astype(dtype) for s in ((T * B, features), (features, H)))
    out = np.empty((T * B, H), dtype)
    return lambda: {"product": x.dot(weight, out)}


def seconds(run: Run, calls: int) -> float:
    """The processor time of one of some calls in a row."""
    start = time.process_time()
    for _ in range(calls):
        run()
    return (time.process_time() - start) / calls


def in_turn(pairs: int, **sides: Run) -> dict[str, list[float]]:
    """Each side's seconds a call, in rounds of a turn each, after three calls to warm up."""
    once = {name: min(seconds(run, 1) for _ in range(3)) for name, run in sides.items()}
    calls = {name: math.ceil(TURN / least) for name, least in once.items()}
    rounds = [
        {name: seconds(run, calls[name]) for name, run in sides.items()} for _ in range(pairs)
    ]
    return {name: [each[name] for each in rounds] for name in sides}


def ratio(one: Sequence[float], other: Sequence[float], factor: float = 1.0) -> str:
    """The median of one / other of the same round, times a factor."""
    return f"{factor * statistics.median(a / b for a, b in zip(one, other, strict=True)):.3g}"


def agree(**sides: Run) -> None:
    """ValueError unless all sides return the same gradients, up to rounding."""
    (first, expected), *others = ((name, run()) for name, run in sides.items())
    for other, found in others:
        for name, values in expected.items():
            a, b = np.asarray(values), np.asarray(found[name])
            limit = ROUNDING * np.finfo(a.dtype).eps * max(1.0, float(np.abs(a).max()))
            if np.abs(a - b).max() > limit:
                raise ValueError(f"{name}: {first} and {other} do not agree")


def beside_torch(size: Size, dtype: str, pairs: int) -> dict[str, list[float]]:
    """The seconds of torch, of `manual` both ways and, at the largest size, of a product alone."""
    torch.set_num_threads(1)
    case = draw(size, dtype)
    sides = {
        "torch": torch_side(case),
        "plain": module_side(manual, case),
        "plan": module_side(manual, case, size),
    }
    agree(**sides)
    if size == LARGEST:
        sides["product"] = product(size, dtype)
    return in_turn(pairs, **sides)


def against_torch(pairs: int) -> str:
    rows, shares = [], []
    for size, required in REQUIRED.items():
        for dtype in DTYPES:
            with get_context("spawn").Pool(1) as pool:
                times = pool.apply(beside_torch, (size, dtype, pairs))
            ratios = [ratio(times["torch"], times[name]) for name in ("plain", "plan")]
            rows.append((size, dtype, *ratios, required))
            if size == LARGEST:
                shares.append((dtype, *(share(size, times, name) for name in times)))
    head = ("(T, B, I, H)", "", "`manual.RNN`", "its plan", "required")
    share_head = ("", "`torch.nn.RNN`", "`manual.RNN`", "its plan", "the product alone")
    T, B, features, H = LARGEST
    return (
        f"{table(head, rows)}\n\nOf this processor's peak at {LARGEST}, in %, the arithmetic of the "
        f"six products per step and row. Peak is what NumPy's BLAS reaches in the same rounds on one "
        f"product of ({T * B}, {features}) and ({features}, {H}), that of the input projection. "
        f"Required of `manual`: 80.\n\n{table(share_head, shares)}"
    )


def share(size: Size, times: Mapping[str, Sequence[float]], name: str) -> str:
    """In %: the six products at the speed of the product alone, over the time."""
    _, _, features, H = size
    products = 1.0 if name == "product" else 3 * (features + H) / features
    return ratio(times["product"], times[name], 100 * products)


def fleet_against_torch(pairs: int) -> str:
    rows = []
    for dtype in DTYPES:
        many = draw(SMALLEST, dtype, NETWORKS)
        ones = [
            torch_side(Case(many.spec, {name: a[k] for name, a in many.arrays.items()}))
            for k in range(NETWORKS)
        ]

        def one_by_one(ones: Sequence[Run] = ones) -> Mapping[str, Any]:
            found = [one() for one in ones]
            return {name: np.stack([np.asarray(f[name]) for f in found]) for name in found[0]}

        def each(ones: Sequence[Run] = ones) -> Mapping[str, Any]:
            for one in ones:
                one()
            return {}

        agree(torch=one_by_one, fleet=fleet_side(many))
        times = in_turn(max(1, pairs // 3), torch=each, fleet=fleet_side(many))
        rows.append((SMALLEST, dtype, NETWORKS, ratio(times["torch"], times["fleet"]), 100))
    return table(("(T, B, I, H)", "", "networks", "a `fleet`", "required"), rows)


def autodiff_against_manual(pairs: int) -> str:
    rows = []
    for size, required in ((MIDDLE, 3), (SMALLEST, 8)):
        for dtype in DTYPES:
            case = draw(size, dtype)
            sides = {
                "autodiff": module_side(autodiff, case),
                "manual": module_side(manual, case),
            }
            agree(**sides)
            times = in_turn(pairs, **sides)
            rows.append((size, dtype, ratio(times["autodiff"], times["manual"]), required))
    return table(("(T, B, I, H)", "", "time of `autodiff`", "at most"), rows)


GROUPS: Sequence[tuple[str, Callable[[int], str]]] = (
    (
        "Times as fast as `torch.nn.RNN`, forward and the gradients for all parameters, x and h0. "
        "`manual.RNN` returns new arrays, `manual.RNN(...).plan(T, B)` the same ones at each call. A size "
        "has a process of its own, as a training has: what a call costs in new arrays depends on what the "
        "process has freed before.",
        against_torch,
    ),
    (
        "A fleet: times as fast as as many calls of `torch.nn.RNN`, each for one network.",
        fleet_against_torch,
    ),
    (
        "`autodiff.RNN`: its time over that of `manual.RNN`.",
        autodiff_against_manual,
    ),
)


def run(pairs: int = 30) -> str:
    torch.set_num_threads(1)
    parts = [f"{words}\n\n{measure(pairs)}" for words, measure in GROUPS]
    return (
        f"## Speed\n\n`{COMMAND}`; processor time, one thread, median of {pairs} interleaved rounds (a "
        f"third of them for the fleet), in each of which a side is called in a row for "
        f"{1000 * TURN:.0f} ms or once. NumPy {np.__version__}, torch {torch.__version__}.\n\n"
        + "\n\n".join(parts)
    )
