"""A node's part in the session contract: lets requests in, and holds what the endpoint works on."""

import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping

from limpet_session import headers, rules
from limpet_session.keys import NodeKeys
from limpet_session.memory import MemoryStorage
from limpet_session.record import Need
from limpet_session.rules import Refusal, Request
from limpet_session.running import Running
from limpet_session.serializer import Format, JsonSerializer, Serializer
from limpet_session.session import Session
from limpet_session.storage import Storage
from limpet_session.visit import Counters, Life, Shared, Unkept, Visit

MAX_STATE = 1 << 20  # bytes


def random_id() -> str:
    """A session id: 16 random bytes as base64url."""
    return urlsafe_b64encode(secrets.token_bytes(16))[:22].decode()


class Node:
    """The sessions of one app server. Does no I/O of its own; `storage` may.

    `keys`: those of the proxy's `node_keys`. `session`: what the app sees. `max_state`:
    bytes. `clock`: seconds, shared by all that use the storage. Raises ValueError for keys that cannot be.
    """

    def __init__(
        self,
        keys: Iterable[str | bytes],
        *,
        storage: Storage | None = None,
        serializer: Serializer | None = None,
        session: type[Session] = Session,
        max_state: int = MAX_STATE,
        clock: Callable[[], float] = time.monotonic,
        new_id: Callable[[], str] = random_id,
    ) -> None:
        if max_state < 1:
            raise ValueError(f"max_state must be at least 1 byte, not {max_state}")
        self._keys = NodeKeys(keys)
        self.storage = MemoryStorage() if storage is None else storage
        self.max_state = max_state
        self.clock = clock
        # Where several processes keep sessions, their requests under way count together as well.
        self.running = Running(self.storage.crossing)
        self.counters = Counters()
        packing = Format(serializer or JsonSerializer())
        self._shared = Shared(
            self.storage, packing, session, max_state, clock, new_id, self.running.leave, self.counters
        )

    def trusts(self, ours: Mapping[bytes, bytes]) -> bool:
        """Whether the contract's headers, by lower-case name, come with a right key."""
        return headers.KEY in ours and self._keys.accept(ours[headers.KEY])

    def open(self, ours: Mapping[bytes, bytes]) -> Life | Refusal:
        """Let a request in, given the contract's headers that it came with.

        Raises Malformed; or what the serializer raises for a state that it did not write.
        """
        request = headers.read_request(ours) if self.trusts(ours) else None
        return self.admit(request) if request else Unkept(self._shared.session())

    def admit(self, request: Request) -> Life | Refusal:
        """Let a request in. The visit has to be left once."""
        now = self.clock()
        if not self.running.enter(request.id):
            held = self.storage.find(request.id, now)
            return Refusal(Need.STATE, held.mark if held else 0)
        visit = None
        try:
            outcome = self.storage.change(request.id, now, lambda record: rules.admit(record, request, now))
            if isinstance(outcome, Refusal):
                return outcome
            visit = Visit(self._shared, request, outcome)
            return visit
        finally:
            if visit is None:
                self.running.leave(request.id)


def refuse(refusal: Refusal) -> list[headers.Header]:
    """The headers of a 409 that says what the proxy has to do first."""
    return [(headers.NEED, refusal.need.encode()), (headers.VERSION, b"%d" % refusal.mark)]
