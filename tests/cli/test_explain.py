"""`rnncheck explain`: what a check demands, and where the allowance of a kept case comes from."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from rnncheck.case import Case
from rnncheck.cli import main
from rnncheck.oracles.envelope import envelope
from rnncheck.properties.registry import all_checks
from rnncheck.spec import RNNSpec


def explain(what: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["explain", what])
    return result.exit_code, result.output


def case(spec: RNNSpec, scale: float = 1.0, T: int = 4) -> Case:
    random = np.random.default_rng(0)
    shapes = spec.array_shapes(T, 2)
    parameters = {n: scale * random.standard_normal(s) for n, s in spec.parameter_shapes().items()}
    arrays = {n: random.standard_normal(shapes[n]) for n in ("x", "h0", "d_output", "d_h_n")}
    return Case(spec, parameters, **arrays)


@pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.id)
def test_a_check_is_explained_by_its_docstring(check) -> None:
    code, text = explain(check.id)
    assert code == 0
    assert check.equation in text
    assert check.family in text


def rows(text: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.split()}


def test_a_case_lists_every_array_with_its_largest_allowance(tmp_path: Path) -> None:
    kept = case(RNNSpec(2, 3, output_size=2, readout="softmax"))
    code, text = explain(str(kept.save(tmp_path / "kept.npz")))
    assert code == 0
    allowed = envelope(kept)
    for name in ("output", "h_n", "x", "h0", "bias_o"):
        assert rows(text)[name][0] == f"{allowed[name].allowed.max():.2g}"


def test_an_identity_network_has_no_error_of_an_activation(tmp_path: Path) -> None:
    for nonlinearity, has_one in (("identity", False), ("tanh", True)):
        kept = case(RNNSpec(2, 3, nonlinearity=nonlinearity), 0.3)  # type: ignore[arg-type]
        _, text = explain(str(kept.save(tmp_path / "kept.npz")))
        head = next(line for line in text.splitlines() if line.startswith("array"))
        assert (" activation " in head) == has_one


def test_chaos_is_said(tmp_path: Path) -> None:
    kept = case(RNNSpec(2, 16), scale=1.0, T=300)
    assert envelope(kept).chaotic
    _, text = explain(str(kept.save(tmp_path / "kept.npz")))
    assert "Chaos" in text


def test_what_cannot_be_explained_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "other.npz").write_bytes(b"nothing")
    for what, words in (
        ("no_such_check", "no check is called no_such_check"),
        (str(tmp_path / "gone.npz"), "gone.npz"),
        (str(tmp_path / "other.npz"), "does not hold a case"),
    ):
        code, text = explain(what)
        assert code == 2
        assert words in text
        assert "Traceback" not in text
