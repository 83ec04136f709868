"""Behind the contract: the body of an answer may come while its head is held, and its node may die then."""

import asyncio
import json

from tests.scenarios.harness import RawNode, Wire, cookie_of, header, read_request, running_proxy, started
from tests.scenarios.test_a_session_is_kept_under_the_contract import SETTINGS, answer, service

WRITTEN = b"HTTP/1.1 200 OK\r\nLimpet-Version: 2\r\nContent-Length: 2\r\n\r\n"  # the state has to be fetched
DISCARDED = b"HTTP/1.1 503 No\r\nLimpet-Version: 2\r\nLimpet-Need: state\r\nContent-Length: 4\r\n\r\n"
HELD = {"status": 200, "version": 2, "serving": True, "state": "e30="}
UNKNOWN = {"status": 404}
Said = dict[str, object]


class SlowBody(RawNode):
    """Sends a head, and its body only when the proxy asks the endpoint about the session."""

    def __init__(self, *script: tuple[bytes, bytes, Said]) -> None:
        """`script`: for each request a head, its body, and what the endpoint says; no body: it hangs up."""
        super().__init__(self._answer)
        self._script = list(script)
        self._asked = asyncio.Event()
        self._sent = asyncio.Event()
        self._told: Said = {}

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, asked = await read_request(reader)
            if b"/.limpet/" in head.split(b"\r\n", 1)[0]:
                self._asked.set()
                await self._sent.wait()
                lines = [{"id": json.loads(line)["id"], **self._told} for line in asked.splitlines()]
                writer.write(answer(body=b"".join(json.dumps(line).encode() + b"\n" for line in lines)))
                continue
            start, body, self._told = self._script.pop(0)
            self._asked.clear()
            self._sent.clear()
            writer.write(start)
            await self._asked.wait()
            if not body:
                writer.close()
            writer.write(body)
            await writer.drain()
            asyncio.get_running_loop().call_later(
                0.02, self._sent.set
            )  # for the proxy to read the body first
            if not body:
                return


async def visit(wire: Wire, head: bytes = b"", method: bytes = b"GET") -> tuple[bytes, bytes]:
    """A request, with the cookie that an earlier answer set."""
    cookie = b"Cookie: %b\r\n" % cookie_of(head) if head else b""
    length = b"Content-Length: 0\r\n" if method == b"POST" else b""
    return await wire.exchange(b"%b / HTTP/1.1\r\nHost: x\r\n%b%b\r\n" % (method, length, cookie))


async def test_a_body_that_comes_while_its_head_is_held_comes_after_it() -> None:
    node = SlowBody((WRITTEN, b"ok", HELD))
    async with started(node), running_proxy({"app": service([node.port])}, **SETTINGS) as proxy:
        wire = await proxy.connect()
        head, body = await visit(wire)
        assert (head[9:12], body) == (b"200", b"ok")
        assert header(head, b"Set-Cookie")
        assert not sum(proxy.engine.services["app"].inflight)


async def test_a_body_that_comes_while_its_head_is_refused_is_not_seen() -> None:
    node = SlowBody((WRITTEN, b"ok", HELD), (DISCARDED, b"gone", UNKNOWN))
    async with started(node), running_proxy({"app": service([node.port])}, **SETTINGS) as proxy:
        wire = await proxy.connect()
        head, _ = await visit(wire)
        head, body = await visit(wire, head, b"POST")  # a read would be sent again
        assert head[9:12] == b"503"
        assert b"gone" not in body
        assert [record.status for record in proxy.records] == [200, 503]


async def test_a_held_answer_that_breaks_off_is_not_asked_for_again() -> None:
    node = SlowBody((WRITTEN, b"", HELD), (WRITTEN, b"ok", HELD))
    async with started(node), running_proxy({"app": service([node.port])}, **SETTINGS) as proxy:
        wire = await proxy.connect()
        head, _ = await visit(wire)
        assert head[9:12] == b"502"
