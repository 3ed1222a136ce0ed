"""`Case`: one concrete input to a network, with the cotangents that its gradients answer to."""

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from rnncheck.spec import RNNSpec, require_shape

Array = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]

_ARRAYS = ("x", "h0", "d_output", "d_h_n")


@dataclass(frozen=True, eq=False)
class Case:
    """A spec and every array of one run, time-major, all of one floating-point dtype.

    The scalar that is differentiated is `<d_output, output> + <d_h_n, h_n>`.

    parameters: by `spec.parameter_shapes()`. x `(T, B, I)`. h0 `(L·D, B, H)`.
    d_output `(T, B, D·H)`, or `(T, B, O)` with a readout. d_h_n like h0.
    lengths `(B,)`: valid steps of each row, or None for T everywhere; `output` is 0 beyond them.
    dropout_masks `(L-1, T, B, D·H)`: what the output of each layer but the last is multiplied by
    (0 or 1/(1-p)), or None for no dropout. origin: how the case was made, in words.

    Raises ValueError for a missing or unknown parameter or a wrong shape, TypeError for a wrong
    dtype; the message names the argument, what it had and what it must have.
    """

    spec: RNNSpec
    parameters: Mapping[str, Array]
    x: Array
    h0: Array
    d_output: Array
    d_h_n: Array
    lengths: IntArray | None = None
    dropout_masks: Array | None = None
    origin: str = ""

    kind: ClassVar[str] = "f"
    """NumPy's letter for what the arrays hold: floating-point numbers."""

    def __post_init__(self) -> None:
        require_names(self.spec, self.parameters)
        for name, array in self.arrays():
            if not isinstance(array, np.ndarray):
                raise TypeError(f"{name} must be a NumPy array, not a {type(array).__name__}")
        if self.x.ndim != 3:
            raise ValueError(f"x has shape {self.x.shape}; a case needs (T, B, I): 3 dimensions")
        shapes = self.spec.parameter_shapes() | self.spec.array_shapes(self.T, self.B)
        for name, array in self.arrays():
            require_shape(name, array.shape, shapes[name])
            if name != "lengths" and array.dtype != self.x.dtype:
                raise TypeError(f"{name} is {array.dtype} where x is {self.x.dtype}; use one dtype")
        if self.x.dtype.kind != self.kind:
            raise TypeError(f"a case holds floating-point numbers, not {self.x.dtype}")
        if self.lengths is not None:
            require_lengths(self.lengths, self.T)
        if self.spec.generated and (self.lengths is not None or self.T == 0):
            raise ValueError("generated steps need at least one step that is given, and no lengths")

    @property
    def T(self) -> int:
        """Number of time steps."""
        return int(self.x.shape[0])

    @property
    def B(self) -> int:
        """Number of batch rows."""
        return int(self.x.shape[1])

    @property
    def dtype(self) -> np.dtype[np.floating[Any]]:
        """What every array is held in, and what an implementation claims to compute in."""
        return self.x.dtype

    @property
    def is_degenerate(self) -> bool:
        """Whether there is a row, a feature or a sequence of length 0: some refuse such cases."""
        short = self.lengths is not None and bool((np.asarray(self.lengths) == 0).any())
        return 0 in (self.T, self.B, self.spec.input_size) or short

    def valid_steps(self) -> IntArray:
        """`(B,)`: how many steps of each row are not padding."""
        return np.full(self.B, self.T) if self.lengths is None else np.asarray(self.lengths)

    def output_steps(self) -> IntArray:
        """`(B,)`: how many entries of each row along the time axis of `output` are not padding."""
        if self.spec.outputs == "final":
            return np.ones(self.B, dtype=np.intp)
        valid = self.valid_steps()
        return np.minimum(valid, 1) if self.spec.outputs == "last" else valid + self.spec.generated

    def output_padding(self) -> npt.NDArray[np.bool_]:
        """`(T of output, B)`: which entries of `output` and its cotangent are padding."""
        steps = np.arange(self.d_output.shape[0])[:, None]
        return np.asarray(steps >= self.output_steps()[None, :])

    def arrays(self) -> Iterator[tuple[str, npt.NDArray[Any]]]:
        """Every array and its name: the parameters in order, then the inputs and cotangents."""
        for name in self.spec.parameter_shapes():
            yield name, self.parameters[name]
        for name in (*_ARRAYS, "lengths", "dropout_masks"):
            array = getattr(self, name)
            if array is not None:
                yield name, array

    def replace(self, **changes: Any) -> "Case":  # noqa: ANN401 - any field may change
        """The same case with some fields changed; validated anew."""
        return dataclasses.replace(self, **changes)

    def copy(self) -> "Case":
        """The same case in memory of its own, for handing to code that may write into it."""
        own = {name: array.copy() for name, array in self.arrays()}
        parameters = {name: own.pop(name) for name in self.spec.parameter_shapes()}
        made = object.__new__(type(self))  # as valid as this one: not validated anew
        vars(made).update(vars(self), spec=self.spec.copy(), parameters=parameters, **own)
        return made

    def astype(self, dtype: npt.DTypeLike) -> "Case":
        """The same case with every floating-point array converted."""
        cast = {n: a if n == "lengths" else a.astype(dtype) for n, a in self.arrays()}
        parameters = {name: cast.pop(name) for name in self.spec.parameter_shapes()}
        return self.replace(parameters=parameters, **cast)

    def sizes(self) -> str:
        """The sizes in one line, as reports show them."""
        spec = self.spec
        words = [f"T={self.T} B={self.B} I={spec.input_size} H={spec.hidden_size}"]
        if spec.num_layers > 1:
            words.append(f"L={spec.num_layers}")
        if spec.bidirectional:
            words.append("bidirectional")
        if spec.output_size is not None:
            words.append(f"O={spec.output_size} readout={spec.readout}")
        if spec.outputs != "all":
            words.append(f"outputs={spec.outputs}")
        if spec.generated:
            words.append(f"generated={spec.generated}")
        if spec.truncation is not None:
            words.append(f"truncation={spec.truncation}")
        if self.dropout_masks is not None:
            words.append("dropout")
        words.append(spec.nonlinearity)
        if not spec.bias:
            words.append("no bias")
        if self.lengths is not None:
            words.append(f"lengths={self.lengths.tolist()}")
        return " ".join([*words, str(self.dtype)])

    def save(self, path: str | Path, kept: Mapping[str, str] | None = None) -> Path:
        """Write an `.npz` without pickle: the spec as JSON, each array under its name.

        kept: what else its header is to say, about why it is kept (`read_kept` gives it back).
        """
        path = Path(path)
        arrays: dict[str, Any] = {
            f"parameters/{name}" if name in self.parameters else name: array
            for name, array in self.arrays()
        }
        header = {
            "spec": dataclasses.asdict(self.spec),
            "origin": self.origin,
            "kept": dict(kept or {}),
        }
        with path.open("wb") as file:
            np.savez(file, header=np.array(json.dumps(header)), **arrays)
        return path

    @classmethod
    def load(cls, path: str | Path) -> "Case":
        """Read what `save` wrote. ValueError, naming the file, if it holds no case."""
        try:
            with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                header = _header(file)
                arrays = {name: file[name] for name in file.files if name != "header"}
            spec = RNNSpec(**header["spec"])
            parameters = {n: arrays.pop(f"parameters/{n}") for n in spec.parameter_shapes()}
            return cls(spec=spec, parameters=parameters, origin=header["origin"], **arrays)
        except FileNotFoundError:
            raise
        except Exception as error:  # a damaged file can make NumPy and zipfile raise anything
            raise ValueError(f"{path} does not hold a case saved by rnncheck: {error}") from error


def read_kept(path: str | Path) -> dict[str, str]:
    """Why a case was kept, as `Case.save` was told; nothing if it was told nothing.

    ValueError, naming the file, if it holds no case.
    """
    try:
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return {str(word): str(text) for word, text in _header(file).get("kept", {}).items()}
    except FileNotFoundError:
        raise
    except Exception as error:
        raise ValueError(f"{path} does not hold a case saved by rnncheck: {error}") from error


def _header(file: Mapping[str, npt.NDArray[Any]]) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(str(file["header"]))
    return header


def require_names(
    spec: RNNSpec, parameters: Mapping[str, object], name: str = "parameters"
) -> None:
    """Raise ValueError unless the names are the spec's parameters, listing what is off."""
    wanted = spec.parameter_shapes()
    missing = [key for key in wanted if key not in parameters]
    unknown = [key for key in parameters if key not in wanted]
    if missing or unknown:
        parts = [f"lacks {', '.join(missing)}"] if missing else []
        parts += [f"has the unknown {', '.join(map(str, unknown))}"] if unknown else []
        raise ValueError(f"{name} {' and '.join(parts)}; it must hold {', '.join(wanted)}")


def require_lengths(lengths: IntArray, T: int) -> None:
    """Raise unless every length is an integer in [0, T]."""
    if not np.issubdtype(lengths.dtype, np.integer):
        raise TypeError(f"lengths must be integers, not {lengths.dtype}")
    if lengths.size and (lengths.min() < 0 or lengths.max() > T):
        raise ValueError(f"lengths must lie in 0..T = 0..{T}, not {lengths.tolist()}")
