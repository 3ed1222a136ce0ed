"""Second derivatives: right ones pass both ways, wrong ones are found."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pytest

import rnncheck
from rnncheck.case import Case
from rnncheck.implementation import Capabilities, Forward, Gradients, SecondOrder
from rnncheck.implementations.references import reference
from rnncheck.report import CheckReport, Status

CHECKS = ("hessian_vector_is_certified", "hessian_vector_matches_differences")
RIGHT = cast(SecondOrder, reference("autodiff"))
Change = Callable[[Gradients, Gradients], Gradients]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@dataclass(frozen=True)
class Changed:
    """The autodiff reference, its second derivatives changed."""

    change: Change
    name: str = "changed"
    capabilities: Capabilities = RIGHT.capabilities
    right: SecondOrder = RIGHT

    def forward(self, case: Case) -> Forward:
        return self.right.forward(case)

    def gradients(self, case: Case) -> Gradients:
        return self.right.gradients(case)

    def hessian_vector(self, case: Case, vectors: Gradients) -> Gradients:
        return self.change(self.right.hessian_vector(case, vectors), vectors)


def checks_of(subject: object) -> dict[str, CheckReport]:
    report = rnncheck.check(subject, profile="quick", checks=CHECKS)
    return {check.check: check for check in report.checks}


def unchanged(products: Gradients, vectors: Gradients) -> Gradients:
    return products


def too_small(products: Gradients, vectors: Gradients) -> Gradients:
    """By 1e-6: less than a step sees, but for the extrapolation."""
    return {name: product * (1.0 - 1e-6) for name, product in products.items()}


def without_h0(products: Gradients, vectors: Gradients) -> Gradients:
    return {**products, "h0": 0.0 * products["h0"]}


def of_x_for_h0(products: Gradients, vectors: Gradients) -> Gradients:
    """The vector itself: right for the Hessian 1."""
    return {**products, "x": vectors["x"]}


def test_the_right_ones_pass_and_are_certified() -> None:
    found = checks_of(Changed(unchanged))
    assert {check.status for check in found.values()} == {Status.PASSED}
    certificates = found["hessian_vector_is_certified"].certificates
    assert {certificate.what for certificate in certificates} == {"second"}
    assert max(certificate.T for certificate in certificates) >= 33
    assert all(certificate.false_accept <= 1e-15 for certificate in certificates)


@pytest.mark.parametrize("change", [too_small, without_h0, of_x_for_h0])
def test_wrong_ones_are_found_and_not_certified(change: Change) -> None:
    found = checks_of(Changed(change))
    assert found["hessian_vector_matches_differences"].status is Status.FAILED
    assert found["hessian_vector_is_certified"].status is Status.NOT_APPLICABLE
    assert not found["hessian_vector_is_certified"].certificates


def test_torchs_second_derivatives_pass() -> None:
    pytest.importorskip("torch")
    found = checks_of("torch")
    assert found["hessian_vector_matches_differences"].status is Status.PASSED


def test_without_second_derivatives_they_are_not_applicable() -> None:
    found = checks_of("manual")
    assert {check.status for check in found.values()} == {Status.NOT_APPLICABLE}
    assert {check.note for check in found.values()} == {"no second derivatives"}
    with pytest.raises(TypeError, match="manual has no second derivatives"):
        reference("manual").hessian_vector(  # type: ignore[union-attr]
            rnncheck.Case(
                rnncheck.RNNSpec(1, 1),
                {n: np.ones(s) for n, s in rnncheck.RNNSpec(1, 1).parameter_shapes().items()},
                np.ones((1, 1, 1)), np.ones((1, 1, 1)), np.ones((1, 1, 1)), np.ones((1, 1, 1)),
            ),
            {},
        )  # fmt: skip
