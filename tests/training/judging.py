"""Arrays against the truth of a case, of which they must be as near as the envelope allows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.oracles.envelope import Envelope, envelope
from rnncheck.oracles.truth import Truth, truth
from rnncheck.spec import RNNSpec


@dataclass(frozen=True)
class Judged:
    """A case, what is true of it, and how near one must come."""

    case: Case
    truth: Truth
    envelope: Envelope

    def accepts(self, name: str, found: Array) -> bool:
        """Whether an array of that name is right; it must be one of which the case says something."""
        exact, allowance = self.truth[name], self.envelope[name]
        assert allowance.telling.all()
        assert found.shape == exact.hi.shape, name
        assert found.dtype == self.case.dtype
        return not exact.is_off(found, allowance).any()


def judged(case: Case) -> Judged:
    """The truth in ball arithmetic, and the envelope of the case's dtype; it meets no kink of ReLU."""
    allowed = envelope(case)
    true = truth(case, allowed)
    assert true.kinks == allowed.near_kinks == 0
    assert not allowed.chaotic
    return Judged(case, true, allowed)


def drawn(
    spec: RNNSpec,
    T: int,
    B: int,
    *,
    seed: int = 0,
    lengths: list[int] | None = None,
    dtype: Any = np.float64,
    **fixed: Array,
) -> Case:
    """Uniform numbers in -1..1, a zero state that nothing is asked of, and what is fixed by name."""
    rng = np.random.default_rng(seed)
    shapes = spec.parameter_shapes() | spec.array_shapes(T, B)
    arrays = {name: rng.uniform(-1, 1, shape) for name, shape in shapes.items()}
    arrays = {name: np.asarray(fixed.get(name, a)).astype(dtype) for name, a in arrays.items()}
    zeros = np.zeros(shapes["h0"], dtype)
    return Case(
        spec=spec, parameters={name: arrays[name] for name in spec.parameter_shapes()},
        x=arrays["x"], h0=zeros, d_output=arrays["d_output"], d_h_n=zeros,
        lengths=None if lengths is None else np.array(lengths),
    )  # fmt: skip


def same_bits(one: Mapping[str, Array], other: Mapping[str, Array]) -> bool:
    """Equal names, in order, and equal numbers, save for the sign of zeros."""
    return list(one) == list(other) and all(
        one[name].shape == other[name].shape and bool(np.all(one[name] == other[name]))
        for name in one
    )
