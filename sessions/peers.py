"""Speaks with one node's session endpoint: many calls in a request, silence for what is no answer."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from urllib.parse import urlsplit

from sessions.batching import Batcher, Closed, Overloaded
from sessions.contract.homes import Entry
from sessions.contract.messages import Action, Answer, Call
from sessions.keeping.channel import Channel, Dropped, Unreachable
from sessions.keeping.lines import Fault, Line, answer_of, read_answers, read_list, write_call, write_touch
from sessions.keeping.replies import Garbled, Reply
from sessions.keeping.targets import silence

logger = logging.getLogger("limpet.peers")

ENDPOINT = "/.limpet/sessions"
LARGE_STATE = 64 * 1024  # bytes; a larger one travels alone
MOST_ALONE = 8  # requests at once that are about one session only
_WAITING_BYTES = 64 * 1024 * 1024  # of each kind of call; then those that come are not sent
_OF_ALL = frozenset({200})
_OF_ONE = frozenset({200, 204, 404, 409, 410, 413})
_UNREACHABLE = "cannot be reached"
_GARBAGE = "gave an answer that cannot be understood"
_TELLING = {
    403: "refused our key: it must be one that the node knows (node_keys)",
    404: "is not there: the node does not speak the session contract, or sessions_url is wrong",
}

_Result = Answer | Fault | None


class Peer:
    """One node, as one proxy process speaks with it.

    Calls of one kind travel in batches, one in flight at a time: copies, questions and fences each by
    themselves, since a node lets a fence wait for its running requests, and no copy is to wait for that.
    """

    def __init__(
        self,
        name: str,
        url: str,
        key: bytes,
        *,
        socket: str | None = None,
        timeout_seconds: float = 1.0,
        ack_timeout_seconds: float = 1.0,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
    ) -> None:
        """`url`: of the node, or of an endpoint elsewhere. `socket`: the path of a unix socket instead.
        `tls`: how it is known to be `server_name`, where it speaks TLS.

        A copy may be answered for twice its `ack_timeout_seconds`: late answers count.
        """
        self.name = name
        parts = urlsplit(url)
        self._path = (parts.path if parts.path not in ("", "/") else ENDPOINT).rstrip("/").encode("ascii")
        port = parts.port or (80 if tls is None else 443)
        self._channel = Channel(
            parts.hostname or "localhost", port, socket, parts.netloc, key, tls, server_name
        )
        self._timeout_seconds = timeout_seconds
        self._copy_seconds = 2 * ack_timeout_seconds
        self._alone = asyncio.Semaphore(MOST_ALONE)
        self._alone_bytes = 0  # of states that wait, or are under way
        self._closed = False
        self._complaint = ""
        self._copies: Batcher[Line, Answer | None] = Batcher(
            self._send_copies, _size, waiting_bytes=_WAITING_BYTES
        )
        self._questions, self._fences = (
            Batcher(self._send_questions, _size, waiting_bytes=_WAITING_BYTES) for _ in range(2)
        )
        self.keeps_as = b""  # the name by which it keeps its sessions, as of its last list
        self.copied_bytes = 0  # of states on their way to this node, with what surrounds them
        self.requests = 0
        self.faults = 0  # requests that brought no answer

    @property
    def batches(self) -> int:
        """Batches that have left."""
        return self._copies.batches + self._questions.batches + self._fences.batches

    @property
    def items(self) -> int:
        """Calls in those batches."""
        return self._copies.items + self._questions.items + self._fences.items

    def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Awaitable[Answer | None]:
        """The node's answer; None for silence: none in time, 5xx, garbage, a wrong key."""
        call = action.call
        if call is Call.GET or call is Call.FENCE:
            return self._question(session_id, action, ttl)
        if call is Call.PUT and len(action.state) > LARGE_STATE:
            return self._ask_alone(session_id, action, ttl)
        try:
            return self._copies.submit(write_call(session_id, action, ttl))
        except (Overloaded, Closed):
            return silence()

    async def touch(self, session_id: str, version: int, ttl: int) -> None:
        """Keep a copy for longer, if it is there."""
        with suppress(Overloaded, Closed):
            await self._copies.submit(write_touch(session_id, version, ttl))

    async def get(self, session_id: str) -> Answer | None:
        """What the node holds of a session."""
        return await self._question(session_id, Action(Call.GET, 0), 0)

    async def entries(self, after: str, limit: int) -> list[Entry] | None:
        """The node's sessions behind the id `after`, at most `limit`; fewer are its last."""
        query = b"?limit=%d" % limit + (b"&after=%b" % after.encode() if after else b"")
        reply = await self._request(b"GET", query, b"", b"", self._timeout_seconds, _OF_ALL)
        if reply is None:
            return None
        entries = read_list(reply.body)
        if entries is None or len(entries) > limit:
            self._failed(_GARBAGE)
            return None
        self._complaint = ""
        self.keeps_as = reply.node
        return entries

    async def close(self, grace_seconds: float = 0.0) -> None:
        """Take nothing more; what is still unsent after `grace_seconds` is given up."""
        batchers = (self._copies, self._questions, self._fences)
        closing = [asyncio.ensure_future(batches.close()) for batches in batchers]
        await asyncio.wait(closing, timeout=grace_seconds)
        self._closed = True
        self._channel.close()
        await asyncio.wait(closing)

    # Private

    async def _question(self, session_id: str, action: Action, ttl: int) -> Answer | None:
        batches = self._fences if action.call is Call.FENCE else self._questions
        try:
            said = await batches.submit(write_call(session_id, action, ttl))
        except (Overloaded, Closed):
            return None
        if said is Fault.TOO_LARGE:
            return await self._ask_alone(session_id, action, ttl)
        return said if isinstance(said, Answer) else None

    async def _send_copies(self, lines: Sequence[Line]) -> Sequence[Answer | None]:
        self.copied_bytes += sum([len(line.body) for line in lines if line.call is Call.PUT])
        answers = await self._send_batch(lines, self._copy_seconds)
        return [said if isinstance(said, Answer) else None for said in answers]

    async def _send_questions(self, lines: Sequence[Line]) -> Sequence[_Result]:
        return await self._send_batch(lines, self._timeout_seconds)

    async def _send_batch(self, lines: Sequence[Line], seconds: float) -> Sequence[_Result]:
        body = b"".join([line.body for line in lines])
        reply = await self._request(b"POST", b"", body, b"", seconds, _OF_ALL)
        if reply is None:
            return [None] * len(lines)
        answers = read_answers(lines, reply.body)
        if Fault.GARBAGE in answers:
            self._failed(_GARBAGE)
        else:
            self._complaint = ""
        return answers

    async def _ask_alone(self, session_id: str, action: Action, ttl: int) -> Answer | None:
        if self._alone_bytes > _WAITING_BYTES:
            return None
        size = len(action.state)
        self._alone_bytes += size
        try:
            async with self._alone:
                reply = await self._send_alone(session_id.encode(), action, ttl)
        finally:
            self._alone_bytes -= size
        if reply is None:
            return None
        said = answer_of(reply.status, reply.version, reply.body, reply.serving, action.call)
        if not isinstance(said, Answer):
            return None
        self._complaint = ""
        return said

    async def _send_alone(self, name: bytes, action: Action, ttl: int) -> Reply | None:
        match action.call:
            case Call.PUT:
                fields = b"Limpet-Version: %d\r\nLimpet-TTL: %d\r\n" % (action.number, ttl)
                self.copied_bytes += len(action.state)
                return await self._request(b"PUT", b"/" + name, action.state, fields, self._copy_seconds)
            case Call.FENCE:
                fields = b"Limpet-Fence: %d\r\nLimpet-TTL: %d\r\n" % (action.number, ttl)
                return await self._request(b"POST", b"/%b/fence" % name, b"", fields, self._timeout_seconds)
            case _:
                return await self._request(b"GET", b"/" + name, b"", b"", self._timeout_seconds)

    async def _request(
        self,
        method: bytes,
        rest: bytes,
        body: bytes,
        fields: bytes,
        seconds: float,
        expected: frozenset[int] = _OF_ONE,
    ) -> Reply | None:
        """One request to the endpoint; None, counted and logged, for what is no answer."""
        target = self._path + rest
        try:
            try:
                reply = await self._send(method, target, body, fields, seconds)
            except Dropped:  # a connection that had been kept, which nodes close when they like
                reply = await self._send(method, target, body, fields, seconds)
        except TimeoutError:
            return self._failed(f"gave no answer within {seconds:g} s")
        except (Unreachable, Dropped):
            return self._failed(_UNREACHABLE)
        except Garbled:
            return self._failed(_GARBAGE)
        if reply.status not in expected:
            return self._failed(_TELLING.get(reply.status, f"answered {reply.status}"))
        return reply

    async def _send(self, method: bytes, target: bytes, body: bytes, fields: bytes, seconds: float) -> Reply:
        self.requests += 1
        return await self._channel.request(method, target, body, fields, seconds)

    def _failed(self, what: str) -> Reply | None:
        """Count it, and log it where it is news."""
        self.faults += 1
        if what != self._complaint and not self._closed:
            self._complaint = what
            logger.warning("the session endpoint of node %s %s", self.name, what)
        return None


def _size(line: Line) -> int:
    return line.size
