"""Mutants of `implementations/manual`, made by Cosmic Ray and judged by the harness.

`cosmic-ray.toml` is what Cosmic Ray is told, `judge.py` the command that it runs on every mutant,
`equivalent.toml` why each survivor is no fault, and `python -m benchmarks.mutants SESSION` writes
docs/mutants.md from a finished session. Cosmic Ray changes the files in place, so it is run in a
clone, as that page says.
"""
