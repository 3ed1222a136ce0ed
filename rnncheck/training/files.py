"""A model in a file: `.npz` without pickle, or `.safetensors`; its layers stand in it as JSON.

How the parameters are drawn (`initialise`) is not kept, since they are drawn no more.
"""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rnncheck.case import Array
from rnncheck.results import UsageError
from rnncheck.training.layers import RNN, Iterated, Layer, Linear

if TYPE_CHECKING:
    from types import ModuleType

    from rnncheck.training.sequential import Sequential

KINDS: dict[str, type[Layer]] = {"RNN": RNN, "Linear": Linear, "Iterated": Iterated}
HEADER = "rnncheck.training"
"""The entry of a file that describes the model."""


def save(model: "Sequential", path: str | Path) -> Path:
    """Write layers, sizes and parameters. UsageError for another ending, or without safetensors."""
    path = Path(path)
    header = json.dumps(
        {
            "layers": [describe(layer) for layer in model.layers],
            "input_size": model.input_size,
            "implementation": model.implementation,
            "dtype": model.dtype.name,
        }
    )
    arrays = {name: np.ascontiguousarray(array) for name, array in model.parameters.items()}
    if _is_safetensors(path):
        content = _safetensors(".numpy").save(arrays, metadata={HEADER: header})
        path.write_bytes(content)
    else:
        with path.open("wb") as file:
            entries: dict[str, Any] = {HEADER: np.array(header), **arrays}
            np.savez(file, **entries)
    return path


def read(path: str | Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """What describes the model, its layers made, and its parameters.

    UsageError for another ending or without safetensors, ValueError, naming the file, if it holds no model.
    """
    path = Path(path)
    reads = _read_safetensors if _is_safetensors(path) else _read_npz
    try:
        text, arrays = reads(path)
        header: dict[str, Any] = json.loads(text)
        header["layers"] = [layer(description) for description in header["layers"]]
        return header, arrays
    except (FileNotFoundError, UsageError):
        raise
    except (
        Exception
    ) as error:  # a damaged file can make NumPy, zipfile and safetensors raise anything
        raise ValueError(
            f"{path} does not hold a model saved by rnncheck: {type(error).__name__}: {error}"
        ) from error


def describe(layer: Layer) -> dict[str, Any]:
    """A layer as JSON can hold it."""
    kind = type(layer).__name__
    if isinstance(layer, Iterated):
        return {"type": kind, "layers": list(map(describe, layer.layers)), "times": layer.times}
    fields = (field.name for field in dataclasses.fields(layer) if field.name != "initialise")
    return {"type": kind, **{name: getattr(layer, name) for name in fields}}


def layer(description: Mapping[str, Any]) -> Layer:
    """The layer that `describe` described."""
    fields = dict(description)
    kind = KINDS[fields.pop("type")]
    if kind is Iterated:
        fields["layers"] = [layer(inner) for inner in fields["layers"]]
    return kind(**fields)


def _read_npz(path: Path) -> tuple[str, dict[str, Array]]:
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        return str(file[HEADER]), {name: file[name] for name in file.files if name != HEADER}


def _read_safetensors(path: Path) -> tuple[str, dict[str, Array]]:
    with path.open("rb"):  # a missing file is Python's own FileNotFoundError
        pass
    with _safetensors("").safe_open(path, framework="numpy") as file:
        return file.metadata()[HEADER], {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict


def _is_safetensors(path: Path) -> bool:
    if path.suffix not in (".npz", ".safetensors"):
        raise UsageError(
            f"{path.name} ends in {path.suffix or 'nothing'}; a model is kept in a file that ends in "
            ".npz or .safetensors"
        )
    return path.suffix == ".safetensors"


def _safetensors(module: str) -> "ModuleType":
    import importlib

    try:
        return importlib.import_module(f"safetensors{module}")
    except ImportError as error:
        raise UsageError(
            "a .safetensors file needs safetensors, which is not installed: pip install safetensors "
            "(or keep the model in a .npz file)"
        ) from error
