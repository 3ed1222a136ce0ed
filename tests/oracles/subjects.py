"""Cases for a wrapped network of any kind, and networks whose text is given."""

from typing import Any

import numpy as np

from rnncheck.case import Case
from rnncheck.spec import RNNSpec
from rnncheck.wrapping import Wrapped

Sizes = tuple[int, int, int, int]
SHORT: Sizes = (8, 2, 4, 3)
"""T, B, I, H of a case that shows what is mixed up between rows, steps and axes."""
LONG: Sizes = (40, 1, 2, 3)
"""And of one that shows what is forgotten."""
OUTPUTS = 3


def case_for(subject: Wrapped, sizes: Sizes, seed: int = 1) -> Case:
    """A case of the kind that the network takes; no cotangent at the fourth step's output."""
    T, B, inputs, hidden = sizes
    can, random = subject.capabilities, np.random.default_rng(seed)
    spec = RNNSpec(
        inputs, hidden, nonlinearity=can.nonlinearities[0], bias=can.bias_vectors != (0,),
        output_size=OUTPUTS if can.needs_readout else None,
        readout_bias=can.readout_biases[0] if can.needs_readout else True,
    )  # fmt: skip
    B = can.batch_size or B
    arrays: dict[str, Any] = {
        name: random.standard_normal(shape)
        for name, shape in (spec.parameter_shapes() | spec.array_shapes(T, B)).items()
        if name not in ("output", "h_n", "lengths", "dropout_masks")
    }
    parameters = {name: arrays.pop(name) for name in spec.parameter_shapes()}
    if can.bias_vectors == (1,):
        parameters["bias_hh_l0"] = 0.0 * parameters["bias_hh_l0"]
    if not can.initial_state:
        arrays["h0"] = 0.0 * arrays["h0"]
    if not can.final_state:
        arrays["d_h_n"] = 0.0 * arrays["d_h_n"]
    arrays["d_output"][3] = 0.0
    case = Case(spec=spec, parameters=parameters, origin="drawn", **arrays)
    assert can.missing(case.astype(can.dtypes[0])) is None
    return case.astype(can.dtypes[0])
