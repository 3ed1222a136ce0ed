"""From a user's call to the equations and back: what is given is checked, then run, then handed over."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from rnncheck.case import Array, Case
from rnncheck.implementation import Capabilities, Forward, Gradients, Handed, Layout, laid_out
from rnncheck.spec import RNNSpec, require_shape

ALL = Capabilities(keeps_dtype=True, validates=("shapes", "dtypes", "lengths"))


class Entrance:
    """An `Implementation` on `run` and `run_backward`, and the entry that a user calls."""

    name: str = "plain"
    capabilities: Capabilities = ALL
    takes_unbatched: ClassVar[bool] = True

    run: Any
    run_backward: Any

    def forward(self, case: Case) -> Forward:
        """Output and final state."""
        return self.begin(case)[0]

    def gradients(self, case: Case) -> Gradients:
        """The gradient for every parameter, x and h0."""
        return self.end(self.begin(case)[1], case)

    def begin(self, case: Case) -> tuple[Forward, Any]:
        """A forward pass and its tape."""
        output, h_n, tape = self.run(
            case.spec, case.parameters, case.x, case.h0, case.lengths, case.dropout_masks
        )
        return Forward(self.handed_over(output), self.handed_over(h_n)), tape

    def end(self, tape: Any, case: Case) -> Gradients:  # noqa: ANN401 - nobody else looks into it
        """The gradients by the tape of a forward pass."""
        gradients: Gradients = self.run_backward(tape, case.d_output, case.d_h_n)
        return gradients

    def handed_over(self, result: Array) -> Array:
        """A result in memory of its own: the caller may write into it."""
        return result.copy()

    def handed(self, case: Case, layout: Layout) -> Handed:
        """The case's arrays, and both passes with the tape between them."""
        held = laid_out(case, layout)
        tapes: list[Any] = []

        def forward() -> Forward:
            result, tape = self.begin(held)
            tapes[:] = [tape]
            return result

        def gradients() -> Gradients:
            if not tapes:
                forward()
            return self.end(tapes[0], held)

        return Handed(tuple(held.arrays()), forward, gradients)

    # What a user's call is put through

    def enter(self, spec: RNNSpec, arrays: Mapping[str, Array]) -> Gradients:
        """`output`, `h_n` and, with a `d_output`, the gradients, for arrays with a batch axis or without."""
        batched = arrays["x"].ndim != 2
        given = dict(arrays) if batched else {n: self.with_rows(n, a) for n, a in arrays.items()}
        parameters = {name: given[name] for name in spec.parameter_shapes()}
        self.require_x(spec, given["x"])
        self.require_parameters(spec, parameters)
        T, B = given["x"].shape[:2]
        self.require_h0(spec, given["h0"], B)
        lengths = given.get("lengths")
        if lengths is not None:
            self.require_lengths(lengths, T, B)
        self.require_dtypes(given)
        output, h_n, tape = self.run(spec, parameters, given["x"], given["h0"], lengths)
        results = {"output": output, "h_n": h_n}
        if "d_output" in given:
            self.require_cotangents(given, output, h_n)
            results |= self.run_backward(tape, given["d_output"], given["d_h_n"])
        return results if batched else {n: self.without_rows(n, a) for n, a in results.items()}

    def with_rows(self, name: str, array: Array) -> Array:
        """An unbatched array with a batch axis of 1."""
        return array[:, None] if name in ROWS else array

    def without_rows(self, name: str, array: Array) -> Array:
        """Without that axis again."""
        return array[:, 0] if name in ROWS else array

    def require_x(self, spec: RNNSpec, x: Array) -> None:
        """x has three axes, the last of input_size."""
        if x.ndim != 3:
            raise ValueError(f"x has shape {x.shape}; it must have 3 axes, or 2 without a batch")
        require_shape("x", x.shape, (*x.shape[:2], spec.input_size), "time, batch, input")

    def require_parameters(self, spec: RNNSpec, parameters: Mapping[str, Array]) -> None:
        """Every parameter has its shape."""
        for name, shape in spec.parameter_shapes().items():
            require_shape(name, parameters[name].shape, shape)

    def require_h0(self, spec: RNNSpec, h0: Array, B: int) -> None:
        """h0 has a row for each of x."""
        require_shape("h0", h0.shape, (spec.num_states, B, spec.hidden_size))

    def require_lengths(self, lengths: Any, T: int, B: int) -> None:  # noqa: ANN401
        """One integer in 0..T for each row."""
        require_shape("lengths", lengths.shape, (B,), "one for each batch row")
        if lengths.dtype.kind not in "iu":
            raise TypeError(f"lengths must be integers, not {lengths.dtype}")
        if lengths.size and (lengths.min() < 0 or lengths.max() > T):
            raise ValueError(f"lengths must lie in 0..{T}, not {lengths.tolist()}")

    def require_dtypes(self, arrays: Mapping[str, Array]) -> None:
        """Every array of numbers has the parameters' floating-point type."""
        dtype = arrays["weight_hh_l0"].dtype
        for name, array in arrays.items():
            if name != "lengths" and array.dtype != dtype:
                raise TypeError(f"{name} is {array.dtype} where the parameters are {dtype}")

    def require_cotangents(self, given: Mapping[str, Array], output: Array, h_n: Array) -> None:
        """d_output and d_h_n have the shapes of output and h_n."""
        require_shape("d_output", given["d_output"].shape, np.shape(output))
        require_shape("d_h_n", given["d_h_n"].shape, np.shape(h_n))


ROWS = ("x", "h0", "output", "h_n", "d_output", "d_h_n")
"""Arrays with a batch axis: axis 1."""
