"""The complex step: a derivative without subtraction, for code that runs on complex numbers."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

STEP = 1e-30
"""So small that h² f'''/6 is nothing, and so large that h·f' does not underflow."""

Complex = npt.NDArray[np.complex128]


def complex_step(
    f: Callable[[Complex], Complex], x: npt.NDArray[np.float64], v: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """J(x) v = Im f(x + i·h·v) / h for an analytic f of arrays: every output at once.

    Nothing is subtracted, so the result is as exact as f itself: off by its rounding, and by
    h²·|f'''| = 1e-60 |f'''| (W. Squire, G. Trapp, SIAM Review 40, 1998). Not for |·|, comparisons,
    ReLU or anything that drops imaginary parts: TypeError if f returns real numbers.
    """
    result = np.asarray(f(x + 1j * STEP * v))
    if not np.iscomplexobj(result):
        raise TypeError(
            f"the function returned {result.dtype} for complex128 input: it drops the imaginary "
            "part (a buffer of floats, say), so the complex step does not apply"
        )
    return np.asarray(result.imag / STEP)
