"""Speaks with one node's session endpoint: many calls in a request, silence for what is no answer."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Final, cast
from urllib.parse import urlsplit

from sessions.batching import Batcher, Closed, Overloaded
from sessions.contract.homes import Entry
from sessions.contract.messages import Action, Answer, Call
from sessions.keeping.channel import Channel, Dropped, Request, Unreachable
from sessions.keeping.lines import Fault, Line, answer_of, read_answers, read_list, write_call, write_touch
from sessions.keeping.replies import Garbled, Reply
from sessions.keeping.targets import silence
from sessions.receipt import Receipt

logger = logging.getLogger("limpet.peers")

ENDPOINT = "/.limpet/sessions"
LARGE_STATE = 64 * 1024  # bytes; a larger one travels alone
MOST_ALONE = 8  # requests at once that are about one session only
_WAITING_BYTES = 64 * 1024 * 1024  # of each kind of call; then those that come are not sent
_OF_ALL = frozenset({200})
_OF_ONE = frozenset({200, 204, 404, 409, 410, 413})
_FAULTS = (TimeoutError, Unreachable, Dropped, Garbled)
_NO_ANSWER: Final = Fault.GARBAGE
_GET: Final = Call.GET
_FENCE: Final = Call.FENCE
_PUT: Final = Call.PUT
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
        self._copies: Batcher[Line, _Result] = Batcher(self._send_copies, _size, waiting_bytes=_WAITING_BYTES)
        # A request waits for three or four of these, one after the other, when its session moves.
        self._questions: Batcher[Line, _Result] = Batcher(
            self._send_questions, _size, waiting_bytes=_WAITING_BYTES, gathers=False
        )
        self._fences: Batcher[Line, _Result] = Batcher(
            self._send_fences, _size, waiting_bytes=_WAITING_BYTES, gathers=False
        )
        self.keeps_as = b""  # the name by which it keeps its sessions, as of its last list
        self.copied_bytes = 0  # of states on their way to this node, with what surrounds them
        self.faults = 0  # requests that brought no answer

    @property
    def requests(self) -> int:
        """Requests to the endpoint; one that was sent again, on another connection, counts twice."""
        return self._channel.requests

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
        if call is _GET or call is _FENCE:
            return self._question(session_id, action, ttl)
        if call is _PUT and len(action.state) > LARGE_STATE:
            return self._ask_alone(session_id, action, ttl)
        try:
            # None of these is too large for an answer: the type of a question's is wider.
            return cast(Receipt[Answer | None], self._copies.submit(write_call(session_id, action, ttl)))
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

    # Called by batches

    def read_batch(self, lines: Sequence[Line], reply: Reply) -> Sequence[_Result]:
        """What a batch was answered, line by line."""
        if not self._expects(reply, _OF_ALL):
            return [None] * len(lines)
        answers = read_answers(lines, reply.body)
        if _NO_ANSWER in answers:
            self._failed(_GARBAGE)
            return [None if said is _NO_ANSWER else said for said in answers]
        self._complaint = ""
        return answers

    def silence(self, lines: Sequence[Line], fault: Exception, seconds: float) -> Sequence[_Result]:
        """A batch was not answered, which should have been within `seconds`."""
        self._unanswered(fault, seconds)
        return [None] * len(lines)

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

    def _send_copies(self, lines: Sequence[Line]) -> None:
        for line in lines:
            if line.call is _PUT:
                self.copied_bytes += len(line.body)
        self._send_batch(lines, self._copies, self._copy_seconds)

    def _send_questions(self, lines: Sequence[Line]) -> None:
        self._send_batch(lines, self._questions, self._timeout_seconds)

    def _send_fences(self, lines: Sequence[Line]) -> None:
        self._send_batch(lines, self._fences, self._timeout_seconds)

    def _send_batch(self, lines: Sequence[Line], batches: Batcher[Line, _Result], seconds: float) -> None:
        data = self._channel.text(b"POST", self._path, b"".join([line.body for line in lines]))
        self._channel.send(_Batch(self, lines, batches, data, seconds))

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
        try:
            reply = await self._channel.request(method, self._path + rest, body, fields, seconds)
        except _FAULTS as fault:
            self._unanswered(fault, seconds)
            return None
        return reply if self._expects(reply, expected) else None

    def _expects(self, reply: Reply, expected: frozenset[int]) -> bool:
        if reply.status in expected:
            return True
        self._failed(_TELLING.get(reply.status, f"answered {reply.status}"))
        return False

    def _unanswered(self, fault: Exception, seconds: float) -> None:
        if isinstance(fault, TimeoutError):
            self._failed(f"gave no answer within {seconds:g} s")
        else:
            self._failed(_GARBAGE if isinstance(fault, Garbled) else _UNREACHABLE)

    def _failed(self, what: str) -> None:
        """Count it, and log it where it is news."""
        self.faults += 1
        if what != self._complaint and not self._closed:
            self._complaint = what
            logger.warning("the session endpoint of node %s %s", self.name, what)


class _Batch(Request):
    """Lines on their way to a node."""

    __slots__ = ("_batches", "_lines", "_peer")

    def __init__(
        self, peer: Peer, lines: Sequence[Line], batches: Batcher[Line, _Result], data: bytes, seconds: float
    ) -> None:
        super().__init__(data, seconds)
        self._peer = peer
        self._lines = lines
        self._batches = batches

    def answered(self, reply: Reply) -> None:
        self._batches.landed(self._peer.read_batch(self._lines, reply))

    def failed(self, fault: Exception) -> None:
        if isinstance(fault, _FAULTS):
            self._batches.landed(self._peer.silence(self._lines, fault, self.seconds))
        else:
            self._batches.broke(fault)


def _size(line: Line) -> int:
    return line.size
