"""A million dyadic cases through every network: not one bit may differ. Resumable."""

import json
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from rich.progress import track

from benchmarks.tables import table
from rnncheck.case import Array, Case
from rnncheck.implementation import Capabilities, Implementation
from rnncheck.implementations.references import NAMES, ArrayReference, reference
from rnncheck.oracles import dyadic
from rnncheck.properties.strategies import Cotangent, Draw, build
from rnncheck.spec import RNNSpec

COMMAND = "python -m benchmarks dyadic"
CHUNK = 1000
WORDS = ("drawn", "cases", "runs", "arrays", "differ")
DONE = Path(__file__).parent / "dyadic.json"
"""How far the run has come, kept with its result: another run goes on from there."""


@cache
def subjects() -> dict[str, Implementation]:
    from rnncheck.adapters.torch import TorchRNN

    return {**{name: reference(name) for name in NAMES}, "torch": TorchRNN()}


def draw(index: int) -> Draw:
    """Case number `index`: small sizes, ReLU or linear, one case in two within torch's abilities."""
    random = np.random.default_rng((8, index))
    layers, bidirectional = int(random.integers(1, 3)), bool(random.integers(2))
    T, B = int(random.integers(1, 7)), int(random.integers(1, 4))
    readout = bool(random.random() < 0.25)
    lengths = tuple(int(n) for n in random.integers(1, T + 1, B))
    cotangents: tuple[Cotangent, ...] = ("both", "output", "state", "last_output", "sparse")
    spec = RNNSpec(
        int(random.integers(1, 4)), int(random.integers(1, 5)), layers,
        "identity" if random.random() < 0.25 else "relu", bool(random.integers(2)), bidirectional,
        int(random.integers(1, 4)) if readout else None,
    )  # fmt: skip
    return Draw(
        spec, T, B, "dyadic", cotangents[int(random.integers(5))], h0=random.random() < 0.8,
        final_state=True, lengths=lengths if random.random() < 0.3 else None,
        dropout=layers > 1 and random.random() < 0.2,
        dtype="float32" if random.random() < 0.3 else "float64", one_bias=False, seed=index,
    )  # fmt: skip


def arrays(subject: Implementation, case: Case) -> dict[str, Array]:
    """Output, final state and gradients; of our own in one forward pass, not two."""
    if isinstance(subject, ArrayReference):
        output, h_n, tape = subject.run(
            case.spec, case.parameters, case.x, case.h0, case.lengths, case.dropout_masks
        )
        gradients = subject.run_backward(tape, case.d_output, case.d_h_n)
    else:
        output, last = subject.forward(case)
        assert last is not None
        h_n, gradients = last, subject.gradients(case)
    return {"output": output, "h_n": h_n, **gradients}


def examine(start: int) -> dict[str, int]:
    """One chunk: cases, runs, arrays compared, and arrays of which a bit differs."""
    counts = dict.fromkeys(WORDS, 0) | {"drawn": CHUNK}
    everything = Capabilities()
    for index in range(start, start + CHUNK):
        case = build(draw(index))
        if not dyadic.fits(case) or everything.missing(case):
            continue
        counts["cases"] += 1
        able = [s for s in subjects().values() if s.capabilities.missing(case) is None]
        results = [arrays(subject, case) for subject in able]
        counts["runs"] += len(results)
        for name, expected in results[0].items():
            for other in results[1:]:
                counts["arrays"] += 1
                counts["differ"] += not bool((other[name] == expected).all())
    return counts


def run(cases: int = 4000) -> str:
    """Go on to so many cases from where the last run has come."""
    total = json.loads(DONE.read_text()) if DONE.exists() else dict.fromkeys(WORDS, 0)
    todo = range(total["drawn"], cases, CHUNK)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        for counts in track(pool.map(examine, todo), "dyadic cases", total=len(todo)):
            total = {word: total[word] + counts[word] for word in WORDS}
            DONE.write_text(json.dumps(total) + "\n")
    heads = ("cases drawn", "within the bits", "runs", "arrays compared", "arrays that differ")
    return (
        f"## Dyadic cases\n\n`{COMMAND} --cases {cases}`: everything a multiple of 1/4, ReLU or linear, so "
        "that nothing rounds in whatever order it is added: output, h_n and every gradient of "
        "scalar, manual, autodiff and, where it knows the network, torch, compared bit for bit "
        "(the sign of a zero aside). It goes on from what `benchmarks/dyadic.json` has counted.\n\n"
        + table(heads, [[f"{total[word]:,}" for word in WORDS]])
    )
