"""Somebody's own code, unmodified, on numbers that are not floats.

NumPy computes on arrays of objects through the objects' own operators, and `np.tanh` through a
method `tanh` of theirs. So code written for floats runs on any number that has these.
`numbers`: what such a number must offer. `arrays` and `proxy`: `np`, `math` and `float` as the code
sees them. `reach`: what the code can get at. `door`: puts the one into the other, and takes it out.
"""
