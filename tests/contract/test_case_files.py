"""`Case.save` and `Case.load`: bit for bit, without pickle; a file that holds something else."""

import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contract.drawing import B, H, I, T, assert_same_bits, draw, everything

from rnncheck.case import Case
from rnncheck.spec import RNNSpec

BITS = {"float64": np.uint64, "float32": np.uint32, "float16": np.uint16}


def assert_round_trip(case: Case, path: Path) -> None:
    loaded = Case.load(case.save(path))
    assert (loaded.spec, loaded.origin) == (case.spec, case.origin)
    theirs = dict(loaded.arrays())
    assert list(theirs) == [name for name, _ in case.arrays()]
    for name, array in case.arrays():
        assert_same_bits(theirs[name], array, name)


def with_random_bits(case: Case, seed: int) -> Case:
    """Every array of any bits at all: subnormals, infinities, every kind of NaN."""
    random = np.random.default_rng(seed)
    arrays: dict[str, Any] = {}
    for name, array in case.arrays():
        bits = random.integers(0, 2**64, array.shape, np.uint64, endpoint=False)
        arrays[name] = bits.astype(BITS[array.dtype.name]).view(array.dtype)
    parameters = {name: arrays.pop(name) for name in case.parameters}
    return case.replace(parameters=parameters, **arrays)


@pytest.mark.parametrize(
    "spec",
    [
        RNNSpec(I, H),
        RNNSpec(I, H, 3, "relu", False, True, dropout=0.25),
        RNNSpec(I, H, 1, "sigmoid", output_size=2, readout="sigmoid", readout_bias=False),
        RNNSpec(I, H, 1, "identity", truncation=0),
    ],
)
@pytest.mark.parametrize("dtype", list(BITS))
def test_any_bits_come_back(spec, dtype, tmp_path):
    case = with_random_bits(draw(spec, dtype=dtype), seed=spec.num_layers)
    assert_round_trip(case, tmp_path / "case.npz")


@pytest.mark.parametrize("dtype", list(BITS))
def test_nan_infinity_and_the_sign_of_zero_come_back(dtype, tmp_path):
    special = [np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0, np.finfo(dtype).smallest_subnormal]
    case = draw(RNNSpec(1, len(special)), dtype=dtype)
    bias = np.array(special, dtype)
    assert len(set(bias.view(BITS[dtype]).tolist())) == len(special), "seven different bit patterns"
    assert_round_trip(
        case.replace(parameters={**case.parameters, "bias_ih_l0": bias}), tmp_path / "case.npz"
    )


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_lengths_masks_and_origin_come_back(dtype, tmp_path):
    case = everything().replace(origin="T ≥ 3, “λ”\n{}", lengths=np.array([0, T], dtype))
    assert_round_trip(case, tmp_path / "case.npz")


@pytest.mark.parametrize(("t", "b", "i"), [(0, B, I), (T, 0, I), (T, B, 0), (0, 0, 0)])
def test_empty_arrays_come_back(t, b, i, tmp_path):
    lengths = np.full(b, t)
    assert_round_trip(draw(RNNSpec(i, H), t, b, lengths=lengths), tmp_path / "case.npz")


def test_memory_order_and_byte_order_do_not_matter(tmp_path):
    case = draw()
    turned = case.replace(x=np.asfortranarray(case.x), h0=case.h0[:, ::-1])
    assert_round_trip(turned, tmp_path / "turned.npz")
    assert_round_trip(case.astype(">f8"), tmp_path / "big-endian.npz")


def test_the_file_stands_where_it_was_said(tmp_path):
    for name in ("case.npz", "case", "case.of.mine"):
        path = draw().save(str(tmp_path / name))
        assert path == tmp_path / name
        assert path.is_file()
        assert Case.load(str(path)).origin == "drawn"


def test_the_file_is_plain_arrays_and_json(tmp_path):
    """Whoever has NumPy and no rnncheck can read it."""
    case = everything()
    with np.load(case.save(tmp_path / "case.npz"), allow_pickle=False) as file:
        names = {name.removeprefix("parameters/") for name in file.files} - {"header"}
        assert names == {name for name, _ in case.arrays()}
        header = json.loads(str(file["header"]))
    assert RNNSpec(**header["spec"]) == case.spec


class Trap:
    """Unpickling it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("name", ["header", "x", "parameters/weight_ih_l0"])
def test_nothing_is_unpickled(name, tmp_path):
    path, sprung = tmp_path / "trap.npz", tmp_path / "sprung"
    write_changed(path, **{name: np.array([Trap(sprung)], dtype=object)})
    with pytest.raises(ValueError, match=re.escape(str(path))):
        Case.load(path)
    assert not sprung.exists()
    np.load(path, allow_pickle=True)[name]
    assert sprung.exists(), "the trap itself must work"


def write_changed(path: Path, **arrays: Any) -> None:
    """A case's file with some arrays added or replaced, or left out if None."""
    with np.load(everything().save(path)) as file:
        held = {name: file[name] for name in file.files} | arrays
    np.savez(path, **{name: array for name, array in held.items() if array is not None})


def write_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def header(**changes: Any) -> Any:
    spec = {"input_size": I, "hidden_size": H} | changes
    return np.array(json.dumps({"spec": spec, "origin": ""}))


OTHER_FILES: dict[str, Any] = {
    "text": lambda path: path.write_text("hello"),
    "empty": lambda path: path.write_bytes(b""),
    "folder": lambda path: path.mkdir(),
    "one array": lambda path: write_array(path),
    "other arrays": lambda path: np.savez(path, a=np.zeros(3)),
    "no header": lambda path: write_changed(path, header=None),
    "header not JSON": lambda path: write_changed(path, header=np.array("{")),
    "header a list": lambda path: write_changed(path, header=np.array("[1]")),
    "header without a spec": lambda path: write_changed(path, header=np.array("{}")),
    "another spec": lambda path: write_changed(path, header=header(num_layers=7)),
    "no network": lambda path: write_changed(path, header=header(hidden_size=0)),
    "an unknown option": lambda path: write_changed(path, header=header(gates=4)),
    "no x": lambda path: write_changed(path, x=None),
    "no parameter": lambda path: write_changed(path, **{"parameters/bias_o": None}),
    "one array more": lambda path: write_changed(path, y=np.zeros(3)),
    "a wrong shape": lambda path: write_changed(path, h0=np.zeros(3)),
    "a wrong dtype": lambda path: write_changed(path, h0=everything().h0.astype(np.float32)),
    "wrong lengths": lambda path: write_changed(path, lengths=np.array([T + 1, 0])),
}


@pytest.mark.parametrize("kind", list(OTHER_FILES))
def test_a_file_that_holds_something_else_is_named(kind, tmp_path):
    path = tmp_path / "other.npz"
    OTHER_FILES[kind](path)
    message = f"^{re.escape(str(path))} does not hold a case saved by rnncheck: "
    with pytest.raises(ValueError, match=message):
        Case.load(path)


def test_a_file_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.npz"):
        Case.load(tmp_path / "no.npz")


def test_a_file_cut_off_anywhere_is_no_case(tmp_path):
    """So it is if the process that wrote it was killed."""
    whole = everything().save(tmp_path / "whole.npz").read_bytes()
    path = tmp_path / "cut.npz"
    for size in range(0, len(whole), len(whole) // 60):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="does not hold a case"):
            Case.load(path)


def test_damage_to_the_numbers_is_noticed(tmp_path):
    case = everything()
    path = case.save(tmp_path / "case.npz")
    whole = path.read_bytes()
    numbers = case.x.tobytes()
    assert whole.count(numbers) == 1
    at = whole.index(numbers)
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    with pytest.raises(ValueError, match="does not hold a case"):
        Case.load(path)
