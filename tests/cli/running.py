"""Files with networks as a user may write them, and `rnncheck` run on them."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from rnncheck.cli import main

TESTS = Path(__file__).parent.parent
QUICK = ("--profile", "quick", "--check", "forward_matches_truth")

_HEAD = """\
import os, signal, sys, threading, time
import numpy as np
import networks
"""


def write(file: str, text: str = "", **bodies: str) -> str:
    """A file with one network for each name: `bodies` are what its forward does."""
    parts = [_HEAD, textwrap.dedent(text)]
    for name, body in bodies.items():
        indented = textwrap.indent(textwrap.dedent(body), "    ")
        parts.append(f"def {name}_forward(params, x, h0):\n{indented}\n")
        arguments = f"{name}_forward, networks.backward, name={name!r}"
        parts.append(f"{name} = networks.wrap({arguments})\n")
    Path(file).write_text("\n".join(parts))
    return file


def python_path(*folders: Path) -> str:
    """A PYTHONPATH with these folders first, for the processes that are started."""
    before = os.environ.get("PYTHONPATH")
    return os.pathsep.join([*map(str, folders), *([before] if before else [])])


def rnncheck(*arguments: str) -> Result:
    """The command in this process; a file's networks run in one of their own all the same."""
    return CliRunner().invoke(main, list(arguments))


def rnncheck_process(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own, its output in pipes."""
    return subprocess.run(
        [sys.executable, "-m", "rnncheck", *arguments],
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=60,
    )


def read_json(file: str = "out.json") -> Any:
    """What --json wrote. NaN and Infinity are no JSON, whatever Python says."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(Path(file).read_text(encoding="utf-8"), parse_constant=refuse)
