"""The child process: `python -m rnncheck.worker` reads a unit of work and writes events.

Whatever the subject prints goes to standard error, so that it cannot get between the events.
"""

import os
import sys
import traceback

from rnncheck.checking import run_events
from rnncheck.frames import Trouble, Unit, read_frame, write_frame
from rnncheck.loading import load_file, parse_target
from rnncheck.pool import Pools
from rnncheck.results import UsageError


def main() -> None:
    """Run the unit that standard input holds."""
    channel = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    unit = read_frame(sys.stdin.buffer)
    assert isinstance(unit, Unit)
    try:
        pools = Pools()
        for subject in load_file(parse_target(unit.target)):
            for event in run_events(subject, unit.settings, pools):
                write_frame(channel, event)
    except UsageError as error:
        write_frame(channel, Trouble("usage", str(error)))
    except Exception:
        write_frame(channel, Trouble("harness", traceback.format_exc()))
    channel.close()


if __name__ == "__main__":
    main()
