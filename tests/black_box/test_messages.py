"""What the report of a wrong gradient says, and the hints it gives only when they are certain."""

import pickle
from typing import Any

import numpy as np
import pytest

from rnncheck import GradientError, gradcheck
from rnncheck.black_box import GradientCheck


def quadratic(gradient: Any, shape: tuple[int, ...] = (3, 3), seed: int = 0) -> GradientCheck:
    """Σ A w + Σ w²/2 with gradient A + w, handed through `gradient`."""
    random = np.random.default_rng(seed)
    A, w = random.standard_normal(shape), random.standard_normal(shape)
    return gradcheck(
        lambda p: (np.sum(A * p["w"]) + 0.5 * np.sum(p["w"] ** 2), {"w": gradient(A + p["w"])}),
        {"w": w},
        raise_exception=False,
        name="quadratic",
    )


def test_a_finding_names_the_place_both_values_and_which_is_which() -> None:
    def loss_of_two(p: Any) -> Any:
        return 3.0 * p["good"][0] + 5.0 * p["bad"][1, 0], {
            "good": np.array([3.0]),
            "bad": np.array([[0.0, 0.0], [7.0, 0.0]]),
        }

    with pytest.raises(GradientError) as caught:
        gradcheck(loss_of_two, {"good": np.ones(1), "bad": np.ones((2, 2))})
    text = str(caught.value)
    assert "loss_of_two: WRONG GRADIENT of bad (1 wrong; 5 entries checked)" in text
    assert "bad[1, 0] is wrong" in text
    lines = [line.split(None, 1) for line in text.splitlines()]
    assert ["7", "is what loss_of_two gives"] in lines
    ours = next(line for line in lines if "differences of its own loss" in line[1])
    assert float(ours[0]) == pytest.approx(5.0, abs=1e-9)  # 24·310·u, κ = 32 times
    assert "good (1,): 1 of 1 right" in text
    assert "bad (2, 2): 3 of 4 right, 1 WRONG" in text
    assert "noise of the loss" in text
    assert "hint" not in text
    assert isinstance(caught.value, AssertionError)
    finding = caught.value.result.findings[0]
    assert (finding.name, finding.index, finding.claimed) == ("bad", (1, 0), 7.0)
    assert finding.gap == pytest.approx(2.0, abs=1e-9)
    assert str(pickle.loads(pickle.dumps(caught.value))) == text


@pytest.mark.parametrize(
    ("factor", "words"), [(0.5, "0.5 times"), (-1.0, "-1 times"), (1 / 7, "1/7 times")]
)
def test_a_constant_factor_is_told(factor: float, words: str) -> None:
    assert f"{words} the right one in every entry" in quadratic(lambda g: factor * g).text


def test_a_factor_in_all_but_one_entry_is_not_told() -> None:
    def half_but_one(g: Any) -> Any:
        return np.where(np.arange(9).reshape(3, 3) == 4, g, 0.5 * g)

    result = quadratic(half_but_one)
    assert result.wrong == 8
    assert "times the right one" not in result.text


def test_a_factor_that_does_not_explain_an_entry_of_0_is_not_told() -> None:
    """Half of 3 and of 5, and 1 where the right gradient is 0."""
    c = np.array([3.0, 5.0, 0.0])
    result = gradcheck(
        lambda p: (c @ p["w"], {"w": np.array([1.5, 2.5, 1.0])}),
        {"w": np.array([0.3, 0.7, -0.2])},
        raise_exception=False,
    )
    assert result.wrong == 3
    assert "times the right one" not in result.text


def test_a_factor_of_a_single_number_is_not_told() -> None:
    assert "times the right" not in quadratic(lambda g: 0.5 * g, (1,)).text


def test_the_transpose_is_told() -> None:
    assert "the transpose of the right one" in quadratic(lambda g: g.T.copy()).text
    stacked = quadratic(lambda g: g.transpose(0, 2, 1).copy(), (2, 3, 3)).text
    assert "the transpose of the right one (in its last two axes)" in stacked


def test_a_transpose_of_all_but_one_entry_is_not_told() -> None:
    def turned(g: Any) -> Any:
        return np.where(np.arange(9).reshape(3, 3) == 1, g + 1, g.T)

    assert "transpose" not in quadratic(turned).text


def test_0_everywhere_is_told() -> None:
    assert "is 0 in every entry" in quadratic(np.zeros_like).text


def test_a_small_difference_shows_in_the_digits() -> None:
    text = quadratic(lambda g: g * (1 + 1e-9)).text
    values = [line.split()[0] for line in text.splitlines() if "is what" in line]
    assert values[0] != values[1]


def test_entries_drawn_are_counted_and_repeat_with_the_seed() -> None:
    w = np.random.default_rng(0).standard_normal((5, 4))

    def drawn(seed: int) -> GradientCheck:
        return gradcheck(
            lambda p: (np.sum(p[0] ** 2) + p[1], [2 * p[0], 1.0]), [w, 2.0], entries=6, seed=seed
        )

    result = drawn(1)
    assert (result.checked, result.total) == (7, 21)
    assert "7 entries checked, of 21" in result.text
    assert "parameters[0] (5, 4): 6 of 6 right, 14 not looked at" in result.text
    indices = [[e.index for e in drawn(s).arrays[0].entries] for s in (1, 1, 2)]
    assert indices[0] == indices[1] != indices[2]
    assert len(set(indices[0])) == 6


def test_progress_counts_every_entry() -> None:
    seen: list[tuple[int, int]] = []
    gradcheck(
        lambda p: (np.sum(p["w"] ** 2), {"w": 2 * p["w"]}),
        {"w": np.ones(3)},
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_what_could_be_proved_is_printed() -> None:
    right, wrong = quadratic(lambda g: g), quadratic(lambda g: 2.0 * g)
    assert right.certificate is not None
    assert right.certificate.startswith("CERTIFIED: the gradient is the derivative of the loss")
    assert right.certificate in right.text
    assert wrong.certificate is not None
    assert wrong.certificate.startswith("not certified")
    assert "CERTIFIED" not in wrong.text


def test_code_that_cannot_be_followed_is_told() -> None:
    def rounded(p: dict[str, Any]) -> tuple[float, dict[str, Any]]:
        return float(1000) + float(np.sum(p["w"] ** 2)), {"w": 2.0 * np.round(p["w"], 12)}

    result = gradcheck(rounded, {"w": np.array([0.5, 1.0])}, raise_exception=False)
    assert result.certificate is not None
    assert result.certificate.startswith("not certified: its code cannot be followed: ")
