"""Keeps the records of one process in its memory."""

import heapq
import secrets
from bisect import bisect_left, bisect_right, insort
from itertools import islice
from threading import Lock

from limpet_session.record import Record
from limpet_session.storage import PairRule, Rule, T

_FORGOTTEN_AT_ONCE = 8  # so that no call pays for many; two would do to keep up with one new record a call


class MemoryStorage:
    """The default storage. What is in it is gone with the process; the copies are elsewhere."""

    blocking = False
    crossing = None

    def __init__(self) -> None:
        self.name = secrets.token_hex(16)
        self._lock = Lock()
        self._records: dict[str, Record] = {}
        self._order: list[str] = []
        # One entry for each record, from when it was made; a record that has been kept alive since is put
        # back when its entry comes up.
        self._due: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._records)

    def change(self, session_id: str, now: float, rule: Rule[T]) -> T:
        with self._lock:
            if self._due and self._due[0][0] <= now:
                self._forget(now)
            held = self._records.get(session_id)
            kept, result = rule(held if held is None or held.expires > now else None)
            if kept is not None:
                if held is None:
                    self._enlist(session_id, kept)
                self._records[session_id] = kept
            return result

    def renew(self, old_id: str, new_id: str, now: float, rule: PairRule[T]) -> T:
        with self._lock:
            self._forget(now)
            old, new, result = rule(self._live(old_id, now))
            if old is not None:
                self._keep(old_id, old)
            if new is not None:
                self._keep(new_id, new)
            return result

    def find(self, session_id: str, now: float) -> Record | None:
        with self._lock:
            return self._live(session_id, now)

    def page(self, after: str, limit: int, now: float) -> list[tuple[str, Record]]:
        with self._lock:
            self._forget(now)
            start = bisect_right(self._order, after)
            found = ((name, self._live(name, now)) for name in islice(self._order, start, None))
            told = ((name, record) for name, record in found if record and (record.version or record.ended))
            return list(islice(told, limit))

    def _live(self, session_id: str, now: float) -> Record | None:
        record = self._records.get(session_id)
        return record if record is not None and record.expires > now else None

    def _keep(self, session_id: str, record: Record) -> None:
        if session_id not in self._records:
            self._enlist(session_id, record)
        self._records[session_id] = record

    def _enlist(self, session_id: str, record: Record) -> None:
        """Of this session there was no record."""
        insort(self._order, session_id)
        heapq.heappush(self._due, (record.expires, session_id))

    def _forget(self, now: float) -> None:
        for _ in range(_FORGOTTEN_AT_ONCE):
            if not self._due or self._due[0][0] > now:
                return
            session_id = self._due[0][1]
            expires = self._records[session_id].expires
            if expires > now:
                heapq.heapreplace(self._due, (expires, session_id))
                continue
            heapq.heappop(self._due)
            del self._records[session_id]
            del self._order[bisect_left(self._order, session_id)]
