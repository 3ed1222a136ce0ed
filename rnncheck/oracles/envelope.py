"""The envelope: how far a correct floating-point network may stray from the truth, per entry.

The network is run `noise.SAMPLES` times with random local errors as large as IEEE arithmetic
allows, and once without, all of them in one call (`sampled`); the largest deviation from the run
without errors, plus the rounding of the result itself, is the *bare* envelope, and `SAFETY` times
that is what is allowed. It is a few ulp where the problem is well conditioned and opens by itself
where it is not. Three edges:

- *Chaos.* Once the allowance exceeds the largest |h| that its row has had, that step and all that
  the row does later say nothing, and a gradient array is judged by its largest allowance.
- *One-sided errors.* Some samples err the same way everywhere (`noise.COHERENT`).
- *Absolute error of an activation.* `envelope(case, absolute_activation=True)` is the envelope
  of a hand-made tanh, whose error is u of 1 and not of h: within it a result is right in formula
  and poor in precision.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from rnncheck.case import Array, Case
from rnncheck.oracles.noise import Mask, Noise, Source
from rnncheck.oracles.sampled import SampledNetwork

SAFETY = 4.0
"""Allowance over the bare envelope. Twelve samples do not find the worst case: the largest error
of a correct network in 600 random ones was 0.76 of the bare envelope (docs/benchmarks.md has
this project's own figures), so 4 leaves a factor of 5."""


@dataclass(frozen=True)
class Allowance:
    """For one array: the error allowed, entry by entry, and which entries say something."""

    allowed: Array
    telling: Mask


@dataclass(frozen=True)
class Envelope:
    """The allowance of every array of a case: `output`, `h_n`, each parameter, `x` and `h0`.

    chaotic: some row lost its state to rounding. overflowed: some value may exceed the dtype's
    range. near_kinks: arguments of ReLU whose sign rounding can change, so that its
    derivative may be taken as 0 or 1.
    """

    arrays: dict[str, Allowance]
    chaotic: bool
    overflowed: bool
    near_kinks: int

    def __getitem__(self, name: str) -> Allowance:
        return self.arrays[name]


def envelope(
    case: Case,
    dtype: npt.DTypeLike | None = None,
    absolute_activation: bool = False,
    only: Source | None = None,
) -> Envelope:
    """The envelope of a network that computes the case in `dtype` (the case's own by default).

    absolute_activation: let activations err by u of 1, not of h. only: let one kind of operation
    round and no other, to see what it contributes.
    """
    arithmetic: np.dtype[Any] = np.dtype(dtype or case.dtype)
    with np.errstate(all="ignore"):
        noise = Noise(arithmetic, only=only, exact_first=True)
        network = SampledNetwork(case, noise, absolute_activation)
        results = dict(zip(("output", "h_n"), network.forward(), strict=True))
        forward = {name: _allowance(samples, noise) for name, samples in results.items()}
        forward_overflowed = noise.overflowed
        rows = chaotic_from(network, network)
        forward["output"] = _silence_output(network, forward["output"], rows)
        forward["h_n"] = _silence_states(network, forward["h_n"], rows)
        chaotic = any(bool((step < network.T).any()) for step in rows.values())
        backward = {n: _allowance(samples, noise) for n, samples in network.backward().items()}
        near_kinks = _near_kinks(network)
    if chaotic:
        backward = {n: _judged_by_largest(a) for n, a in backward.items()}
    if forward_overflowed:
        forward = {n: _silenced(a) for n, a in forward.items()}
    if noise.overflowed:
        backward = {n: _silenced(a) for n, a in backward.items()}
    return Envelope(forward | backward, chaotic, noise.overflowed, near_kinks)


def _allowance(samples: Array, noise: Noise) -> Allowance:
    base = samples[0]
    deviation = np.abs(samples - base).max(axis=0) if base.size else np.zeros_like(base)
    allowed = SAFETY * (deviation + noise.unit * np.abs(base) + noise.smallest)
    return Allowance(allowed, np.isfinite(allowed))


def _silenced(allowance: Allowance, where: Mask | bool = True) -> Allowance:
    return Allowance(allowance.allowed, allowance.telling & ~np.asarray(where))


def _judged_by_largest(allowance: Allowance) -> Allowance:
    largest = np.max(allowance.allowed, initial=0.0)
    return Allowance(np.full_like(allowance.allowed, largest), allowance.telling)


def chaotic_from(plain: SampledNetwork, noisy: SampledNetwork) -> dict[tuple[int, int], Array]:
    """By cell and row `(B,)`: how many steps it took until rounding filled the state (T: never).

    A state is filled once the allowance of one of its entries exceeds the largest |h| so far.
    plain: whose first sample has no errors; it may be the same network."""
    first: dict[tuple[int, int], Array] = {}
    case = plain.case
    for (layer, direction), run in plain.runs.items():
        order = slice(None, None, -1) if direction else slice(None)
        states = run.states[0][order]
        noisy_states = noisy.runs[layer, direction].states
        deviation = np.abs(noisy_states - run.states[0]).max(axis=0)[order]
        start = case.h0[layer * case.spec.num_directions + direction].astype(np.float64)
        size = np.concatenate([np.abs(start)[None], np.abs(states)]).max(axis=2, initial=0.0)
        largest = np.maximum.accumulate(size, axis=0)[1:]
        floor = noisy.noise.smallest / (2.0 * noisy.noise.unit)
        filled = SAFETY * deviation.max(axis=2, initial=0.0) > np.maximum(largest, floor)
        ever = np.maximum.accumulate(filled | ~np.isfinite(largest), axis=0)
        first[layer, direction] = plain.T - ever.sum(axis=0)
    return first


def _silence_output(
    network: SampledNetwork, output: Allowance, rows: dict[tuple[int, int], Array]
) -> Allowance:
    """Above a chaotic row of a lower layer everything is silent; beside it, from its step on."""
    spec, T = network.spec, network.T
    silent = np.zeros(output.allowed.shape[:2], bool)
    steps = np.arange(len(silent))[:, None]
    for (layer, direction), start in rows.items():
        if layer < spec.num_layers - 1 or spec.outputs != "all":
            silent |= np.broadcast_to(start < T, silent.shape)
        else:
            silent |= (T - 1 - steps if direction else steps) >= start
    return _silenced(output, silent[..., None])


def _silence_states(
    network: SampledNetwork, h_n: Allowance, rows: dict[tuple[int, int], Array]
) -> Allowance:
    silent = np.zeros(h_n.allowed.shape, bool)
    for (layer, direction), start in rows.items():
        row = layer * network.spec.num_directions + direction
        silent[row] |= (start < network.T)[:, None]
        silent[(layer + 1) * network.spec.num_directions :] |= (start < network.T)[:, None]
    return _silenced(h_n, silent)


def _near_kinks(network: SampledNetwork) -> int:
    if network.spec.nonlinearity != "relu":
        return 0
    count = 0
    for run in network.runs.values():
        a = run.arguments[0]
        deviation = np.abs(run.arguments - a).max(axis=0, initial=0.0)
        near = (np.abs(a) <= SAFETY * deviation) & network.valid[..., None]
        count += int(near.sum())
    return count
