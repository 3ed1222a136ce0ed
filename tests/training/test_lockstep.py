"""In lockstep right implementations agree at every step; a wrong one is found where it goes wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from training import planting

from rnncheck.case import Case, read_kept
from rnncheck.implementations.faulty.carry import CarryWithoutTranspose, TransposeMissing
from rnncheck.implementations.faulty.published import RecurrentGradientIsOneNumber
from rnncheck.implementations.faulty.truncation import TruncatedAfterTwoLinks
from rnncheck.implementations.references import reference
from rnncheck.oracles.envelope import envelope
from rnncheck.oracles.truth import truth
from rnncheck.report import Finding
from rnncheck.training.clipping import ClipNorm
from rnncheck.training.fitting import Plan
from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.lockstep import Agreed, lockstep
from rnncheck.training.losses import CrossEntropy, SquaredError
from rnncheck.training.optimizers import SGD, Adam, RMSProp
from rnncheck.training.sequential import Sequential
from rnncheck.training.tasks.task import Examples


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def _undiagnosed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the checks of the layer alone, which take seconds."""
    name = "rnncheck.training.disagreement.explained_alone"
    monkeypatch.setattr(name, lambda finding, backend, folder: finding)


LAYERS = (RNN(5), RNN(4, biases=1), Linear(3, "sigmoid"))


def examples(rows: int = 6, T: int = 5, features: int = 2, out: int = 3, seed: int = 0) -> Examples:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(2, T + 1, rows)
    lengths[0] = T
    return Examples(rng.normal(size=(T, rows, features)), rng.random((T, rows, out)), lengths)


def plan(epochs: int = 2, **more: object) -> Plan:
    options = {"loss": SquaredError(), "optimizer": Adam(0.01), "batch_size": 2} | more
    return Plan(epochs=epochs, **options)


def models(*names: str, layers=LAYERS, dtype: str = "float64", features: int = 2):
    first = Sequential(layers, features, dtype=dtype, rng=0)
    return [first, *(first.on(name) for name in names)]


def with_fault(kind: type[planting.Planted], begins: int = 1, layers=LAYERS, **more: object):
    """manual, a planted implementation, and scalar."""
    manual, wrong, scalar = models("autodiff", "scalar", layers=layers)
    wrong.backend = kind(wrong.links)
    wrong.backend.begins = begins
    for name, value in more.items():
        setattr(wrong.backend, name, value)
    return [manual, wrong, scalar]


def steps_of(found) -> tuple[list[Agreed], Finding | None]:
    every = list(found)
    finding = every.pop() if isinstance(every[-1], Finding) else None
    return every, finding


SETTINGS = {
    "adam": {},
    "sgd with momentum": {"optimizer": SGD(0.1, momentum=0.9)},
    "rmsprop, clipped, a falling rate": {
        "optimizer": RMSProp(0.01), "clip": ClipNorm(0.1), "schedule": lambda epoch: 0.5**epoch,
    },
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_all_implementations_agree_at_every_step(settings, dtype: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    together = models("autodiff", "scalar", "torch", dtype=dtype)
    found, finding = steps_of(
        lockstep(together, examples(), plan(**settings), 0, folder=tmp_path / "kept")
    )
    assert finding is None
    assert [tuple(step.where) for step in found] == [
        (0, 0, 0), (1, 0, 1), (2, 0, 2), (3, 1, 0), (4, 1, 1), (5, 1, 2),
    ]  # fmt: skip
    for step in found:
        assert 0.0 < step.worst <= 1.0
        assert not step.silent
        assert step.compared >= 2 * 10 + 3  # gradients and updated parameters; output, loss, x
    assert not (tmp_path / "kept").exists()


NETWORKS = {
    "truncated, a softmax readout": (
        (RNN(4, nonlinearity="sigmoid", bias=False, output_size=3, readout="softmax",
             readout_bias=False, truncation=2),), CrossEntropy(),
    ),
    "bidirectional, two layers, its final states": (
        (RNN(3, num_layers=2, bidirectional=True, outputs="final"), Linear(3, "softmax")),
        CrossEntropy(),
    ),
    "the last step": ((RNN(4, nonlinearity="relu", outputs="last"), Linear(3, "tanh")), SquaredError()),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "loss"), NETWORKS.values(), ids=NETWORKS)
def test_other_networks_agree_too(layers, loss) -> None:
    pytest.importorskip("torch")
    part = examples()
    y = np.eye(3)[np.random.default_rng(1).integers(0, 3, part.y.shape[:2])]
    if layers[0].outputs != "all":
        y = y[:1]
    part = Examples(part.x, y, part.lengths)
    together = models("autodiff", "scalar", "torch", layers=layers)
    found, finding = steps_of(lockstep(together, part, plan(loss=loss), 0))
    assert finding is None
    assert len(found) == 6


@pytest.mark.parametrize("generated", [True, False])
def test_networks_that_feed_themselves_agree_too(generated: bool) -> None:
    pytest.importorskip("torch")
    own = RNN(3, output_size=2, generated=3)
    layers = (own,) if generated else (Iterated((RNN(3, outputs="last"), Linear(2)), 4),)
    rng = np.random.default_rng(0)
    part = Examples(rng.normal(size=(1, 4, 2)), rng.normal(size=(4, 4, 2)))
    together = models("autodiff", "scalar", "torch", layers=layers)
    found, finding = steps_of(lockstep(together, part, plan(), 0))
    assert finding is None
    assert len(found) == 4


def test_lockstep_trains_as_fit_does() -> None:
    """The same batches in the same order, and so the same bits."""
    together, alone = models("scalar"), models()[0]
    part, settings = examples(), plan(epochs=3, schedule=lambda epoch: 0.5**epoch)
    found, _ = steps_of(lockstep(together, part, settings, 5))
    history = alone.fit(
        part.x, part.y, lengths=part.lengths, loss=settings.loss, optimizer=settings.optimizer,
        epochs=3, batch_size=2, rng=5, progress=False,
        schedule=settings.schedule,
    )  # fmt: skip
    assert [step.loss for step in found] == [b for epoch in history.batch_losses for b in epoch]
    for model in together:
        assert all(np.array_equal(model.parameters[n], a) for n, a in alone.parameters.items())


FAULTS = {
    "a missing transpose": (
        planting.WrongNetwork, {"network": CarryWithoutTranspose()}, "gradient of 1.",
        "in layer 1 (RNN): the layers after it are right",
    ),
    "a missing transpose, in h0 too": (
        planting.WrongNetwork, {"network": TransposeMissing()}, "gradient of 1.",
        "in layer 1 (RNN): the layers after it are right",
    ),
    "lags that are dropped": (
        planting.WrongNetwork, {"network": TruncatedAfterTwoLinks()}, "gradient of 1.",
        "in layer 1 (RNN): the layers after it are right",
    ),
    "a number for the outer product": (
        planting.WrongNetwork, {"network": RecurrentGradientIsOneNumber()},
        "gradient of 1.weight_hh_l0", "in layer 1 (RNN): the layers after it are right",
    ),
    "a linear layer": (
        planting.WrongLinear, {}, "gradient of 2.weight",
        "in layer 2 (Linear): its other gradients are right",
    ),
    "the loss": (planting.WrongLoss, {}, "loss", "in its loss (SquaredError)"),
    "the optimizer": (planting.WrongOptimizer, {}, "updated ", "in its optimizer (Adam)"),
    "the optimizer's memory": (
        planting.ForgetsItsState, {}, "of 0.weight_ih_l0", "what its optimizer (Adam) remembers",
    ),
    "no number": (planting.NotANumber, {}, "output", "in its forward pass"),
    "a shape": (planting.WrongShape, {}, "gradient of 0.weight_ih_l0", "has shape (2, 5); it must "),
    "a gradient that is missing": (planting.LacksAGradient, {}, "gradient of x", "it is missing"),
}  # fmt: skip


@pytest.mark.parametrize(("kind", "options", "array", "words"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("begins", [1, 4])
@pytest.mark.usefixtures("_undiagnosed")
def test_a_fault_is_found_at_its_step_in_its_array(
    kind, options, array: str, words: str, begins: int, tmp_path: Path
) -> None:
    together = with_fault(kind, begins, **options)
    part = examples(seed=1)
    part = Examples(part.x, part.y)  # all five steps of all rows, so that lags 3 and up are there
    found, finding = steps_of(lockstep(together, part, plan(), 0, folder=tmp_path))
    assert len(found) == begins - 1
    assert finding is not None
    epoch, batch = divmod(begins - 1, 3)
    where = f"step {begins} (epoch {epoch + 1}, batch {batch + 1})"
    assert finding.message.startswith(f"{where}: autodiff is off")
    assert words in finding.message
    assert finding.place is not None
    assert array in finding.place.array
    assert finding.place.array in finding.wrong
    assert not any(name in finding.wrong for name in finding.right)
    if np.isfinite(finding.measured or 0.0):
        assert finding.wrong[finding.place.array] > 1.0


@pytest.mark.usefixtures("_undiagnosed")
def test_the_finding_names_who_is_off_and_what_each_gives() -> None:
    together = with_fault(planting.WrongLoss, 2)
    before = [model.state_dict() for model in together]
    _, finding = steps_of(lockstep(together, examples(), plan(), 0))
    assert finding is not None
    assert "autodiff gives 0." in finding.message
    assert "; manual 0." in finding.message
    assert ", scalar 0." in finding.message
    assert "and two may differ by " in finding.message
    # What only followed from it is not called a mistake of its own, and output is right.
    assert finding.right == ("output",)
    # The models hold what came of the last step that all agreed on.
    after = [model.state_dict() for model in together]
    assert all(np.array_equal(after[0][n], other[n]) for other in after for n in other)
    assert not np.array_equal(after[0]["2.weight"], before[0]["2.weight"])


def test_a_fault_of_the_catalogue_is_called_by_its_name(tmp_path: Path) -> None:
    together = with_fault(planting.WrongNetwork, network=CarryWithoutTranspose())
    part = Examples(examples().x, examples().y)
    _, finding = steps_of(lockstep(together, part, plan(), 0, folder=tmp_path))
    assert finding is not None
    assert finding.faults == ("carry_without_transpose",)
    assert "W_hh where its transpose belongs" in (finding.diagnosis or "")


def test_an_implementation_that_raises_is_a_finding() -> None:
    together = with_fault(planting.Raises, 2)
    found, finding = steps_of(lockstep(together, examples(), plan(), 0))
    assert len(found) == 1
    assert finding is not None
    assert finding.message.startswith(
        "step 2 (epoch 1, batch 2): autodiff raises ZeroDivisionError: no "
    )


def test_what_all_raise_alike_is_raised() -> None:
    wrong = Examples(examples().x, examples().y[:, :, :1])
    with pytest.raises(ValueError, match="target has shape"):
        list(lockstep(models("scalar"), wrong, plan(), 0))


def test_what_an_implementation_writes_reaches_no_other() -> None:
    together = with_fault(planting.WritesIntoItsArguments)
    part = Examples(examples().x, examples().y)
    together = [together[1], together[0], together[2]]
    copies = part.x.copy(), part.y.copy()
    found, finding = steps_of(lockstep(together, part, plan(batch_size=None, shuffle=False), 0))
    assert finding is None
    assert len(found) == 2
    assert all(np.array_equal(a, b) for a, b in zip((part.x, part.y), copies, strict=True))


def test_the_step_is_on_disk_when_the_finding_comes(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    together = with_fault(planting.WrongOptimizer, 2)
    part = examples()
    for event in lockstep(together, part, plan(), 0, name="task", folder=folder):
        if not isinstance(event, Finding):
            continue
        assert event.case_file == folder / "task-step.npz"
        assert (folder / ".gitignore").read_text() == "*\n"
        with np.load(event.case_file, allow_pickle=False) as file:
            kept = {name: file[name] for name in file.files}
        header = json.loads(str(kept["header"]))
        assert header["where"] == "step 2 (epoch 1, batch 2)"
        assert "Adam(lr=0.01" in header["rule"]
        model = Sequential.load(folder / "task-model.npz")
        assert all(np.array_equal(kept[f"parameters/{n}"], a) for n, a in model.parameters.items())
        # From the file alone: the same step once more, by manual, to the bit.
        states: dict[str, dict[str, np.ndarray]] = {}
        for name in kept:
            if name.startswith("states/"):
                key, parameter = name.removeprefix("states/").split(" of ")
                states.setdefault(parameter, {})[key] = kept[name]
        step = model.train_step(
            kept["x"], kept["target"], SquaredError(), Adam(0.01), states, lengths=kept["lengths"]
        )
        for name, array in step.parameters.items():
            assert np.array_equal(kept[f"manual/updated {name}"], array)
            off = np.abs(kept[f"autodiff/updated {name}"] - kept[f"expected/updated {name}"])
            assert (off > kept[f"allowed/updated {name}"]).any()
        return
    pytest.fail("no finding")


@pytest.mark.usefixtures("_undiagnosed")
def test_the_layer_that_is_off_is_kept_as_a_case_for_replay(tmp_path: Path) -> None:
    """Run alone on its case, the right layer gives the gradients of the step."""
    together = with_fault(planting.WrongNetwork, network=CarryWithoutTranspose())
    part = Examples(examples().x, examples().y)
    _, finding = steps_of(lockstep(together, part, plan(), 0, name="task", folder=tmp_path))
    assert finding is not None
    assert finding.case_file is not None
    path = tmp_path / "task-lockstep.npz"
    case = Case.load(path)
    assert read_kept(path)["target"] == "autodiff"
    assert (case.spec.hidden_size, case.spec.input_size) == (4, 5)  # layer 1
    gradients, judged = reference("manual").gradients(case), envelope(case)
    exact = truth(case, judged)
    with np.load(finding.case_file) as file:
        for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0"):
            allowed = file[f"allowed/gradient of 1.{name}"]
            assert (
                np.abs(gradients[name] - file[f"expected/gradient of 1.{name}"]) <= allowed
            ).all()
            assert (
                np.abs(exact[name].hi - file[f"expected/gradient of 1.{name}"]) <= allowed
            ).all()


@pytest.mark.usefixtures("_undiagnosed")
@pytest.mark.parametrize(("ulps", "agrees"), [(1, True), (10**6, False)])
def test_what_a_layer_may_be_off_by_reaches_the_layers_above(ulps: int, agrees: bool) -> None:
    """Layer 0 subtracts 1e6 from 1e6 + 1: an ulp of a weight is 1e-10 in what the others read."""
    layers = (RNN(3, biases=1), RNN(4), Linear(2))
    manual, other = models("manual", layers=layers)
    weights = manual.parameters["0.weight_ih_l0"]
    weights[:] = [1e6 + 1.0, -1e6]
    other.load_state_dict(manual.parameters)

    class Off(planting.Planted):
        def run_rnn(self, spec, own, x, h0, lengths):
            if spec.hidden_size == 3:
                off = own["weight_ih_l0"] * (1 + ulps * 2.0**-52 * np.array([1.0, 0.0]))
                own = {**own, "weight_ih_l0": off}
            return super().run_rnn(spec, own, x, h0, lengths)

    other.backend = Off(other.links)
    rng = np.random.default_rng(0)
    x = np.repeat(rng.uniform(-1.0, 1.0, (5, 4, 1)), 2, axis=-1)
    part = Examples(x, rng.normal(size=(5, 4, 2)))
    steps = plan(epochs=1, batch_size=None, optimizer=SGD(0.01))
    _, finding = steps_of(lockstep([manual, other], part, steps, 0))
    assert (finding is None) == agrees


def _wild(spec, rng):
    """N(0, 9/H): without inputs such a network of tanh is chaotic (H. Sompolinsky et al., 1988)."""
    shapes = spec.parameter_shapes()
    return {
        name: 3.0 * rng.normal(size=shape) / np.sqrt(shape[-1]) for name, shape in shapes.items()
    }


def chaotic(T: int) -> tuple[tuple[RNN], Examples]:
    rng = np.random.default_rng(0)
    return (RNN(30, initialise=_wild),), Examples(
        rng.normal(size=(T, 1, 2)) / 8, rng.random((T, 1, 30))
    )


def test_a_chaotic_step_says_nothing_and_that_is_said() -> None:
    layers, part = chaotic(T=100)
    together = models("autodiff", layers=layers, dtype="float32")
    found, finding = steps_of(lockstep(together, part, plan(epochs=1, batch_size=None), 0))
    assert finding is None
    (step,) = found
    assert step.why == "chaotic: rounding fills the state of some row"
    assert len(step.silent) == step.compared
    assert step.worst == 0.0


def test_a_training_that_overflows_says_nothing_and_is_no_finding() -> None:
    layers = (RNN(3, nonlinearity="identity", output_size=3),)
    with np.errstate(all="ignore"):
        found, finding = steps_of(lockstep(
            models("autodiff", "scalar", layers=layers), Examples(examples().x, examples().y),
            plan(epochs=40, optimizer=SGD(1e3), batch_size=None), 0,
        ))  # fmt: skip
    assert finding is None
    assert not np.isfinite(found[-1].loss)
    assert found[-1].why
    assert not found[0].why


def test_an_output_that_overflows_says_nothing() -> None:
    """The states are as ever; read out by weights near the largest number there is."""
    together = models("autodiff", layers=(RNN(3, output_size=3),))
    for model in together:
        model.parameters["0.weight_ho"][:] = np.finfo(np.float64).max
    part = Examples(examples().x, examples().y)
    (step,), finding = steps_of(
        lockstep(together, part, plan(epochs=1, batch_size=None), 0)
    )  # fmt: skip
    assert finding is None
    assert step.why == "a value may overflow"
    assert len(step.silent) == step.compared


def test_gradients_that_are_0_and_must_be_say_something() -> None:
    """Without state W_hh has no gradient: one that is not 0 is found."""
    layers = (Iterated((RNN(3, outputs="last"), Linear(2)), 1),)
    rng = np.random.default_rng(0)
    part = Examples(rng.normal(size=(1, 4, 2)), rng.normal(size=(1, 4, 2)))
    found, _ = steps_of(lockstep(models("autodiff", layers=layers), part, plan(), 0))
    assert not any(step.silent for step in found)

    class Tiny(planting.AltersTheStep):
        def altered(self, step):
            step.gradients["0.0.weight_hh_l0"][0, 0] = 1e-300
            return step

    _, finding = steps_of(lockstep(with_fault(Tiny, layers=layers), part, plan(), 0))
    assert finding is not None
    assert str(finding.place) == "gradient of 0.0.weight_hh_l0[0, 0]"


def test_models_that_are_not_alike_are_refused() -> None:
    part = examples()
    with pytest.raises(ValueError, match="two models or more, not 1"):
        next(lockstep(models(), part, plan(), 0))
    with pytest.raises(ValueError, match="one model on several implementations"):
        next(lockstep([*models(), *models(dtype="float32")], part, plan(), 0))
    with pytest.raises(ValueError, match="a recurrent layer"):
        next(lockstep(models("scalar", layers=(Linear(3),)), part, plan(), 0))
