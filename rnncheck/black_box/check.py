"""`gradcheck`: is this gradient the derivative of this loss? For any function of float64 arrays."""

from collections.abc import Callable, Iterator

import numpy as np

from rnncheck.black_box.arguments import (
    Array,
    Given,
    LossAndGradients,
    Parameters,
    read_entries,
    read_parameters,
)
from rnncheck.black_box.certificate import certify
from rnncheck.black_box.entries import Entry, judge
from rnncheck.black_box.function import Function, Values
from rnncheck.black_box.noise import Noise
from rnncheck.black_box.result import ArrayResult, GradientCheck, GradientError
from rnncheck.results import SubjectError


def gradcheck(
    loss_and_gradients: LossAndGradients,
    parameters: Given,
    *,
    entries: int | None = None,
    seed: int = 0,
    raise_exception: bool = True,
    progress: Callable[[int, int], None] | None = None,
    name: str | None = None,
) -> GradientCheck:
    """Whether gradients == d loss / d parameters, entry by entry, for any function of float64 arrays.

    loss_and_gradients: `loss_and_gradients(parameters) -> (loss, gradients)`, called with copies of
    `parameters` moved one entry at a time. The loss is one number; the gradients have the names
    (or the order) and the shapes of the parameters; more of them are ignored. parameters: a mapping
    from names to float64 arrays or numbers, or a list of them. entries: check at most so many
    entries of each array, drawn with `seed`; by default all. progress: called with (done, total) after
    each entry. name: what to call the function in messages.

    An entry is wrong if it is further from the extrapolated central difference of the loss than
    the error of that difference and the rounding of both, as estimated from the function itself; at a
    kink every slope between those of the two sides is right. 8 to 12 calls for each right entry.

    Raises GradientError (an AssertionError) if an entry is wrong or if no entry could be told,
    unless `raise_exception` is false; SubjectError if the function raises, returns what cannot be
    read, is not finite, or gives another result for the same parameters; TypeError or ValueError
    for arguments that are none.
    """
    if not callable(loss_and_gradients):
        raise TypeError(
            "loss_and_gradients must be a function of the parameters that returns (loss, gradients)"
        )
    given, most = read_parameters(parameters), read_entries(entries)
    title = name or getattr(loss_and_gradients, "__name__", "") or type(loss_and_gradients).__name__
    function = Function(loss_and_gradients, given, title)
    here = _first_calls(function)
    noise = Noise(function, here, np.random.default_rng((seed, 0)))
    _same(function, here, noise.directions[0][3], "after calls with other parameters")
    chosen = _chosen(given, most, np.random.default_rng((seed, 1)))
    total = sum(map(len, chosen.values()))
    judged: dict[str, list[Entry]] = {n: [] for n in chosen}
    for done, (array, index) in enumerate(_in_order(chosen), start=1):
        judged[array].append(judge(function, noise, array, index))
        if progress is not None:
            progress(done, total)
    _same(function, here, function.at(given.arrays), f"after {function.calls} calls")
    arrays = tuple(ArrayResult(n, a.shape, tuple(judged[n])) for n, a in given.arrays.items())
    calls, certificate = function.calls, certify(function)
    result = GradientCheck(title, arrays, noise.loss, calls, function.outside, certificate)
    if raise_exception and not result.passed:
        raise GradientError(result)
    return result


def _first_calls(function: Function) -> Values:
    """The same parameters twice: finite, and the same bits both times."""
    arrays = function.parameters.arrays
    here = function.at(arrays)
    if not np.isfinite(here.loss):
        raise SubjectError(
            f"the loss that {function.name} returned is {here.loss} at the parameters given: there is "
            "nothing to differentiate; start from parameters at which it is finite"
        )
    for name, gradient in here.gradients.items():
        bad = np.argwhere(~np.isfinite(gradient)).tolist()
        if bad:
            place = f"{function.parameters.gradient_place(name)}{bad[0] if bad[0] else ''}"
            raise SubjectError(
                f"{place} that {function.name} returned is {gradient[tuple(bad[0])]}, though the loss "
                f"is {here.loss:.6g}; {len(bad)} of its {gradient.size} entries are not finite"
            )
    _same(function, here, function.at(arrays), "in the second call")
    return here


def _same(function: Function, first: Values, again: Values, when: str) -> None:
    """SubjectError unless two calls with the same parameters gave the same bits."""
    advice = (
        "The same parameters must give the same result. Is something drawn at random (dropout, a "
        "sample, a shuffled batch)? Draw it once, outside. Is something kept from one call to the "
        "next (a hidden state, a buffer, a counter)? Start it afresh in every call."
    )
    for name, old in first.gradients.items():
        new = again.gradients[name]
        if np.array_equal(old, new):
            continue
        i = tuple(np.argwhere(old != new)[0].tolist())
        place = f"{function.parameters.gradient_place(name)}{list(i) if i else ''}"
        grown = " Every entry is exactly twice the first: it is added to and never set back to 0."
        if first.loss == again.loss or np.array_equal(new, 2.0 * old):
            raise SubjectError(
                f"{place} that {function.name} returned changes from call to call: "
                f"{float(old[i])!r} at first, {float(new[i])!r} {when}, for the same parameters."
                f"{grown if np.array_equal(new, 2.0 * old) else ''} {advice}"
            )
    if first.loss != again.loss:
        raise SubjectError(
            f"the loss that {function.name} returned changes from call to call: {first.loss!r} at first, "
            f"{again.loss!r} {when}, for the same parameters. {advice}"
        )


def _chosen(
    given: Parameters, most: int | None, random: np.random.Generator
) -> dict[str, list[tuple[int, ...]]]:
    """The entries to check, of each array, in C order."""
    chosen = {}
    for name, array in given.arrays.items():
        flat = _drawn(array, most, random)
        chosen[name] = [tuple(int(k) for k in np.unravel_index(i, array.shape)) for i in flat]
    return chosen


def _drawn(array: Array, most: int | None, random: np.random.Generator) -> list[int]:
    if most is None or array.size <= most:
        return list(range(array.size))
    return sorted(random.choice(array.size, most, replace=False).tolist())


def _in_order(
    chosen: dict[str, list[tuple[int, ...]]],
) -> Iterator[tuple[str, tuple[int, ...]]]:
    for name, indices in chosen.items():
        for index in indices:
            yield name, index
