"""One request's session, from its admission to the response head: the same for every framework's shell."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from limpet_session import headers, rules
from limpet_session.errors import SessionClosed, SessionTooLarge
from limpet_session.headers import Header
from limpet_session.record import Need, Record
from limpet_session.rules import Request, Write
from limpet_session.serializer import Format
from limpet_session.session import Session
from limpet_session.storage import Storage

log = logging.getLogger("limpet_session")

DISCARDED = 503  # the status of a discarded save: 409 would say that the app has not run


class Answer(NamedTuple):
    """What a response head gets: headers, and another status unless it is 0."""

    headers: list[Header]
    status: int = 0


class Life(Protocol):
    """What a shell does with a session, in this order. Made by `Node.open`."""

    session: Session

    def weigh(self) -> None:
        """Raises what `finish` would for the session as it is now, and changes nothing. May be left out: it
        is for frameworks whose own place to save has better errors than the server's."""

    def finish(self) -> Answer:
        """The app sends its response head: save, and close the session. Raises SessionError, or what the
        serializer raises; then nothing has changed, and the next head is answered without saving."""

    def abandon(self) -> Answer:
        """The app has failed without a response head: save nothing."""

    def leave(self) -> None:
        """The head has been sent, or never will be. May be called again."""

    def check(self) -> None:
        """The app has returned. Raises SessionClosed where it wrote inside a value after the head."""


class Counters:
    """What has happened to saves, and how often the endpoint was called, since the start."""

    __slots__ = ("calls", "discarded", "renewed", "saved", "unchanged")

    def __init__(self) -> None:
        self.calls = 0
        self.saved = 0
        self.unchanged = 0
        self.renewed = 0
        self.discarded = 0


@dataclass(frozen=True, slots=True)
class Shared:
    """What all visits of a node have in common."""

    storage: Storage
    format: Format
    session: type[Session]
    limit: int  # bytes of state
    clock: Callable[[], float]
    new_id: Callable[[], str]
    leave: Callable[[str], None]
    counters: Counters


class Visit:
    """The session of a request that the proxy sent, and that this node may serve."""

    __slots__ = ("_inside", "_opened", "_over", "_request", "_sealed", "_shared", "_ticket", "session")

    def __init__(self, shared: Shared, request: Request, ticket: Record) -> None:
        self._shared = shared
        self._request = request
        self._ticket = ticket
        self._inside = True  # counted among the running ones
        self._over = False  # no more saving
        self._sealed: bytes | None = None  # the state as the app left it, once the session is closed
        self._opened = shared.format.open(request.id, ticket.state)
        self.session = shared.session(self._opened, request.stale, request.id, shared.new_id)

    def weigh(self) -> None:
        if not self._over and self.session.suspect:
            self._packed()

    def finish(self) -> Answer:
        if self._over:
            return self.abandon()
        self._over = True
        base = self._ticket.state
        mine = self._packed() if self.session.suspect else base
        answer = self._settle(mine)
        self._sealed = mine
        self.session.close(mine is not base)
        return answer

    def abandon(self) -> Answer:
        self._over = True
        self.session.close()
        return Answer(self._told(self._ticket))

    def leave(self) -> None:
        if self._inside:
            self._inside = False
            self._shared.leave(self._request.id)

    def check(self) -> None:
        late = self._sealed is not None and self.session.written_inside()
        if late and self._shared.format.pack(self.session) != self._sealed:
            raise SessionClosed

    def _packed(self) -> bytes:
        """The state as the app has made it. Raises SessionTooLarge, or what the serializer raises."""
        base, limit = self._ticket.state, self._shared.limit
        mine = self._shared.format.seal(self._request.id, self.session, self._opened, self.session.reached)
        if len(mine) > limit and mine != base:
            raise SessionTooLarge(len(mine), limit)
        return mine

    def _settle(self, mine: bytes) -> Answer:
        session, base = self.session, self._ticket.state
        # Cleared, with nothing put in since: a logout, of a session that had something or was to be renewed.
        if session.ended or (session.replaced and not mine and (base or session.renewed)):
            return self._end()
        if mine == base and not (session.replaced or session.renewed):
            self._shared.counters.unchanged += 1
            return Answer(self._told(self._ticket))
        write = Write(base, mine, session.replaced, self._shared.format.merge, self._shared.limit)
        return self._renew(write) if session.renewed else self._save(write)

    def _save(self, write: Write) -> Answer:
        shared, ticket, ttl, now = self._shared, self._ticket, self._request.ttl, self._shared.clock()
        saved = shared.storage.change(
            self._request.id, now, lambda record: rules.save(record, ticket, write, ttl, now)
        )
        if saved is None:
            return self._discard("write")
        shared.counters.saved += 1
        return Answer(self._told(saved))

    def _end(self) -> Answer:
        ticket, ttl, now = self._ticket, self._request.ttl, self._shared.clock()
        ended = self._shared.storage.change(
            self._request.id, now, lambda record: rules.leave(record, ticket, ttl, now)
        )
        if not ended:
            return self._discard("logout")
        self._shared.format.forget(self._request.id)
        return Answer([(headers.VERSION, b"%d" % self._ticket.version), (headers.END, b"1")])

    def _renew(self, write: Write) -> Answer:
        shared, ticket, ttl, now = self._shared, self._ticket, self._request.ttl, self._shared.clock()
        new_id = self.session.id
        saved = shared.storage.renew(
            self._request.id, new_id, now, lambda record: rules.renew(record, ticket, write, ttl, now)
        )
        if saved is None:
            return self._discard("login")
        shared.format.forget(self._request.id)
        shared.counters.renewed += 1
        return Answer([*self._told(saved), (headers.RENEW, new_id.encode())])

    def _discard(self, what: str) -> Answer:
        self._shared.counters.discarded += 1
        log.warning("a %s was discarded: the session has ended or moved to another node meanwhile", what)
        told = [(headers.VERSION, b"%d" % self._ticket.version), (headers.NEED, Need.STATE.encode())]
        return Answer(told, DISCARDED)

    def _told(self, saved: Record) -> list[Header]:
        """The version, and the state where the proxy cannot have it and a header can hold it."""
        told = [(headers.VERSION, b"%d" % saved.version)]
        if saved.version > max(self._request.version, 1) and len(saved.state) <= headers.STATE_IN_HEADER:
            told.append((headers.STATE, headers.pack(saved.state)))
        return told


class Unkept:
    """The session of a request that came without the proxy: there is no id under which to keep it."""

    _warned = False  # once a process

    def __init__(self, session: Session) -> None:
        self.session = session

    def weigh(self) -> None:
        """Nothing is too large for nowhere."""

    def finish(self) -> Answer:
        if self.session and not Unkept._warned:
            Unkept._warned = True
            log.warning(
                "a session was written in a request that did not come through Limpet (no right Limpet-Key), "
                "so it is not kept; send requests through the proxy, and check that its node_keys and the "
                "keys given here are the same. This is said once"
            )
        return self.abandon()

    def abandon(self) -> Answer:
        self.session.close()
        return Answer([])

    def leave(self) -> None:
        """Nobody waits for it."""

    def check(self) -> None:
        """Nothing of it is kept anyway."""
