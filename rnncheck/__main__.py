"""`python -m rnncheck` is `rnncheck`."""

from rnncheck.cli import main

main()
