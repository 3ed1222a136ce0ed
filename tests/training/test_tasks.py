"""The tasks' data, in the shapes and with the meaning that was published, and their networks."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from rnncheck.training.tasks import (
    NAMES,
    counting,
    echo,
    find,
    forward_pass,
    modulo3,
    multiplication,
    rising_sums,
    sine,
    sine_cosine,
)

SEEDS = range(5)


@pytest.mark.parametrize("name", NAMES)
def test_every_task_is_made_from_its_seed_alone(name: str) -> None:
    task = find(name)
    for part, again in zip(task.data(3), task.data(3), strict=True):
        if part is not None:
            assert np.array_equal(part.x, again.x)
            assert np.array_equal(part.y, again.y)
            assert part.x.shape[1] == part.y.shape[1] == len(part)
    one, other = task.model(seed=3), task.model(seed=3)
    assert all(np.array_equal(one.parameters[n], other.parameters[n]) for n in one.parameters)
    third = task.model(seed=4)
    assert not all(np.array_equal(one.parameters[n], third.parameters[n]) for n in one.parameters)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("implementation", ["manual", "autodiff", "scalar"])
def test_every_network_takes_its_task(name: str, implementation: str) -> None:
    task = find(name)
    part = task.data(0).train.rows(slice(2))
    for setup in task.setups:
        model = task.model(implementation, 0, setup)
        output = model.predict(part.x, part.lengths)
        assert output.shape == part.y.shape
        assert np.isfinite(setup.loss.value(output, part.y, model.output_lengths(part.lengths)))


def test_an_unknown_task_is_named_with_all_there_are() -> None:
    with pytest.raises(ValueError, match=r"task must be one of sine, .*echo, not 'cosine'"):
        find("cosine")


@pytest.mark.parametrize(
    ("task", "f"), [(sine, np.sin), (sine_cosine, lambda i: np.sin(i) * np.cos(i))]
)
def test_windows_of_50_points_predict_the_next(task, f) -> None:
    train, held = task.data(0)
    assert train.x.shape == (50, 50, 1)
    assert train.y.shape == (1, 50, 1)
    assert held.x.shape == (50, 100, 1)
    for part, first in ((train, 0), (held, 50)):
        for row in range(len(part)):
            i = np.arange(51.0) + first + row
            assert np.array_equal(part.x[:, row, 0], f(i)[:50])
            assert part.y[0, row, 0] == f(i)[50]


def test_the_sine_is_continued_from_its_own_predictions() -> None:
    model = find("sine").model()
    everything = sine.windows(sine.curve)
    window = [*everything.x[1:, -1, 0], everything.y[0, -1, 0]]
    assert window == list(np.sin(np.arange(150.0, 200.0)))
    found = sine.continuation(model, everything)
    assert found.shape == (100,)
    for point in found[:5]:
        assert model.predict(np.array(window[-50:])[:, None, None])[0, 0, 0] == point
        window.append(point)


def elements(hot: np.ndarray) -> np.ndarray:
    """Symbols of one-hot vectors, each of which has a single 1."""
    assert ((hot == 0) | (hot == 1)).all()
    assert (hot.sum(axis=-1) == 1).all()
    return hot.argmax(axis=-1)


@pytest.mark.parametrize("seed", SEEDS)
def test_series_of_which_whole_pairs_are_held_out(seed: int) -> None:
    pairs = []
    for part in multiplication.data(seed):
        assert part.x.shape == part.y.shape == (10, len(part), 61)
        x, y = elements(part.x), elements(part.y)  # the last target is one-hot too
        k = x[1] - x[0]
        assert set(k) <= {2, 3, 4, 5, 6}
        assert np.array_equal(x, x[0] + k * np.arange(10)[:, None])
        assert np.array_equal(y, x + k)
        pairs.append(set(zip(x[0].tolist(), k.tolist(), strict=True)))
    train, held = pairs
    assert not train & held
    assert len(train) + len(held) == len(multiplication.all_pairs())
    assert len(held) >= 20
    # More than the five series that there were, each from its own k on.
    assert len({start for start, _ in train}) > 20


def test_the_rows_trained_on_are_as_many_as_published() -> None:
    assert len(multiplication.data(0).train) == 1800


@pytest.mark.parametrize("seed", SEEDS)
def test_symbols_are_followed_modulo_3(seed: int) -> None:
    part = modulo3.data(seed).train
    assert part.x.shape == part.y.shape == (10, 10, 3)
    assert np.array_equal(elements(part.y), (elements(part.x) + 1) % 3)
    assert set(elements(part.x).ravel()) == {0, 1, 2}


def test_the_softmax_network_has_ten_units_and_one_bias() -> None:
    shapes = {name: a.shape for name, a in find("modulo3").model().parameters.items()}
    assert shapes == {
        "0.weight_ih_l0": (10, 3), "0.weight_hh_l0": (10, 10), "0.bias_ih_l0": (10,),
        "0.weight_ho": (3, 10), "0.bias_o": (3,),
    }  # fmt: skip


def test_the_published_gradient_is_the_right_one_but_for_its_two_defects() -> None:
    """By hand, for two steps and one row: δ_t = φ' ⊙ (Vᵀ(p - y) + carry), carry by W or Wᵀ."""
    task = find("modulo3")
    right, published = (task.model(setup=setup) for setup in task.setups)
    part = task.data(0).train.rows(slice(1))
    x, y = part.x[:2], part.y[:2]
    p = {name.removeprefix("0."): a for name, a in right.parameters.items()}
    h1 = np.tanh(p["weight_ih_l0"] @ x[0, 0] + p["bias_ih_l0"])
    h2 = np.tanh(p["weight_ih_l0"] @ x[1, 0] + p["weight_hh_l0"] @ h1 + p["bias_ih_l0"])
    loss = task.setups[0].loss
    for model, transposed in ((right, True), (published, False)):
        output = model(x)
        gradients = model.backward(loss.cotangent(output, y))
        o = output[:, 0] - y[:, 0]
        d2 = (1 - h2**2) * (p["weight_ho"].T @ o[1])
        carry = (p["weight_hh_l0"].T if transposed else p["weight_hh_l0"]) @ d2
        d1 = (1 - h1**2) * (p["weight_ho"].T @ o[0] + carry)
        d_hh = np.outer(d2, h1) if transposed else np.full((10, 10), d2 @ h1)
        # Sums of at most 20 products of numbers below 20 or so, a few roundings each, of which
        # none is larger than u = 1.1e-16 of a partial sum below 1000: 20·10·1000·u < 1e-10.
        for name, wanted in (("bias_ih_l0", d1 + d2), ("weight_hh_l0", d_hh)):
            assert np.abs(gradients[f"0.{name}"] - wanted).max() < 1e-10
    assert np.abs(right.predict(part.x) - published.predict(part.x)).max() < 1e-10


@pytest.mark.parametrize("seed", SEEDS)
def test_sums_of_pairs_rise_or_do_not(seed: int) -> None:
    part = rising_sums.data(seed).train
    assert part.x.shape == (5, 6, 2)
    assert part.y.shape == (1, 6, 1)
    assert part.lengths is not None
    assert sorted(part.lengths) == [2, 2, 3, 3, 4, 5]
    for row, length in enumerate(part.lengths):
        sums = [a + b for a, b in part.x[:length, row].tolist()]
        assert all(a < b for a, b in itertools.pairwise(sums)) == bool(part.y[0, row, 0])
        assert not part.x[length:, row].any()
    assert part.y.sum() == 3


def test_numbers_and_the_five_after_them() -> None:
    part = counting.data(0).train
    assert part.x[0, :, 0].tolist() == list(range(100))
    assert part.y[..., 0].tolist() == [[n + k for n in range(100)] for k in range(1, 6)]


def dyadic(model) -> dict[str, np.ndarray]:
    """Multiples of 1/8 below 1, so that five steps from a small number are exact in float64."""
    rng = np.random.default_rng(0)
    return {n: rng.integers(-7, 8, a.shape) / 8 for n, a in model.parameters.items()}


@pytest.mark.parametrize("stateful", [False, True])
def test_the_network_counts_with_its_state_or_without(stateful: bool) -> None:
    """h_k = W_x y_{k-1} + W_h h_{k-1} + b, y_k = V h_k + c, where as published W_h h_{k-1} is lost."""
    setup = find("counting").setups[stateful]
    model = find("counting").model(setup=setup)
    model.load_state_dict(dyadic(model))
    names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", *(
        ("weight_ho", "bias_o") if stateful else ("weight", "bias"))
    )  # fmt: skip
    exact = {n.split(".")[-1]: np.vectorize(Fraction)(a) for n, a in model.parameters.items()}
    w_x, w_h, b, v, c = (exact[name] for name in names)
    y, h, wanted = np.array([Fraction(3)]), b * 0, []
    for _ in range(5):
        h = w_x @ y + (w_h @ h if stateful else 0) + b
        y = v @ h + c
        wanted.append(y[0])
    found = model.predict(np.array([[[3.0]]]))[:, 0, 0]
    assert [Fraction(float(value)) for value in found] == wanted


def test_counting_goes_on_from_numbers_beyond() -> None:
    found, wanted = counting.count_on(find("counting").model())
    assert found.shape == wanted.shape == (8, 5)
    assert wanted[:, 0].tolist() == list(range(101, 109))
    assert wanted[0].tolist() == list(range(101, 106))


@pytest.mark.parametrize("implementation", ["manual", "autodiff", "scalar"])
def test_the_published_pass_has_a_row_for_each_step(implementation: str) -> None:
    states = forward_pass.states(implementation)
    assert states.shape == (100, 64)  # not (6400,)
    # Its first argument is a sum of 32 products of numbers in [0, 1): 8 on average; all others are
    # larger by a sum of 64 states. It sees nothing: 1 - tanh(4) = 7e-4.
    assert (states > 0.999).mean() > 0.99


def test_the_keras_layer_has_as_many_parameters() -> None:
    lines = find("forward_pass").model().summary(3).splitlines()
    counts = [line.split()[-2] for line in lines if "(None, " in line]
    assert counts == ["120", "11"]
    assert "Total params: 131" in lines[-3]


@pytest.mark.parametrize("seed", SEEDS)
def test_symbols_are_said_in_reverse_and_then_a_mark(seed: int) -> None:
    read = []
    for part in echo.data(seed):
        assert part.x.shape == part.y.shape == (11, len(part), 4)
        for row, length in enumerate(part.lengths):
            n = length // 2
            x, y = elements(part.x[:length, row]), elements(part.y[:length, row])
            assert 1 <= n <= 5
            assert (x[:n] < 3).all()
            assert x[n:].tolist() == [3] * (n + 1)
            assert y.tolist() == [3] * n + x[:n][::-1].tolist() + [3]
            assert not part.x[length:, row].any()
            read.append(tuple(x[:n]))
    assert len(read) == len(set(read)) == 3 + 9 + 27 + 81 + 243
