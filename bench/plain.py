"""The proxy that one writes in an afternoon: `aiohttp.web` in front, `ClientSession` behind, a sticky cookie.

It is here to be compared with, on uvloop and with the settings that help it. `python -m bench.plain FILE`:
the file holds the port, the one for TLS with its certificate, the nodes' ports and, if the access log is
wanted, a word more.
"""

import asyncio
import itertools
import logging
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import uvloop
from aiohttp import web
from aiohttp.log import access_logger
from multidict import CIMultiDict

HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}
COOKIE = "bench"
WHOLE = 64 * 1024  # answers up to this are passed on in one piece


def without_hops(headers: "CIMultiDict[str]") -> "CIMultiDict[str]":
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in HOP_BY_HOP)


class PlainProxy:
    """Sends each client to the node its cookie names, and new ones to each in turn."""

    def __init__(self, session: aiohttp.ClientSession, nodes: dict[str, str]) -> None:
        self.session = session
        self.nodes = nodes
        self.turn: Iterator[str] = itertools.cycle(nodes)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        pinned = request.cookies.get(COOKIE)
        node = pinned if pinned in self.nodes else next(self.turn)
        headers = without_hops(request.headers.copy())
        headers["X-Forwarded-For"] = request.remote or ""
        async with self.session.request(
            request.method,
            self.nodes[node] + request.path_qs,
            headers=headers,
            data=request.content if request.body_exists else None,
            allow_redirects=False,
        ) as upstream:
            answered = without_hops(upstream.headers.copy())
            if node != pinned:
                answered.add("Set-Cookie", f"{COOKIE}={node}; Path=/; HttpOnly")
            return await self.passed_on(request, upstream, answered)

    async def passed_on(
        self, request: web.Request, upstream: aiohttp.ClientResponse, headers: "CIMultiDict[str]"
    ) -> web.StreamResponse:
        length = upstream.content_length
        if length is not None and length <= WHOLE:
            headers.pop("Content-Length", None)
            return web.Response(status=upstream.status, headers=headers, body=await upstream.read())
        response = web.StreamResponse(status=upstream.status, headers=headers)
        await response.prepare(request)
        async for piece in upstream.content.iter_any():
            await response.write(piece)
        return response


async def serve(port: int, tls_port: int, pem: str, nodes: list[str], log: bool) -> None:
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=60)
    async with aiohttp.ClientSession(
        connector=connector, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        proxy = PlainProxy(session, {f"n{n}": f"http://127.0.0.1:{node}" for n, node in enumerate(nodes, 1)})
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", proxy.handle)
        runner = web.AppRunner(app, access_log=access_logger if log else None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pem)
        await web.TCPSite(runner, "127.0.0.1", tls_port, backlog=1024, ssl_context=context).start()
        await asyncio.Event().wait()  # until it is ended by a signal


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    words = Path(sys.argv[1]).read_text().split()
    uvloop.run(serve(int(words[0]), int(words[1]), words[2], words[3:6], len(words) > 6))
