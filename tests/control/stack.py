"""A real Limpet before ASGI apps of the test's own making, each on a port of its own; and its clients."""

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from limpet_session.asgi import App, LimpetSessionMiddleware
from tests.control.process import Limpet, configuration, running
from tests.control.shop import patient
from tests.sdk.serving import serving

KEY = "a-secret-that-proxy-and-nodes-share"
JSON = [(b"content-type", b"application/json")]


class Stack:
    """Use `stack`."""

    def __init__(self, limpet: Limpet, port: int, admin_port: int, ports: list[int]) -> None:
        self.limpet = limpet
        self.port = port
        self.ports = ports
        self.admin = f"http://127.0.0.1:{admin_port}"

    def client(self) -> "Client":
        return Client(f"http://127.0.0.1:{self.port}")

    async def exposition(self) -> str:
        async with aiohttp.ClientSession() as client, client.get(f"{self.admin}/metrics") as answer:
            return await answer.text()

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples that have these labels."""
        text = await self.exposition()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        lines = (line for line in text.splitlines() if line.partition("{")[0].partition(" ")[0] == name)
        return sum(float(line.rpartition(" ")[2]) for line in lines if all(word in line for word in wanted))


class Client:
    """A browser: it keeps a cookie, which tests may look at and exchange. Each has an address of its own,
    for those who come from one at the same time are sent to one node."""

    _numbers = itertools.count()

    def __init__(self, url: str) -> None:
        self._url = url
        self._address = f"127.0.1.{next(self._numbers) % 250 + 1}"
        self.cookie = ""
        self.told: list[str] = []  # the cookies that the last answer set
        self.fields: list[str] = []  # the names of its fields

    async def get(self, path: str, cookie: str = "", body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status, and the answer's body, read where it is JSON. `cookie`: for once, instead of its own.

        With a `body` it is a POST; one that is iterated over goes in chunks.
        """
        method = "GET" if body is None else "POST"
        sent = {**headers, "Cookie": cookie or self.cookie}
        jar, connector = aiohttp.DummyCookieJar(), aiohttp.TCPConnector(local_addr=(self._address, 0))
        async with (
            aiohttp.ClientSession(cookie_jar=jar, connector=connector) as client,
            client.request(method, self._url + path, headers=sent, data=body) as a,
        ):
            told = [line.partition(";")[0] for line in a.headers.getall("Set-Cookie", [])]
            if told and not cookie:
                self.cookie = told[0]
            self.told, self.fields = told, list(a.headers)
            text = await a.text()
            return a.status, json.loads(text) if "json" in a.content_type else text


async def app(scope: Any, receive: Any, send: Any) -> None:
    """`/add` adds one, `/slow` after a while, `/big` makes it large, `/end` ends it, `/login` renews it."""
    session = scope.get("session", {})
    match scope["path"]:
        case "/add":
            session["count"] = session.get("count", 0) + 1
        case "/slow":
            await asyncio.sleep(0.3)
            session["count"] = session.get("count", 0) + 1
        case "/big":
            session["big"] = "x" * 9000
        case "/end":
            session.end()
        case "/login":
            session.renew()
    told = {} if scope["path"] == "/end" else {key: session[key] for key in session if key != "big"}
    seen = [
        name.decode()
        for name, _ in scope["headers"]
        if name.lower().replace(b"_", b"-").startswith(b"limpet")
    ]
    size, more = 0, True
    while more:
        event = await receive()
        size, more = size + len(event.get("body", b"")), event.get("more_body", False)
    body = json.dumps({"session": told, "seen": seen, "got": size}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": JSON})
    await send({"type": "http.response.body", "body": body})


def kept(**options: Any) -> App:
    """The app, or another one, with the SDK in front."""
    return LimpetSessionMiddleware(options.pop("app", app), options.pop("keys", [KEY]), **options)


@asynccontextmanager
async def stack(
    folder: Path, apps: Iterable[App], sessions: dict[str, Any], **options: Any
) -> AsyncIterator[Stack]:
    """A service `shop` of these apps as nodes a, b, ..., and `mail` of the same; `options` of the file."""
    async with AsyncExitStack() as opened:
        ports = [opened.enter_context(serving(each)) for each in apps]
        file = json.loads(configuration(ports, node_keys=[KEY], **options))
        shop = file["services"]["shop"] | {"sessions": patient(sessions)}
        file["services"] = {"shop": shop, "mail": shop}
        file["routes"] = [{"service": "shop"}, {"host": "mail.example", "service": "mail"}]
        limpet = await opened.enter_async_context(running(folder, json.dumps(file)))
        yield Stack(limpet, await limpet.port(), await limpet.admin_port(), ports)
