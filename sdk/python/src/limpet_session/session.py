"""The session as an app sees it: a dict that can be ended, renewed, and written while it can be saved."""

from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from typing import Any, Self, SupportsIndex

from limpet_session.errors import SessionClosed
from limpet_session.snapshots import PLAIN, Data, Inside, Snapshot, look


class Session(dict[str, Any]):
    """What `request.session` is. Has `accessed` and `modified` as Starlette's own session has."""

    __slots__ = (
        "_closed",
        "_inside",
        "_new_id",
        "accessed",
        "ended",
        "id",
        "modified",
        "reached",
        "renewed",
        "replaced",
        "stale",
    )

    def __init__(
        self,
        data: Data | Snapshot | None = None,
        stale: int = 0,
        session_id: str = "",
        new_id: Callable[[], str] = str,
    ) -> None:
        if isinstance(data, Snapshot):
            super().__init__(data.plain)
            data.fill(self)
            self._inside: Inside | None = data.inside
        else:
            super().__init__(data or {})
            self._inside = look(self)
        self.id = session_id  # under which it is kept, after `renew` the new one; "": it is not kept
        self._new_id = new_id
        self.accessed = False
        self.modified = False
        self.reached = False  # the app has a value that it can write into
        self.replaced = False  # cleared: what other requests wrote goes too
        self.ended = False
        self.renewed = False
        # The version that should have been found, where only an older state was; 0 as a rule.
        self.stale = stale
        self._closed = False

    def end(self) -> None:
        """Log out: the session is over on all nodes, and its id never comes back. Raises SessionClosed.

        `clear()` does the same where there was something to clear and nothing is put in after it.
        """
        self.clear()
        self.ended = True

    def renew(self) -> None:
        """Log in: go on under a new id, so that the old one is worth nothing. Raises SessionClosed."""
        self.mark_modified()
        self.renewed = True
        self.id = self._new_id()

    @property
    def suspect(self) -> bool:
        """Whether it may differ from what it was: if not, nobody has to look."""
        return self.modified or self.written_inside()

    def written_inside(self) -> bool:
        """Whether a value may have been written into since the session was made, or closed."""
        return self.reached and (self._inside is None or look(self) != self._inside)

    def mark_accessed(self) -> None:
        """Starlette calls this when `request.session` is read."""
        self.accessed = True

    def mark_modified(self) -> None:
        """Called by every method that writes. Raises SessionClosed."""
        if self._closed:
            raise SessionClosed
        self.accessed = self.modified = True

    def close(self, written: bool = True) -> None:
        """From now on every write raises. `written`: it is not what it was."""
        self._closed = True
        if written and self.reached:
            self._inside = look(self)

    # Every way to a value counts as access, those of C code (`dict(session)`, json) too: they go through
    # these methods once `__iter__` is not dict's own. (`super()` takes twice as long as `dict`.)

    def __getitem__(self, key: str) -> Any:
        return self._handed(dict.__getitem__(self, key))

    def __iter__(self) -> Iterator[str]:
        self.accessed = True
        return super().__iter__()

    def get(self, key: str, default: Any = None) -> Any:
        return self._handed(dict.get(self, key, default))

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        self.accessed = True
        return super().keys()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        self.accessed = self.reached = True
        return super().values()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        self.accessed = self.reached = True
        return super().items()

    def copy(self) -> Data:
        self.accessed = self.reached = True
        return dict(self)

    def __or__(self, other: Any, /) -> Any:
        return self.copy() | other

    def __ror__(self, other: Any, /) -> Any:
        return other | self.copy()

    def clear(self) -> None:
        self.mark_modified()
        self.replaced = True
        super().clear()

    def __setitem__(self, key: str, value: Any) -> None:
        self.mark_modified()
        if type(value) not in PLAIN:
            self.reached = True  # the app still has it
        dict.__setitem__(self, key, value)

    def __delitem__(self, key: str) -> None:
        self.mark_modified()
        super().__delitem__(key)

    def pop(self, key: str, *default: Any) -> Any:
        if key in self:
            self.mark_modified()
        return super().pop(key, *default)

    def popitem(self) -> tuple[str, Any]:
        self.mark_modified()
        return super().popitem()

    def setdefault(self, key: str, default: Any = None) -> Any:
        if key not in self:
            self.mark_modified()
        return self._handed(super().setdefault(key, default))

    def update(self, *args: Any, **kwargs: Any) -> None:
        self.mark_modified()
        self.reached = True
        super().update(*args, **kwargs)

    def __ior__(self, other: Any, /) -> Self:  # type: ignore[override]
        self.mark_modified()
        self.reached = True
        super().__ior__(other)
        return self

    def _handed(self, value: Any) -> Any:
        """The value, which the app has from now on."""
        self.accessed = True
        if type(value) not in PLAIN:
            self.reached = True
        return value

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> Any:
        """Copies are plain dicts."""
        return dict, (dict(self),)
