"""Laws hold for right networks, in each of the references and in torch, and say something of them."""

import pytest
from altered_networks import laws_of, manual_in, right, verdicts

LAWS = [law for family in ("time", "chunks", "closed") for law in laws_of(family)]


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize(("name", "count"), [("scalar", 12), ("autodiff", 24), ("torch", 24)])
def test_right_networks_pass(name: str, count: int, law: str) -> None:
    if name == "torch":
        pytest.importorskip("torch")
    words = {verdict.word for _, verdict in verdicts(law, right(name), count)}
    assert words <= {"passed", "not_applicable", "refused"}


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_network_passes_and_a_fair_share_of_cases_are_witnesses(
    dtype: str, law: str
) -> None:
    found = [verdict for _, verdict in verdicts(law, manual_in(dtype), 40)]
    assert {verdict.word for verdict in found} <= {"passed", "not_applicable"}
    outcomes = [verdict.outcome for verdict in found if verdict.outcome]
    assert sum(outcome.witness for outcome in outcomes) >= max(len(outcomes) / 4, 1)
