"""Correct networks on many cases: how often one of them is accused. It must be never."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from multiprocessing import get_context
from typing import TypeVar, get_args

import numpy as np
from rich.progress import track

from benchmarks import networks
from benchmarks.tables import table
from rnncheck.engine import judge
from rnncheck.implementation import Capabilities, Implementation
from rnncheck.implementations.references import reference
from rnncheck.properties.registry import named_checks
from rnncheck.properties.strategies import GENERAL, Cotangent, Draw, Regime, build
from rnncheck.properties.trial import PRECISION, PoolCase, Trial
from rnncheck.spec import RNNSpec

Choice = TypeVar("Choice")
COMMAND = "python -m benchmarks false_alarms"
CHECKS = ("forward_matches_truth", "gradient_matches_truth", "dyadic_results_are_exact")
CHUNK = 100
LONG = 50
BOTH = ("float64", "float32")
SUBJECTS = (
    "manual", "autodiff", "scalar", "torch", "one-sided tanh", "hand-made tanh",
    "sums in reverse", "sums one by one",
)  # fmt: skip


@cache
def subject(name: str) -> Implementation:
    match name:
        case "torch":
            from rnncheck.adapters.torch import TorchRNN

            return TorchRNN()
        case "one-sided tanh":
            return networks.network(networks.one_sided_tanh, name=name, dtypes=BOTH)
        case "hand-made tanh":
            return networks.network(networks.handmade_tanh, name=name)
        case "sums in reverse":
            return networks.network(product=networks.backwards, name=name, dtypes=BOTH)
        case "sums one by one":
            return networks.network(product=networks.one_by_one, name=name, dtypes=BOTH)
    return reference(name)


def steps(random: np.random.Generator, name: str) -> int:
    """Mostly short, one in twenty long, up to 400; the pure-Python reference is kept shorter."""
    if random.random() < 0.05:
        return int(random.integers(LONG, 80 if name == "scalar" else 401))
    return int(random.integers(0, 20))


def draw_spec(can: Capabilities, T: int, random: np.random.Generator) -> RNNSpec:
    """A network within the capabilities; long sequences get one layer and one direction."""

    def pick(choices: tuple[Choice, ...]) -> Choice:
        return choices[int(random.integers(len(choices)))]

    short = T < LONG
    layers = int(random.integers(1, min(3, can.max_layers or 3) + 1)) if short else 1
    bidirectional = can.bidirectional and short and random.random() < 0.5
    output_size = int(random.integers(1, 5)) if can.readouts and random.random() < 0.3 else None
    single = layers == 1 and not bidirectional
    truncation = int(random.integers(0, 8)) if can.truncation and random.random() < 0.1 else None
    outputs = pick(can.outputs) if random.random() < 0.3 else "all"
    spec = RNNSpec(
        int(random.integers(1, 6)), int(random.integers(1, 8)), layers, pick(can.nonlinearities),
        pick(can.bias_vectors) > 0, bidirectional, output_size,
        pick(can.readouts) if output_size else "identity",
        truncation=truncation if single else None, outputs=outputs,
    )  # fmt: skip
    feeds_back = can.generation and not bidirectional and spec.truncation is None
    if not feeds_back or not 0 < T < LONG or outputs != "all" or random.random() < 0.8:
        return spec
    return replace(spec, input_size=spec.output_features, generated=int(random.integers(1, 5)))


def draw(can: Capabilities, T: int, random: np.random.Generator, seed: int) -> Draw:
    """A case within the capabilities, drawn without Hypothesis: nothing is to be shrunk here."""

    def pick(choices: tuple[Choice, ...]) -> Choice:
        return choices[int(random.integers(len(choices)))]

    spec = draw_spec(can, T, random)
    linear = spec.nonlinearity in ("relu", "identity")
    regimes: tuple[Regime, ...] = (*GENERAL, "dyadic", "dyadic") if linear else GENERAL
    cotangents: tuple[Cotangent, ...] = get_args(Cotangent)
    B = int(random.integers(0, 4)) if T < LONG else 1
    lengths = tuple(int(n) for n in random.integers(0, T + 1, B))
    padded = can.lengths and not spec.generated and random.random() < 0.3
    return Draw(
        spec, T, B, pick(regimes), pick(cotangents), h0=random.random() < 0.8, final_state=True,
        lengths=lengths if padded else None,
        dropout=can.dropout and spec.num_layers > 1 and random.random() < 0.3,
        dtype=pick(can.dtypes), one_bias=2 not in can.bias_vectors, seed=seed,
    )  # fmt: skip


def examine(start: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """One chunk of cases: how many verdicts of each kind, and the accusations."""
    counts: Counter[tuple[str, str]] = Counter()
    accused = []
    checks = named_checks(list(CHECKS))
    for index in range(start, start + CHUNK):
        random = np.random.default_rng(index)
        name = SUBJECTS[index % len(SUBJECTS)]
        network = subject(name)
        drawn = draw(network.capabilities, steps(random, name), random, index)
        trial = Trial(network, PoolCase(build(drawn)))
        words = []
        for check in checks:
            verdict = judge(check, trial)
            word = verdict.word
            if word in ("failed", "error"):
                accused.append(f"{name}: {check.id}: {trial.case.sizes()}: case {index}")
            elif verdict.outcome and verdict.outcome.note == PRECISION:
                word = "imprecise"
            elif word == "passed" and verdict.outcome and not verdict.outcome.witness:
                word = "vacuous"
            words.append(word)
        counts[name, _summary(words)] += 1
    return counts, accused


def _summary(words: list[str]) -> str:
    order = ("failed", "error", "imprecise", "passed", "vacuous", "refused", "not_applicable")
    return next(word for word in order if word in words)


def chunks(
    starts: range, processes: int = 2
) -> Iterator[tuple[Counter[tuple[str, str]], list[str]]]:
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(examine, starts)


def run(cases: int = 4000) -> str:
    starts = range(0, cases, CHUNK)
    counts: Counter[tuple[str, str]] = Counter()
    accused: list[str] = []
    for found, accusations in track(chunks(starts), "false alarms", total=len(starts)):
        counts += found
        accused += accusations
    heads = ("passed", "imprecise", "vacuous", "refused", "failed")
    total = sum(counts.values())
    rows = [[name, *(counts[name, head] for head in heads)] for name in SUBJECTS]
    rows.append(["all", *(sum(counts[name, head] for name in SUBJECTS) for head in heads)])
    listed = "".join(f"\n- {line}" for line in accused[:50])
    return (
        f"## False alarms\n\n`{COMMAND} --cases {cases}`: {total:,} cases, {len(accused)} findings. "
        "Correct networks, each case in one of their hands: contractive to chaotic, saturating, "
        "exact ReLU kinks, float32 and float64, T to 400; checked against exact truth, gradients "
        "too. `imprecise`: passed with a precision note. `vacuous`: nothing could be said."
        f"{listed}\n\n" + table(("network", *heads), rows)
    )
