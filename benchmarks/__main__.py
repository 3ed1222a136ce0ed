"""`python -m benchmarks [NAME ...]`: run measurements, write their tables into docs/benchmarks.md."""

import importlib
import os
import re
from pathlib import Path

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import click

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
NAMES = (
    "exact_differences", "detection", "drawing", "certificates", "dyadic", "diagnosis", "training",
    "scalar_speed", "speed", "linear", "gradient_check", "verdict",
    "false_alarms",
)  # fmt: skip


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option(
    "--cases",
    type=click.IntRange(min=1),
    help="How many cases (drawing, certificates, dyadic, false_alarms), seeds (training) or rounds.",
)
@click.option("--write/--no-write", default=True, help="Whether to write docs/benchmarks.md.")
def main(names: tuple[str, ...], cases: int | None, write: bool) -> None:
    """Run measurements (all of them by default) and write their tables into docs/benchmarks.md."""
    for name in names or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        text = module.run() if cases is None else module.run(cases)
        click.echo(text)
        if write:
            write_section(name, text)


def write_section(name: str, text: str) -> None:
    """Put a measurement's text between its two markers; the rest of the page stays."""
    begin, end = f"<!-- {name}: written by the program -->", f"<!-- end of {name} -->"
    page = PAGE.read_text(encoding="utf-8")
    block = f"{begin}\n\n{text.strip()}\n\n{end}"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if not pattern.search(page):
        page = f"{page.rstrip()}\n\n{block}\n"
    PAGE.write_text(pattern.sub(lambda _: block, page), encoding="utf-8")


if __name__ == "__main__":
    main()
