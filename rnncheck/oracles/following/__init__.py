"""Somebody's own code, unmodified, on numbers that are not floats.

NumPy computes on arrays of objects through the objects' own operators, and `np.tanh` through a
method `tanh` of theirs. So code written for floats runs on any number that has these.
`numbers`: what such a number must offer. `proxy`: `np`, `math` and `float` as the code sees them.
`door`: puts these into the code's own globals, and takes them out again.
"""
