"""Another process of the node, which does what it is told, a line of Python at a time."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from limpet_session import rules
from limpet_session.file_storage import FileStorage
from limpet_session.record import Record


def count(storage: FileStorage, session_id: str, times: int) -> int:
    """Add 1 to a session's version, again and again; the last."""
    for _ in range(times):
        done = storage.change(session_id, time.monotonic(), _one_more)
    return done


def _one_more(record: Record | None) -> tuple[Record, int]:
    held = record or Record(60, time.monotonic() + 60)
    kept = held._replace(version=held.version + 1, state=b"x" * 100)
    return kept, kept.version


class Other:
    """The handle of one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        print(line, file=self.process.stdin, flush=True)

    def heard(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self, line: str) -> str:
        self.tell(line)
        return self.heard()


@contextmanager
def other_process(file: Path) -> Iterator[Other]:
    """One that has the storage, as `storage`, and its crossing."""
    command = [sys.executable, "-m", __name__, str(file)]
    with subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Other(process)
        finally:
            process.kill()


def main(file: str) -> None:
    storage = FileStorage(file)
    known = {"storage": storage, "crossing": storage.crossing, "count": count, "rules": rules, "time": time}
    known["threading"] = threading
    for line in sys.stdin:
        print(eval(line, known), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
