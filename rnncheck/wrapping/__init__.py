"""`wrap`: a user's pair of functions as an implementation, from dimension words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args

from rnncheck.implementation import Capabilities
from rnncheck.spec import Nonlinearity, Readout
from rnncheck.wrapping.axes import layout_of
from rnncheck.wrapping.wrapped import UserForward, Wrapped

__all__ = ["Wrapped", "wrap"]


def wrap(
    forward: UserForward,
    backward: Callable[..., Mapping[str, Any]] | None = None,
    *,
    x: str,
    output: str,
    params: Mapping[str, str],
    h0: str | None = None,
    name: str | None = None,
    nonlinearity: Nonlinearity = "tanh",
    readout: Readout = "identity",
    dtypes: Sequence[str] = ("float64",),
    keeps_dtype: bool = False,
    validates: bool = False,
) -> Wrapped:
    """An implementation made of two functions on plain arrays, in their author's own layout.

    forward: `forward(params, x, h0) -> output`, or `(output, h_n)`. backward:
    `backward(params, x, h0, d_output, d_h_n) -> {name: gradient}` for every parameter, and `"x"`
    and `"h0"` if it has them; left out, the gradient checks are not applicable. `d_h_n` may be left
    out of its arguments if forward gives no `h_n`.

    x, h0, output, params: dimension words, one for each axis, out of `time batch input hidden
    prev output 1`; `params` maps your names to them. `"hidden prev"` is torch's orientation
    (`h @ W.T`), `"prev hidden"` the other. Without `batch` in x the network is unbatched; `h0=None`
    means it always starts from zeros, and neither function is given one (an `h_n` then has the axes
    of output without time); one `"hidden"`
    vector is the bias, two are the two biases of torch; `"output hidden"` is a readout.

    nonlinearity: tanh, relu, sigmoid or identity. readout: what the readout's sum goes through: identity,
    sigmoid or softmax (over the outputs); `d_output` is the cotangent of what comes out. dtypes: what it
    claims to compute in. keeps_dtype: its results have the dtype of what it is given. validates: it claims
    to raise an exception for arguments of wrong sizes, and for an x or h0 of another dtype than the
    parameters; that is checked.
    Raises ValueError or TypeError that names the argument, what it was and what it can be.
    """
    _require_words("nonlinearity", (nonlinearity,), get_args(Nonlinearity))
    _require_words("readout", (readout,), get_args(Readout))
    _require_words("dtypes", dtypes, ("float64", "float32", "float16"))
    layout = layout_of(x, h0, output, params)
    if readout != "identity" and "weight_ho" not in layout.roles.values():
        raise ValueError(
            f"readout={readout!r} needs a matrix 'output hidden' in params; there is none"
        )
    claims = Capabilities(
        readouts=(readout,),
        dtypes=tuple(dtypes),
        keeps_dtype=keeps_dtype,
        validates=("shapes", "dtypes") if validates else (),
    )
    return Wrapped(forward, backward, layout, name, nonlinearity, claims)


def _require_words(argument: str, given: object, words: tuple[str, ...]) -> None:
    if not isinstance(given, tuple | list) or not given:
        raise TypeError(f"{argument} must be a tuple of words such as {words[:1]}, not {given!r}")
    for word in given:
        if word not in words:
            raise ValueError(f"{argument}: {word!r} is none of {', '.join(words)}")
