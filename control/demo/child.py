"""A process of the demo: a node or Limpet itself, which ends when the demo does, however that ended."""

import os
import signal
import sys
import threading
import time

LAST_RESORT_SECONDS = 5.0


def watch_parent() -> None:
    """Ends this process when standard input, a pipe that only the demo holds open, is closed."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_RESORT_SECONDS)
    os._exit(1)


def main(arguments: list[str]) -> None:
    """`node NAME SOCKET`, or `limpet ARGUMENTS` as on the command line."""
    watch_parent()
    what, *rest = arguments
    if what == "node":
        from control.demo.node import serve

        serve(*rest)
    else:
        from control.cli import main as limpet

        limpet(rest)


if __name__ == "__main__":
    main(sys.argv[1:])
