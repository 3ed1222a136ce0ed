"""Changes of coordinates of a network, as maps from case to case and from results to results.

Write a network's coordinates as vectors: the features of x, the units of each cell, the output. If
every v becomes A v, with an A for each of them, a matrix from u to v becomes A_v W A_u⁻¹, a bias
A_v b, and a cotangent A⁻ᵀ d, so that <d, v> stays. What a right network then gives is the same in the
other coordinates; φ must commute with the A of its units.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from rnncheck.case import Array, Case, IntArray
from rnncheck.spec import RNNSpec

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Monomial:
    """A matrix with one number in each row and column: (A v)_i = scale_i · v_{order_i}."""

    order: IntArray
    scale: Array

    def of(self, vectors: Array, axis: int = -1) -> Array:
        """A v along an axis."""
        moved = np.take(vectors, self.order, axis)
        return moved * _along(self.scale.astype(moved.dtype), moved.ndim, axis)

    def dual(self, covectors: Array, axis: int = -1) -> Array:
        """A⁻ᵀ d along an axis."""
        moved = np.take(covectors, self.order, axis)
        return moved / _along(self.scale.astype(moved.dtype), moved.ndim, axis)

    @property
    def inverse(self) -> "Monomial":
        """A⁻¹."""
        back = np.argsort(self.order)
        return Monomial(back, 1.0 / self.scale[back])

    @property
    def is_trivial(self) -> bool:
        """Whether it is the identity."""
        return bool((self.order == np.arange(self.order.size)).all() and (self.scale == 1).all())


def _along(numbers: Array, ndim: int, axis: int) -> Array:
    return numbers.reshape([-1 if i == axis % ndim else 1 for i in range(ndim)])


def unchanged(size: int) -> Monomial:
    """The identity."""
    return Monomial(np.arange(size), np.ones(size))


def joined(parts: list[Monomial]) -> Monomial:
    """The block diagonal matrix."""
    starts = np.cumsum([0, *(part.order.size for part in parts)])
    orders = [part.order + start for part, start in zip(parts, starts, strict=False)]
    return Monomial(np.concatenate(orders), np.concatenate([part.scale for part in parts]))


@dataclass(frozen=True)
class Gauge:
    """A change of all coordinates of a network: of each cell's units, the features, the readout's output."""

    spec: RNNSpec
    cells: dict[tuple[int, int], Monomial]
    features: Monomial
    readout: Monomial

    @property
    def inverse(self) -> "Gauge":
        """The change back."""
        cells = {key: part.inverse for key, part in self.cells.items()}
        return Gauge(self.spec, cells, self.features.inverse, self.readout.inverse)

    def layer(self, layer: int) -> Monomial:
        """Of what a layer puts out; layer -1 is x."""
        if layer < 0:
            return self.features
        return joined([self.cells[layer, d] for d in range(self.spec.num_directions)])

    @property
    def output(self) -> Monomial:
        """Of the output."""
        top = self.layer(self.spec.num_layers - 1)
        return top if self.spec.output_size is None else self.readout

    def case(self, case: Case) -> Case:
        """The case in the other coordinates."""
        masks = case.dropout_masks
        if masks is not None:
            layers = [self.layer(layer) for layer in range(len(masks))]
            kept = [np.take(m, a.order, axis=-1) for m, a in zip(masks, layers, strict=True)]
            masks = np.stack(kept)
        return case.replace(
            parameters={name: self._parameter(name, a) for name, a in case.parameters.items()},
            x=self.features.of(case.x),
            h0=self._states(case.h0, Monomial.of),
            d_output=self.output.dual(case.d_output),
            d_h_n=self._states(case.d_h_n, Monomial.dual),
            dropout_masks=masks,
        )

    def results(self, arrays: Arrays) -> dict[str, Array]:
        """Output, final state and gradients in the other coordinates; gradients are covectors."""
        return {name: self._result(name, array) for name, array in arrays.items()}

    def _result(self, name: str, array: Array) -> Array:
        if name in ("output", "x"):
            return self.output.of(array) if name == "output" else self.features.dual(array)
        if name in ("h_n", "h0"):
            return self._states(array, Monomial.of if name == "h_n" else Monomial.dual)
        left, right = self._sides(name)
        turned = left.dual(array, 0)
        return turned if right is None else right.of(turned, 1)

    def _parameter(self, name: str, array: Array) -> Array:
        left, right = self._sides(name)
        turned = left.of(array, 0)
        return turned if right is None else right.dual(turned, 1)

    def _states(self, states: Array, act: Callable[[Monomial, Array], Array]) -> Array:
        parts = zip(self.spec.cells(), states, strict=True)
        return np.stack([act(self.cells[cell], state) for cell, state in parts])

    def _sides(self, name: str) -> tuple[Monomial, Monomial | None]:
        """The coordinates of a parameter's rows and of its columns."""
        if name in ("weight_ho", "bias_o"):
            top = self.layer(self.spec.num_layers - 1)
            return self.readout, top if name == "weight_ho" else None
        cells = {self.spec.suffix(*cell): cell for cell in self.spec.cells()}
        kind, _, suffix = name.partition("_l")
        layer, direction = cells[f"l{suffix}"]
        own = self.cells[layer, direction]
        return own, {"weight_ih": self.layer(layer - 1), "weight_hh": own}.get(kind)


def gauge(spec: RNNSpec, draw: Callable[[int], Monomial], mixes_output: bool = True) -> Gauge:
    """A change of coordinates, each cell's drawn by itself.

    What feeds its output back as input has the same coordinates for both. mixes_output: whether
    the readout's output and the features may be changed too.
    """
    cells = {cell: draw(spec.hidden_size) for cell in spec.cells()}
    readout = (draw if mixes_output else unchanged)(spec.output_size or 0)
    features = (draw if mixes_output else unchanged)(spec.input_size)
    if spec.generated:
        features = cells[spec.num_layers - 1, 0] if spec.output_size is None else readout
    return Gauge(spec, cells, features, readout)


def permutations(random: np.random.Generator) -> Callable[[int], Monomial]:
    """Draws another order of n coordinates; never the order that they have, if there is another."""

    def draw(n: int) -> Monomial:
        order = random.permutation(n)
        if (order == np.arange(n)).all():
            order = np.roll(order, 1)
        return Monomial(order, np.ones(n))

    return draw


def scales(random: np.random.Generator, factors: tuple[float, ...]) -> Callable[[int], Monomial]:
    """Draws a factor for each of n coordinates; at least one is the first of the factors."""

    def draw(n: int) -> Monomial:
        scale = random.choice(factors, n)
        if n:
            scale[random.integers(n)] = factors[0]
        return Monomial(np.arange(n), scale)

    return draw


def inputs_scaled(case: Case, s: float) -> Case:
    """x, h0 and every bias times s; the matrices and cotangents stay."""
    factor = case.x.dtype.type(s)
    scaled = {n: a * factor if a.ndim == 1 else a for n, a in case.parameters.items()}
    return case.replace(parameters=scaled, x=case.x * factor, h0=case.h0 * factor)


def results_scaled(arrays: Arrays, s: float) -> dict[str, Array]:
    """What a linear or homogeneous network gives for inputs times s.

    Output and states times s, and so are the matrices' gradients Σ δ zᵀ; the other gradients stay.
    """
    stay = ("x", "h0")
    return {
        name: array if name in stay or name.startswith("bias") else array * array.dtype.type(s)
        for name, array in arrays.items()
    }
