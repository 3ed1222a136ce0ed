"""The door: the code sees other numbers, wherever its NumPy came from, and all is put back."""

import functools
import linecache
import math
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnncheck.oracles.following.door import followed
from rnncheck.oracles.following.numbers import ControlFlow, Number, Unfollowed
from rnncheck.oracles.own_code import BallNumber, ball_number

Make = Callable[..., ModuleType]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """A module of somebody's own, by name, from its text and the modules it may import."""

    def make(name: str, source: str) -> ModuleType:
        module = ModuleType(name)
        module.__file__ = f"<{name}.py>"
        linecache.cache[module.__file__] = (len(source), None, source.splitlines(True), name)
        monkeypatch.setitem(sys.modules, name, module)
        exec(compile(source, module.__file__, "exec"), vars(module))
        return module

    yield make
    for name in [name for name in linecache.cache if name.startswith("<theirs")]:
        del linecache.cache[name]


def follow(subject: Any, *arguments: Any) -> Any:
    with followed(subject, ball_number):
        return subject(*arguments)


def all_numbers(values: Any) -> bool:
    return all(type(v) is BallNumber for v in np.asarray(values, dtype=object).ravel())


SOURCES = {
    "numpy as np": "import numpy as np\ndef f(): return np.zeros(3)",
    "numpy": "import numpy\ndef f(): return numpy.ones((2, 2))",
    "names of numpy": "from numpy import zeros, exp\ndef f(): return exp(zeros(3))",
    "random": "from numpy import random\ndef f(): return random.randn(2, 3)",
    "randn": "from numpy.random import randn as normal\ndef f(): return normal(2)",
    "norm": "from numpy.linalg import norm\nimport numpy as np\ndef f(): return norm(np.ones(4))",
    "math": "import math\ndef f(): return [math.exp(0.5), math.sqrt(2)]",
    "a name of math": "from math import tanh\ndef f(): return tanh(1.0)",
    "float": "def f(): return float(3)",
    "float as a dtype": "import numpy as np\ndef f(): return np.array([1, 2], dtype=float)",
    "float32": "from numpy import float32 as F, zeros\ndef f(): return zeros(2, F) + F(1)",
    "an alias": "import numpy as np\nxp = np\nmake = xp.zeros\ndef f(): return make(3)",
    "in a table": "import numpy as np\nF = {'a': np.ones}\ndef f(): return F['a'](3)",
    "a list of functions": "import numpy as np\nF = [np.ones]\ndef f(): return F[0](3)",
    "an array of the module": "import numpy as np\nW = np.ones((2, 2))\ndef f(): return W @ W",
    "arrays in a dict": "import numpy as np\nP = {'w': np.ones(3)}\ndef f(): return P['w']",
    "a table of a class": (
        "import numpy as np\nclass A:\n    table = {'g': (np.ones, 3)}\n"
        "    def f(self): return self.table['g'][0](self.table['g'][1])\nf = A().f"
    ),
    "arrays in lists in a dict": (
        "import numpy as np\nP = {'w': [np.ones(3), (np.ones(3),)]}\ndef f(): return P['w'][1][0]"
    ),
    "a function of its own": "import numpy as np\ndef g(): return np.ones(2)\ndef f(): return g()",
    "a closure": (
        "import numpy as np\ndef outer():\n    w = np.ones(3)\n    def inner(): return w * 2\n"
        "    return inner\nf = outer()"
    ),
    "a module in a closure": (
        "def outer():\n    import numpy as xp\n    return lambda: xp.ones(3)\nf = outer()"
    ),
    "a default": (
        "import numpy as np\ndef g(): return np.ones(2)\ndef f(make=g): return make()"
    ),
    "a lambda in a table": "import numpy as np\nF = {'g': lambda: np.ones(2)}\nf = F['g']",
    "a partial": (
        "import functools\nimport numpy as np\ndef g(n): return np.ones(n)\n"
        "f = functools.partial(g, 3)"
    ),
    "a decorated function": (
        "import functools\nimport numpy as np\ndef twice(g):\n    @functools.wraps(g)\n"
        "    def h(): return 2 * g()\n    return h\n@twice\ndef f(): return np.ones(3)"
    ),
    "a cached function": (
        "import functools\nimport numpy as np\n@functools.lru_cache\ndef f(): return np.ones(3)"
    ),
    "a method": (
        "import numpy as np\nclass A:\n    def __init__(self): self.w = np.ones(3)\n"
        "    def f(self): return self.w + np.zeros(3)\nf = A().f"
    ),
    "an object that is called": (
        "import numpy as np\nclass A:\n    w = np.ones(3)\n    def __call__(self): return self.w\n"
        "f = A()"
    ),
    "a base class": (
        "import numpy as np\nclass B:\n    def g(self): return np.ones(2)\nclass A(B):\n"
        "    def f(self): return self.g()\nf = A().f"
    ),
    "static and class methods": (
        "import numpy as np\nclass A:\n    @staticmethod\n    def g(): return np.ones(2)\n"
        "    @classmethod\n    def f(cls): return cls.g()\nf = A.f"
    ),
    "a property": (
        "import numpy as np\nclass A:\n    @property\n    def g(self): return np.ones(2)\n"
        "    def f(self): return self.g\nf = A().f"
    ),
    "objects in attributes": (
        "import numpy as np\nclass L:\n    def __init__(self): self.w = np.ones(2)\n"
        "class N:\n    def __init__(self): self.layers = [L(), L()]\n"
        "    def f(self): return [l.w for l in self.layers]\nf = N().f"
    ),
    "a generator": "import numpy as np\ndef f(): return list(np.ones(2) for _ in range(2))",
}  # fmt: skip


@pytest.mark.parametrize("name", SOURCES)
def test_wherever_its_numpy_came_from_the_code_makes_other_numbers(name: str, made: Make) -> None:
    module = made("theirs", SOURCES[name])
    before = module.f()
    assert not any(isinstance(v, Number) for v in np.asarray(before, dtype=object).ravel())
    found = follow(module.f)
    assert all_numbers(found)
    assert np.shape(found) == np.shape(before)
    after = module.f()
    assert not any(isinstance(v, Number) for v in np.asarray(after, dtype=object).ravel())


HELPER = """
import contextlib
import numpy as np
W = np.eye(2)
def act(x):
    total = np.zeros(2)
    total += np.tanh(x) @ W
    return total
class Base:
    def act(self, x): return act(x)
    @property
    def zero(self): return np.zeros(2)
@contextlib.contextmanager
def acting():
    yield np.zeros(2)
"""


@pytest.mark.parametrize(
    "source",
    [
        "import theirs_helper\ndef f(x): return theirs_helper.act(x)",
        "from theirs_helper import act\ndef f(x): return act(x)",
        "import theirs_helper as h\nclass A:\n    def f(self, x): return h.act(x)\nf = A().f",
        "import theirs_helper as h\nf = lambda x: (lambda y: h.act(y))(x)",
        "import theirs_helper as h\ndef f(x, act=h.act): return act(x)",
        "import theirs_helper as h\ndef f(x, *, act=h.act): return act(x)",
        "import functools, theirs_helper as h\nf = functools.partial(lambda g, x: g(x), h.act)",
        "import theirs_helper as h\nclass A(h.Base):\n    def f(self, x): return self.act(x)\nf = A().f",
        "import theirs_helper as h\nclass A(h.Base):\n    def f(self, x): return self.zero\nf = A().f",
        "from theirs_helper import acting\ndef f(x):\n    with acting() as zero: return zero",
        "def f(x):\n    from theirs_between import g\n    return g(x)",
    ],
)
def test_modules_of_its_own_are_followed_and_put_back(source: str, made: Make) -> None:
    helper = made("theirs_helper", HELPER)
    made("theirs_between", "import theirs_helper\ndef g(x): return theirs_helper.act(x)")
    subject = made("theirs", source)
    content = dict(vars(helper))
    x = np.array([ball_number(0.5), ball_number(-1)], dtype=object)
    if "theirs_between" in source:
        subject.between = sys.modules["theirs_between"]
        subject.g = subject.between.g  # type: ignore[attr-defined]
        source_of_g = subject.g
        assert all_numbers(follow(source_of_g, x))
    else:
        assert all_numbers(follow(subject.f, x))
    assert vars(helper) == content
    assert helper.W.dtype == np.float64


WRITER = """
import numpy as np
count, memory, table, log = 0, np.zeros(2), {"a": np.ones(2), "b": [1.0]}, [np.ones(1)]
class Network:
    shared, runs, function = np.ones(2), 0, np.tanh
    def __init__(self):
        self.w, self.cache, self.steps = np.ones(2), {}, [1]
    def run(self, fail):
        global count, new_name
        count += 1
        new_name = 5
        memory[0] = np.exp(memory[1])
        table["c"] = 3
        table["a"][1] = 7
        log.append(2)
        del log[0]
        self.w += 1
        self.cache["h"] = self.w
        self.steps[0] = 9
        self.added = True
        self.shared[0] = 5
        Network.runs += 1
        Network.last = Network.function(self.w)
        del self.steps
        if fail:
            raise fail("on purpose")
        return self.w
network = Network()
def outer():
    total = np.zeros(2)
    def inner(fail):
        nonlocal total
        total = total + np.ones(2)
        total[0] = 4
        return network.run(fail)
    return inner
f = outer()
"""


def frozen(value: Any) -> Any:
    """What can be compared: arrays as their dtype, address and bytes."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, id(value), value.tobytes()
    if isinstance(value, dict):
        return id(value), {key: frozen(v) for key, v in value.items() if key != "__builtins__"}
    if isinstance(value, list | tuple):
        return id(value), [frozen(v) for v in value]
    return id(value)


@pytest.mark.parametrize("fail", [None, ValueError, KeyboardInterrupt, ControlFlow, SystemExit])
def test_whatever_the_code_writes_or_raises_all_is_as_it_was(fail: Any, made: Make) -> None:
    module = made("theirs", WRITER)

    def state() -> Any:
        [total] = (c.cell_contents for c in module.f.__closure__)
        own = {n: v for n, v in vars(module.Network).items() if not n.startswith("__")}
        return *frozen([vars(module), vars(module.network), total])[1], frozen(own)[1]

    before = state()
    if fail:
        with pytest.raises(fail):
            follow(module.f, fail)
    else:
        assert all_numbers(follow(module.f, None))
    assert state() == before
    assert "float" not in vars(module)


def test_a_name_of_its_own_that_is_called_float_stays(made: Make) -> None:
    module = made("theirs", "def float(x): return 2 * x\ndef f(): return float(3)")
    assert follow(module.f) == module.float(3) == 6


def test_numpy_itself_is_never_changed(made: Make) -> None:
    spaces = [vars(m) for m in (np, np.random, np.linalg, math)]
    before = [dict(space) for space in spaces]
    module = made("theirs", WRITER)
    with followed(module.f, ball_number):
        inside = [dict(space) for space in spaces]
        module.f(None)
        assert type(np.zeros(2)[0]) is np.float64  # not the code's own NumPy
        assert isinstance(1.5, float)
    for earlier, within, space in zip(before, inside, spaces, strict=True):
        assert all(within[n] is space[n] is value for n, value in earlier.items())
        assert within.keys() == earlier.keys()


def test_what_is_foreign_is_not_touched(made: Make) -> None:
    """A library that the code uses keeps its NumPy and its arrays."""
    library = made("pandas.somewhere", "import numpy as np\nA = np.ones(2)\ndef g(): return A + 1")
    subject = made("theirs", "def f(): return g()")
    subject.g = library.g  # type: ignore[attr-defined]
    content = dict(vars(library))
    with followed(subject.f, ball_number):
        assert vars(library) == content
        assert subject.f().dtype == np.float64


def test_a_librarys_code_alone_cannot_be_followed() -> None:
    for subject in (np.tanh, functools.reduce, functools.partial(np.dot)):
        with pytest.raises(Unfollowed, match="no Python code"), followed(subject, ball_number):
            pass


def test_two_doors_one_in_the_other(made: Make) -> None:
    """Opened again within, it still is put back as it was before the first."""
    module = made("theirs", SOURCES["numpy as np"])
    content = dict(vars(module))
    with followed(module.f, ball_number):
        assert all_numbers(follow(module.f))
        assert all_numbers(module.f())
    assert vars(module) == content
