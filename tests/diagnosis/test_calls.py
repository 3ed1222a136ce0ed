"""Names for mistakes that no single call shows: what is kept between calls, and what is taken or refused."""

import numpy as np
import pytest

from rnncheck.case import Case
from rnncheck.diagnosis.behaviour import Calls, is_same, is_wrong, observe
from rnncheck.diagnosis.derived import derived_cases, earlier
from rnncheck.diagnosis.dictionary import names
from rnncheck.implementations.faulty import catalogue
from rnncheck.implementations.faulty.accumulation import LastBlockOfRowsLeftOut
from rnncheck.implementations.faulty.carry import CarryWithoutTranspose
from rnncheck.implementations.faulty.plain import Plain
from rnncheck.properties.draw import Draw
from rnncheck.properties.registry import named_checks
from rnncheck.properties.strategies import build
from rnncheck.properties.trial import PoolCase
from rnncheck.spec import RNNSpec

KEPT = (
    "gradients_pile_up", "another_variable_zeroed", "input_gradient_not_trimmed",
    "buffers_of_the_first_batch", "masks_cached_by_shape", "bptt_length_cached",
    "initial_state_cached", "initial_state_one_call_late",
)  # fmt: skip


def case(
    T: int, B: int, lengths: tuple[int, ...] | None = None, generated: int = 0, seed: int = 5
) -> Case:
    I, H = 2 + generated, 2 + generated  # noqa: E741
    return build(
        Draw(
            RNNSpec(I, H, generated=generated), T, B, "orthogonal", "both", h0=True, final_state=True,
            lengths=lengths, dropout=False, dtype="float64", one_bias=False, seed=seed,
        )
    )  # fmt: skip


def cases() -> list[PoolCase]:
    return [PoolCase(case(4, 3)), PoolCase(case(5, 2, (5, 3))), PoolCase(case(2, 2, generated=2))]


def check(name: str):
    return named_checks([name])[0]


@pytest.mark.parametrize("name", KEPT)
def test_what_is_kept_shows_after_another_call_and_is_named(name: str) -> None:
    make = catalogue.named(name).make
    calls = [Calls(entry) for entry in cases()]
    after = [Calls(e, before) for e in cases() for before in earlier(make(), e)]
    assert not any(
        is_wrong(observe(make(), one), one.entry)
        for one in calls
        if not one.entry.case.spec.generated
    )
    assert any(is_wrong(observe(make(), one), one.entry) for one in after)
    found = names(make, check("gradient_matches_truth"), cases()[:1], cases()[1:])
    assert [str(one) for one in found] == [name]


@pytest.mark.parametrize("name", KEPT)
def test_without_its_entry_no_other_is_named(name: str) -> None:
    make = catalogue.named(name).make
    assert names(make, check("gradient_matches_truth"), cases()[:1], cases()[1:], name) == []


def test_a_right_network_gives_the_same_after_any_call() -> None:
    for entry in cases():
        before = earlier(Plain(), entry)
        assert len(before) >= 3
        seen = observe(Plain(), Calls(entry))
        for one in before:
            assert is_same(seen, Plain, Calls(entry, one))


def test_calls_before_differ_in_state_steps_rows_and_lengths() -> None:
    entry = PoolCase(case(5, 2, (5, 3)))
    before = [one.case for one in earlier(Plain(), entry)]
    assert all((one.h0[:, :2] != entry.case.h0).all() for one in before)
    assert {one.T for one in before} == {1, 5, 10}
    assert {one.B for one in before} == {2, 4}
    assert {tuple(one.lengths) for one in before if one.B == 2 and one.T == 5} == {
        (5, 3), (5, 5), (1, 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("full_length_refused", "good_input_is_taken"),
        ("lengths_taken_for_masks", "good_input_is_taken"),
        ("length_of_one_refused", "good_input_is_taken"),
        ("h0_rows_cut", "wrong_shapes_are_refused"),
        ("h0_layers_not_counted", "wrong_shapes_are_refused"),
        ("h0_broadcast_over_the_batch", "wrong_shapes_are_refused"),
        ("unbatched_refused", "unbatched_is_a_batch_of_one"),
        ("sizes_of_one_refused", "unbatched_is_a_batch_of_one"),
        ("float64_from_float32", "results_keep_the_dtype"),
    ],
)
def test_what_is_refused_is_told_by_the_checks_of_calls(name: str, law: str) -> None:
    make = catalogue.named(name).make
    padded = [PoolCase(case(4, 3, n)) for n in ((3, 3, 2), (4, 1, 2), (4, 2, 2))]
    single = [PoolCase(case(3, 1)), *cases()[:1]]
    single += [PoolCase(one.case.astype(np.float32)) for one in single]
    entries = [*padded, *single]
    assert [str(one) for one in names(make, check(law), entries)] == [name]
    assert names(make, check(law), entries, left_out=name) == []


def test_the_cases_that_a_check_makes_are_seen() -> None:
    entry = PoolCase(case(4, 3))
    made = derived_cases(check("an_empty_row_keeps_its_state"), Plain, entry)
    assert [one.case.lengths is not None and one.case.lengths[0] for one in made] == [0]
    assert derived_cases(check("gradient_matches_truth"), CarryWithoutTranspose, entry) == []


def test_what_shows_on_thousands_of_rows_alone_is_told_by_the_check_that_has_them() -> None:
    law, make = check("copies_of_the_rows_give_the_same"), LastBlockOfRowsLeftOut
    entry = PoolCase(case(4, 3))
    assert derived_cases(law, make, entry) == []  # their truth would take seconds
    assert [str(one) for one in names(make, law, [entry])] == ["last_block_of_rows_left_out"]
    assert names(Plain, law, [entry]) == []
    assert names(make, law, [entry], left_out="last_block_of_rows_left_out") == []


@pytest.mark.parametrize("entry", [e for e in catalogue.faults() if e.same_as], ids=lambda e: e.id)
def test_a_fault_in_other_words_is_the_same_to_the_bit(entry: catalogue.Fault) -> None:
    parts = [catalogue.named(name).make for name in entry.same_as]
    together = type("Together", (*parts, Plain), {})
    one = PoolCase(case(5, 2, (5, 3)).replace())
    both = PoolCase(build(
        Draw(
            RNNSpec(2, 3, 2, bidirectional=True), 5, 2, "orthogonal", "both", h0=True,
            final_state=True, lengths=(5, 3), dropout=False, dtype="float64", one_bias=False, seed=1,
        )
    ))  # fmt: skip
    for each in (one, both):
        own, other = observe(entry.make(), Calls(each)), observe(together(), Calls(each))
        assert isinstance(own, dict)
        assert isinstance(other, dict)
        assert all((own[name] == other[name]).all() for name in own)
    assert is_wrong(observe(entry.make(), Calls(both)), both)


def test_what_is_kept_and_what_is_wrong_at_once_are_named_together() -> None:
    both = ("zero_state_on_generated_steps", "another_variable_zeroed")
    parts = [catalogue.named(name).make for name in both]

    class Both(*parts):  # type: ignore[misc]
        pass

    shown, law = cases()[2:], check("gradient_matches_truth")
    others = [*cases()[:2], PoolCase(case(1, 2))]
    (found,) = names(Both, law, shown, others)
    assert {part.id for part in found.parts} == set(both)
    for name in both:
        left = {str(one) for one in names(Both, law, shown, others, name)}
        assert left <= set(both) - {name}  # of the forward pass, whose gradient is another matter
