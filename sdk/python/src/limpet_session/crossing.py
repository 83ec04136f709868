"""Requests under way in all processes of a node, as locks: a process that dies has none any more."""

from binascii import a2b_base64

from limpet_session.byte_locks import ByteLocks

_FIRST = 1 << 10  # the bytes below are for other uses
_PLAIN = str.maketrans("-_", "+/")


class LockedCrossing:
    """Two bytes for each session: its door, and its room.

    Whoever enters passes the door and shares the room; whoever holds it shut has the door alone. Fills
    `running.Crossing`. Four system calls a request, 2 us each.
    """

    def __init__(self, locks: ByteLocks) -> None:
        self._locks = locks
        self._shut: set[str] = set()

    def enter(self, session_id: str) -> bool:
        door, room = _bytes_of(session_id)
        if not self._locks.share(door):
            return False
        entered = self._locks.share(room)
        self._locks.free(door)
        return entered

    def leave(self, session_id: str) -> None:
        self._locks.free(_bytes_of(session_id)[1])

    def shut(self, session_id: str) -> bool:
        if session_id not in self._shut and self._locks.take(_bytes_of(session_id)[0]):
            self._shut.add(session_id)
        return session_id in self._shut

    def empty(self, session_id: str) -> bool:
        room = _bytes_of(session_id)[1]
        if not self._locks.take(room):
            return False
        self._locks.free(room)
        return True

    def open(self, session_id: str) -> None:
        if session_id in self._shut:
            self._shut.remove(session_id)
            self._locks.free(_bytes_of(session_id)[0])


def _bytes_of(session_id: str) -> tuple[int, int]:
    """Door and room: 61 of an id's 128 random bits, so that no two sessions meet."""
    place = _FIRST + 2 * (int.from_bytes(a2b_base64(session_id[:12].translate(_PLAIN))[:8]) >> 3)
    return place, place + 1
