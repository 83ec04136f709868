"""Logging on standard error: readable lines, written by a thread, so that a stalled reader delays nobody."""

import contextlib
import copy
import logging
import logging.handlers
import queue
import sys
from collections.abc import Iterator

LONGEST_QUEUE = 10_000  # records; more are lost


class Queued(logging.handlers.QueueHandler):
    """Hands records to the thread; where the queue is full, they are lost rather than waited for."""

    def enqueue(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(queue.Full):
            self.queue.put_nowait(record)


class OneLine(logging.Formatter):
    """Keeps a message on one line, whatever is in it; a traceback follows on lines of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        record = copy.copy(record)
        record.message = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in record.message)
        return super().formatMessage(record)


@contextlib.contextmanager
def listen_to_logs(level: int = logging.INFO, who: str = "") -> Iterator[None]:
    """Everything that is logged meanwhile appears on standard error; what is queued at the end, too.

    `who`: the process that says it, where there are several.
    """
    records: queue.Queue[logging.LogRecord] = queue.Queue(LONGEST_QUEUE)
    shown = logging.StreamHandler(sys.stderr)
    shown.setFormatter(OneLine(f"%(asctime)s %(levelname)s %(name)s: {who and f'{who}: '}%(message)s"))
    listener = logging.handlers.QueueListener(records, shown)
    root, queued = logging.getLogger(), Queued(records)
    root.addHandler(queued)
    root.setLevel(level)
    logging.raiseExceptions = False  # a closed standard error is no reason to say so there
    listener.start()
    try:
        yield
    finally:
        root.removeHandler(queued)
        listener.stop()
