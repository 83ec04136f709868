"""A node with a clock that is turned by hand, and requests for it."""

import json
from collections.abc import Mapping

from limpet_session import Node, Session, headers
from limpet_session.endpoint import Call, Endpoint, Reply
from limpet_session.rules import Refusal
from limpet_session.storage import Storage
from limpet_session.visit import Visit

KEY = "a-shared-secret"
TTL = 1800
TAKEOVER = 1 << 32  # the first number that a proxy can come to
A, B, C = (f"{letter * 21}A" for letter in "abc")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class NodeAtHand:
    """`clock`, `node`, its endpoint, and both sides of the contract in few words."""

    def __init__(self, max_state: int = 1 << 20, storage: Storage | None = None) -> None:
        self.clock = Clock()
        self.node = Node([KEY], storage=storage, max_state=max_state, clock=self.clock)
        self.endpoint = Endpoint(self.node)

    def ask(
        self,
        name: str = A,
        version: int = 0,
        state: Mapping[str, object] | None = None,
        takeover: int = 0,
        ttl: int = TTL,
    ) -> Visit | Refusal:
        ours = {
            headers.KEY: KEY.encode(),
            headers.SESSION: name.encode(),
            headers.VERSION: b"%d" % version,
            headers.TTL: b"%d" % ttl,
        }
        if state is not None:
            ours[headers.STATE] = headers.pack(packed(state))
        if takeover:
            ours[headers.TAKEOVER] = b"%d" % takeover
        life = self.node.open(ours)
        assert isinstance(life, Visit | Refusal)
        return life

    def visit(
        self,
        name: str = A,
        version: int = 0,
        state: Mapping[str, object] | None = None,
        takeover: int = 0,
        ttl: int = TTL,
    ) -> Visit:
        """A request that has to be let in."""
        visit = self.ask(name, version, state, takeover, ttl)
        assert isinstance(visit, Visit), visit
        return visit

    def write(self, name: str = A, version: int = 0, **values: object) -> dict[bytes, bytes]:
        """A whole request that sets these keys; the headers of its answer."""
        visit = self.visit(name, version)
        visit.session.update(values)
        return finish(visit)

    def call(self, method: str, path: str, body: bytes = b"", query: bytes = b"", **fields: object) -> Reply:
        """The endpoint's answer. `fields`: `version=3` is `Limpet-Version: 3`."""
        ours = {f"limpet-{name}".encode(): str(value).encode() for name, value in fields.items()}
        return self.endpoint.plan(Call(method, path, query, ours, body)).run()

    def batch(self, *lines: Mapping[str, object] | bytes) -> list[dict[str, object]]:
        """The answers to a batch, one for each line."""
        raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        reply = self.call("POST", "/", b"\n".join(raw))
        assert reply.status == 200
        return [json.loads(line) for line in reply.body.splitlines()]

    def held(self, name: str = A) -> tuple[int, dict[str, object], bool]:
        """What the endpoint says: version, session, whether it is served here."""
        reply = self.call("GET", f"/{name}")
        told = dict(reply.headers)
        assert reply.status == 200, reply
        data: dict[str, object] = json.loads(reply.body) if reply.body else {}
        return int(told[headers.VERSION]), data, headers.SERVING in told


def packed(data: Mapping[str, object]) -> bytes:
    return json.dumps(dict(data), separators=(",", ":")).encode() if data else b""


def finish(visit: Visit) -> dict[bytes, bytes]:
    """The response head: the contract's headers, and `status` where it is not the app's."""
    answer = visit.finish()
    visit.leave()
    told = dict(answer.headers)
    return {**told, b"status": b"%d" % answer.status} if answer.status else told


def renewed(session: Session) -> Session:
    session.renew()
    return session
