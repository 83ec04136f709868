"""The calls that are under way for one machine: each is heard of exactly once, or dropped with all others."""

import asyncio
import logging
import math
from collections.abc import Callable

from sessions.contract.messages import Action, Answer
from sessions.keeping.alarm import GRACE_SECONDS, STALL_SECONDS
from sessions.keeping.targets import Pending, Targets

logger = logging.getLogger("limpet.keeping")

Heard = Callable[[Action, Answer | None], None]


class Asking:
    """Calls about one session. `heard` is told of each answer, or None for silence, never from `send`."""

    __slots__ = ("_calls", "_heard", "_session_id", "_targets")

    def __init__(self, targets: Targets, session_id: str, heard: Heard) -> None:
        self._targets = targets
        self._session_id = session_id
        self._heard = heard
        self._calls: dict[Pending, tuple[Action, asyncio.TimerHandle | None]] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def send(self, action: Action, timeout: float = 0.0, base: int = -1, writer: int = -1) -> None:
        """Begin a call; after `timeout` seconds it is silence (0: when the target says so)."""
        asked = self._targets.ask(action, self._session_id, base, writer)
        timer: asyncio.TimerHandle | None = None
        if timeout:
            loop = asyncio.get_running_loop()
            due = loop.time() + timeout
            timer = loop.call_at(due, self._late, asked, due)
        self._calls[asked] = action, timer
        asked.add_done_callback(self._done)

    def drop(self) -> None:
        """Be told of nothing more. What has not left yet is not sent."""
        calls, self._calls = self._calls, {}
        for asked, (_, timer) in calls.items():
            asked.cancel()
            if timer is not None:
                timer.cancel()

    def close(self) -> None:
        """Drop all that is left, and let go of who was told: they hold each other."""
        self.drop()
        self._heard = _nobody

    def _done(self, asked: Pending) -> None:
        call = self._calls.pop(asked, None)
        if call is None:  # late, or dropped
            return
        action, timer = call
        if timer is not None:
            timer.cancel()
        self._heard(action, heard_of(asked))

    def _late(self, asked: Pending, due: float) -> None:
        action, _ = self._calls[asked]
        loop = asyncio.get_running_loop()
        if loop.time() - due > STALL_SECONDS:
            self._calls[asked] = action, loop.call_later(GRACE_SECONDS, self._late, asked, math.inf)
            return
        del self._calls[asked]
        asked.cancel()
        self._heard(action, None)


def _nobody(action: Action, answer: Answer | None) -> None:
    """Is told when nobody wants to know any more."""


def heard_of(asked: Pending) -> Answer | None:
    """What a call that is over was answered; None: silence."""
    try:
        return asked.result()
    except asyncio.CancelledError:
        return None
    except Exception as error:  # its boundary: whoever waits for it must not wait for ever
        logger.error("a call about a session broke", exc_info=error)
        return None
