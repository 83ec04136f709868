"""When a version of a session is safe: held by its copies or the store, or contained in a later one.

A hot path: each write makes one of these.
"""

from collections.abc import Iterator
from enum import IntEnum
from math import inf
from typing import Final

from sessions.contract.messages import STORE, Answer, Kind
from sessions.contract.versions import superseded


class Settled(IntEnum):
    """What became of a write."""

    PENDING = 0
    SETTLED = 1
    CONFLICT = 2  # another owner's is newer: it is not acknowledged
    ENDED = 3  # the session is over: it is not acknowledged
    UNPROTECTED = 4  # nobody is left who could hold it


_PENDING: Final = Settled.PENDING  # bound once: of an enum's class a name costs 70 ns
_SETTLED: Final = Settled.SETTLED
_TAKEN: Final = Kind.TAKEN


class Settling:
    """One version of one session on its way to its copies.

    `candidates`: the available nodes in the session id's ring order, the pin left out; for the strategy
    `store` STORE alone. `replicas`: how many of them must hold it. `fallback`: whether STORE may, where too
    few of them do. Targets that a method returns are to be sent the version.
    """

    __slots__ = (
        "_ack_timeout",
        "_asked",
        "_candidates",
        "_fallback",
        "_heard",
        "_missing",
        "_until",
        "deadline",
        "verdict",
        "version",
        "winner",
    )

    def __init__(
        self, version: int, replicas: int, candidates: Iterator[int], fallback: bool = False
    ) -> None:
        self.version = version
        self.verdict: Settled = _PENDING
        self.winner = 0  # of a conflict: the version or fence that stood against this one
        self.deadline = 0.0  # when to call `tick` next
        self._missing = replicas
        self._candidates = candidates
        self._fallback = fallback
        self._ack_timeout = 0.0
        self._until = inf
        self._asked: dict[int, float] = {}  # who has neither answered nor been given up, and until when
        self._heard: set[int] = set()  # who has answered: a late answer counts, and counts once

    def start(self, now: float, ack_timeout: float, until: float = inf) -> list[int]:
        """Whom to send it to first; each has `ack_timeout` seconds from when it is asked.

        Without anybody, and at `until`, the verdict is UNPROTECTED.
        """
        self._ack_timeout = ack_timeout
        self._until = until
        return self._more(now)

    def answered(self, target: int, answer: Answer, now: float) -> list[int]:
        """`target` has answered, in time or not."""
        if self.verdict or target in self._heard:
            return []
        self._asked.pop(target, None)
        kind = answer.kind
        if kind is _TAKEN or (kind is Kind.REFUSED and superseded(self.version, answer.version)):
            self._heard.add(target)
            self._missing -= 1
            if self._missing > 0 and target != STORE:
                return self._more(now)
            self.verdict = _SETTLED
        elif kind is Kind.REFUSED:
            self.verdict = Settled.CONFLICT
            self.winner = answer.version
        elif kind is Kind.ENDED:
            self.verdict = Settled.ENDED
        else:  # not an answer to a PUT
            return self._more(now)
        return []

    def silent(self, target: int, now: float) -> list[int]:
        """`target` cannot be reached: the next in order."""
        if self.verdict or self._asked.pop(target, None) is None:
            return []
        return self._more(now)

    def tick(self, now: float) -> list[int]:
        """Give up those whose time is up."""
        late = [target for target, until in self._asked.items() if until <= now]
        if self.verdict or not late:
            return []
        for target in late:
            del self._asked[target]
        if now >= self._until:
            self.verdict = Settled.UNPROTECTED
            return []
        return self._more(now)

    def _more(self, now: float) -> list[int]:
        """Ask as many as are still missing; the store when the nodes run out."""
        asked, targets = self._asked, []
        until = min(now + self._ack_timeout, self._until)
        while len(asked) < self._missing:
            target = next(self._candidates, None)
            if target is None:
                if not self._fallback:
                    break
                self._fallback, target = False, STORE
            asked[target] = until
            targets.append(target)
        if asked:
            self.deadline = min(asked.values())
        else:
            self.verdict = Settled.UNPROTECTED
        return targets
