"""Shares of a cotangent that are summed only when all of them are there.

A Tensor that is used T times gets T shares, and its cotangent is their sum. There are two cases in
which the sum is cheaper than its terms.

The steps x[t] of a sequence give x shares of x's own size, which are zero but at t. As `Part`s
they are noted down, and then all placed into one array.

A matrix W in y_t = h_t Wᵀ, at every step t of a network, gets the share g_tᵀ h_t from each: T
matrices of W's size to be added up. Written out, the element (i, j) of the sum is
Σ_t Σ_b g_t[b, i] h_t[b, j], one sum over all pairs (t, b). So it is one product of matrices that
have a row for each such pair, and that need not make T matrices first:

    Σ_t g_tᵀ h_t = [g_1; ...; g_T]ᵀ [h_1; ...; h_T],  where ; puts one below the other.

As `Product`s the factors are noted down, and `sweep.summed` multiplies them when it has them all.
"""

from typing import Any, NamedTuple, TypeAlias

Index: TypeAlias = int | slice | tuple[int | slice, ...]
Cotangent: TypeAlias = Any
"""An array, or in a gradient that is to be differentiated again, a Tensor."""


class Part(NamedTuple):
    """A share that is g at an index, and 0 elsewhere."""

    g: Cotangent
    at: Index


class Product(NamedTuple):
    """The share aᵀ b of two matrices."""

    a: Cotangent
    b: Cotangent


LATER = (Part, Product)
"""What is not added to the other shares at once."""
