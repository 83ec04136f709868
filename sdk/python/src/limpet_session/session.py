"""The session as an app sees it: a dict that can be ended, renewed, and written while it can be saved."""

from typing import Any, Self, SupportsIndex

from limpet_session.errors import SessionClosed
from limpet_session.serializer import Data


class Session(dict[str, Any]):
    """What `request.session` is. Has `accessed` and `modified` as Starlette's own session has."""

    __slots__ = ("_closed", "accessed", "ended", "modified", "renewed", "replaced", "stale")

    def __init__(self, data: Data | None = None, stale: int = 0) -> None:
        super().__init__(data or {})
        self.accessed = False
        self.modified = False
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

    def mark_accessed(self) -> None:
        """Starlette calls this when `request.session` is read."""
        self.accessed = True

    def mark_modified(self) -> None:
        """Called by every method that writes. Raises SessionClosed."""
        if self._closed:
            raise SessionClosed
        self.accessed = self.modified = True

    def close(self) -> None:
        """From now on every write raises."""
        self._closed = True

    def clear(self) -> None:
        self.mark_modified()
        self.replaced = True
        super().clear()

    def __setitem__(self, key: str, value: Any) -> None:
        self.mark_modified()
        super().__setitem__(key, value)

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
        return super().setdefault(key, default)

    def update(self, *args: Any, **kwargs: Any) -> None:
        self.mark_modified()
        super().update(*args, **kwargs)

    def __ior__(self, other: Any, /) -> Self:  # type: ignore[override, misc]
        self.mark_modified()
        super().__ior__(other)
        return self

    def __reduce_ex__(self, protocol: SupportsIndex, /) -> Any:
        """Copies are plain dicts."""
        return dict, (dict(self),)
