"""The checks of proof mode: certificates for right networks, findings settled in balls for wrong."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract.drawing import draw
from networks import (
    Arrays,
    backward,
    backward_without_h0,
    forward,
    forward_in_float32,
    forward_without_h0,
    no_transpose,
    right,
    wrap,
)
from zoo.registry import ELMAN, OTHER_NETWORKS, WRONG_ELMAN

import rnncheck
from rnncheck.engine import judge
from rnncheck.implementations.references import reference
from rnncheck.properties.registry import named_checks
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.report import CheckReport, ExitCode, Report, Status
from rnncheck.reporting.json import report_dict, write_json
from rnncheck.reporting.text import report_text
from rnncheck.spec import RNNSpec

GRADIENT, FORWARD = CHECKS = ("gradient_is_certified", "forward_is_certified")
LONG = 33


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cases that fail are kept below the working directory."""
    monkeypatch.chdir(tmp_path)


@cache
def report_of(subject: object, *checks: str, seed: int = 0) -> Report:
    return rnncheck.check(subject, profile="quick", seed=seed, checks=checks or CHECKS)


def by_name(report: Report) -> dict[str, CheckReport]:
    return {check.check: check for check in report.checks}


def output_of(values: Any) -> Any:
    return values.astype(np.float32).astype(np.float64)


RIGHT = {
    "networks.right": right,
    "manual": "manual",
    "scalar": "scalar",
    **{name: ELMAN[name] for name in ("relu_where", "cosh", "stable_sigmoid", "columns")},
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("seed", [0, 1])
def test_right_networks_pass_with_certificates_at_several_sizes(name: str, seed: int) -> None:
    report = report_of(RIGHT[name], seed=seed)
    assert report.passed
    assert report.exit_code == ExitCode.CONFORMANT
    for check, what in zip(report.checks, ("gradient", "forward"), strict=True):
        assert check.status is Status.PASSED
        assert {c.what for c in check.certificates} == {what}
        assert len({c.sizes for c in check.certificates}) >= 3
        assert any(c.T >= LONG for c in check.certificates)
        assert all(0 < c.false_accept < 1e-15 for c in check.certificates)
        assert check.worst is None  # nothing was measured


@pytest.mark.parametrize("name", ["scalar", "manual", "autodiff"])
def test_of_truncated_networks_the_gradient_is_no_derivative(name: str) -> None:
    """It is left out, not failed; the forward is certified as ever."""
    trial = Trial(reference(name), PoolCase(draw(RNNSpec(4, 5, truncation=2), 6, 2)))
    gradient, forward = (judge(check, trial) for check in named_checks(list(CHECKS)))
    assert gradient.word == "not_applicable"
    assert "truncated" in gradient.message
    assert forward.word == "passed"
    assert forward.outcome
    assert forward.outcome.certificate
    assert "truncation=2" in forward.outcome.certificate.sizes


WRONG = ("no_carry", "assigned_not_added", "truncated_at_10", "mask_of_the_gradient", "carry_1e-9_too_small",
         "gradient_clipped_at_1")  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_gradient_fails_and_is_structural(name: str) -> None:
    report = report_of(WRONG_ELMAN[name])
    checks = by_name(report)
    assert checks[GRADIENT].status is Status.FAILED
    assert checks[FORWARD].status is Status.PASSED
    [finding] = report.findings
    assert finding.check == GRADIENT
    assert finding.nature
    assert finding.nature.startswith("structural")
    assert finding.measured
    assert finding.allowed
    assert finding.measured > finding.allowed
    assert finding.wrong
    if name == "truncated_at_10":
        assert finding.case.T > 10


@pytest.mark.parametrize(
    "subject",
    [*OTHER_NETWORKS.values(), wrap(forward_without_h0, backward_without_h0)],
    ids=[*OTHER_NETWORKS, "without h0"],
)
def test_another_network_has_the_certificate_of_its_gradient_alone(subject: Any) -> None:
    report = report_of(subject)
    checks = by_name(report)
    assert checks[GRADIENT].status is Status.PASSED
    assert checks[FORWARD].status is Status.FAILED
    assert report.findings[0].nature is not None
    assert report.findings[0].nature.startswith("structural")
    text = report_text(report)
    assert text.startswith("CERTIFIED of ")
    assert "derivative of its forward pass" in " ".join(text.split())
    assert "formula of the network" not in " ".join(text.split())


def forward_by_way_of_an_int(params: Arrays, x: Any, h0: Any) -> Any:
    return forward(params, x + 0 * int(x.sum()), h0)


def test_what_cannot_be_followed_is_not_applicable_with_the_reason() -> None:
    """Right, and its floats say so; but there is no other number that can become an int."""
    report = report_of(wrap(forward_by_way_of_an_int, backward))
    for check in report.checks:
        assert check.status is Status.NOT_APPLICABLE
        assert "its code cannot be followed" in check.note
        assert "turned into an int" in check.note
        line = forward_by_way_of_an_int.__code__.co_firstlineno + 1
        assert f"(test_proof_checks.py, line {line})" in check.note
        assert check.certificates == ()
    assert not report.findings
    assert report.exit_code == ExitCode.NOTHING_TOLD
    assert "CERTIFIED" not in report_text(report)


def test_without_a_backward_the_gradient_is_not_applicable() -> None:
    checks = by_name(report_of(wrap(forward)))
    assert checks[GRADIENT].status is Status.NOT_APPLICABLE
    assert checks[FORWARD].status is Status.PASSED


def by_products(params: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
    """Right: 1 - tanh² = 4/(e + 1/e)² with e = exp(a) exp(b) for exp(a + b), which no oracle knows."""
    states, _ = forward(params, x, h0)
    gradients = {name: np.zeros_like(array) for name, array in params.items()}
    dx, dh = np.zeros_like(x), d_h_n
    for t in reversed(range(len(x))):
        before = states[t - 1] if t else h0
        e = np.exp(x[t] @ params["W_ih"].T + params["b"]) * np.exp(before @ params["W_hh"].T)
        delta = (dh + d_output[t]) * 4 / (e + 1 / e) ** 2
        gradients["W_ih"] += delta.T @ x[t]
        gradients["W_hh"] += delta.T @ before
        gradients["b"] += delta.sum(axis=0)
        dx[t], dh = delta @ params["W_ih"], delta @ params["W_hh"]
    return {**gradients, "x": dx, "h0": dh}


@pytest.mark.parametrize("seed", range(3))
def test_a_right_network_whose_identity_no_oracle_knows_is_not_accused(seed: int) -> None:
    """Not certified and not wrong in balls either: nothing is said."""
    report = report_of(wrap(forward, by_products), seed=seed)
    gradient = by_name(report)[GRADIENT]
    assert not report.findings
    assert gradient.status in (Status.VACUOUS, Status.NOT_APPLICABLE)
    assert gradient.not_applicable >= 3  # at T = 1 with h0 = 0 there is nothing to add
    assert all(c.T == 1 for c in gradient.certificates)
    assert "not wrong in ball arithmetic" in gradient.note
    assert by_name(report)[FORWARD].status is Status.PASSED


def test_a_wrong_one_of_that_kind_is() -> None:
    def wrong(p: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
        gradients = by_products(p, x, h0, d_output, d_h_n)
        return {**gradients, "b": 1.000001 * gradients["b"]}

    report = report_of(wrap(forward, wrong))
    [finding] = report.findings
    assert set(finding.wrong) == {"b"}
    assert finding.nature is not None
    assert finding.nature.startswith("structural")


def backward_in_float32(params: Arrays, x: Any, h0: Any, d_output: Any, d_h_n: Any) -> Arrays:
    gradients = backward(params, x, h0, d_output, d_h_n)
    return {name: output_of(gradient) for name, gradient in gradients.items()}


POOR = {
    "forward": (wrap(forward_in_float32, backward), "forward_matches_truth"),
    "backward": (wrap(forward, backward_in_float32), "gradient_matches_truth"),
}


@pytest.mark.parametrize("name", POOR)
def test_poor_arithmetic_is_certified_and_its_finding_is_of_precision(name: str) -> None:
    """float32 has 24 bits, float64 53: from 29 bits to less, as the envelope allows more than one
    rounding; 2²⁹ is 8.7 digits.
    """
    subject, check = POOR[name]
    report = report_of(subject, *CHECKS, check)
    checks = by_name(report)
    assert checks[GRADIENT].status is checks[FORWARD].status is Status.PASSED
    [finding] = [f for f in report.findings if f.check == check]
    assert finding.nature is not None
    assert finding.nature.startswith("precision")
    assert "digits more than float64 may" in finding.nature
    lost = float(finding.nature.split("lose ")[1].split()[0])
    assert 3 < lost < 8.8


def test_the_text_shows_what_is_certified_first() -> None:
    text = report_text(report_of(ELMAN["relu_where"]))
    head, _, rest = text.partition("\n\n")
    words = " ".join(head.split())
    assert words.startswith(f"CERTIFIED of {ELMAN['relu_where'].name}, as exact identities:")
    assert "its gradient is the derivative of its forward pass" in words
    assert "its forward pass is the formula of the network" in words
    assert "T=64" in words
    assert "elman_relu_where.py, line 18 (>)" in words
    assert "CERTIFIED" not in rest
    assert GRADIENT in rest


def test_the_text_shows_no_certificate_of_a_failed_check() -> None:
    """A truncation at 10 is certified at T = 8: told there, it would be taken for the whole."""
    report = report_of(WRONG_ELMAN["truncated_at_10"])
    assert by_name(report)[GRADIENT].certificates  # what was proved is not forgotten
    head = " ".join(report_text(report).split("\n\n")[0].split())
    assert "formula of the network" in head
    assert "derivative" not in head
    both = report_of(wrap(forward_without_h0, no_transpose))
    assert {f.check for f in both.findings} == set(CHECKS)
    assert "CERTIFIED" not in report_text(both)


def test_json_has_the_certificates(tmp_path: Path) -> None:
    report = report_of(ELMAN["relu_where"])
    file = tmp_path / "report.json"
    write_json(file, [report], report.exit_code)
    read = json.loads(file.read_text(encoding="utf-8"))["reports"][0]
    assert read == json.loads(json.dumps(report_dict(report)))
    for check, found in zip(report.checks, read["checks"], strict=True):
        assert len(found["certificates"]) == len(check.certificates) > 0
        for certificate, document in zip(check.certificates, found["certificates"], strict=True):
            assert document["what"] == certificate.what
            assert document["sizes"] == certificate.sizes
            assert document["T"] == certificate.T
            assert document["false_accept"] == certificate.false_accept
            lines = {(b["file"], b["line"], b["relation"]) for b in document["branches"]}
            assert ("elman_relu_where.py", 18, ">") in lines
            assert all(b["held"] + b["failed"] > 0 for b in document["branches"])


def test_the_same_seed_gives_the_same_certificates() -> None:
    first, again = (report_of.__wrapped__("manual", seed=1) for _ in range(2))
    assert first == again


def test_a_slow_network_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from rnncheck.properties import trial

    monkeypatch.setattr(trial, "SLOW", -1.0)
    report = report_of.__wrapped__(right)
    assert all(c.status is Status.NOT_APPLICABLE for c in report.checks)
    assert all("one call takes more than" in c.note for c in report.checks)
