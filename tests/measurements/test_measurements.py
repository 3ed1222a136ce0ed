"""The measurements of docs/benchmarks.md, in small: no false alarm, every truncation detected."""

import importlib
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("torch")


@pytest.fixture
def false_alarms() -> ModuleType:
    return importlib.import_module("benchmarks.false_alarms")


def test_correct_networks_are_not_accused(false_alarms: ModuleType) -> None:
    counts, accused = false_alarms.examine(0)
    assert accused == []
    words = {name: sum(n for (_, w), n in counts.items() if w == name) for _, name in counts}
    assert sum(words.values()) == false_alarms.CHUNK
    # Most cases can say something: 90 of 100 in the full count, 50 is far from chance.
    assert words["passed"] > false_alarms.CHUNK / 2


def test_a_wrong_network_among_them_is(
    false_alarms: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    networks = importlib.import_module("benchmarks.networks")
    wrong = networks.network(lambda a: np.tanh(a) * (1 + 1e-12), name="wrong")
    monkeypatch.setattr(false_alarms, "subject", lambda name: wrong)
    _, accused = false_alarms.examine(0)
    # Saturated or chaotic cases, and those in float32, may say nothing; most do.
    assert len({line.rpartition("case ")[2] for line in accused}) > false_alarms.CHUNK / 2


@pytest.mark.parametrize("k", [0, 5, 20, 47, 48])
def test_truncation_is_detected_up_to_the_last_lag_but_one(k: int) -> None:
    detection = importlib.import_module("benchmarks.detection")
    pools = importlib.import_module("rnncheck.pool").Pools()
    assert k < detection.T - 1
    assert not detection.passes_pool(k, pools)


def test_gradcheck_passes_what_is_detected_here() -> None:
    """BPTT cut to lags 0..20 at radius 0.3: gradcheck passes, the pool of cases does not."""
    detection = importlib.import_module("benchmarks.detection")
    assert detection.passes_gradcheck(20, detection.weights(0.3), fast=False)


def test_sections_of_the_page_are_replaced_in_place(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    main = importlib.import_module("benchmarks.__main__")
    page = tmp_path / "page.md"  # type: ignore[operator]
    page.write_text("# Head\n", encoding="utf-8")
    monkeypatch.setattr(main, "PAGE", page)
    main.write_section("detection", "one")
    main.write_section("false_alarms", "two \\1")
    main.write_section("detection", "three")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Head\n")
    assert "one" not in text
    assert text.index("three") < text.index("two \\1")


def test_dyadic_cases_give_the_same_bits_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    dyadic = importlib.import_module("benchmarks.dyadic")
    monkeypatch.setattr(dyadic, "CHUNK", 60)
    counts = dyadic.examine(0)
    assert counts["drawn"] == 60
    assert counts["cases"] > 30
    assert counts["runs"] > 3 * counts["cases"]  # torch runs some of them too
    assert counts["differ"] == 0


def test_one_bit_among_them_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    dyadic = importlib.import_module("benchmarks.dyadic")
    monkeypatch.setattr(dyadic, "CHUNK", 20)
    right = dyadic.arrays

    def off_by_an_ulp(subject: object, case: object) -> dict[str, np.ndarray]:
        found = right(subject, case)
        if getattr(subject, "name", "") == "autodiff":
            found["output"] = np.nextafter(found["output"], np.inf)
        return found

    monkeypatch.setattr(dyadic, "arrays", off_by_an_ulp)
    counts = dyadic.examine(0)
    assert counts["differ"] >= counts["cases"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_timed_computes_the_same(dtype: str) -> None:
    speed = importlib.import_module("benchmarks.speed")
    size = (5, 2, 3, 4)
    case = speed.draw(size, dtype)
    sides = {
        "torch": speed.torch_side(case),
        "plain": speed.module_side(speed.manual, case),
        "plan": speed.module_side(speed.manual, case, size),
        "autodiff": speed.module_side(speed.autodiff, case),
    }
    speed.agree(**sides)
    assert list(speed.in_turn(2, **sides)) == list(sides)
    wrong = {name: np.asarray(g) for name, g in sides["plan"]().items()}
    wrong["x"][0, 0, 0] += 1
    with pytest.raises(ValueError, match="x: plain and wrong do not agree"):
        speed.agree(plain=sides["plain"], wrong=lambda: wrong)


def test_the_share_of_the_peak() -> None:
    """Six products a step, of which three are of I columns and three of H: 6 at I = H."""
    speed = importlib.import_module("benchmarks.speed")
    times = {"product": [2.0], "plain": [15.0]}
    assert speed.share((9, 9, 5, 5), times, "plain") == "80"
    assert speed.share((9, 9, 5, 5), times, "product") == "100"
    assert speed.share((9, 9, 2, 3), times, "plain") == "100"


def test_every_entry_by_impulses_is_as_near_as_it_is_said_to_be() -> None:
    gradient_check = importlib.import_module("benchmarks.gradient_check")
    found = gradient_check.measured((6, 2, 3, 5), pairs=1)
    errors = [error for _, error in found]
    assert len(errors) == 5
    assert max(errors) <= 1e-9  # what is required of differences; of tangents, 1e-14
    assert errors[1] <= 1e-14
    assert min(ratio for ratio, _ in found) > 0
