"""Says that single writes fail while their store goes on: at most one log line a minute."""

import logging
import time

logger = logging.getLogger("limpet.stores")
MINUTE = 60.0


class Complaints:
    """The complaints about one store."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._said = float("-inf")

    def say(self, why: str) -> None:
        """Log it, unless something was logged within the last minute."""
        now = time.monotonic()
        if now - self._said >= MINUTE:
            self._said = now
            logger.warning("store %s: a write failed (said once a minute at most): %s", self._name, why)
