"""The command line: `rnncheck check`, `gate`, `replay`, `list`, `explain`, `faults` and `train`."""

import functools
import io
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rnncheck.settings import Settings

# Everything heavy is imported by the command that needs it, so that --help answers at once.


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="rnncheck")
def main() -> None:
    """Tells the author of a recurrent network whether it is right, and if not, what is wrong."""


_FILE = click.Path(path_type=Path, dir_okay=False)
_TIMEOUT = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long a call of a file's network may take (60).",
)


def _shared(command: Callable[..., None]) -> Callable[..., None]:
    """The options that `check` and `gate` have in common."""
    profiles = click.Choice(["quick", "standard", "thorough"])
    options = [
        click.option("--profile", type=profiles, help="How many cases; quick leaves torch out."),
        click.option(
            "--seed", type=int, help="Of the pool of cases: the same one, the same report."
        ),
        _TIMEOUT,
        click.option(
            "--json", "json_file", type=_FILE, metavar="FILE", help="Write the reports as JSON too."
        ),
    ]
    return functools.reduce(lambda inner, option: option(inner), reversed(options), command)


def _exits(command: Callable[..., int]) -> Callable[..., None]:
    """Turn what a command returns or raises into an exit code and, at most, one message."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - click passes what it parsed
        from rnncheck.results import UsageError

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # not every terminal can write φ
        try:
            code = command(*args, **kwargs)
        except UsageError as error:
            click.echo(f"rnncheck: {error}", err=True)
            code = 2
        except (KeyboardInterrupt, BrokenPipeError):
            code = 130
        except Exception as error:
            import traceback

            text = str(error) if type(error).__name__ == "HarnessError" else traceback.format_exc()
            click.echo(f"{text}\nrnncheck itself failed; please report this.", err=True)
            code = 3
        sys.exit(code)

    return run


_CHECK_HELP = "Run this check only (repeatable); see `rnncheck list`."


@main.command()
@click.argument("targets", nargs=-1, required=True, metavar="NAME|FILE.py[:OBJECT] ...")
@click.option("--check", "checks", multiple=True, metavar="CHECK", help=_CHECK_HELP)
@_shared
@_exits
def check(
    targets: tuple[str, ...],
    checks: tuple[str, ...],
    json_file: Path | None,
    **options: Any,  # noqa: ANN401 - what _shared adds
) -> int:
    """Check networks: a built-in one (scalar, manual, autodiff, torch), or those in a Python file.

    Exit code: 0 right, 1 a finding, 2 wrong usage, 3 rnncheck failed, 5 nothing telling was checked.
    """
    from rnncheck.settings import Settings

    settings = _with_options(Settings(checks=_known(checks)), options)
    return _run(targets, settings, json_file)


_CONFIG = Path("pyproject.toml")


@main.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default=_CONFIG,
    show_default=True,
    help="The file with the table; what it names is looked for from its folder.",
)
@_shared
@_exits
def gate(config: Path, json_file: Path | None, **options: Any) -> int:  # noqa: ANN401
    """Check what [tool.rnncheck] in pyproject.toml names, for continuous integration."""
    from rnncheck.config import read_config
    from rnncheck.properties.registry import all_checks
    from rnncheck.session import torch_is_missing
    from rnncheck.settings import Settings, profile

    table = read_config(config)
    checks = tuple(c.id for c in all_checks() if c.id not in table.exclude)
    settings = Settings(
        profile(table.profile), table.seed, checks, timeout=table.timeout, database=table.database
    )
    missing = torch_is_missing(table.implementations, checks)
    targets = [t for t in table.implementations if not (missing and t == "torch")]
    return _run(targets, _with_options(settings, options), json_file, missing)


@main.command()
@click.argument("file", type=click.Path(path_type=Path), metavar="CASE.npz")
@click.argument("target", required=False, metavar="[NAME|FILE.py[:OBJECT]]")
@click.option("--check", "checks", multiple=True, metavar="CHECK", help=_CHECK_HELP)
@_TIMEOUT
@_exits
def replay(file: Path, target: str | None, checks: tuple[str, ...], timeout: float | None) -> int:
    """Run one kept case again, and show every number beside what it must be.

    Without a target, on the network that the case was kept for. Exit code: 0 every check that
    applies holds on this case, 1 a finding, 2 wrong usage, 3 rnncheck failed, 5 no check applies.
    """
    from rnncheck.replaying import exit_code, kept_target, load
    from rnncheck.report import ExitCode, worst
    from rnncheck.reporting.console import show
    from rnncheck.session import run_all
    from rnncheck.settings import REPLAY, Settings

    _, kept = load(file)
    only = "" if target else kept.get("implementation", "")
    settings = Settings(REPLAY, checks=_known(checks), replay=file, only=only)
    events = run_all(
        [target or kept_target(file, kept)], _with_options(settings, {"timeout": timeout})
    )
    reports, unusable = show(events)
    for one in unusable:
        click.echo(f"rnncheck: {one.message}", err=True)
    codes = [exit_code(report.checks) for report in reports]
    return int(worst([*codes, *([ExitCode.USAGE] if unusable else [])]))


@main.command(name="list")
@_exits
def list_() -> int:
    """List the checks and the networks that are built in."""
    from rnncheck.loading import BUILT_IN
    from rnncheck.properties.registry import all_checks

    for entry in all_checks():
        click.echo(f"{entry.family:<10} {entry.id:<30} {entry.equation}")
    click.echo(f"\nnetworks   {', '.join(BUILT_IN)}")
    return 0


@main.command()
@click.argument("what", metavar="FAULT|CHECK|CASE.npz")
@_exits
def explain(what: str) -> int:
    """Say what a fault is, what a check demands, or where a kept case's allowance comes from."""
    from rnncheck.reporting.explain import explain_case, explain_name

    click.echo(explain_case(Path(what)) if what.endswith(".npz") else explain_name(what))
    return 0


@main.command()
@click.argument("names", nargs=-1, metavar="[FAULT ...]")
@click.option(
    "--json", "json_file", type=_FILE, metavar="FILE", help="Write the kills as JSON too."
)
@click.option(
    "--compare",
    type=_FILE,
    metavar="FILE",
    help="Fail if a kill that FILE (by --json) has is none now.",
)
@click.option("--handbook", type=_FILE, metavar="FILE", help="Write the handbook, and run nothing.")
@click.option("--jobs", type=click.IntRange(min=1), default=2, show_default=True, help="Processes.")
@_exits
def faults(
    names: tuple[str, ...],
    json_file: Path | None,
    compare: Path | None,
    handbook: Path | None,
    jobs: int,
) -> int:
    """Run every check on every fault of the catalogue: the kill matrix.

    Exit code: 0 every fault is killed and every right variant passes, 1 not so, 2 wrong usage.
    """
    from rnncheck.reporting.handbook import write_handbook
    from rnncheck.reporting.matrix import run_matrix

    if handbook:
        write_handbook(handbook)
        return 0
    return run_matrix(names, json_file, compare, jobs)


@main.command()
@click.argument("task", metavar="TASK")
@click.option(
    "--implementation",
    type=click.Choice(["scalar", "manual", "autodiff", "torch", "all"]),
    default="manual",
    show_default=True,
    help="What trains it; all: in lockstep.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="How many (as published).")
@click.option("--seed", type=int, default=0, show_default=True, help="Of data and parameters.")
@click.option("--picture", type=_FILE, metavar="FILE", help="Of it all (.rnncheck/TASK.png).")
@click.option("--json", "json_file", type=_FILE, metavar="FILE", help="Write the run as JSON too.")
@_exits
def train(task: str, **options: Any) -> int:  # noqa: ANN401 - as run_train has them
    """Train a published network: sine, sine_cosine, multiplication, forward_pass, modulo3,
    rising_sums, counting or echo.

    With --implementation all every step is taken by all of them, which must agree. Exit code:
    0 trained, 1 they do not agree, 2 wrong usage, 5 nothing could be said of any step.
    """
    from rnncheck.reporting.training import run_train

    return int(run_train(task, **options))


def _known(checks: tuple[str, ...]) -> tuple[str, ...]:
    from rnncheck.properties.registry import named_checks
    from rnncheck.results import UsageError

    try:
        return tuple(c.id for c in named_checks(list(checks)))
    except KeyError as error:
        raise UsageError(error.args[0]) from None


def _with_options(settings: "Settings", options: dict[str, Any]) -> "Settings":
    from rnncheck.settings import profile

    given = {name: value for name, value in options.items() if value is not None}
    if "profile" in given:
        given["profile"] = profile(given["profile"])
    return replace(settings, **given)


def _run(
    targets: "tuple[str, ...] | list[str]",
    settings: "Settings",
    json_file: Path | None,
    missing: str | None = None,
) -> int:
    """Run, print and write; `missing`, one line, tells what the configuration wants in vain."""
    from rnncheck.report import ExitCode, worst
    from rnncheck.reporting.console import show
    from rnncheck.reporting.json import require_folder, write_json
    from rnncheck.session import run_all

    if json_file:
        require_folder(json_file)
    reports, unusable = show(run_all(targets, settings))
    codes = [report.exit_code for report in reports] or [ExitCode.NOTHING_TOLD]
    for message in (*(one.message for one in unusable), *([missing] if missing else [])):
        click.echo(f"rnncheck: {message}", err=True)
        codes.append(ExitCode.USAGE)
    code = worst(codes)
    if json_file:
        write_json(json_file, reports, code, unusable)
    return int(code)
