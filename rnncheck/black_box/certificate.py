"""Proof mode for a black box: the same question without a tolerance, where its code can be followed."""

from collections.abc import Mapping
from typing import Any

from rnncheck.black_box.function import Function
from rnncheck.oracles.following.numbers import Objects, Unfollowed
from rnncheck.oracles.proof import prove_loss

SLOW = 0.25
"""Seconds of a call that is not repeated on other numbers, where it takes some hundred times that."""


def certify(function: Function) -> str:
    """What could be proved of the function's gradients at its parameters, or why nothing was."""
    parameters = function.parameters
    if function.seconds > SLOW * function.calls:
        return f"not certified: a call takes more than {SLOW} s"

    def by_name(point: Mapping[str, Objects]) -> tuple[Any, Mapping[str, Any]]:
        given = {n: a[()] if n in parameters.numbers else a for n, a in point.items()}
        result: Any = function.subject(given if parameters.is_mapping else list(given.values()))
        loss, gradients = result
        return loss, gradients if parameters.is_mapping else dict(
            zip(point, gradients, strict=False)
        )

    try:
        certificate = prove_loss(by_name, parameters.arrays, code=function.subject)
    except Unfollowed as reason:
        return f"not certified: its code cannot be followed: {reason}"
    if certificate is None:
        return "not certified: in exact arithmetic the two sides differ, or a function is unknown there"
    lines = [f"{b.file}:{b.line}" for b in certificate.branches]
    branches = f"; it compares in {', '.join(lines)}" if lines else ""
    return (
        "CERTIFIED: the gradient is the derivative of the loss, as an exact identity (a wrong one is "
        f"certified with a probability below {certificate.false_accept:.1e}{branches})"
    )
