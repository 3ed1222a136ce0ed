"""A model in a file and back."""

import builtins
import json
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from training.judging import same_bits

from rnncheck.results import UsageError
from rnncheck.training import files
from rnncheck.training.layers import RNN, Iterated, Linear
from rnncheck.training.sequential import Sequential

ENDINGS = (".npz", ".safetensors")
MODELS = {
    "rnn": [
        RNN(
            3, 2, "sigmoid", False, True, output_size=4, readout="softmax", readout_bias=False,
            outputs="last", trainable=False,
        )
    ],
    "row": [RNN(3, biases=1, truncation=2), Linear(2, "relu", False), Linear(1, trainable=False)],
    "iterated": [Iterated([RNN(2, nonlinearity="identity"), Iterated([Linear(3), Linear(2)], 1)], 4)],
    "generated": [RNN(2, generated=3)],
}  # fmt: skip


@pytest.fixture(params=ENDINGS)
def path(request, tmp_path) -> Path:
    if request.param == ".safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"model{request.param}"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("key", MODELS)
def test_a_model_comes_back_as_it_was(key, dtype, path):
    model = Sequential(MODELS[key], 2, implementation="autodiff", dtype=dtype, rng=3)
    assert model.save(path) == path
    back = Sequential.load(path)
    assert back.layers == model.layers
    assert (back.input_size, back.implementation, back.dtype) == (2, "autodiff", np.dtype(dtype))
    assert same_bits(back.parameters, model.parameters)
    assert {array.dtype for array in back.parameters.values()} == {np.dtype(dtype)}
    x = np.random.default_rng(0).normal(size=(1, 3, 2)).astype(dtype)
    assert (back(x) == model(x)).all()


def test_every_bit_comes_back(path):
    model = Sequential([Linear(4)], 2)
    special = np.array([[0.0, -0.0], [np.inf, -np.inf], [np.nan, 5e-324], [1 / 3, 2.0**1023]])
    model.parameters["0.weight"] = special
    back = Sequential.load(model.save(path)).parameters["0.weight"]
    assert back.tobytes() == special.tobytes()


def test_arrays_of_any_layout_are_kept_as_the_numbers_they_hold(path):
    model = Sequential([Linear(4)], 3, rng=0)
    expected = model.parameters["0.weight"].copy()
    model.parameters["0.weight"] = np.asfortranarray(expected)[:, ::-1].copy(order="F")[:, ::-1]
    assert (Sequential.load(model.save(path)).parameters["0.weight"] == expected).all()


def test_a_model_is_loaded_on_another_implementation(path):
    model = Sequential(MODELS["row"], 2, implementation="scalar", rng=3)
    assert Sequential.load(model.save(path), implementation="manual").implementation == "manual"
    assert Sequential.load(path).implementation == "scalar"


def test_saving_again_replaces_the_file(path):
    Sequential(MODELS["row"], 2, rng=3).save(path)
    other = Sequential([Linear(1)], 2, rng=4)
    assert same_bits(Sequential.load(other.save(path)).parameters, other.parameters)


def test_npz_is_read_by_numpy_alone_and_holds_no_pickle(tmp_path):
    path = Sequential(MODELS["row"], 2, rng=3).save(tmp_path / "model.npz")
    with np.load(path, allow_pickle=False) as file:
        assert "0.weight_ih_l0" in file.files
        assert json.loads(str(file[files.HEADER]))["layers"][0]["type"] == "RNN"
    with zipfile.ZipFile(path) as archive:
        assert all(b"pickle" not in archive.read(name) for name in archive.namelist())


def test_safetensors_is_read_by_others(tmp_path):
    torch = pytest.importorskip("torch")
    load_file = pytest.importorskip("safetensors.torch").load_file
    model = Sequential([RNN(3), Linear(2)], 2, rng=3)
    state = load_file(model.save(tmp_path / "model.safetensors"))
    rnn = torch.nn.RNN(2, 3, dtype=torch.float64)
    rnn.load_state_dict({n[2:]: t for n, t in state.items() if n.startswith("0.")})
    x = np.random.default_rng(0).normal(size=(4, 1, 2))
    one = Sequential([RNN(3)], 2, implementation="torch")
    one.load_state_dict({n: a for n, a in model.parameters.items() if n.startswith("0.")})
    assert (rnn(torch.tensor(x))[0].detach().numpy() == one(x)).all()


class Evil:
    """What runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return builtins.exec, ("raise SystemExit('unpickled')",)


def test_a_pickle_is_not_run(tmp_path):
    path = tmp_path / "model.npz"
    np.savez(path, allow_pickle=True, **{files.HEADER: np.array(Evil(), object)})
    with pytest.raises(ValueError, match=r"model.npz does not hold a model saved by rnncheck"):
        Sequential.load(path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match=r"model.npz does not hold a model saved by rnncheck"):
        Sequential.load(path)


@pytest.mark.parametrize("name", ["model.pt", "model", "model.npz.txt"])
def test_another_ending_is_refused_before_anything_is_written(name, tmp_path):
    model = Sequential([Linear(1)], 2)
    ending = (
        r"ends in (.pt|nothing|.txt); a model is kept in a file that ends in .npz or .safetensors"
    )
    for act in (model.save, Sequential.load):
        with pytest.raises(UsageError, match=ending):
            act(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_without_safetensors_it_says_how_to_get_it(tmp_path, monkeypatch):
    for module in ("safetensors", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, module, None)
    model = Sequential([Linear(1)], 2)
    path = tmp_path / "model.safetensors"
    message = "needs safetensors, which is not installed: pip install safetensors"
    with pytest.raises(UsageError, match=message):
        model.save(path)
    assert not path.exists()
    path.write_bytes(b"")
    with pytest.raises(UsageError, match=message):
        Sequential.load(path)
    model.save(tmp_path / "model.npz")


def test_a_missing_file_is_pythons_own_error(path):
    with pytest.raises(FileNotFoundError):
        Sequential.load(path)


@pytest.mark.parametrize("part", [0, 10, 200, -1])
def test_a_damaged_file_is_named(part, path):
    Sequential(MODELS["row"], 2, rng=3).save(path)
    path.write_bytes(path.read_bytes()[:part])
    with pytest.raises(
        ValueError, match=rf"{path.name} does not hold a model saved by rnncheck: \w+"
    ):
        Sequential.load(path)


def test_a_file_of_something_else_is_named(tmp_path):
    np.savez(tmp_path / "case.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match=r"case.npz does not hold a model saved by rnncheck"):
        Sequential.load(tmp_path / "case.npz")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": [{"type": "LSTM"}]}, "model.npz does not hold a model saved by rnncheck: .*LSTM"),
        ({"layers": [{"type": "Linear"}]}, "model.npz does not hold a model saved by rnncheck: .*out_f"),
        ({"input_size": 3}, r"model.npz holds no model that can be made: 0.weight has shape \(1, 2\)"),
        ({"implementation": "jax"}, "model.npz holds no model that can be made: implementation must"),
    ],
)  # fmt: skip
def test_a_description_that_does_not_fit_is_named(change, message, tmp_path):
    path = Sequential([Linear(1)], 2, rng=0).save(tmp_path / "model.npz")
    with np.load(path) as file:
        entries = dict(file)
    header = json.loads(str(entries.pop(files.HEADER))) | change
    np.savez(path, **{files.HEADER: np.array(json.dumps(header))}, **entries)
    with pytest.raises(ValueError, match=message):
        Sequential.load(path)


def test_torch_may_be_missing_where_a_model_of_it_is_loaded(tmp_path, monkeypatch):
    """The file names the implementation: another can be asked for."""
    pytest.importorskip("torch")
    path = Sequential([Linear(1)], 2, implementation="torch").save(tmp_path / "model.npz")
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "rnncheck.training.backends.torch", raising=False)
    with pytest.raises(UsageError, match="needs torch"):
        Sequential.load(path)
    assert Sequential.load(path, implementation="manual").implementation == "manual"
