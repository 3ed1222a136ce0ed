"""Each script in `examples/` runs, in a short form, and what it prints is so."""

import ast
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from examples.running import FOLDER, Run

from rnncheck.case import Case
from rnncheck.oracles.envelope import envelope
from rnncheck.spec import RNNSpec
from rnncheck.training.fitting import Plan
from rnncheck.training.lockstep import Agreed, lockstep
from rnncheck.training.tasks.task import Examples

TASKS = (
    "sine", "sine_cosine", "multiplication", "forward_pass", "modulo3", "rising_sums", "counting",
    "echo",
)  # fmt: skip


def falls(losses: list[float]) -> bool:
    return losses[-1] < losses[0]


@pytest.mark.parametrize("name", TASKS)
def test_nothing_of_matplotlib_is_used_unless_a_picture_is_asked_for(name: str) -> None:
    tree = ast.parse((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
    *rest, last = tree.body
    assert isinstance(last, ast.If)
    assert ast.unparse(last.test) == "arguments.picture"
    drawing = r"matplotlib|\bplt\b|savefig"
    assert re.search(drawing, ast.unparse(last))
    assert not any(re.search(drawing, ast.unparse(statement)) for statement in rest)


def test_no_file_is_written_unless_a_picture_is_asked_for(run: Run, tmp_path: Path) -> None:
    run("rising_sums", "--epochs", "1")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", TASKS)
def test_a_script_is_short(name: str) -> None:
    assert len((FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()) < 70


def test_the_sine_is_learned_and_continued(run_and_draw: Run) -> None:
    ran = run_and_draw("sine", "--epochs", "4")
    count = (32 * (1 + 32 + 2) + 32 * (32 + 1)) + 32 * (32 + 32 + 2) + 8 * (32 + 1) + (8 + 1)
    assert f"Total params: {count:,}" in ran.text
    table = ran.rows(2)
    assert [row[0] for row in table] == [1, 2, 3, 4]
    assert [row[2] for row in table if len(row) > 2] == [3.32, 2.75, 2.27]
    losses = [row[1] for row in table]
    assert 2 <= losses[0] <= 4  # 3.5 for an output of 0, as seven means of sin²
    assert losses[-1] <= 0.1  # the published one ends at 0.064, in ten epochs
    i = np.arange(50, 300)
    assert np.array_equal(ran.names["curve"][50:], np.sin(i))
    for words, found, true in (
        ("windows it was not", ran.names["predicted"][50:], np.sin(i[50:150])),
        ("own continuation", ran.names["continued"], np.sin(i[150:])),
    ):
        error = np.mean((found - true) ** 2)
        assert error < 0.05  # 0.5 for an output of 0
        assert ran.numbers(words)[0] == pytest.approx(error, abs=0.5e-5)  # it has five places


def test_sine_times_cosine_is_the_same_on_two_implementations(run_and_draw: Run) -> None:
    ran = run_and_draw("sine_cosine", "--epochs", "4")
    table = ran.rows(3)
    assert [row[0] for row in table] == [1, 2, 3, 4]
    assert falls([row[1] for row in table])
    assert falls([row[2] for row in table])
    assert 7 * table[-1][1] <= 0.1
    x, y, model, other = (ran.names[name] for name in ("x", "y", "model", "other"))
    assert [model.implementation, other.implementation] == ["manual", "autodiff"]
    plan = Plan(ran.names["SquaredError"](), ran.names["RMSProp"](5e-4), epochs=1)
    steps = list(lockstep([model, other], Examples(x[:, :3], y[:, :3]), plan, 0))
    assert [type(step) for step in steps] == [Agreed]
    assert not steps[0].silent
    assert set(ran.names["apart"]) == {"output", "x", *model.parameters}
    for name, apart in ran.names["apart"].items():
        assert f"{apart:8.1e}  {name}\n" in ran.text
        assert apart < 2**-26  # half the digits; another formula is off by as much as it is large


def test_the_next_element_is_learned_from_pairs_apart_from_those_held_out(
    run_and_draw: Run,
) -> None:
    ran = run_and_draw("multiplication", "--epochs", "10")
    x, y, validation = (ran.names[name] for name in ("x", "y", "validation"))
    assert x.shape == y.shape == (10, 1800, 61)
    series = []
    for inputs, wanted in ((x, y), validation):
        assert np.array_equal(inputs.sum(-1), np.ones(inputs.shape[:2]))
        assert np.array_equal(wanted.sum(-1), np.ones(inputs.shape[:2]))  # the last one too
        numbers = np.concatenate([inputs, wanted[-1:]]).argmax(-1)
        assert np.array_equal(wanted.argmax(-1), numbers[1:])
        assert (np.diff(numbers, axis=0) == numbers[1] - numbers[0]).all()
        series.append(
            {(int(s), int(k)) for s, k in zip(*numbers[[0]], numbers[1] - numbers[0], strict=True)}
        )
    assert not series[0] & series[1]
    assert len(series[1]) == 21
    table = ran.rows(4)
    assert [row[0] for row in table] == [1, 10]
    assert falls([row[1] for row in table])
    assert table[-1][1] < np.log(61)  # a guess among all
    assert table[-1][2] > table[0][2]
    for words in ("trained on", "held out"):
        steps = ran.numbers(f"each step, {words}")
        assert len(steps) == 10
        assert steps == pytest.approx(ran.names["right"][words], abs=0.5e-2 + 1e-9)  # two places


def test_the_forward_pass_has_a_hundred_states_that_tell_nothing(run_and_draw: Run) -> None:
    ran = run_and_draw("forward_pass")
    assert "(100, 64), published as (6400,)" in ran.text
    # The first state is a sum of 32 terms; all others are a sum of 96 and saturate.
    assert ran.numbers("to the last bit") == [6400, 99.0, 1]
    assert ran.numbers("U transposed") == [0]
    assert ran.numbers("the same with weights")[-1] == 99 * 64
    for line in (r"rnn \(RNN\).*\(None, 10\).* 120 ", r"linear \(Linear\).*\(None, 1\).* 11 "):
        assert re.search(line, ran.text)
    assert "Total params: 131" in ran.text
    losses = ran.numbers("mean of three numbers")
    assert losses[1] < 1 / 36 < losses[0] * 4  # the variance of such a mean
    W, U, b = (ran.names[name] for name in "WUb")
    x = np.random.default_rng(0).random((100, 32))
    assert np.array_equal(ran.names["forward"](x, W, U, b), ran.names["small"])
    parameters = {
        "weight_ih_l0": W, "weight_hh_l0": U, "bias_ih_l0": b, "bias_hh_l0": np.zeros(64)
    }  # fmt: skip
    zero = np.zeros((1, 1, 64))
    case = Case(RNNSpec(32, 64), parameters, x[:, None], zero, np.ones((100, 1, 64)), zero)
    two = 2 * envelope(case)["output"].allowed[:, 0]
    states = ran.names["layer"].predict(x[:, None])[:, 0]
    assert (np.abs(states - ran.names["small"]) <= two).all()


def test_both_gradients_learn_modulo_3_and_one_of_them_is_wrong(run_and_draw: Run) -> None:
    ran = run_and_draw("modulo3", "--epochs", "40", "--rate", "1e-2")
    for words in ("right", "published"):
        assert falls(list(ran.names["losses"][words]))
        first, _, last, epoch, right, _ = ran.numbers(f"{words} gradient: loss")
        assert last < first / 10
        assert epoch == 39
        assert right > 90 if words == "published" else right == 100
    good, bad = ran.text.split("published gradient: loss")
    assert "right: passed (173 entries checked)" in good
    assert "CERTIFIED: the gradient is the derivative of the loss" in good
    assert "WRONG GRADIENT of W, U, b " in bad
    assert "V (3, 10): 30 of 30 right" in bad
    assert "as published: loss 202.8 (0)" in good


def test_all_six_sequences_are_told_to_rise_or_not(run_and_draw: Run) -> None:
    ran = run_and_draw("rising_sums")
    table = ran.rows(2)
    assert [row[0] for row in table] == [0, 10, 100]
    assert [row[2] for row in table] == [0.818, 0.308, 0.016]
    assert 0.6 <= table[0][1] <= 1.0
    assert table[-1][1] <= 0.05
    assert "6 of 6 right" in ran.text
    answers = re.findall(r"do (.*) rise\? (yes|no); it says (.*)", ran.text)
    assert sorted(len(sums.split()) for sums, _, _ in answers) == [2, 2, 3, 3, 4, 5]
    for sums, answer, says in answers:
        rises = all(a < b for a, b in itertools.pairwise(map(float, sums.split())))
        assert rises == (answer == "yes") == (float(says) > 0.5)
    # The gradients that are left are those of the last loss alone, not of all so far.
    weights = ran.names["model"].parameters()
    left = [weight.grad for weight in weights]
    ran.names["model"].zero_grad()
    ran.names["loss"].backward()
    assert left == [weight.grad for weight in weights]


def test_counting_with_and_without_a_state(run_and_draw: Run) -> None:
    ran = run_and_draw("counting")
    table = {int(row[0]): row[1:] for row in ran.rows(4)}
    assert {epoch: row[1] for epoch, row in table.items()} == {
        0: 3773.6, 40: 2957.0, 50: 1276.0, 60: 2.77, 100: 2.75,
    }  # fmt: skip
    assert table[0][0] > 3000
    assert table[100][0] <= 3  # the published model
    assert table[100][2] <= 1  # the correct one
    for name, loss in (("stateless", table[100][0]), ("stateful", table[100][2])):
        answer = ran.names[name].predict(ran.names["n"])
        wanted = np.arange(100.0) + np.arange(1.0, 6.0)[:, None]
        assert np.mean((answer[..., 0] - wanted) ** 2) == pytest.approx(loss, rel=0.1)
    for start in range(100, 105):
        steps = ran.numbers(f"{start}: ")
        assert len(steps) == 2 * 9
        assert steps[0] == steps[9] == start
        # It was trained on five steps; beyond its numbers and its steps it is near, not right.
        assert np.abs(np.array(steps[10:15]) - start - np.arange(1, 6)).max() < 1


def test_words_that_it_has_not_seen_are_said_in_reverse(run_and_draw: Run) -> None:
    ran = run_and_draw("echo", "--epochs", "20")
    table = ran.rows(4)
    assert [row[0] for row in table] == [1, 10, 20]
    for column in (2, 3):
        # Saying "." at every step is right in (n+1)/(2n+1) of them, at most 2/3.
        assert table[0][column] < table[-1][column] > 0.8
    assert falls([row[1] for row in table])
    every, held = list(ran.names["every"]), ran.names["held"]
    assert len(set(every)) == len(every) == 3 + 9 + 27 + 81 + 243
    for row, word in enumerate(every):
        for array, line in (
            ("x", word + "." * (len(word) + 1)),
            ("y", "." * len(word) + word[::-1] + "."),
        ):
            steps = ran.names[array][:, row]
            assert ran.names["lengths"][row] == len(line) == steps.sum()
            assert "".join("abc."[i] for i in steps[: len(line)].argmax(-1)) == line
    shown = re.findall(r"([abc]+) → ([abc.]+)", ran.text)
    assert [word for word, _ in shown] == every[held][:10]
    pairs = zip(every[held], ran.names["answers"], strict=True)
    right = sum(answer == word[::-1] + "." for word, answer in pairs)
    assert f"{right} of 72 held-out words" in ran.text
