"""Mutants of `implementations/manual`, made by Cosmic Ray and judged by the harness.

`cosmic-ray.toml` is what Cosmic Ray is told, `client.py` the command that it runs on every mutant: it
asks `server.py`, which has `judge.py` judge it. `equivalent.toml` says why each survivor is no fault,
and `python -m benchmarks.mutants SESSION` writes docs/mutants.md from a finished session. Cosmic Ray
changes the files in place, so it is run in a clone, as that page says.
"""
