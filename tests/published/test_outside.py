"""Defects outside the network: the loss, the accuracy, and how little it means that a network learns."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from published.subjects import FOLDER, load

import rnncheck

DOCS = (Path(__file__).parents[2] / "docs" / "published.md").read_text(encoding="utf-8")

RIGHT = {
    "the softmax alone": False,
    "the softmax alone, fixed": True,
    "the loss alone, as cross-entropy": False,
    "the pair, as cross-entropy": True,
    "the pair, as the loss that it prints": False,
    "the pair, fixed": True,
}


@pytest.mark.parametrize("name", RIGHT)
def test_the_loss_and_the_softmax_are_wrong_apart_and_hide_each_other(name: str) -> None:
    function, argument = load("layered_numpy").checks()[name]
    result = rnncheck.gradcheck(function, {"q": argument}, raise_exception=False)
    assert result.passed is RIGHT[name]


def test_every_pair_of_loss_and_softmax_is_checked() -> None:
    assert load("layered_numpy").checks().keys() == RIGHT.keys()


def test_an_accuracy_over_the_time_axis_praises_a_network_that_is_never_right() -> None:
    module = load("layered_numpy")
    y = np.eye(3)[[[0, 1, 0]]]
    p = np.array([[[0.25, 0.2, 0.55], [0.2, 0.25, 0.55], [0.2, 0.2, 0.6]]])
    assert module.accuracy(y, p) == 0
    assert module.published_accuracy(y, p) == 2 / 3  # of the three classes, not of the steps
    assert module.accuracy(y, y) == module.published_accuracy(y, y) == 1


def test_a_hundred_nodes_are_asked_for_and_ten_are_there() -> None:
    module = load("softmax_by_hand")
    assert module.SoftmaxRNN(100).n_nodes == 10
    assert module.SoftmaxRNN(100, frozenset()).n_nodes == 100


def test_a_wrong_gradient_learns() -> None:
    """The sum of squares of a gradient's errors is not 0, and the loss falls all the same."""
    module = load("softmax_by_hand")
    defects = module.DEFECTS - {"quadruple_precision"}
    losses, before, after = module.train(defects, epochs=60)
    assert losses[-1] < losses[0]
    assert 0 <= before <= 100
    assert 0 <= after <= 100


@pytest.mark.parametrize("name", ["forward_and_keras", "layered_numpy"])
def test_the_documentation_shows_what_a_file_prints(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")
    command = f"$ python examples/published/{name}.py\n"
    assert DOCS.split(command, 1)[1].startswith(capsys.readouterr().out)


def test_every_defect_is_in_the_documentation() -> None:
    for file in FOLDER.glob("*.py"):
        if file.stem != "peel":
            assert f"examples/published/{file.name}" in DOCS
            for defect in load(file.stem).DEFECTS:
                assert f"`{defect}`" in DOCS
