"""Experiments on a faulty backward pass: cases so made that every term of a gradient can be read off.

A gradient is a sum of terms, one for each step t at which a cotangent enters, step s ≤ t whose
pre-activation carries it, and batch row b:

    d_W_ih = Σ δ_{t→s,b} x_{s,b}ᵀ    d_W_hh = Σ δ_{t→s,b} h_{s-1,b}ᵀ
    d_b = Σ δ_{t→s,b}    d_x_{s,b} = Σ W_ihᵀ δ_{t→s,b}

With one cotangent at a time, t and b are known. With x_s a multiple of the unit vector e_s, column s of
d_W_ih is the term of step s alone; with more units than steps, d_W_hh can be solved for its terms.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from rnncheck.case import Array, Case, IntArray
from rnncheck.implementation import Capabilities
from rnncheck.oracles.envelope import Envelope, envelope
from rnncheck.spec import RNNSpec

HN = -1
"""Stands for h_n where a step is asked for."""

ROWS = 3
LEAST_STEPS, MOST_STEPS = 6, 32
LARGE, SMALL = 64.0, 2.0**-12
"""What cotangents are multiplied by, to see whether a gradient is cut where it is large."""


@dataclass(frozen=True)
class Experiment:
    """One case, and where its cotangent enters: at output step t (HN: at h_n) of row b alone.

    t, b None: everywhere.
    """

    case: Case
    t: int | None = None
    b: int | None = None

    def envelope(self) -> Envelope:
        """What a right gradient may be off by."""
        return envelope(self.case)


def simplest_first(case: Case, can: Capabilities) -> Iterator[tuple[str, Case]]:
    """Ever richer networks, up to the case's own kind: what each has beyond the plainest, and a case.

    The plainest has one layer, one direction, no readout, full lengths; each of the next has one thing
    more that the case's network has. In the end, all again with every size the same: some mistakes
    raise no error, or show, only then.
    """
    for square in (False, True):
        for words, made in _kinds(case, can, square):
            yield " and ".join(filter(None, (words, square * "equal sizes"))), made


def _kinds(case: Case, can: Capabilities, square: bool) -> Iterator[tuple[str, Case]]:
    spec = case.spec
    features = {
        "": {},
        "a readout": {"output_size": spec.output_size, "readout": spec.readout,
                      "readout_bias": spec.readout_bias},
        "one output for all steps": {"outputs": spec.outputs},
        "two directions": {"bidirectional": spec.bidirectional},
        "layers": {"num_layers": spec.num_layers},
        "truncated BPTT": {"truncation": spec.truncation},
        "generated steps": {"generated": spec.generated},
    }  # fmt: skip
    bias = any(can.bias_vectors)
    plain = RNNSpec(spec.input_size, spec.hidden_size, 1, spec.nonlinearity, bias)
    if can.needs_readout:
        plain = replace(plain, **features.pop("a readout"))  # type: ignore[arg-type]
    seen = set()
    for lengths in (False, True) if case.lengths is not None or case.T == 0 else (False,):
        for words, more in features.items():
            kind = replace(plain, **more)  # type: ignore[arg-type]
            if (kind, lengths) in seen or (kind.generated and lengths):
                continue
            seen.add((kind, lengths))
            for dropout in (False, True)[
                : 1 + (case.dropout_masks is not None and words == "layers")
            ]:
                found = _enlarged(case, kind, can, lengths, dropout, square)
                if not can.missing(found):
                    more_words = (words, lengths * "lengths", dropout * "dropout")
                    yield " and ".join(filter(None, more_words)), found
    own = _enlarged(
        case,
        replace(spec, bias=bias),
        can,
        case.lengths is not None,
        case.dropout_masks is not None,
        square,
    )
    if not can.missing(own):
        yield "its own kind", own


def _enlarged(
    case: Case, spec: RNNSpec, can: Capabilities, lengths: bool, dropout: bool, square: bool
) -> Case:
    """A case of that kind on which every term can be told: I and H at least as large as T.

    square: I = H, and as many outputs as they are read from. Padding holds NaN where the case's does.
    """
    T = min(max(LEAST_STEPS, case.T + 2), MOST_STEPS)
    B = can.batch_size or ROWS
    I, H = T + square, T + 1  # noqa: E741
    O = spec.output_size  # noqa: E741
    if square and O is not None:
        O = H * spec.num_directions  # noqa: E741
    if spec.generated:
        I, O = (H, None) if O is None else (I, I)  # noqa: E741
    spec = replace(spec, input_size=I, hidden_size=H, output_size=O)
    random = np.random.default_rng((T, B, spec.num_layers, spec.num_directions))
    shapes = spec.array_shapes(T, B)
    parameters = {
        name: _turned(random, shape) if "weight_hh" in name else random.normal(0, 0.5, shape)
        for name, shape in spec.parameter_shapes().items()
    }
    if 2 not in can.bias_vectors:
        parameters |= {n: np.zeros_like(a) for n, a in parameters.items() if "bias_hh" in n}
    x = np.zeros(shapes["x"])
    x[np.arange(T), :, np.arange(T)] = random.choice([-1.0, 1.0], (T, B)) * random.uniform(
        0.5, 1.0, (T, B)
    )
    h0 = random.normal(0, 0.5, shapes["h0"]) * can.initial_state
    n = _some_lengths(case, T, B) if lengths else None
    masks = random.integers(0, 2, shapes["dropout_masks"]) * 2.0 if dropout else None
    d_output = _of_both_signs(random.normal(0, 1, shapes["output"]))
    if n is not None and not (np.isfinite(case.x).all() and np.isfinite(case.d_output).all()):
        for array in (x, d_output) if spec.outputs == "all" else (x,):
            array[np.arange(T)[:, None] >= n] = np.nan
    made = Case(
        spec, parameters, x, h0, d_output,
        _of_both_signs(random.normal(0, 1, shapes["h_n"])) * can.final_state, n, masks,
        "an experiment",
    )  # fmt: skip
    return made.astype(np.float64 if "float64" in can.dtypes else can.dtypes[0])


def _of_both_signs(cotangents: Array) -> Array:
    """In every row and step the first is negative and the next is not: so each shows if signs are lost."""
    cotangents[..., 0] = -np.abs(cotangents[..., 0])
    cotangents[..., 1:2] = np.abs(cotangents[..., 1:2])
    return cotangents


def _some_lengths(case: Case, T: int, B: int) -> IntArray:
    """One row to the end, one that ends before, and one that has no step if a row of the case has none."""
    short = max(T - 2, 1)
    empty = case.T == 0 or bool((case.valid_steps() == 0).any())
    return np.array([T, short, 0 if empty else short, *([short] * B)])[:B]


def _turned(random: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A rotation, a little shrunk: gradients live for all steps, and it is not its own transpose."""
    q, _ = np.linalg.qr(random.normal(size=shape))
    return 0.9 * np.asarray(q)


def experiments(case: Case) -> tuple[list[Experiment], list[Experiment]]:
    """The few that show whether anything is off, and the others: one cotangent at a time.

    The first of all is the case itself, the first of the others has small cotangents.
    """
    scaled = [
        Experiment(_with(case, case.d_output * scale, case.d_h_n * scale))
        for scale in (1.0, LARGE, SMALL)
    ]
    steps = len(case.d_output)
    single = [_one_step(case, t, 0) for t in sorted({0, steps - 1})]
    others = [_one_step(case, t, 0) for t in sorted({1, steps // 2} & set(range(1, steps - 1)))]
    others += [
        _one_step(case, t, b) for t in range(steps) for b in range(1, case.B) if _few(t, steps)
    ]
    if case.d_h_n.any():
        single.append(_one_state(case, 0))
        others += [_one_state(case, b) for b in range(1, case.B)]
    return [*scaled[:2], *single], [scaled[2], *others]


def _few(t: int, steps: int) -> bool:
    return t in (0, 1, steps // 2, steps - 1)


def _one_step(case: Case, t: int, b: int) -> Experiment:
    """A cotangent at one step of the output of one row alone."""
    d_output = np.zeros_like(case.d_output)
    d_output[t, b] = case.d_output[t, b]
    return Experiment(_with(case, d_output, np.zeros_like(case.d_h_n)), t, b)


def _one_state(case: Case, b: int) -> Experiment:
    """A cotangent at h_n of one row alone."""
    d_h_n = np.zeros_like(case.d_h_n)
    d_h_n[:, b] = case.d_h_n[:, b]
    return Experiment(_with(case, np.zeros_like(case.d_output), d_h_n), HN, b)


def _with(case: Case, d_output: Array, d_h_n: Array) -> Case:
    return case.replace(d_output=d_output, d_h_n=d_h_n)
