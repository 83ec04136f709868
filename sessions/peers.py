"""Speaks with one node's session endpoint: many calls in a request, silence for what is no answer."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence

import aiohttp
from yarl import URL

from sessions.batching import Batcher, Closed, Overloaded
from sessions.contract.homes import Entry
from sessions.contract.messages import Action, Answer, Call
from sessions.contract.versions import VERSION_LIMIT
from sessions.keeping.lines import Fault, Line, answer_of, read_answers, read_list, write_call, write_touch

logger = logging.getLogger("limpet.peers")

ENDPOINT = "/.limpet/sessions"
LARGE_STATE = 64 * 1024  # bytes; a larger one travels alone
MOST_LARGE = 8  # requests at once that carry one session only
_BATCH_ANSWER = 64 * 1024 * 1024  # bytes: what an answer may hold at most
_WAITING_BYTES = 64 * 1024 * 1024  # of each kind of call; then those that come are not sent

_OF_ALL = frozenset({200})
_OF_ONE = frozenset({200, 204, 404, 409, 410, 413})
_GARBAGE = "gave an answer that cannot be understood"
_TELLING = {
    403: "refused our key: it must be one that the node knows (node_keys)",
    404: "is not there: the node does not speak the session contract, or sessions_url is wrong",
}

Reply = tuple[int, bytes, int, bool]  # status, body, version, serving
_Result = Answer | Fault | None


class Peer:
    """One node, as one proxy process speaks with it. Make it in the event loop that uses it.

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
    ) -> None:
        """`url`: of the endpoint, or of the node. `socket`: the path of a unix socket, where that is used.

        A copy may be answered for twice its `ack_timeout_seconds`: late answers count.
        """
        self.name = name
        base = URL(url)
        self._url = base if base.path not in ("", "/") else base.with_path(ENDPOINT)
        self._socket = socket
        self._key = key.decode("ascii")
        self._timeout_seconds = timeout_seconds
        self._copy_seconds = 2 * ack_timeout_seconds
        self._client: aiohttp.ClientSession | None = None
        self._closed = False
        self._large = asyncio.Semaphore(MOST_LARGE)
        self._large_bytes = 0  # that wait, or are under way
        self._complaint = ""
        self._copies = self._batcher(self._send_copies)
        self._questions = self._batcher(self._send_questions)
        self._fences = self._batcher(self._send_fences)
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

    async def call(
        self, action: Action, session_id: str, ttl: int, base: int = -1, writer: str = ""
    ) -> Answer | None:
        """The node's answer; None for silence: none in time, 5xx, garbage, a wrong key."""
        call = action.call
        if call is Call.PUT and len(action.state) > LARGE_STATE:
            return await self._put(session_id, action, ttl)
        batches = (
            self._fences if call is Call.FENCE else self._questions if call is Call.GET else self._copies
        )
        said = await self._submit(batches, write_call(session_id, action, ttl))
        if said is Fault.TOO_LARGE:
            return await self._ask_alone(session_id, action, ttl)
        return said if isinstance(said, Answer) else None

    async def touch(self, session_id: str, version: int, ttl: int) -> None:
        """Keep a copy for longer, if it is there."""
        await self._submit(self._copies, write_touch(session_id, version, ttl))

    async def get(self, session_id: str) -> Answer | None:
        """What the node holds of a session."""
        return await self.call(Action(Call.GET, 0), session_id, 0)

    async def entries(self, after: str, limit: int) -> list[Entry] | None:
        """The node's sessions behind the id `after`, at most `limit`; fewer are its last."""
        url = self._url.with_query({"after": after, "limit": str(limit)} if after else {"limit": str(limit)})
        reply = await self._request("GET", url, b"", {}, self._timeout_seconds, expected=_OF_ALL)
        if reply is None:
            return None
        entries = read_list(reply[1])
        if entries is None or len(entries) > limit:
            self._failed(_GARBAGE)
            return None
        return entries

    async def close(self, grace_seconds: float = 0.0) -> None:
        """Take nothing more; what is still unsent after `grace_seconds` is given up."""
        batchers = (self._copies, self._questions, self._fences)
        closing = [asyncio.ensure_future(batches.close()) for batches in batchers]
        await asyncio.wait(closing, timeout=grace_seconds)
        self._closed = True
        if self._client is not None:
            await self._client.close()
        await asyncio.wait(closing)

    # Private

    def _batcher(
        self, send: Callable[[Sequence[Line]], Awaitable[Sequence[_Result]]]
    ) -> Batcher[Line, _Result]:
        return Batcher(send, _size, waiting_bytes=_WAITING_BYTES)

    async def _submit(self, batches: Batcher[Line, _Result], line: Line) -> _Result:
        try:
            return await batches.submit(line)
        except (Overloaded, Closed):
            return None

    async def _send_copies(self, lines: Sequence[Line]) -> Sequence[_Result]:
        return await self._send_batch(lines, self._copy_seconds, again=True)

    async def _send_questions(self, lines: Sequence[Line]) -> Sequence[_Result]:
        return await self._send_batch(lines, self._timeout_seconds, again=True)

    async def _send_fences(self, lines: Sequence[Line]) -> Sequence[_Result]:
        # One that has arrived would be refused the second time: the search begins anew instead.
        return await self._send_batch(lines, self._timeout_seconds, again=False)

    async def _send_batch(self, lines: Sequence[Line], seconds: float, again: bool) -> Sequence[_Result]:
        body = b"".join([line.body for line in lines])
        self.copied_bytes += sum(len(line.body) for line in lines if line.call is Call.PUT)
        reply = await self._request("POST", self._url, body, {}, seconds, again=again, expected=_OF_ALL)
        if reply is None:
            return [None] * len(lines)
        answers = read_answers(lines, reply[1])
        if Fault.GARBAGE in answers:
            self._failed(_GARBAGE)
        return answers

    async def _put(self, session_id: str, action: Action, ttl: int) -> Answer | None:
        fields = {"Limpet-Version": str(action.number), "Limpet-TTL": str(ttl)}
        if self._large_bytes > _WAITING_BYTES:
            return None
        self._large_bytes += len(action.state)
        try:
            async with self._large:
                self.copied_bytes += len(action.state)
                url = self._url / session_id
                reply = await self._request("PUT", url, action.state, fields, self._copy_seconds)
        finally:
            self._large_bytes -= len(action.state)
        return _understood(reply, action.call)

    async def _ask_alone(self, session_id: str, action: Action, ttl: int) -> Answer | None:
        async with self._large:
            if action.call is Call.FENCE:
                fields = {"Limpet-Fence": str(action.number), "Limpet-TTL": str(ttl)}
                url = self._url / session_id / "fence"
                reply = await self._request("POST", url, b"", fields, self._timeout_seconds, again=False)
            else:
                reply = await self._request("GET", self._url / session_id, b"", {}, self._timeout_seconds)
        return _understood(reply, action.call)

    async def _request(
        self,
        method: str,
        url: URL,
        body: bytes,
        fields: dict[str, str],
        seconds: float,
        *,
        again: bool = True,
        expected: frozenset[int] = _OF_ONE,
    ) -> Reply | None:
        """One request; `again`: once more where the node closed a connection that it had kept."""
        self.requests += 1
        try:
            reply = await self._exchange(method, url, body, fields, seconds)
        except (aiohttp.ServerDisconnectedError, ConnectionResetError, aiohttp.ClientOSError) as error:
            if not again or isinstance(error, aiohttp.ClientConnectorError):
                self._failed("closed the connection, or cannot be reached")
                return None
            return await self._request(method, url, body, fields, seconds, again=False, expected=expected)
        except TimeoutError:
            self._failed(f"gave no answer within {seconds:g} s")
            return None
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError):
            self._failed(_GARBAGE)
            return None
        if reply[0] not in expected:
            self._failed(_TELLING.get(reply[0], f"answered {reply[0]}"))
            return None
        self._complaint = ""
        return reply

    async def _exchange(
        self, method: str, url: URL, body: bytes, fields: dict[str, str], seconds: float
    ) -> Reply:
        if self._client is None:
            self._client = self._open()
        limit = aiohttp.ClientTimeout(total=seconds, ceil_threshold=float("inf"))
        async with self._client.request(
            method, url, data=body or None, headers=fields, timeout=limit, allow_redirects=False
        ) as response:
            content = await _read(response.content, _BATCH_ANSWER)
            version = response.headers.get("Limpet-Version", "0")
            if not version.isascii() or not version.isdigit() or not int(version[:17]) < VERSION_LIMIT:
                raise ValueError("the version is no integer below 2^53")
            return response.status, content, int(version), response.headers.get("Limpet-Serving") == "1"

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise RuntimeError("the peer is closed")
        if self._socket is not None:
            connector: aiohttp.BaseConnector = aiohttp.UnixConnector(self._socket, limit=0)
        else:
            connector = aiohttp.TCPConnector(limit=0)
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"Limpet-Key": self._key},
            skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
            auto_decompress=False,
        )

    def _failed(self, what: str) -> None:
        """Count it, and log it where it is news."""
        self.faults += 1
        if what != self._complaint and not self._closed:
            self._complaint = what
            logger.warning("the session endpoint of node %s %s", self.name, what)


def _size(line: Line) -> int:
    return line.size


async def _read(content: aiohttp.StreamReader, limit: int) -> bytes:
    """All of it. Raises ValueError above `limit`."""
    parts, size = [], 0
    async for part in content.iter_any():
        size += len(part)
        if size > limit:
            raise ValueError("the answer is too large")
        parts.append(part)
    return b"".join(parts)


def _understood(reply: Reply | None, call: Call) -> Answer | None:
    if reply is None:
        return None
    status, body, version, serving = reply
    said = answer_of(status, version, body, serving, call)
    return said if isinstance(said, Answer) else None
