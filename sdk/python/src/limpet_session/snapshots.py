"""What states hold, value by value: each request gets its own, and only what has changed is written anew."""

import marshal
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, Protocol

Data = dict[str, Any]
Inside = dict[
    str, bytes
]  # of the values that can be written into, bytes that are the same while all in them is

MOST_BYTES = 16 << 20  # of states and what is kept of them
MOST_KEYS = 32  # of a state that is written by its parts; with more the whole is as fast
PLAIN = frozenset({str, int, float, bool, type(None), bytes})  # values that nobody can write into
_NESTED = object()  # in place of a value that is in `Snapshot.inside`


class Parts(Protocol):
    """A format whose states can be put together from what it made of each topmost key."""

    def part(self, key: str, value: Any) -> bytes:
        """One key with its value."""

    def whole(self, parts: Iterable[bytes]) -> bytes:
        """The state, the same bytes as `dumps` gives for all of them. At least one part."""


class Known(Data):
    """A session's data, and what `look` says of it."""

    __slots__ = ("inside",)

    inside: Inside | None


def look(data: Data) -> Inside | None:
    """What is inside the values; None: that cannot be told.

    The bytes of two equal values may differ, by who else holds what is in them. 2 KB of nested values cost
    3 us, where a serializer takes 20 or more to write them as JSON.
    """
    try:
        return {key: marshal.dumps(value) for key, value in dict.items(data) if type(value) not in PLAIN}
    except ValueError:  # something of a class of its own
        return None


class Snapshot:
    """One state. `plain`: each key, in order, with `_NESTED` in place of a value that is in `inside`.

    `inside` has b"" for a value that has been written and not read since: a tuple is a list only once it was
    JSON. `texts`: how the format writes a key with its value, where that is known. `holders`: how many
    sessions have come to it, each of which may forget it once.
    """

    __slots__ = ("holders", "inside", "plain", "size", "texts")

    def __init__(self, plain: Data, inside: Inside, texts: dict[str, bytes], state: bytes) -> None:
        self.plain = plain
        self.inside = inside
        self.texts = texts
        self.holders = 1
        self.size = 2 * len(state) + sum(map(len, inside.values()))  # bytes: the texts are as long as it is


_NOTHING = Snapshot({}, {}, {}, b"")


class Snapshots:
    """States by their bytes, the oldest forgotten first. For formats whose values marshal copies truly.

    A copy is made of a snapshot, never of what a request was given, so no request can see what another one
    does. 5 us instead of 20 for 2 KB.
    """

    def __init__(self, loads: Callable[[bytes], Data], parts: Parts | None = None) -> None:
        self._loads = loads
        self._parts = parts
        self._kept: dict[bytes, Snapshot] = {}
        self._size = 0
        self._lock = Lock()

    def read(self, state: bytes) -> Known:
        """Data of the caller's own. Raises what `loads` raises."""
        kept = self._kept.get(state)
        if kept is None:
            return self._first(state)
        known = Known(kept.plain)
        for key, frozen in kept.inside.items():
            known[key] = marshal.loads(frozen) if frozen else self._thaw(kept, key)
        known.inside = kept.inside
        return known

    def write(self, data: Data, base: bytes) -> bytes:
        """The state of `data`, which was made of that of `base`. Raises what the format raises.

        A value that is as it was is not written anew: where 2 KB are nested in others, 8 us instead of 25.
        """
        assert self._parts is not None, "the format has parts"
        before = self._kept.get(base, _NOTHING)
        part, plain, inside, texts = self._parts.part, dict[str, Any](), Inside(), dict[str, bytes]()
        for key, value in dict.items(data):
            if type(value) in PLAIN:
                plain[key] = value
                same = before.plain.get(key, _NESTED) is value
            else:
                plain[key] = _NESTED
                frozen = _frozen(value)
                same = frozen != b"" and before.inside.get(key) == frozen
                inside[key] = frozen if same else b""
            texts[key] = (before.texts.get(key) if same else None) or part(key, value)
        state = self._parts.whole(texts.values())
        if all(type(key) is str for key in texts):  # others are not themselves when they are read
            self._keep(state, Snapshot(plain, inside, texts, state))
        return state

    def forget(self, state: bytes) -> None:
        """The session that had it has another one. New sessions are often alike: others may have it still."""
        with self._lock:
            kept = self._kept.get(state)
            if kept is not None:
                kept.holders -= 1
                if kept.holders <= 0:
                    self._drop(state)

    def _first(self, state: bytes) -> Known:
        data = self._loads(state)
        known = Known(data)
        known.inside = look(data)
        if known.inside is not None:
            plain = {key: _NESTED if key in known.inside else value for key, value in data.items()}
            # Of the copies that others get: in these here two values may share a text, as a key's.
            inside = look({key: marshal.loads(frozen) for key, frozen in known.inside.items()})
            self._keep(state, Snapshot(plain, inside or {}, {}, state))
        return known

    def _thaw(self, kept: Snapshot, key: str) -> Any:
        """A value of which there is only the text."""
        assert self._parts is not None, "the format has parts"
        value = self._loads(self._parts.whole([kept.texts[key]]))[key]
        kept.inside[key] = _frozen(value)
        return value

    def _keep(self, state: bytes, snapshot: Snapshot) -> None:
        with self._lock:
            known = self._kept.get(state)
            if known is not None:
                snapshot.holders += known.holders
                self._drop(state)
            self._kept[state] = snapshot
            self._size += snapshot.size
            while self._size > MOST_BYTES:
                self._drop(next(iter(self._kept)))

    def _drop(self, state: bytes) -> None:
        kept = self._kept.pop(state, None)
        if kept is not None:
            self._size -= kept.size


def _frozen(value: Any) -> bytes:
    """Bytes of a value; none where marshal has none for it."""
    try:
        return marshal.dumps(value)
    except ValueError:
        return b""
