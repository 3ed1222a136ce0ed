"""Right networks pass, wrong ones fail, and the report names what is wrong."""

from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest

import rnncheck
from rnncheck.implementation import Implementation
from rnncheck.implementations.references import NAMES
from rnncheck.properties.registry import all_checks
from rnncheck.report import ExitCode, Finding, Report, Status


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


CORE = tuple(
    check.id
    for check in all_checks()
    if check.family in ("proof", "truth", "dyadic", "gradients", "agreement")
)
"""The checks that this file is about; the laws between runs have tests of their own."""


WITHOUT_PROOFS = tuple(c.id for c in all_checks() if c.id in CORE and c.family != "proof")
"""To shrink what a proof finds takes long; test_proof_checks.py has that."""


def core(subject: object, **options: Any) -> Report:
    return rnncheck.check(subject, **({"checks": CORE} | options))


def findings(subject: Implementation) -> dict[str, Finding]:
    report = core(subject, profile="quick", checks=WITHOUT_PROOFS)
    assert not report.passed
    assert report.exit_code == ExitCode.FINDING
    return {finding.check: finding for finding in report.findings}


SECOND = {"hessian_vector_is_certified", "hessian_vector_matches_differences"}
SILENT = {
    "manual": SECOND,
    "autodiff": set(),
    # It computes in Python's own floats, whatever it is given.
    "scalar": SECOND | {"gradient_matches_complex_step"},
    # It has no code that could be followed.
    "torch": {"gradient_is_certified", "forward_is_certified", "hessian_vector_is_certified"},
}
"""Checks of which each of them says nothing."""


@pytest.mark.parametrize("name", [*NAMES, "torch"])
def test_references_and_torch_are_right(name: str) -> None:
    """One of them by every check; the gate takes all of them through all."""
    report = rnncheck.check(name, profile="quick", checks=() if name == "manual" else CORE)
    assert report.passed, report
    ran = {c.check for c in report.checks if c.status is Status.PASSED}
    expected = {c.check for c in report.checks}
    assert ran == expected - SILENT[name] - {"agrees_with_torch"}  # quick leaves torch out
    measured = [c for c in report.checks if c.check in ran and not c.certificates]
    assert all(c.worst is not None and c.worst <= 1.0 for c in measured)
    assert len(measured) >= 5


def test_a_right_network_of_ones_own_is_right() -> None:
    report = core(networks.right, profile="quick")
    assert report.passed, report
    assert report.findings == ()
    rnncheck.assert_correct(networks.right, profile="quick")


def test_a_class_of_torch_and_one_of_ours_go_through_the_same_door() -> None:
    torch = pytest.importorskip("torch")
    from rnncheck.implementations.manual import RNN

    assert core(torch.nn.RNN, profile="quick").implementation == "torch"
    assert core(RNN, profile="quick").passed


def test_a_missing_transpose_is_a_fault_of_the_carry_through_W_hh() -> None:
    found = findings(networks.wrap(networks.forward, networks.no_transpose))
    assert set(found) >= {"gradient_matches_truth", "gradient_matches_own_forward"}
    assert "forward_matches_truth" not in found
    finding = found["gradient_matches_truth"]
    assert finding.diagnosis is not None
    assert finding.diagnosis.startswith("W_hh stands where its transpose belongs")
    assert finding.faults == ("transpose_missing",)
    assert finding.where is not None
    assert set(finding.where.wrong) == {"weight_ih", "weight_hh", "bias_ih", "x", "h0"}
    assert finding.where.terms == "lags 1 and up"


def test_an_ignored_h0_is_named() -> None:
    found = findings(networks.wrap(networks.forward_without_h0, networks.backward_without_h0))
    forward = found["forward_matches_truth"]
    assert forward.diagnosis is not None
    assert forward.diagnosis.startswith("The initial state is ignored")
    assert "h0" in found["gradient_matches_truth"].wrong
    assert "gradient_matches_own_forward" not in found


def test_a_tanh_in_float32_is_found_in_the_output() -> None:
    found = findings(networks.wrap(networks.forward_in_float32, networks.backward))
    forward = found["forward_matches_truth"]
    assert forward.place is not None
    assert forward.place.array in ("output", "h_n")
    assert forward.diagnosis is not None
    assert "float32" in forward.diagnosis


@pytest.mark.parametrize("name", ["W_ih", "W_hh", "b", "x", "h0"])
def test_one_wrong_gradient_is_the_one_that_is_named(name: str) -> None:
    def one_wrong(*arguments: object) -> networks.Arrays:
        gradients = networks.backward(*arguments)  # type: ignore[arg-type]
        return gradients | {name: gradients[name] * (1 + 1e-9)}

    found = findings(networks.wrap(networks.forward, one_wrong))
    finding = found["gradient_matches_truth"]
    assert finding.place is not None
    assert finding.place.array == name
    assert set(finding.wrong) == {name}
    assert name not in finding.right


def test_a_gradient_that_is_never_computed_is_named() -> None:
    def no_bias(*arguments: object) -> networks.Arrays:
        gradients = networks.backward(*arguments)  # type: ignore[arg-type]
        return gradients | {"b": np.zeros_like(gradients["b"])}

    finding = findings(networks.wrap(networks.forward, no_bias))["gradient_matches_truth"]
    assert finding.diagnosis is not None
    assert "the gradient for b is off: it is 0 everywhere" in finding.diagnosis


def test_the_smallest_case_is_on_disk_and_fails_alone() -> None:
    subject = networks.wrap(networks.forward_without_h0, networks.backward_without_h0)
    finding = findings(subject)["forward_matches_truth"]
    assert finding.case_file is not None
    case = rnncheck.Case.load(finding.case_file)
    assert (case.T, case.B, case.spec.input_size, case.spec.hidden_size) == (1, 1, 1, 1)
    expected = np.tanh(sum_of_terms(case, with_h0=True))
    assert subject.forward(case).output.item() == np.tanh(sum_of_terms(case, with_h0=False))
    assert expected != subject.forward(case).output.item()


def sum_of_terms(case: rnncheck.Case, with_h0: bool) -> float:
    """a = W_ih x + W_hh h0 + b, for a case in which everything has one entry."""
    p = case.parameters
    state = (p["weight_hh_l0"] * case.h0[0]).item() if with_h0 else 0.0
    return float((p["weight_ih_l0"] * case.x[0]).item() + state + p["bias_ih_l0"].item())


def test_the_same_seed_gives_the_same_report() -> None:
    subject = networks.wrap(networks.forward, networks.no_transpose)
    first, second = (core(subject, profile="quick", seed=3, database="none") for _ in range(2))
    passed = [c for c in first.checks if c.status is Status.PASSED]
    assert passed
    assert all(c in second.checks for c in passed)
    assert [f.message for f in first.findings] == [f.message for f in second.findings]
    assert first.findings[0].case.origin == second.findings[0].case.origin


def test_without_backward_gradient_checks_are_not_applicable() -> None:
    report = core(networks.wrap(networks.forward), profile="quick")
    statuses = {c.check: c.status for c in report.checks}
    assert statuses["forward_matches_truth"] is Status.PASSED
    assert statuses["gradient_matches_truth"] is Status.NOT_APPLICABLE
    assert statuses["gradient_matches_own_forward"] is Status.NOT_APPLICABLE
    assert report.passed


def test_assert_correct_raises_with_the_report() -> None:
    subject = networks.wrap(networks.forward, networks.no_transpose, name="no transpose")
    with pytest.raises(AssertionError, match=r"(?s)WRONG: no transpose .*"):
        rnncheck.assert_correct(subject, profile="quick")


def test_a_network_that_gives_no_h_n_is_not_asked_for_its_gradient() -> None:
    def output_only(params: networks.Arrays, x: object, h0: object) -> object:
        return networks.forward(params, x, h0)[0]

    def ignoring_d_h_n(p: networks.Arrays, x: object, h0: object, d: object) -> networks.Arrays:
        return networks.backward(p, x, h0, d, np.zeros_like(h0))  # type: ignore[call-overload]

    report = core(networks.wrap(output_only, ignoring_d_h_n), profile="quick")
    assert report.passed, report


def test_a_string_names_a_built_in_or_a_file_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(rnncheck.UsageError, match="'foo' is neither a built-in"):
        core("foo")
    with pytest.raises(rnncheck.UsageError, match=r"no file gone\.py"):
        core("gone.py:rnn")
    file = tmp_path / "mine.py"
    file.write_text(
        "import networks\none = networks.right\ntwo = networks.wrap(networks.forward)\n"
    )
    with pytest.raises(rnncheck.UsageError, match=r"several networks \(right, mine\)"):
        core(str(file))
    assert core(f"{file}:one", profile="quick").implementation == "right"


@pytest.mark.parametrize("factor", [0.999999, 1 + 1e-7])
def test_a_small_factor_is_not_called_float32(factor: float) -> None:
    """As small as float32's errors, and no rounding: a wrong name is worse than none."""

    def shrunk(params: networks.Arrays, x: object, h0: object) -> object:
        return networks.forward(params | {"W_hh": factor * params["W_hh"]}, x, h0)

    diagnosis = findings(networks.wrap(shrunk))["forward_matches_truth"].diagnosis
    assert diagnosis is None or "float32" not in diagnosis


@pytest.mark.parametrize("seed", range(4))
def test_an_ignored_h0_is_named_whatever_the_pool_holds(seed: int) -> None:
    subject = networks.wrap(networks.forward_without_h0)
    report = core(subject, profile="quick", seed=seed, checks=("forward_matches_truth",))
    diagnosis = report.findings[0].diagnosis
    assert diagnosis is not None
    assert diagnosis.startswith("The initial state is ignored")


def test_findings_are_there_as_soon_as_their_check_has_ended() -> None:
    from rnncheck.events import CheckEnded, Event, Found, Running

    seen: list[Event] = []
    subject = networks.wrap(networks.forward, networks.no_transpose)
    core(subject, profile="quick", on_event=seen.append)
    kinds = [type(event) for event in seen]
    first = kinds.index(Found)
    assert CheckEnded in kinds[first:]
    # Other checks run after the first finding has been told.
    assert Running in kinds[kinds.index(CheckEnded, first) :]


def test_arguments_of_the_wrong_kind_are_named() -> None:
    with pytest.raises(TypeError, match="seed must be an int, not 'x'"):
        core("manual", seed="x")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="checks must be a tuple"):
        core("manual", checks="forward_matches_truth")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="name must be a string, not 3"):
        networks.wrap(networks.forward, name=3)  # type: ignore[arg-type]
