"""A process of `limpet demo` or `limpet compare`, which ends when that does, however that ended."""

import os
import signal
import sys
import threading
import time

LAST_RESORT_SECONDS = 5.0


def watch_parent() -> None:
    """Ends this process when standard input, a pipe that only the command holds open, is closed."""
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LAST_RESORT_SECONDS)
    os._exit(1)


def main(arguments: list[str]) -> None:
    """`limpet ARGUMENTS` as on the command line, or what plays another part and its arguments."""
    watch_parent()
    part, *rest = arguments
    if part == "demo-node":
        from control.demo.node import serve

        serve(*rest)
    elif part == "compare-node":
        from control.compare.node import serve as serve_sessions

        serve_sessions(*rest)
    elif part == "relay":
        from control.compare.relay import serve as relay

        relay(*rest)
    else:
        from control.cli import main as limpet

        limpet(rest)


if __name__ == "__main__":
    main(sys.argv[1:])
