"""What an import brings along: importing a reference, or rnncheck alone, stays cheap."""

import subprocess
import sys
from pathlib import Path

import pytest

import rnncheck

ROOT = Path(rnncheck.__file__).parents[1]
HEAVY = ["numpy", "flint", "hypothesis", "torch", "rich", "click"]


def loaded(statement: str) -> set[str]:
    """The top-level modules that are loaded in a new process after the statement."""
    code = f"{statement}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ("import rnncheck", []),
        ("import rnncheck.spec", []),
        ("import rnncheck.implementations", []),
        ("import rnncheck.implementations.scalar", []),
        ("import rnncheck.implementations.manual", ["numpy"]),
        ("import rnncheck.implementations.autodiff", ["numpy"]),
        ("from rnncheck.implementations.manual import RNN; RNN(2, 3)", ["numpy"]),
        ("from rnncheck.implementations.scalar import RNN; RNN(2, 3)([[1.0, 2.0]])", []),
        ("from rnncheck import RNNSpec; RNNSpec(2, 3)", []),
        ("from rnncheck import Case, wrap, Implementation, Report", ["numpy"]),
    ],
)
def test_nothing_heavy_comes_along(statement, allowed):
    assert loaded(statement) & set(HEAVY) == set(allowed)


@pytest.mark.parametrize("reference", ["scalar", "manual", "autodiff"])
def test_the_references_do_not_import_one_another(reference):
    others = {"scalar", "manual", "autodiff"} - {reference}
    code = (
        f"import rnncheck.implementations.{reference}, sys\n"
        "ours = [n.split('.') for n in sys.modules if n.startswith('rnncheck.implementations.')]\n"
        "print(*{parts[2] for parts in ours})"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert reference in run.stdout.split()
    assert not others & set(run.stdout.split())


def test_spec_and_scalar_need_the_standard_library_alone():
    """Of what is installed beside Python, only rnncheck itself is loaded (and what -c had)."""
    empty = loaded("pass")
    found = loaded("import rnncheck.implementations.scalar") - empty
    assert {name for name in found if name not in sys.stdlib_module_names} == {"rnncheck"}


@pytest.mark.parametrize("name", rnncheck.__all__)
def test_every_public_name_is_there(name):
    value = getattr(rnncheck, name)
    assert value.__name__ == name
    assert value.__module__.startswith("rnncheck.")
    assert value.__doc__


def test_another_name_is_not():
    with pytest.raises(AttributeError, match="module 'rnncheck' has no attribute 'chek'"):
        rnncheck.chek  # type: ignore[attr-defined]  # noqa: B018
