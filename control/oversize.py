"""Says that nodes send states above the limit: at most one log line a minute for each service."""

import logging
import time
from collections.abc import Callable

from sessions.keeping.counters import KeepingCounters

logger = logging.getLogger("limpet.sessions")
MINUTE = 60.0


class Oversize:
    """Of one service. `limit`: bytes."""

    def __init__(
        self,
        service: str,
        limit: int,
        counters: KeepingCounters,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._service = service
        self.limit = limit
        self._counters = counters
        self._now = now
        self._told = 0
        self._told_at = float("-inf")

    def look(self) -> None:
        """Say what is new since the last line, if that is a minute old; to be called every second."""
        count, now = self._counters.too_large, self._now()
        if count == self._told or now - self._told_at < MINUTE:
            return
        logger.warning(
            "service %s: %d answers were refused (502, fault=state_too_large in the access log):"
            " their session's state was above max_state, %d bytes",
            self._service,
            count - self._told,
            self.limit,
        )
        self._told, self._told_at = count, now
