"""The node's endpoint: what the proxy reads, copies, ends and fences, without any I/O."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from math import ceil
from typing import NamedTuple

from limpet_session import batch, headers, rules
from limpet_session.batch import Bad
from limpet_session.headers import Header, Malformed
from limpet_session.node import Node
from limpet_session.operations import End, Fence, Get, Operation, Put
from limpet_session.record import Record
from limpet_session.rules import Verdict

PATH = "/.limpet/sessions"
PAGE = 1000  # lines of a list, at most
_NDJSON = (b"content-type", b"application/x-ndjson")
_BYTES = (b"content-type", b"application/octet-stream")
SAID = b"content-type", b"text/plain; charset=utf-8"


class Asked(NamedTuple):
    """A request to the endpoint, its body not yet read. `rest`: what follows the endpoint's own path."""

    method: str
    rest: str
    query: bytes
    ours: Mapping[bytes, bytes]


class Call(NamedTuple):
    """A request to the endpoint: `path` is what follows the endpoint's own, `fields` the contract's."""

    method: str
    path: str
    query: bytes
    fields: Mapping[bytes, bytes]
    body: bytes


class Reply(NamedTuple):
    """Its answer, the type of its body first among the headers where it has one.

    `body` is left out by whoever answers a HEAD, its length is not.
    """

    status: int
    headers: list[Header]
    body: bytes


class Plan(NamedTuple):
    """A call that was understood: the sessions that it fences, and what does it.

    Requests of those sessions that are under way may send their heads before `run` is called.
    """

    fences: frozenset[str]
    run: Callable[[], Reply]


class Endpoint:
    """Answers calls for a node. Whether the key is right is asked before (`Node.trusts`)."""

    def __init__(self, node: Node) -> None:
        self._node = node
        # A batch is at most 64 KiB or one state, which base64 and JSON make a third larger.
        self.max_body = max(1 << 17, 2 * node.max_state)

    def plan(self, call: Call) -> Plan:
        """Understand a call. What is malformed, or not there, is a plan too."""
        self._node.counters.calls += 1
        try:
            if call.path in ("", "/"):
                return self._of_all(call)
            name, _, verb = call.path.removeprefix("/").partition("/")
            return self._fence(call, name) if verb == "fence" else self._of_one(call, name, verb)
        except Malformed as error:
            return _say(400, str(error))

    def _of_all(self, call: Call) -> Plan:
        if call.method in ("GET", "HEAD"):
            after, limit = headers.read_page(call.query, PAGE)
            return Plan(frozenset(), lambda: self._list(after, limit))
        if call.method == "POST":
            lines = batch.read_lines(call.body)
            fences = frozenset(line.id for line in lines if isinstance(line, Fence) and self._fits(line))
            return Plan(fences, lambda: self._batch(lines))
        return _say(405, "use GET or POST", (b"allow", b"GET, HEAD, POST"))

    def _of_one(self, call: Call, name: str, rest: str) -> Plan:
        if rest:
            return _say(404, "there is /, /{id} and /{id}/fence")
        operation = _read_one(call, headers.session_id(name))
        if operation is None:
            return _say(405, "use GET, PUT or DELETE", (b"allow", b"GET, HEAD, PUT, DELETE"))
        return Plan(frozenset(), lambda: _reply(self._do(operation, self._node.clock())))

    def _fence(self, call: Call, name: str) -> Plan:
        if call.method != "POST":
            return _say(405, "use POST", (b"allow", b"POST"))
        number = headers.number(call.fields.get(headers.FENCE, b""), "Limpet-Fence", 1)
        ttl = headers.ttl(call.fields[headers.TTL]) if headers.TTL in call.fields else 0
        fence = Fence(headers.session_id(name), number, ttl)
        fences = frozenset({fence.id} if self._fits(fence) else ())
        return Plan(fences, lambda: _reply(self._do(fence, self._node.clock())))

    def _do(self, operation: Operation, now: float) -> Verdict:
        if isinstance(operation, Get):
            return rules.get(self._node.storage.find(operation.id, now))
        if isinstance(operation, Put) and len(operation.state) > self._node.max_state:
            return Verdict(413)
        return self._node.storage.change(operation.id, now, partial(operation.apply, now))

    def _fits(self, fence: Fence) -> bool:
        """Whether the fence will be taken: nobody has to wait for one that will not."""
        held = self._node.storage.find(fence.id, self._node.clock())
        return held is None or not (held.ended or fence.number <= held.mark)

    def _list(self, after: str, limit: int) -> Reply:
        now = self._node.clock()
        lines = [_listed(name, record, now) for name, record in self._node.storage.page(after, limit, now)]
        return Reply(200, [_NDJSON, (headers.NODE, self._node.storage.name.encode())], b"".join(lines))

    def _batch(self, lines: list[Operation | Bad]) -> Reply:
        answers, size, now = [], 0, self._node.clock()
        for line in lines:
            if isinstance(line, Bad):
                answers.append(batch.write_line(line.id, Verdict(400), line.why))
            elif size > self.max_body and isinstance(line, Get | Fence):
                answers.append(batch.write_line(line.id, Verdict(413), "the answer is too large: ask again"))
            else:
                answers.append(batch.write_line(line.id, self._do(line, now)))
            size += len(answers[-1])
        return Reply(200, [_NDJSON], b"".join(answers))


def _read_one(call: Call, name: str) -> Operation | None:
    fields = call.fields
    if call.method in ("GET", "HEAD"):
        return Get(name)
    if call.method == "PUT":
        version = headers.number(fields.get(headers.VERSION, b""), "Limpet-Version", 1)
        return Put(name, version, call.body, headers.ttl(fields.get(headers.TTL, b"")))
    if call.method == "DELETE":
        return End(name, headers.ttl(fields.get(headers.TTL, b"")))
    return None


def _reply(verdict: Verdict) -> Reply:
    told = [(headers.VERSION, b"%d" % verdict.version)] if verdict.version else []
    if verdict.status != 200:
        return Reply(verdict.status, told, b"")
    if verdict.serving:
        told.append((headers.SERVING, b"1"))
    return Reply(200, [_BYTES, *told], verdict.state)


def _listed(name: str, record: Record, now: float) -> bytes:
    line = {
        "id": name,
        "version": record.version,
        "ttl": ceil(record.expires - now),
        "serving": record.serving,
        "ended": record.ended,
    }
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _say(status: int, what: str, *more: Header) -> Plan:
    return Plan(frozenset(), lambda: say(status, what, *more))


def say(status: int, what: str, *more: Header) -> Reply:
    """An answer for whoever reads the logs."""
    return Reply(status, [SAID, *more], what.encode() + b"\n")


def forbidden() -> Reply:
    """The answer to a call without a right key."""
    return say(403, "a right Limpet-Key is required")


def too_large(limit: int) -> Reply:
    """The answer to a call whose body is above `limit` bytes."""
    return say(413, f"at most {limit} bytes")


def framed(reply: Reply) -> list[Header]:
    """The reply's headers, with length and type of its body where there may be one (PEP 3333 wants both)."""
    if reply.status == 204:
        return reply.headers
    length = (b"content-length", b"%d" % len(reply.body))
    if reply.headers and reply.headers[0][0] == b"content-type":
        return [*reply.headers, length]
    return [*reply.headers, SAID, length]
