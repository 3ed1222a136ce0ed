"""`Symbol`: a number that is not there yet, and how to compute it, as Python code.

Symbols can be added, subtracted, multiplied and handed to functions, as floats can, so that code
written for floats runs on them unchanged. Every result remembers what it is computed from;
`Lines` writes down the computation of those that somebody asks for.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any, TypeVar, cast

from rnncheck.implementations.scalar.nested import Nested

F = TypeVar("F", bound=Callable[..., object])

PRECEDENCE = {"+": 1, "-": 1, "*": 2}
DEEPEST = 50
"""How far expressions are nested; Python's parser knows a limit, too."""

_creation = count()


class Symbol:
    """`operator` applied to the operands; or, without them, a number that will be given.

    For a call the operator is the function; a list of operands is one argument, a list.
    siblings: all the results of the call, of which this is one.
    """

    __slots__ = ("operands", "operator", "order", "siblings")

    def __init__(
        self,
        operator: "str | Callable[..., object]" = "",
        operands: "Sequence[Symbol | float]" = (),
    ) -> None:
        """A result on its own."""
        self.operator = operator
        self.operands = operands
        self.siblings = [self]
        self.order = next(_creation)

    def __add__(self, other: "Symbol | float") -> "Symbol":
        """`self + other`; `self + 0` is self."""
        return self if _is(0.0, other) else Symbol("+", (self, other))

    def __radd__(self, other: float) -> "Symbol":
        """`other + self`; `0 + self` is self."""
        return self if _is(0.0, other) else Symbol("+", (other, self))

    def __rsub__(self, other: float) -> "Symbol":
        """`other - self`."""
        return Symbol("-", (other, self))

    def __mul__(self, other: "Symbol | float") -> "Symbol":
        """`self · other`; `self · 1` is self."""
        return self if _is(1.0, other) else Symbol("*", (self, other))

    def __rmul__(self, other: float) -> "Symbol":
        """`other · self`: no bit of a product depends on which comes first."""
        return self * other


def calling(f: F) -> F:
    """What does with symbols what f does with floats: from one to one, or from a list to a list."""

    def call(argument: Any) -> Symbol | list[Symbol]:  # noqa: ANN401 - whatever f takes
        if not isinstance(argument, list):
            return Symbol(f, (argument,))
        results = [Symbol(f, argument) for _ in argument]
        for result in results:
            result.siblings = results
        return results

    return cast(F, call)


class Lines:
    """The lines of code that compute these symbols, and what these need in their turn.

    start: symbols older than that are not computed, but given; `given` are those that were needed.
    """

    def __init__(self, wanted: Iterable[Symbol], start: Symbol) -> None:
        """Write the lines."""
        self.lines: list[str] = []
        self.functions: dict[str, Callable[..., object]] = {}
        self.given: list[Symbol] = []
        self._inlined: dict[Symbol, tuple[str, int]] = {}
        uses, symbols = _uses(wanted, start)
        for symbol in symbols:
            if symbol.order < start.order:
                self.given.append(symbol)
            elif isinstance(symbol.operator, str):
                self._operation(symbol, uses[symbol])
            else:
                self._call(symbol)

    def text(self, nested: "Nested[Symbol | float]") -> str:
        """Numbers in nested lists, each as its name or as an expression for it."""
        if isinstance(nested, Symbol):
            return self._inlined[nested][0] if nested in self._inlined else f"v{nested.order}"
        if isinstance(nested, Sequence):
            return f"[{', '.join(map(self.text, nested))}]"
        return repr(nested)

    def _operation(self, symbol: Symbol, uses: int) -> None:
        """As part of another expression if it is used but once, else on a line of its own."""
        left, right = symbol.operands
        operator = cast(str, symbol.operator)
        text = f"{self._part(left, operator)} {operator} {self._part(right, operator, right=True)}"
        depth = 1 + max(self._inlined.get(cast(Symbol, part), ("", 0))[1] for part in (left, right))
        if uses == 1 and depth < DEEPEST:
            self._inlined[symbol] = text, depth
        else:
            self.lines.append(f"{self.text(symbol)} = {text}")

    def _part(self, number: "Symbol | float", operator: str, right: bool = False) -> str:
        """An operand, in brackets where Python would otherwise compute in another order."""
        text = self.text(number)
        if isinstance(number, Symbol) and number in self._inlined:
            inner = PRECEDENCE[cast(str, number.operator)]
            if inner < PRECEDENCE[operator] + right:
                return f"({text})"
        return text

    def _call(self, symbol: Symbol) -> None:
        f = cast(Callable[..., object], symbol.operator)
        self.functions[f.__name__] = f
        if isinstance(symbol.operands, list):
            results, argument = self.text(symbol.siblings), self.text(symbol.operands)
        else:
            results, argument = self.text(symbol), self.text(symbol.operands[0])
        self.lines.append(f"{results} = {f.__name__}({argument})")


def _uses(wanted: Iterable[Symbol], start: Symbol) -> tuple[Counter[Symbol], list[Symbol]]:
    """How often each symbol is used; all the symbols to be had, the first of a call for all."""
    waiting = list(wanted)
    uses = Counter(waiting)
    found: set[Symbol] = set()
    while waiting:
        symbol = waiting.pop()
        if symbol.order >= start.order:
            symbol = symbol.siblings[0]
        if symbol not in found:
            found.add(symbol)
            if symbol.order >= start.order:
                needed = [number for number in symbol.operands if isinstance(number, Symbol)]
                uses.update(needed)
                waiting += needed
    return uses, sorted(found, key=lambda symbol: symbol.order)


def _is(constant: float, number: "Symbol | float") -> bool:
    return isinstance(number, float) and number == constant
