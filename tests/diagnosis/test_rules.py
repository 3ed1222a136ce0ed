"""Mistakes that need no entry in the catalogue, over networks of different kinds."""

from rnncheck.diagnosis.rules import by_rule
from rnncheck.implementation import Implementation
from rnncheck.implementations.faulty.carry import CarryWithoutTranspose
from rnncheck.implementations.faulty.cell import Array, Cell
from rnncheck.implementations.faulty.plain import Plain
from rnncheck.properties.draw import Draw
from rnncheck.properties.strategies import build
from rnncheck.properties.trial import PoolCase, Trial
from rnncheck.spec import RNNSpec


class WithoutFirstBias(Plain):
    def biases(self, cell: Cell) -> Array | float:
        return 0.0 if cell.bias_hh is None else cell.bias_hh


class FromZeros(Plain):
    def initial_state(self, spec: RNNSpec, h0: Array, layer: int, direction: int) -> Array:
        return super().initial_state(spec, h0 * 0, layer, direction)


def trials(subject: Implementation, *biases: bool) -> list[Trial]:
    """One trial for each: a network with biases or without."""
    cases = [
        build(
            Draw(
                RNNSpec(2, 3, bias=bias), 4, 2, "orthogonal", "both", h0=True, final_state=True,
                lengths=None, dropout=False, dtype="float64", one_bias=False, seed=5 + i,
            )
        )
        for i, bias in enumerate(biases)
    ]  # fmt: skip
    return [Trial(subject, PoolCase(case)) for case in cases]


def test_an_ignored_array_is_named_whatever_else_the_networks_have() -> None:
    assert by_rule(trials(FromZeros(), True, False)) == (
        "h0 is ignored: the output is right for h0 = 0"
    )
    assert by_rule(trials(WithoutFirstBias(), True, True)) == (
        "bias_ih_l0 is ignored: the output is right for bias_ih_l0 = 0"
    )


def test_what_only_some_networks_have_explains_nothing() -> None:
    """A network without biases cannot be right for biases of 0 only; it must not be asked, either."""
    assert by_rule(trials(CarryWithoutTranspose(), True, False)) is None
    assert by_rule(trials(CarryWithoutTranspose(), False, True)) is None
    assert by_rule(trials(Plain(), True, False)) is None
