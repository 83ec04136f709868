"""What sessions hold, value by value: each request gets its own, and only what it changed is written anew."""

import marshal
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, Protocol

Data = dict[str, Any]
# Of the values that can be written into, bytes that are the same while all in them is.
Inside = dict[str, bytes]

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

    `texts`: how the format writes a key with its value, where that is known.
    """

    __slots__ = ("inside", "plain", "size", "state", "texts")

    def __init__(self, state: bytes, plain: Data, inside: Inside, texts: dict[str, bytes]) -> None:
        self.state = state
        self.plain = plain
        self.inside = inside
        self.texts = texts
        self.size = 2 * len(state) + sum(map(len, inside.values()))  # bytes: the texts are as long as it is

    def fill(self, data: Data) -> None:
        """Give somebody values of their own. `data` has those of `plain`."""
        for key, frozen in self.inside.items():
            dict.__setitem__(data, key, marshal.loads(frozen))


NOTHING = Snapshot(b"", {}, {}, {})


class Snapshots:
    """The last state of each session, the one that was written longest ago forgotten first.

    For formats whose values marshal copies truly. A copy is made of a snapshot, never of what a request was
    given, so no request can see what another one does. 5 us instead of 20 for 2 KB.
    """

    def __init__(self, loads: Callable[[bytes], Data], parts: Parts | None = None) -> None:
        self._loads = loads
        self._parts = parts
        self._kept: dict[str, Snapshot] = {}  # by session
        self._size = 0
        self._lock = Lock()

    def read(self, name: str, state: bytes) -> Data | Snapshot:
        """What the state holds; as data where marshal cannot tell it. Raises what `loads` raises."""
        kept = self._kept.get(name)
        if kept is None or kept.state != state:
            return self._first(name, state)
        return self._loads(state) if b"" in kept.inside.values() and not self._thaw(kept) else kept

    def write(self, name: str, data: Data, before: Snapshot, reached: bool) -> bytes:
        """The state of `data`, which was made of `before`. Raises what the format raises.

        A value that is as it was is not written anew: where 2 KB are nested in others, 10 us instead of 31.
        `reached`: somebody may have written into one; if not, nobody looks.
        """
        assert self._parts is not None, "the format has parts"
        part, plain, inside, texts = self._parts.part, dict[str, Any](), Inside(), dict[str, bytes]()
        for key, value in dict.items(data):
            if type(value) in PLAIN:
                plain[key] = value
                same = before.plain.get(key, _NESTED) is value
            else:
                plain[key] = _NESTED
                was = before.inside.get(key, b"")
                frozen = _frozen(value) if reached or not was else was
                same = frozen != b"" and frozen == was
                inside[key] = frozen if same else b""
            texts[key] = (before.texts.get(key) if same else None) or part(key, value)
        state = self._parts.whole(texts.values())
        if set(map(type, texts)) == {str}:  # others are not themselves when they are read
            self._keep(name, Snapshot(state, plain, inside, texts))
        return state

    def forget(self, name: str) -> None:
        """The session is over."""
        with self._lock:
            self._drop(name)

    def _first(self, name: str, state: bytes) -> Data | Snapshot:
        data = self._loads(state)
        inside = _look_at_copies(data)
        if inside is None:
            return data
        plain = {key: _NESTED if key in inside else value for key, value in data.items()}
        snapshot = Snapshot(state, plain, inside, {})
        self._keep(name, snapshot)
        return snapshot

    def _thaw(self, kept: Snapshot) -> bool:
        """Read the values of which there is only the text: a tuple, say, is a list from now on."""
        assert self._parts is not None, "the format has parts"
        texts = [kept.texts[key] for key, frozen in kept.inside.items() if not frozen]
        inside = _look_at_copies(self._loads(self._parts.whole(texts)))
        kept.inside.update(inside or {})
        return inside is not None

    def _keep(self, name: str, snapshot: Snapshot) -> None:
        with self._lock:
            self._drop(name)  # so that it is the last one now
            self._kept[name] = snapshot
            self._size += snapshot.size
            while self._size > MOST_BYTES:
                self._drop(next(iter(self._kept)))

    def _drop(self, name: str) -> None:
        kept = self._kept.pop(name, None)
        if kept is not None:
            self._size -= kept.size


def _look_at_copies(data: Data) -> Inside | None:
    """As others get them: in what was read two values may share a text, as a key's, and look different."""
    inside = look(data)
    return inside and look({key: marshal.loads(frozen) for key, frozen in inside.items()})


def _frozen(value: Any) -> bytes:
    """Bytes of a value; none where marshal has none for it."""
    try:
        return marshal.dumps(value)
    except ValueError:
        return b""
