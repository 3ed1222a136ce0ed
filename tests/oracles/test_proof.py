"""Certificates: of the references for every spec, and what stands in them."""

import itertools
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import Arrays, backward, forward, no_transpose, right, wrap
from oracles.drawing import cases, draw, label
from oracles.subjects import SHORT, case_for

from rnncheck.case import Case
from rnncheck.implementations.references import reference
from rnncheck.oracles.following.numbers import Unfollowed
from rnncheck.oracles.proof import CHANCE, prove, prove_loss
from rnncheck.report import Certificate
from rnncheck.spec import RNNSpec
from rnncheck.wrapping import Wrapped

REFERENCES = [
    (name, case)
    for offset, name in enumerate(("scalar", "manual", "autodiff"))
    for case in cases()[offset :: 1 if name == "manual" else 2]
]


@pytest.mark.parametrize(
    ("name", "case"), REFERENCES, ids=[f"{name}-{label(case)}" for name, case in REFERENCES]
)
def test_the_references_are_certified(name: str, case: Case) -> None:
    """Layers, directions, readouts, outputs, lengths, dropout, generated steps."""
    proof = prove(reference(name), case, 1)
    for certificate, what in ((proof.gradient, "gradient"), (proof.forward, "forward")):
        assert certificate is not None
        assert (certificate.what, certificate.sizes) == (what, case.sizes())
        assert 0 < certificate.false_accept < CHANCE <= 1e-15


@pytest.mark.parametrize("name", ["scalar", "manual", "autodiff"])
@pytest.mark.parametrize("truncation", [0, 2, 9])
def test_of_truncated_networks_only_the_forward(name: str, truncation: int) -> None:
    """Truncated back-propagation is no derivative (and where nothing is cut, nobody asks)."""
    case = draw(RNNSpec(2, 3, truncation=truncation), 5, 2)
    proof = prove(reference(name), case)
    assert proof.gradient is None
    assert proof.forward is not None


def test_without_a_backward_only_the_forward() -> None:
    subject = wrap(forward)
    proof = prove(subject, case_for(subject, SHORT))
    assert proof.gradient is None
    assert proof.forward is not None


def test_the_same_seed_gives_the_same_certificate() -> None:
    case = case_for(right, SHORT)
    first, again, other = (prove(right, case, seed) for seed in (5, 5, 6))
    assert first == again
    assert first == other  # what is random are the numbers, not the claim
    assert prove(wrap(forward, no_transpose), case, 5).gradient is None


def test_a_case_is_left_as_it_was() -> None:
    case = case_for(right, SHORT)
    copy = case.copy()
    prove(right, case)
    for (name, before), (_, after) in zip(copy.arrays(), case.arrays(), strict=True):
        assert before.dtype == after.dtype == np.float64, name
        assert before.tobytes() == after.tobytes(), name


def relu_forward(params: Arrays, x: Any, h0: Any) -> Any:
    h, states, signs = h0, [], []
    for x_t in x:
        a = x_t @ params["W_ih"].T + h @ params["W_hh"].T + params["b"]
        mask = a > 0  # the only comparison
        h = mask * a
        states.append(h)
        signs.append(mask)
    return np.array(states), h, signs


def relu_backward(params: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
    states, _, signs = relu_forward(params, x, h0)
    grads = {name: np.zeros_like(array) for name, array in params.items()}
    dx, dh = np.zeros_like(x), d_h_n
    for t in reversed(range(len(x))):
        da = (dh + d_output[t]) * signs[t]
        grads["W_ih"] += da.T @ x[t]
        grads["W_hh"] += da.T @ (states[t - 1] if t else h0)
        grads["b"] += da.sum(axis=0)
        dx[t], dh = da @ params["W_ih"], da @ params["W_hh"]
    return {**grads, "x": dx, "h0": dh}


relu = wrap(lambda p, x, h0: relu_forward(p, x, h0)[:2], relu_backward, nonlinearity="relu")


def test_a_certificate_carries_the_branches_with_their_counts() -> None:
    """Of the one line, the signs that the float case has, in the two runs: backward and forward."""
    case = case_for(relu, SHORT)
    proof = prove(relu, case)
    text = Path(__file__).read_text(encoding="utf-8").splitlines()
    line = next(i + 1 for i, words in enumerate(text) if words.endswith("# the only comparison"))
    parameters = {n: case.parameters[f"{r}_l0"] for n, r in
                  (("W_ih", "weight_ih"), ("W_hh", "weight_hh"), ("b", "bias_ih"))}  # fmt: skip
    signs = np.array(relu_forward(parameters, case.x, case.h0[0])[2])
    for certificate in (proof.gradient, proof.forward):
        assert certificate is not None
        [branch] = certificate.branches
        assert (branch.file, branch.line, branch.relation) == ("test_proof.py", line, ">")
        assert (branch.held, branch.failed) == (2 * signs.sum(), 2 * (~signs).sum())
    tanh = prove(right, case_for(right, SHORT))
    assert tanh.gradient
    assert tanh.gradient.branches == ()


def test_a_mask_that_is_wrong_on_one_side_is_wrong_only_there() -> None:
    """A certificate holds on its branches: with positive states alone a lost mask is no mistake."""

    def without_mask(p: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
        states = relu_forward(p, x, h0)[0]
        grads = {name: np.zeros_like(array) for name, array in p.items()}
        dx, dh = np.zeros_like(x), d_h_n
        for t in reversed(range(len(x))):
            da = dh + d_output[t]
            grads["W_ih"] += da.T @ x[t]
            grads["W_hh"] += da.T @ (states[t - 1] if t else h0)
            grads["b"] += da.sum(axis=0)
            dx[t], dh = da @ p["W_ih"], da @ p["W_hh"]
        return {**grads, "x": dx, "h0": dh}

    subject = wrap(lambda p, x, h0: relu_forward(p, x, h0)[:2], without_mask, nonlinearity="relu")
    case = case_for(subject, SHORT)
    assert prove(subject, case).gradient is None
    positive = case.replace(
        parameters={n: np.abs(a) for n, a in case.parameters.items()},
        x=np.abs(case.x), h0=np.abs(case.h0),
    )  # fmt: skip
    gradient = prove(subject, positive).gradient
    assert gradient
    assert [b.failed for b in gradient.branches] == [0]


WRONG_RESULTS: dict[str, tuple[Any, str]] = {
    "a wrong shape": (lambda p, x, h0: (forward(p, x, h0)[0][:-1], h0), "shape"),
    "nothing": (lambda p, x, h0: None, "output"),
    "floats": (lambda p, x, h0: [float(v) for v in x.ravel()], "output|float"),
    "an exception": (lambda p, x, h0: 1 / 0, "ZeroDivisionError"),
}


@pytest.mark.parametrize("name", WRONG_RESULTS)
def test_what_cannot_be_followed_has_a_reason(name: str) -> None:
    function, reason = WRONG_RESULTS[name]
    subject = wrap(function, backward)
    with pytest.raises(Unfollowed, match=reason):
        prove(subject, case_for(subject, SHORT))


def linear_loss(p: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    return (p["w"] * p["v"]).sum() + 0.7 * p["w"].sum(), {"w": p["v"] + 0.7, "v": p["w"]}


def test_a_loss_needs_no_network() -> None:
    parameters = {"w": np.ones((2, 3)), "v": np.ones((2, 3))}
    certificate = prove_loss(linear_loss, parameters)
    assert isinstance(certificate, Certificate)
    assert re.search(r"w.*\(2, 3\).*v.*\(2, 3\)", certificate.sizes)
    wrong = prove_loss(lambda p: (linear_loss(p)[0], {"w": p["v"] + 0.7, "v": p["v"]}), parameters)
    assert wrong is None


def test_an_accident_has_the_probability_that_is_claimed() -> None:
    """d(w v) = v dw + w dv: the two sides have degree 3 with the tangents, so one run leaves 3/p;
    the same run twice would be 9/p², but one is enough.
    """
    single = prove_loss(lambda p: ((p["w"] * p["v"]).sum(), {"w": p["v"], "v": p["w"]}),
                        {"w": np.ones(1), "v": np.ones(1)})  # fmt: skip
    assert single is not None
    assert 2 / (2**61 - 1) <= single.false_accept <= 4 / (2**61 - 1)


@pytest.mark.parametrize("wrong_at", [None, 0, 1])
def test_what_one_attempt_denies_is_not_given(wrong_at: int | None) -> None:
    """w⁴⁰⁹⁶ leaves a chance above 1e-15 in one attempt: it takes two, and both must agree."""
    calls = itertools.count()

    def power(p: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        [w], factor = p["w"], 2 if next(calls) == wrong_at else 1
        h = w**64
        return h**64, {"w": np.array([factor * (64 * h**63) * (64 * w**63)])}

    certificate = prove_loss(power, {"w": np.ones(1)})
    if wrong_at is None:
        assert certificate
        assert certificate.false_accept < (2 * 4096 / (2**61 - 1)) ** 2
        assert next(calls) == 2
    else:
        assert certificate is None


def test_an_overflowing_degree_is_no_certificate() -> None:
    """h ← (h + 1)/(h - 1) + h³, again and again: the degree soon is beyond the field."""

    def tower(p: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        h, slope = p["w"][0], 1
        for _ in range(60):
            slope = slope * (3 * h**2)
            h = h**3
        return h, {"w": np.array([slope])}

    with pytest.raises(Unfollowed, match="too high a degree"):
        prove_loss(tower, {"w": np.ones(1)})


def test_the_zoo_of_this_file_is_right() -> None:
    assert isinstance(relu, Wrapped)
    proof = prove(relu, case_for(relu, (40, 2, 1, 3)))
    assert proof.gradient
    assert proof.forward
