"""Several implementations in a row, ours in this process and files in their own: events and reports."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rnncheck.checking import run_events
from rnncheck.events import Event, Unusable
from rnncheck.loading import built_in, parse_target
from rnncheck.pool import Pools
from rnncheck.process import run_in_process
from rnncheck.properties.trial import has_torch
from rnncheck.results import UsageError
from rnncheck.settings import Settings


def run_all(targets: Sequence[str], settings: Settings) -> Iterator[Event]:
    """The events of every target. All of them are looked up before the first one runs.

    Implementations of the same capabilities share one pool, so truth and envelope are
    worked out once a case. UsageError, before anything has run, for a target that is none; a file
    that turns out to be unusable when its turn comes, because it does not import, say, is an event,
    and the next one runs.
    """
    parsed = [parse_target(text) for text in targets]
    ready = {t.text: built_in(t.text) for t in parsed if t.file is None}
    pools = Pools()
    for target in parsed:
        if target.file is None:
            own = replace(settings, target=target.text)
            yield from run_events(ready[target.text], own, pools)
        else:
            try:
                yield from run_in_process(target.text, settings)
            except UsageError as error:
                yield Unusable(target.text, str(error))


def torch_is_missing(targets: Sequence[str], checks: Sequence[str]) -> str | None:
    """One line that says what cannot be checked for want of torch; None if nothing is."""
    wanted = "torch" in targets or "agrees_with_torch" in checks
    if not wanted or has_torch():
        return None
    return (
        "torch is not installed: the cross-check against torch.nn.RNN did not run; "
        "pip install 'rnncheck[torch]', or exclude = [\"agrees_with_torch\"] in [tool.rnncheck]"
    )
