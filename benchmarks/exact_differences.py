"""Exact finite differences of every parameter against `torch.autograd.gradcheck`."""

import numpy as np
import torch

from benchmarks.tables import median_ratio, table
from rnncheck.case import Case
from rnncheck.oracles.differences.exact import exact_differences
from rnncheck.spec import RNNSpec

COMMAND = "python -m benchmarks exact_differences"


def case(T: int, B: int, I: int, H: int) -> Case:
    random = np.random.default_rng(0)
    spec = RNNSpec(I, H)
    shapes = spec.array_shapes(T, B)
    parameters = {
        name: random.standard_normal(shape) / np.sqrt(H)
        for name, shape in spec.parameter_shapes().items()
    }
    arrays = {n: random.standard_normal(shapes[n]) for n in ("x", "h0", "d_output", "d_h_n")}
    return Case(spec, parameters, **arrays)


def gradcheck(T: int, B: int, I: int, H: int) -> None:
    """gradcheck, slow mode: every parameter against every output (its full Jacobian)."""
    module = torch.nn.RNN(I, H, dtype=torch.float64)
    names = [name for name, _ in module.named_parameters()]
    leaves = [p.detach().clone().requires_grad_() for p in module.parameters()]
    x = torch.randn(T, B, I, dtype=torch.float64)

    def outputs(*parameters: torch.Tensor) -> tuple[torch.Tensor, ...]:
        named = dict(zip(names, parameters, strict=True))
        return torch.func.functional_call(module, named, (x,))

    assert torch.autograd.gradcheck(outputs, leaves)


def run(pairs: int = 5) -> str:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    small = case(10, 2, 4, 8)
    names = small.spec.parameter_shapes()
    entries = sum(int(np.prod(shape)) for shape in names.values())
    ratio = median_ratio(
        lambda: exact_differences(small, names=tuple(names)), lambda: gradcheck(10, 4, 8, 16), pairs
    )
    rows = [
        (
            f"exact differences, {entries} parameters at (T, B, I, H) = (10, 2, 4, 8)",
            f"{ratio:.4f}",
        ),
        ("`torch.autograd.gradcheck`, full outputs at (10, 4, 8, 16)", "1"),
    ]
    return (
        f"## Exact finite differences\n\n`{COMMAND}`; one thread, median of {pairs} interleaved "
        "pairs. Required: under 0.25.\n\n" + table(("", "time, as a ratio"), rows)
    )
