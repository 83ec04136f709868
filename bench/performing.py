"""Runs a bench from the command line: beside the load's core, and with an end that leaves nothing behind."""

import os
import signal
import sys
from collections.abc import Callable

from bench.client import WrongAnswer
from bench.processes import LOAD_CORE, Failed


def perform(bench: Callable[[], None]) -> int:
    """The exit code: 0 fine, 1 it failed, 130 interrupted."""
    for number in (signal.SIGINT, signal.SIGTERM):  # a job in the background starts with SIGINT ignored
        signal.signal(number, _interrupted)
    os.sched_setaffinity(0, {LOAD_CORE})
    try:
        bench()
    except (WrongAnswer, Failed, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; everything it started is ended", file=sys.stderr)
        return 130
    return 0


def _interrupted(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt
