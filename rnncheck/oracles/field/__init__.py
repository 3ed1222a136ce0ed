"""Numbers of a prime field with tangents: exact, and every step of them can be differentiated.

A value v in GF(p), p = 2⁶¹ - 1, stands for an expression in the inputs, each input being a random
element; v' is its derivative along a direction that is random too. Sums, products and quotients are
those of the field, and so are their derivatives.

**Functions are oracles.** tanh(v) is a random element, the same whenever the same v is asked,
with tanh(-v) = -tanh(v), tanh(0) = 0 and the derivative 1 - tanh(v)². So an identity that holds
for these holds for the real tanh, of which nothing else was used. exp likewise: exp(-v) = 1/exp(v),
exp(2v) = exp(v)², exp(0) = 1. Where both are asked of the same argument tanh is (e²ᵛ - 1)/(e²ᵛ + 1)
(`Field.by_exp`). log: a random element, log(exp v) = v, log(1/v) = -log v, derivative 1/v. sqrt: a
random element, derivative 1/(2 sqrt v).

**Branches** are those of a real case: each number carries a float, computed alongside, by which
comparisons are decided. They are counted by the line of code that made them.

**How likely is it that two different expressions give the same number?** Two rational expressions
with numerators and denominators of bounded degree in m independent, uniformly random inputs agree by
accident with a probability of at most D/p, D the degree of the numerator of their difference
(J. Schwartz, J. ACM 27, 1980; R. Zippel, 1979). So each number carries two bounds. As a fraction of
its own, N/M with deg N ≤ `top` and deg M ≤ `bottom`. And over a denominator that is common to all: let
Q be the product of the numerators N_b of all b that was divided by, q its degree; then it is also
N'/Q^k with deg N' ≤ d + k q, where d is its `degree` and k its `divisions`. The rules:

                (top, bottom)                           (degree, divisions)
    input, oracle's answer    (1, 0)                    (1, 0)
    constant    (0, 0)                                  (0, 0)
    a + b       (max(n_a + m_b, n_b + m_a), m_a + m_b)  (max d, max k)
    a b         (n_a + n_b, m_a + m_b)                  (d_a + d_b, k_a + k_b)
    1/b         (m_b, n_b)                              (m_b, 1), and q grows by n_b

the last because 1/b = M_b/N_b, and N_b divides Q. Alone the first bound would double with every sum,
the second with every quotient; each is used where it is good. A tangent's second bound is the
value's and an `excess` (e, f): the larger one in a + b and in a b, whose tangents are a' + b' and
a' b + a b'; and f(a)' = f'(a) a' has the bounds of f'(a) and of a' added. The coefficients are
taken for rational numbers without a factor p.

**Constants** of the code are the numbers they are written as: 0.7 is 7/10, and 1/3 is 1/3 although
no float is. A constant of at most 1e-6 that is added or subtracted counts as 0: log(p + 1e-12).
"""

from rnncheck.oracles.field.constants import P
from rnncheck.oracles.field.number import FieldNumber
from rnncheck.oracles.field.run import AskedBoth, Field

__all__ = ["AskedBoth", "Field", "FieldNumber", "P"]
