"""What can be counted of the SDK's cost has a bound: its own functions' calls, for what nodes do all day."""

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Any

import limpet_session
from limpet_session import LimpetSessionMiddleware, headers
from limpet_session.asgi import Message, Receive, Scope, Send
from limpet_session.conversation import Conversation
from limpet_session.endpoint import Call
from limpet_session.loop_shell import LoopShell
from tests.sdk.nodes import KEY, TTL, A

OURS = str(Path(limpet_session.__file__).parent)
TURNS = 20
READ_CALLS = 41  # for a request that reads one value of its session
WRITE_CALLS = 59  # for one that writes one, too
REQUEST_CALLS = 31  # for a request of the endpoint with one copy
COPY_CALLS = 10  # for each copy more in it


def calls(once: Callable[[], object]) -> float:
    """Python's calls of functions in the SDK for each turn."""
    counted = 0

    def count(frame: FrameType, event: str, _: object) -> None:
        nonlocal counted
        counted += event == "call" and frame.f_code.co_filename.startswith(OURS)

    once()
    sys.setprofile(count)
    try:
        for _ in range(TURNS):
            once()
    finally:
        sys.setprofile(None)
    return counted / TURNS


class Node:
    """An app on a server that has every request at once, so that nothing is waited for."""

    def __init__(self) -> None:
        self.version = b"0"
        self.app = LimpetSessionMiddleware(self._answer, [KEY])

    def ask(self, method: str) -> None:
        ours = {
            headers.KEY: KEY.encode(),
            headers.SESSION: A.encode(),
            headers.VERSION: self.version,
            headers.TTL: b"%d" % TTL,
        }
        scope = {"type": "http", "method": method, "path": "/", "headers": [(b"host", b"a"), *ours.items()]}
        run(self.app(scope, self._receive, self._send))

    async def _answer(self, scope: Scope, _receive: Receive, send: Send) -> None:
        count = scope["session"].get("count", 0)
        if scope["method"] == "POST":
            scope["session"]["count"] = count + 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"fine"})

    async def _receive(self) -> Message:
        raise AssertionError("nobody asks for a body")

    async def _send(self, message: Message) -> None:
        for name, value in message.get("headers", ()):
            if name == headers.VERSION:
                self.version = value


def run(awaited: Awaitable[Any]) -> None:
    try:
        awaited.__await__().send(None)
    except StopIteration:
        return
    raise AssertionError("it waits")


def test_a_read_takes_few_calls() -> None:
    node = Node()
    node.ask("POST")
    assert calls(lambda: node.ask("GET")) <= READ_CALLS


def test_a_write_takes_few_more() -> None:
    node = Node()
    assert calls(lambda: node.ask("POST")) <= WRITE_CALLS
    assert int(node.version) == TURNS + 2


def test_a_copy_takes_few_calls() -> None:
    shell = LoopShell([KEY])
    version = 1

    def take(copies: int) -> None:
        nonlocal version
        version += 1
        line = b'{"id":"%b","version":%d,"ttl":60,"state":"YWJj"}\n' % (A.encode(), version)
        body = line * copies
        head = b"POST /.limpet/sessions HTTP/1.1\r\nHost: a\r\nLimpet-Key: %b\r\nContent-Length: %d\r\n\r\n"
        conversation.feed(head % (KEY.encode(), len(body)) + body)
        call = conversation.next()
        assert isinstance(call, Call)
        reply = shell.shell.carry_out(call)
        assert conversation.answer(reply).count(b'"status":204') == copies

    conversation = Conversation(shell)
    one, nine = calls(lambda: take(1)), calls(lambda: take(9))
    assert one <= REQUEST_CALLS
    assert (nine - one) / 8 <= COPY_CALLS
