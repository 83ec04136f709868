"""A thread that now and then does, in one turn, what the event loop has queued up."""

import threading
from collections.abc import Callable


class Gathering:
    """Calls `turn` on a thread of its own, `seconds` after something came, and once more at the end.

    Until then more may come, and goes with it.
    """

    def __init__(self, name: str, seconds: float, turn: Callable[[], None]) -> None:
        self._seconds = seconds
        self._turn = turn
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def came(self) -> None:
        """Something is queued. Never blocks."""
        if not self._wake.is_set():
            self._wake.set()

    def close(self, timeout: float) -> bool:
        """Have the last turn; whether it was over within `timeout` seconds."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._stopping.wait(self._seconds)
            self._wake.clear()
            self._turn()
        self._turn()
