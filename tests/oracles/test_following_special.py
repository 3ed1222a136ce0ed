"""`scipy.special` on other numbers, where the code has imported it; SciPy itself is not needed."""

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnncheck.oracles.field import Field
from rnncheck.oracles.following.door import followed
from rnncheck.oracles.following.numbers import converted
from rnncheck.oracles.own_code import BallNumber, ball_number

X = np.array([[0.25, -0.5, 1.0], [2.0, 0.75, -1.25]])


def stand_in() -> ModuleType:
    """The functions of `scipy.special`, for floats."""
    special: Any = ModuleType("scipy.special")

    def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
        return np.log(np.exp(np.asarray(x, dtype=float)).sum(axis=axis, keepdims=keepdims))

    special.logsumexp = logsumexp
    special.expit = lambda x: 1 / (1 + np.exp(-np.asarray(x, dtype=float)))
    special.log_softmax = lambda x, axis=None: x - logsumexp(x, axis, keepdims=True)
    special.softmax = lambda x, axis=None: np.exp(special.log_softmax(x, axis))
    for function in vars(special).values():
        if callable(function):
            function.__module__ = "scipy.special"  # a library's own, that nobody looks into
    return special


CODE = {
    "expit": "from scipy.special import expit\ndef f(x): return expit(x)",
    "by another name": "from scipy.special import expit as sigma\ndef f(x): return sigma(x)",
    "softmax": "from scipy.special import softmax\ndef f(x): return softmax(x, axis=1)",
    "of all": "import scipy.special\ndef f(x): return scipy.special.softmax(x)",
    "log_softmax": "from scipy import special\ndef f(x): return special.log_softmax(x, axis=-1)",
    "logsumexp": "from scipy import special as sp\ndef f(x): return sp.logsumexp(x, axis=0)",
    "keepdims": (
        "import scipy.special as sp\ndef f(x): return x - sp.logsumexp(x, axis=1, keepdims=True)"
    ),
    "a number": "from scipy.special import logsumexp\ndef f(x): return logsumexp(x)",
    "a scalar": "from scipy.special import expit\ndef f(x): return expit(x[0, 1])",
}


@pytest.fixture(autouse=True)
def _with_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    scipy: Any = ModuleType("scipy")
    scipy.special = stand_in()
    monkeypatch.setitem(sys.modules, "scipy", scipy)
    monkeypatch.setitem(sys.modules, "scipy.special", scipy.special)


def network(name: str) -> ModuleType:
    module = ModuleType("theirs")
    exec(CODE[name], vars(module))
    return module


@pytest.mark.parametrize("name", CODE)
def test_the_functions_are_those_of_floats(name: str) -> None:
    """Both sides are within a few roundings of values below 3: 16 ulp of 4."""
    module = network(name)
    content = dict(vars(module))
    expected = module.f(X)
    with followed(module.f, ball_number):
        found = np.asarray(module.f(converted(X, ball_number)), dtype=object)
        assert module.f(X).dtype == np.float64  # floats are SciPy's own matter
    assert found.shape == expected.shape
    assert all(type(v) is BallNumber for v in found.ravel())
    near = np.array([v.approximate() for v in found.ravel()]).reshape(found.shape)
    assert np.all(np.abs(near - expected) <= 16 * np.spacing(4.0))
    assert vars(module) == content


def test_on_the_field_a_softmax_is_exact() -> None:
    """exp(log_softmax) = softmax, and its sums are 1."""
    field = Field(0)
    x = converted(X, lambda near: field.input(near, moves=True))
    soft, log_soft = network("softmax"), network("log_softmax")
    with followed(soft.f, field.constant):
        p = soft.f(x)
    with followed(log_soft.f, field.constant):
        q = np.exp(log_soft.f(x))
    for a, b in zip(p.ravel(), q.ravel(), strict=True):
        assert (a.value, a.tangent) == (b.value, b.tangent)
    for total in p.sum(axis=1):
        assert (total.value, total.tangent) == (1, 0)
