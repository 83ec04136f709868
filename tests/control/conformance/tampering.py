"""A node that keeps the contract, and nodes that each break it in one way."""

import asyncio
import binascii
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from config.addresses import NodeUrl
from control.conformance.subject import Paths, Subject
from limpet_session.asgi import App, LimpetSessionMiddleware
from tests.sdk.serving import serving

KEY = "a-secret-that-proxy-and-nodes-share"
PATHS = Paths(write="/add", large="/large", end="POST /end", renew="POST /renew", slow="/slow")

Headers = list[tuple[bytes, bytes]]
Reply = tuple[int, Headers, bytes]
Tamper = Callable[[str, str, Reply], Reply]  # method, path, answer
BeforeIt = Callable[[dict[str, Any]], None]  # changes the request


async def app(scope: Any, receive: Any, send: Any) -> None:
    session = scope["session"]
    match scope["path"]:
        case "/add":
            session["count"] = session.get("count", 0) + 1
        case "/slow":
            await asyncio.sleep(0.3)
            session["count"] = session.get("count", 0) + 1
        case "/large":
            session["large"] = "x" * 5000
        case "/end":
            session.end()
        case "/renew":
            session["user"] = "ann"
            session.renew()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def tampered(tamper: Tamper | None = None, before: BeforeIt | None = None) -> App:
    """The node, with its answers or what it is asked changed on the way."""
    node = LimpetSessionMiddleware(app, [KEY])

    async def changed(scope: Any, receive: Any, send: Any) -> None:
        events: list[Any] = []

        async def keep(event: Any) -> None:
            events.append(event)

        scope = {**scope, "headers": list(scope["headers"])}
        if before is not None:
            before(scope)
        await node(scope, receive, keep)
        body = b"".join(event.get("body", b"") for event in events[1:])
        reply = events[0]["status"], list(events[0]["headers"]), body
        status, headers, body = tamper(scope["method"], scope["path"], reply) if tamper else reply
        headers = [field for field in headers if field[0] != b"content-length"]
        if scope["method"] != "HEAD" and status not in (204, 304):
            headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return changed


@contextmanager
def examined(node: App, paths: Paths = PATHS, key: str = KEY) -> Iterator[Subject]:
    with serving(node) as port:
        yield Subject(NodeUrl("127.0.0.1", port), key, paths)


# Ways to break it.


def status(wrong: int, instead_of: int, methods: str = "GET HEAD PUT POST DELETE") -> Tamper:
    def tamper(method: str, path: str, reply: Reply) -> Reply:
        if method in methods.split() and reply[0] == instead_of:
            return wrong, reply[1], reply[2]
        return reply

    return tamper


def without(name: bytes) -> Tamper:
    def tamper(method: str, path: str, reply: Reply) -> Reply:
        return reply[0], [field for field in reply[1] if field[0] != name], reply[2]

    return tamper


def field(name: bytes, value: bytes, on: str = "") -> Tamper:
    """This value instead, or as well; `on`: only there."""

    def tamper(method: str, path: str, reply: Reply) -> Reply:
        if on and path != on:
            return reply
        return reply[0], [each for each in reply[1] if each[0] != name] + [(name, value)], reply[2]

    return tamper


def body(replace: Callable[[bytes], bytes], on: str) -> Tamper:
    def tamper(method: str, path: str, reply: Reply) -> Reply:
        return (reply[0], reply[1], replace(reply[2])) if path.endswith(on) else reply

    return tamper


def reversed_lines(text: bytes) -> bytes:
    return b"".join(reversed(text.splitlines(True)))


def repacked(text: bytes) -> bytes:
    """Another state in each line that has one."""
    return text.replace(b"eyJhIjoxfQ==", binascii.b2a_base64(b"other", newline=False))


def any_key(scope: dict[str, Any]) -> None:
    """Whatever the key, it is taken for the right one."""
    headers = [each for each in scope["headers"] if each[0] != b"limpet-key"]
    scope["headers"] = [*headers, (b"limpet-key", KEY.encode())]


def forgetful(name: bytes) -> BeforeIt:
    """A node that does not see this field."""

    def before(scope: dict[str, Any]) -> None:
        scope["headers"] = [each for each in scope["headers"] if each[0] != name]

    return before


def never_fenced(scope: dict[str, Any]) -> None:
    """Each fence is read as that of a session that nobody asks for again."""
    if scope["path"].endswith("/fence"):
        scope["path"] = "/.limpet/sessions/AAAAAAAAAAAAAAAAAAAAAA"
        scope["raw_path"] = scope["path"].encode()
        scope["method"] = "GET"
