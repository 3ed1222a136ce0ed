"""`wrap(readout=...)`: what the readout's sum goes through, on a network written by hand."""

from typing import Any

import numpy as np
import pytest

from rnncheck.properties.draw import Draw
from rnncheck.properties.registry import named_checks
from rnncheck.properties.strategies import build
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.spec import RNNSpec
from rnncheck.verdicts import judge
from rnncheck.wrapping import wrap

WORDS: dict[str, Any] = {
    "x": "time batch input",
    "h0": "batch hidden",
    "output": "time batch output",
    "params": {"W": "input hidden", "U": "prev hidden", "V": "hidden output"},
}


def softmax(q: Any) -> Any:
    e = np.exp(q - q.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def sigmoid(q: Any) -> Any:
    return 1 / (1 + np.exp(-q))


def network(activation: Any) -> Any:
    def forward(p: Any, x: Any, h: Any) -> Any:
        ys = []
        for x_t in x:
            h = np.tanh(x_t @ p["W"] + h @ p["U"])
            ys.append(activation(h @ p["V"]))
        return np.array(ys), h

    return forward


def trial(subject: Any, readout: Any) -> Trial:
    spec = RNNSpec(2, 3, bias=False, output_size=4, readout=readout, readout_bias=False)
    draw = Draw(
        spec, 4, 2, "orthogonal", "both", h0=True, final_state=True, lengths=None, dropout=False,
        dtype="float64", one_bias=False, seed=3,
    )  # fmt: skip
    return Trial(subject, PoolCase(build(draw)))


@pytest.mark.parametrize(("readout", "activation"), [("softmax", softmax), ("sigmoid", sigmoid)])
def test_a_readout_goes_through_what_it_is_said_to(readout: Any, activation: Any) -> None:
    check = named_checks(["forward_matches_truth"])[0]
    right = wrap(network(activation), **WORDS, readout=readout)
    wrong = wrap(network(lambda q: q), **WORDS, readout=readout)
    assert right.capabilities.readouts == (readout,)
    assert judge(check, trial(right, readout)).word == "passed"
    assert judge(check, trial(wrong, readout)).word == "failed"
    plain = wrap(network(activation), **WORDS)
    assert plain.capabilities.readouts == ("identity",)
    assert "readout with" in str(plain.capabilities.missing(trial(plain, readout).case))


def test_a_readout_that_there_is_not_is_named() -> None:
    with pytest.raises(ValueError, match="readout: 'tanh' is none of identity, sigmoid, softmax"):
        wrap(network(np.tanh), **{**WORDS, "readout": "tanh"})
    words = WORDS | {
        "output": "time batch hidden",
        "params": {"W": "input hidden", "U": "prev hidden"},
    }
    with pytest.raises(
        ValueError, match="readout='softmax' needs a matrix 'output hidden' in params"
    ):
        wrap(network(softmax), **words, readout="softmax")


@pytest.mark.parametrize(
    ("law", "words_of_it"),
    [
        ("no_steps_leave_the_state", "it takes no h0, which alone would show"),
        ("zero_state_is_a_limit", "it takes no h0"),
    ],
)
def test_without_an_h0_nothing_shows_what_becomes_of_it(law: str, words_of_it: str) -> None:
    """It is no check that was left without a witness, then: the network can still be right."""
    words = {**WORDS, "h0": None}
    forward = network(softmax)

    def from_zeros(p: Any, x: Any) -> Any:
        y, h = forward(p, x, np.zeros((x.shape[1], len(p["U"]))))
        return y.reshape(*x.shape[:2], p["V"].shape[1]), h

    subject = wrap(from_zeros, **words, readout="softmax")
    check = named_checks([law])[0]
    spec = RNNSpec(2, 3, bias=False, output_size=4, readout="softmax", readout_bias=False)
    draw = Draw(
        spec, 4, 2, "orthogonal", "output", h0=False, final_state=False, lengths=None,
        dropout=False, dtype="float64", one_bias=False, seed=3,
    )  # fmt: skip
    verdict = judge(check, Trial(subject, PoolCase(build(draw))))
    assert (verdict.word, verdict.message) == ("not_applicable", words_of_it)
