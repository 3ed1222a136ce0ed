"""Proof mode: how often it certifies, abstains, accuses a right network; and what a certificate costs."""

import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.progress import track

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from benchmarks.networks import network
from benchmarks.tables import table
from rnncheck import gradcheck
from rnncheck.case import Case
from rnncheck.engine import judge
from rnncheck.implementation import Implementation
from rnncheck.implementations.references import NAMES, reference
from rnncheck.oracles.following.numbers import Unfollowed
from rnncheck.oracles.proof import prove, prove_loss
from rnncheck.pool import Source
from rnncheck.properties.registry import named_checks
from rnncheck.properties.strategies import PROOF_SIZES, Draw, build
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.spec import RNNSpec

COMMAND = "python -m benchmarks certificates"
CHECKS = ("gradient_is_certified", "forward_is_certified")
CHUNK = 100
LONGEST = 13
CLIP = 5.0
"""Where the clip of the character model is active: its gradient is another one there, by design."""

TIMES = 21


@cache
def networks() -> dict[str, Implementation]:
    """The references, and the right networks of the tests, each in a style of its own."""
    from zoo.registry import ELMAN

    return {**{name: reference(name) for name in NAMES}, **ELMAN}


def examine(start: int) -> tuple[Counter[tuple[str, str]], list[str]]:
    """One chunk of trials: what came of each, and the accusations."""
    counts: Counter[tuple[str, str]] = Counter()
    accused: list[str] = []
    chunk = start // CHUNK
    name = list(networks())[chunk % len(networks())]
    group = "references" if name in NAMES else "networks"
    found = [(group, *elman(name, case)) for case in cases(networks()[name], chunk)]
    boxes = range(start, start + CHUNK - len(found))
    found += [("black boxes", *black_box(i, np.random.default_rng(i))) for i in boxes]
    for kind, word, what in found:
        counts[kind, word] += 1
        if word == "accused":
            accused.append(f"{what}: chunk {chunk}")
    return counts, accused


def cases(subject: Implementation, seed: int) -> Iterator[Case]:
    """Cases that the subject can run: of every regime, and those that are made for a proof."""
    can = subject.capabilities
    drawn = [*Source(can, "proof", seed, 8).draw(), *Source(can, "general", seed, 60).draw()]
    built = [build(one) for one in drawn if one.T <= LONGEST or PROOF_SIZES[1][0] == one.T]
    shown = next(case for case in built if not case.is_degenerate)
    silent = subject.forward(shown.copy()).h_n is None
    for case in built:
        yield case.replace(d_h_n=np.zeros_like(case.d_h_n)) if silent else case


def elman(name: str, case: Case) -> tuple[str, str]:
    """One network, one case, both certificates."""
    trial = Trial(networks()[name], PoolCase(case))
    words = [judge(check, trial).word for check in named_checks(list(CHECKS))]
    if {"failed", "error"} & set(words):
        return "accused", f"{name} {case.sizes()}"
    if "passed" in words:
        return "certified", name
    return "refused" if "refused" in words else "abstained", name


def black_box(index: int, random: np.random.Generator) -> tuple[str, str]:
    """One loss at random parameters: its certificate, and every fourth time gradcheck besides."""
    from zoo.registry import LOSSES

    name = list(LOSSES)[index % len(LOSSES)]
    loss_and_gradients, parameters = LOSSES[name]()
    scale = float(random.choice([0.1, 0.5, 1.0, 2.0]))
    point = {n: scale * random.standard_normal(np.shape(a)) for n, a in parameters.items()}
    _, gradients = loss_and_gradients(dict(point))
    if any((np.abs(g) == CLIP).any() for g in gradients.values()):
        return "clipped", name
    if index % 4 == 0:
        result = gradcheck(loss_and_gradients, point, entries=1, raise_exception=False)
        if result.wrong:
            return "accused", f"{name} by gradcheck"
    try:
        certificate = prove_loss(loss_and_gradients, point, index)
    except Unfollowed:
        certificate = None
    return ("certified" if certificate else "abstained"), name


def cost() -> tuple[float, float]:
    """Seconds of a certificate at (T, B, I, H) = (8, 2, 3, 4), and its ratio to a float run."""
    subject = network()
    spec = RNNSpec(3, 4)
    case = build(
        Draw(spec, 8, 2, "lively", "both", True, True, None, False, "float64", True, 1)
    )  # fmt: skip
    seconds, ratios = [], []
    for _ in range(TIMES):
        start = time.perf_counter()
        prove(subject, case)
        middle = time.perf_counter()
        subject.forward(case.copy())
        subject.gradients(case.copy())
        seconds.append(middle - start)
        ratios.append((middle - start) / (time.perf_counter() - middle))
    return statistics.median(seconds), statistics.median(ratios)


def run(cases: int = 1000) -> str:
    starts = range(0, cases, CHUNK)
    counts: Counter[tuple[str, str]] = Counter()
    accused: list[str] = []
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for found, accusations in track(
            pool.map(examine, starts), "certificates", total=len(starts)
        ):
            counts += found
            accused += accusations
    seconds, ratio = cost()
    heads = ("certified", "abstained", "refused", "clipped", "accused")
    groups = ("references", "networks", "black boxes")
    rows = [[group, *(counts[group, head] for head in heads)] for group in groups]
    listed = "".join(f"\n- {line}" for line in accused[:50])
    return (
        f"## Certificates\n\n`{COMMAND} --cases {cases}`: {sum(counts.values()):,} trials of right "
        f"code, {len(accused)} accusations. Networks: those of `tests/zoo`, cases of every regime, T "
        "to 13 and 64. Black boxes: LSTM, GRU, character models and losses at random parameters, now and "
        f"then through `gradcheck` too (`clipped`: where a clip is active the gradient is not the "
        f"loss's). A certificate of gradient and forward at (T, B, I, H) = (8, 2, "
        f"3, 4) takes {seconds:.3f} s (required: under 0.1 s), {ratio:.0f} times a run on floats."
        f"{listed}\n\n" + table(("right code", *heads), rows)
    )
