"""The walk-through is a notebook, its numbers are the same at every stage, and they are true."""

import ast
import re
from typing import Any

import numpy as np
from examples.running import FOLDER, Run
from training.judging import judged

from rnncheck.case import Array, Case
from rnncheck.implementations.autodiff import operations
from rnncheck.implementations.scalar import Value
from rnncheck.spec import RNNSpec


def cells(source: str) -> list[str]:
    return re.split(r"^# %%", source, flags=re.MULTILINE)[1:]


def test_the_walk_through_opens_as_a_notebook() -> None:
    """Cells of prose are comments alone; those of code can be run one after the other."""
    source = (FOLDER / "walk_through.py").read_text(encoding="utf-8")
    assert source.startswith("# %% [markdown]\n# # ")
    prose = [cell for cell in cells(source) if cell.startswith(" [markdown]\n")]
    code = [cell for cell in cells(source) if cell.startswith("\n")]
    assert len(prose) + len(code) == len(cells(source))
    assert len(code) >= 7
    for cell in prose:
        assert all(not line or line.startswith("#") for line in cell.splitlines()[1:])
    for cell in code:
        assert ast.parse(cell).body


def test_the_walk_through_has_the_same_numbers_at_every_stage(run: Run) -> None:
    ran = run("walk_through")
    has_torch = "torch is not installed" not in ran.text
    stages = ["by hand", "autodiff", *["torch"] * has_torch]
    assert "OTHER NUMBERS" not in ran.text
    assert re.findall(r"(.*): the same numbers, every one", ran.text) == stages
    for line in ("loss", "d loss / d W", "d loss / d U", "d loss / d b", "d loss / d x"):
        printed = [each for each in ran.text.splitlines() if each.startswith(f"{line} ")]
        exact = [each for each in printed if "is off by" not in each]
        assert len(exact) == 1 + len(stages)
        assert len(set(exact)) == 1
    used = [
        float(u) for u in re.findall(r"(\d\.\d\d) (?:by hand|autodiff|ready made|torch)", ran.text)
    ]
    assert len(used) == 5 * (3 + has_torch)
    assert max(used) <= 1
    careless, right = ran.text.split("careless: ")[1].split("by hand: ")
    assert careless.startswith("WRONG\n")
    assert "W_hh where its transpose belongs" in careless
    assert "(carry_without_transpose;" in careless
    assert right.strip() == "RIGHT"

    for phi in ("relu", "tanh"):
        assert_true(ran.names, phi)


def assert_true(names: dict[str, Any], phi: Any) -> None:
    """Every stage beside ball arithmetic; ReLU's numbers are exact, and so is their truth."""
    zero = np.zeros((1, 2, 2))
    spec = RNNSpec(1, 2, nonlinearity=phi)
    true = judged(Case(spec, names["state"], names["x"], zero, names["C"], zero))
    stages: dict[str, dict[str, Array]] = {
        "numbers": names["by_numbers"](getattr(Value, phi)),
        "by hand": names["by_hand"](phi),
        "autodiff": names["by_autodiff"](getattr(operations, phi)),
    }
    if "torch" in names:
        stages["torch"] = names["by_torch"](phi)
    for results in stages.values():
        for key, name in names["names"].items():
            assert true.accepts(name, results[key])
            if phi == "relu":
                assert not true.truth[name].error(results[key]).any()
                assert not true.truth[name].radius.any()
