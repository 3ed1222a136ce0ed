"""Dyadic cases: networks in which floating point does not round at all.

If every weight, input and cotangent is a multiple of 1/4 and φ is ReLU or the identity, then every
number on the way is a multiple of some 2⁻ᵉ. As long as e and the largest partial sum fit into the
significand together, every operation is exact, whatever its order, with or without fused
multiply-add: implementations must agree with rational arithmetic bit for bit.
"""

import math
import sys

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.oracles.noise import Noise
from rnncheck.oracles.sampled import SampledNetwork

GIVEN_BITS = 2
"""Everything that is given is a multiple of 2⁻²; a product with it needs two bits more."""


def fits(case: Case) -> bool:
    """Whether the case is dyadic, and every number of it exact in its dtype."""
    return is_dyadic(case) and bits_needed(case) <= np.finfo(case.dtype).nmant + 1


def is_dyadic(case: Case) -> bool:
    """Whether the case is of this kind: multiples of 1/4, and nothing but sums and products."""
    spec = case.spec
    linear = spec.nonlinearity in ("relu", "identity") and spec.readout == "identity"
    if not linear or spec.generated:
        return False
    arrays = [a for name, a in case.arrays() if name not in ("lengths", "x", "d_output")]
    arrays += [valid_x(case), np.where(case.output_padding()[..., None], 0.0, case.d_output)]
    return all(bool(np.all(array * 2**GIVEN_BITS % 1 == 0)) for array in arrays)


def valid_x(case: Case) -> Array:
    """x with 0 in the padding."""
    valid = np.arange(case.T)[:, None, None] < case.valid_steps()[None, :, None]
    return np.where(valid, case.x, 0.0)


def bits_needed(case: Case) -> int:
    """A significand of so many bits holds every number that any order of summation can meet.

    The bits behind the point: `finest_quantum`. Those before it: the network of absolute values
    (|W|, |x|, ..., and φ = identity) bounds every partial sum of the forward pass and of every
    gradient, since |φ(a)| ≤ |a| and |φ'| ≤ 1.
    """
    largest = largest_sum(case)
    if not math.isfinite(largest):
        return sys.maxsize
    return finest_quantum(case) + math.ceil(math.log2(largest + 1.0))


def largest_sum(case: Case) -> float:
    """A bound for every partial sum of the forward pass and of the gradients (inf or nan: too large)."""
    absolute = {name: np.abs(array) for name, array in case.arrays() if name != "lengths"}
    parameters = {name: absolute.pop(name) for name in case.spec.parameter_shapes()}
    spec = case.spec.__class__(**{**vars(case.spec), "nonlinearity": "identity"})
    bound = case.replace(spec=spec, parameters=parameters, **absolute)
    network = SampledNetwork(bound, Noise(case.dtype, quiet=True))
    with np.errstate(all="ignore"):
        results = [*network.forward(), *network.backward().values()]
    results += [run.arguments for run in network.runs.values()]
    return float(np.max([np.max(array, initial=0.0) for array in results]))


def finest_quantum(case: Case) -> int:
    """e such that every number of the case, forward and backward, is a multiple of 2⁻ᵉ.

    A sum is as fine as its finest term, and each product with something given is finer by 2 bits:
    e(h_t) = max(e(z_t), e(h_prev)) + 2, e(δ_t) = max(e(d_t), e(carry)), e(carry) = e(δ_t) + 2,
    and a weight's gradient has e(δ_t) + e(z_t) or e(δ_t) + e(h_prev).
    """
    spec, T = case.spec, max(case.T, 1)  # final states are read out after no step, too
    steps = range(T)
    inputs = [[GIVEN_BITS] * T]
    before: dict[tuple[int, int], list[int]] = {}
    for layer in range(spec.num_layers):
        above = [0] * T
        for direction in range(spec.num_directions):
            state = GIVEN_BITS
            before[layer, direction] = [0] * T
            for t in reversed(steps) if direction else steps:
                before[layer, direction][t] = state
                state = max(inputs[layer][t], state) + GIVEN_BITS
                above[t] = max(above[t], state)
        masked = GIVEN_BITS if case.dropout_masks is not None else 0
        inputs.append([e + masked for e in above])
    readout = GIVEN_BITS if spec.output_size is not None else 0
    finest = [GIVEN_BITS, *(e + GIVEN_BITS + readout for e in inputs[-1])]
    arriving = [GIVEN_BITS + readout] * T
    for layer in reversed(range(spec.num_layers)):
        below = [0] * T
        for direction in range(spec.num_directions):
            carry = GIVEN_BITS
            for t in steps if direction else reversed(steps):
                delta = max(arriving[t], carry)
                used = max(inputs[layer][t], before[layer, direction][t])
                finest.append(delta + max(used, GIVEN_BITS))
                carry = delta + GIVEN_BITS
                below[t] = max(below[t], carry)
        arriving = [e + GIVEN_BITS for e in below]
    return max(finest)
