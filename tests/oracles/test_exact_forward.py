"""The exact forward pass against rational arithmetic and closed forms; balls and their rounding."""

from dataclasses import replace
from fractions import Fraction
from math import factorial

import flint
import numpy as np
import pytest
from flint import arb, fmpq
from oracles.drawing import cases, draw, label
from oracles.rational import Rational

from rnncheck.case import Case
from rnncheck.oracles import balls
from rnncheck.oracles.balls import Ball
from rnncheck.oracles.truth import Exact, at_precision, exact_balls
from rnncheck.spec import Nonlinearity, Readout, RNNSpec


def linear_cases() -> list[Case]:
    """Those of `cases()` that rational arithmetic can run; readouts become the identity."""
    return [
        case.replace(spec=replace(case.spec, readout="identity"))
        for case in cases()
        if case.spec.nonlinearity in ("relu", "identity") and not case.spec.generated
    ]


def ball(number: Fraction) -> Ball:
    return arb(fmpq(number.numerator, number.denominator))


@pytest.mark.parametrize("case", linear_cases(), ids=label)
def test_every_array_is_the_rational_one(case: Case) -> None:
    """Exactly, at a precision at which nothing has to be rounded."""
    rational = Rational(case)
    with balls.precision(2 * rational.most_bits):
        found, _ = exact_balls(case)
        assert set(found) == set(rational.results)
        for name, numbers in rational.results.items():
            exact = [b.is_exact() for b in found[name]]
            assert exact == [True] * len(numbers), name
            assert found[name] == [ball(number) for number in numbers], name


@pytest.mark.parametrize("bits", [20, 53, 192])
@pytest.mark.parametrize("nonlinearity", ["relu", "identity"])
@pytest.mark.parametrize("case", linear_cases()[::7], ids=label)
def test_with_few_bits_the_rational_value_is_enclosed(
    case: Case, nonlinearity: Nonlinearity, bits: int
) -> None:
    """`hi + lo` is within `radius` of the true value, in exact arithmetic."""
    case = case.replace(spec=replace(case.spec, nonlinearity=nonlinearity))
    truth = at_precision(case, bits)
    for name, numbers in Rational(case).results.items():
        if truth.kinks and name not in ("output", "h_n"):
            continue  # with few bits the sign of ReLU's argument may be open
        exact = truth[name]
        triples = zip(
            *(a.ravel().tolist() for a in (exact.hi, exact.lo, exact.radius)), strict=True
        )
        for number, (hi, lo, radius) in zip(numbers, triples, strict=True):
            assert abs(Fraction(hi) + Fraction(lo) - number) <= Fraction(radius), name


def test_more_bits_enclose_more_narrowly() -> None:
    case = draw(RNNSpec(3, 4, 2), 6, 2)
    widest = [at_precision(case, bits)["output"].radius.max() for bits in (24, 53, 106)]
    assert widest[0] > 2.0**20 * widest[1] > 2.0**60 * widest[2] > 0


def test_a_geometric_series() -> None:
    """h_t = w h_{t-1} + u x with one unit: h_t = wᵗ⁺¹ h0 + u x (1 - wᵗ⁺¹) / (1 - w)."""
    case = draw(RNNSpec(1, 1, nonlinearity="identity", bias=False), 30, 1)
    x = np.full_like(case.x, case.x[0, 0, 0])
    w, u = (Fraction(case.parameters[f"weight_{n}_l0"].item()) for n in ("hh", "ih"))
    h0, x_0 = Fraction(case.h0.item()), Fraction(x[0, 0, 0].item())
    with balls.precision(4000):
        found, _ = exact_balls(case.replace(x=x))
        for t, state in enumerate(found["output"]):
            power = w ** (t + 1)
            assert state == ball(power * h0 + u * x_0 * (1 - power) / (1 - w))


def exp(x: Fraction) -> tuple[Fraction, Fraction]:
    """e^x for |x| <= 4 by its series, and a bound of what is left out: twice the next term."""
    terms = [x**n / factorial(n) for n in range(120)]
    return sum(terms, Fraction(0)), 2 * Fraction(4) ** 120 / factorial(120)


@pytest.mark.parametrize("nonlinearity", ["tanh", "sigmoid"])
@pytest.mark.parametrize("readout", ["identity", "sigmoid", "softmax"])
def test_one_step_by_the_series_of_exp(nonlinearity: Nonlinearity, readout: Readout) -> None:
    """tanh a = 1 - 2/(e²ᵃ + 1), σ(a) = 1 - 1/(eᵃ + 1), softmax = e^s / Σ e^s, to 60 digits."""
    case = draw(RNNSpec(1, 1, 1, nonlinearity, output_size=3, readout=readout), 1, 1)
    p = {n: [Fraction(v) for v in a.ravel().tolist()] for n, a in case.parameters.items()}
    a = p["weight_ih_l0"][0] * Fraction(case.x.item()) + p["bias_ih_l0"][0] + p["bias_hh_l0"][0]
    a += p["weight_hh_l0"][0] * Fraction(case.h0.item())
    h = 1 - 2 / (exp(2 * a)[0] + 1) if nonlinearity == "tanh" else 1 - 1 / (exp(a)[0] + 1)
    h = Fraction(round(h * 10**75), 10**75)  # shorter; its own error is far below 60 digits
    s = [V * h + c for V, c in zip(p["weight_ho"], p["bias_o"], strict=True)]
    assert max(abs(2 * a), *map(abs, s)) < 4
    powers = [exp(v)[0] for v in s]
    y = {
        "identity": s,
        "sigmoid": [1 - 1 / (power + 1) for power in powers],
        "softmax": [power / sum(powers) for power in powers],
    }[readout]
    assert exp(a)[1] < Fraction(1, 10**70)
    with balls.precision(320):
        found, _ = exact_balls(case)
        for mine, theirs in zip([h, *y], [*found["h_n"], *found["output"]], strict=True):
            assert abs(ball(mine) - theirs) < arb("1e-60")


@pytest.mark.parametrize("bits", [20, 512])
def test_precision_is_set_and_restored(bits: int) -> None:
    before = flint.ctx.prec
    with balls.precision(bits):
        assert flint.ctx.prec == bits
        with balls.precision(77):
            assert flint.ctx.prec == 77
        assert flint.ctx.prec == bits
    assert flint.ctx.prec == before


def test_precision_is_restored_after_an_exception() -> None:
    before = flint.ctx.prec
    with pytest.raises(KeyError, match="inside"), balls.precision(999):
        raise KeyError("inside")
    assert flint.ctx.prec == before


def end(ball: Ball, upper: bool) -> Fraction:
    """An end of a ball, exactly: midpoint and radius are dyadic rationals."""
    middle, exponent = (int(v) for v in ball.mid().man_exp())
    size, power = (int(v) for v in ball.rad().man_exp())
    radius = size * Fraction(2) ** power
    return middle * Fraction(2) ** exponent + (radius if upper else -radius)


def test_rounded_encloses_the_whole_ball() -> None:
    random = np.random.default_rng(0)
    drawn = []
    with balls.precision(300):
        for exponent in random.integers(-1200, 1000, 400).tolist():
            middle = arb(random.standard_normal()) / 3 * arb(2) ** exponent
            width = arb(2) ** (exponent - int(random.integers(0, 250)))
            drawn.append((middle + width).union(middle - width))
        hi, lo, radii = balls.rounded(drawn, (20, 20))
    assert hi.shape == lo.shape == radii.shape == (20, 20)
    for b, *parts in zip(drawn, *(a.ravel().tolist() for a in (hi, lo, radii)), strict=True):
        high, low, radius = map(Fraction, parts)
        assert high + low - radius <= end(b, upper=False)
        assert high + low + radius >= end(b, upper=True)


def test_rounded_keeps_106_bits_and_knows_what_is_exact() -> None:
    with balls.precision(300):
        third, dyadic = arb(1) / 3, arb(1) + arb(2) ** -100
        hi, lo, radii = balls.rounded([third, dyadic], (2,))
    gap = Fraction(1, 3) - Fraction(hi[0].item()) - Fraction(lo[0].item())
    assert abs(gap) <= Fraction(radii[0].item()) < Fraction(1, 2**106)
    assert (hi[1], lo[1], radii[1]) == (1.0, 2.0**-100, 0.0)


@pytest.mark.parametrize("text", ["1e400", "-1e400", "nan"])
def test_what_no_double_is_near_to_has_an_infinite_radius(text: str) -> None:
    assert balls.rounded([arb(text)], (1,)) == (0.0, 0.0, np.inf)


def test_the_error_is_free_of_cancellation() -> None:
    """1 + 2⁻⁵³ + 2⁻¹⁰⁰ is not a double; its distance from doubles is known to their precision."""
    exact = Exact(np.array([1.0]), np.array([2.0**-53 + 2.0**-100]), np.array([0.0]))
    assert exact.error(np.array([1.0])) == 2.0**-53 + 2.0**-100
    assert exact.error(np.array([1.0 + 2.0**-52])) == 2.0**-53 - 2.0**-100
    assert exact.error(np.array([1.0], np.float32)) == 2.0**-53 + 2.0**-100
