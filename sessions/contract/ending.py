"""When a session's end is safe: remembered by those who hold copies of it, and by the store."""

from collections.abc import Iterator

from sessions.contract.messages import STORE, Answer, Kind
from sessions.contract.settling import Settled


class Ending:
    """The end of one session, which its node has already marked, on its way to copies and store.

    `candidates`: the available nodes in the session id's ring order, the pin left out. Targets that a method
    returns are to be sent END. A holder that is silent is replaced by the next in order, since one 410 ends
    any search; where nobody is left the verdict is UNPROTECTED.
    """

    __slots__ = ("_candidates", "_fixed", "_short", "_waiting", "verdict")

    def __init__(self, replicas: int, candidates: Iterator[int], store: bool) -> None:
        self.verdict = Settled.PENDING
        self._candidates = candidates
        self._fixed = [target for _, target in zip(range(replicas), candidates, strict=False)]
        self._short = len(self._fixed) < replicas and not store
        if store:
            self._fixed.append(STORE)
        self._waiting: set[int] = set()

    def start(self) -> list[int]:
        """Whom to tell first."""
        self._waiting = set(self._fixed)
        self._judge()
        return self._fixed

    def answered(self, target: int, answer: Answer) -> list[int]:
        """`target` has answered."""
        if answer.kind not in (Kind.TAKEN, Kind.ENDED):
            return self.silent(target)
        self._waiting.discard(target)
        self._judge()
        return []

    def silent(self, target: int) -> list[int]:
        """`target` cannot be reached, or its time is up: the next in order instead."""
        if target not in self._waiting:
            return []
        self._waiting.discard(target)
        substitute = next(self._candidates, None)
        if substitute is None:
            self._short = True
            self._judge()
            return []
        self._waiting.add(substitute)
        return [substitute]

    def _judge(self) -> None:
        if not self._waiting and not self.verdict:
            self.verdict = Settled.UNPROTECTED if self._short else Settled.SETTLED
