"""The catalogue's own rules: what an entry is, what it says of itself, and how many there are."""

import inspect
import re
from collections import Counter

import pytest

from rnncheck.implementations.faulty.catalogue import FAMILIES, Fault, faults, named, variants
from rnncheck.implementations.faulty.plain import Plain

ENTRIES = [*faults(), *variants()]
ISSUE = re.compile(r"[\w.-]+/[\w.-]+(?: PR)?#\d+|datascience\.SE \d+|stackoverflow")
ARRAYS = {"weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_ho", "bias_o", "x", "h0"}
TERMS = re.compile(
    r"every term|none counted|times -?[\d.e-]+|divided by (T|B|T B)|lags \d+ and up|lag 0|step 0|last step"
    r"|steps but the (first|last)|row 0|last row|rows but the (first|last)|what (h_n|the output) brings"
    r"|steps in another order|some units|large entries|what the (other direction|layer above) brings"
    r"|what the generated steps bring|not finite|rows without steps"
)


def test_there_are_a_hundred_faults_sixty_of_them_real_and_fifteen_variants() -> None:
    assert len(faults()) >= 100
    assert len([fault for fault in faults() if ISSUE.search(fault.seen)]) >= 60
    assert len(variants()) >= 15
    assert {fault.family for fault in faults()} == set(FAMILIES)


def test_names_are_told_apart() -> None:
    assert not [name for name, n in Counter(entry.id for entry in ENTRIES).items() if n > 1]
    for entry in ENTRIES:
        assert named(entry.id) == entry
    with pytest.raises(KeyError, match="no fault is called transpose"):
        named("transpose")


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_an_entry_says_what_is_wrong_how_it_shows_and_where_it_was_seen(entry: Fault) -> None:
    assert re.fullmatch(r"\S.*\.", entry.what)
    assert len(entry.what) <= 110
    assert entry.shows
    assert entry.seen == "by hand" or entry.seen
    assert entry.seen.startswith(("by hand", "published network")) or (
        ISSUE.search(entry.seen) or entry.family == "variants"
    ), entry.seen


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.id)
def test_an_entry_overrides_an_equation_or_two_that_there_are(entry: Fault) -> None:
    own = [n for n, found in vars(entry.make).items() if inspect.isfunction(found)]
    equations = [name for name in own if hasattr(Plain, name) and name != "__init__"]
    most = 6 if entry.family == "variants" else 3
    assert 1 <= len(equations) <= most
    assert entry.code.startswith(("def ", "@"))


@pytest.mark.parametrize("fault", [f for f in faults() if f.terms or f.wrong], ids=lambda f: f.id)
def test_a_gradient_fault_says_where_it_is(fault: Fault) -> None:
    assert TERMS.fullmatch(fault.terms)
    assert fault.wrong
    assert set(fault.wrong) <= ARRAYS
