"""Modes `wrap` and `hash`: the app makes the session's id, and its client comes back to that node."""

from aiohttp import web

from tests.scenarios.harness import (
    AppNode,
    Recorder,
    app_node,
    cookie_of,
    header,
    ok,
    proxied,
    running_proxy,
    service,
    started,
)

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def remembering(name: str) -> AppNode:
    """An app with sessions of its own in its memory: login, count, logout."""
    sessions: dict[str, int] = {}

    async def answer(request: web.Request) -> web.Response:
        sid = request.cookies.get("JSESSIONID") or request.headers.get("Mcp-Session-Id", "")
        response = web.Response()
        if request.path == "/login":
            sid = f"{name}-{len(sessions)}"
            sessions[sid] = 0
            if request.query_string == "header":
                response.headers["Mcp-Session-Id"] = sid
            else:
                response.set_cookie("JSESSIONID", sid, path="/app", httponly=True)
        if sid not in sessions:
            return web.Response(status=404, text="unknown session")
        sessions[sid] += 1
        response.text = f"{sid} {sessions[sid]}"
        if request.path == "/logout":
            response.del_cookie("JSESSIONID", path="/app")
        return response

    return app_node(answer)


async def test_a_cookie() -> None:
    nodes = [remembering(name) for name in "abc"]
    async with started(*nodes):
        app = service([node.port for node in nodes], affinity={"mode": "wrap", "cookie": "JSESSIONID"})
        async with running_proxy({"app": app}) as proxy:
            for _ in range(4):
                wire = await proxy.connect()
                head, body = await wire.exchange(b"GET /login HTTP/1.1\r\nHost: x\r\n\r\n")
                sid = body.split()[0]
                line = header(head, b"Set-Cookie")[0]
                assert len(header(head, b"Set-Cookie")) == 1
                assert line.endswith(b"; HttpOnly; Path=/app")
                assert header(head, b"Cache-Control") == [b"private"]
                cookie = cookie_of(head)
                assert cookie != b"JSESSIONID=" + sid
                for count in range(2, 6):
                    other = await proxy.connect()
                    request = b"GET / HTTP/1.1\r\nHost: x\r\nCookie: a=1; %b\r\n\r\n" % cookie
                    assert (await other.exchange(request))[1] == b"%b %d" % (sid, count)
                head, _ = await wire.exchange(
                    b"GET /logout HTTP/1.1\r\nHost: x\r\nCookie: %b\r\n\r\n" % cookie
                )
                assert cookie_of(head) in (b'JSESSIONID=""', b"JSESSIONID=")
                assert b"Path=/app" in header(head, b"Set-Cookie")[0]


async def test_an_app_that_sets_nothing_gets_nothing_added() -> None:
    node = Recorder()
    async with proxied(node, affinity={"mode": "wrap", "cookie": "JSESSIONID"}) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(GET)
        assert not header(head, b"Set-Cookie")
        assert not header(head, b"Cache-Control")


async def test_a_value_is_bound_to_its_seal() -> None:
    """Nobody can put another's id, or one of their own making, under a seal."""
    node = Recorder(ok(b"ok", b"Set-Cookie: JSESSIONID=mine; Path=/"))
    async with proxied(node, affinity={"mode": "wrap", "cookie": "JSESSIONID"}) as proxy:
        wire = await proxy.connect()
        sealed = cookie_of((await wire.exchange(GET))[0])
        node.answer = ok()
        await wire.exchange(GET[:-2] + b"Cookie: " + sealed + b"\r\n\r\n")
        assert header(node.heads[-1], b"Cookie") == [b"JSESSIONID=mine"]
        assert b"mine" in sealed
        await wire.exchange(GET[:-2] + b"Cookie: " + sealed.replace(b"mine", b"your") + b"\r\n\r\n")
        assert b"JSESSIONID=mine" not in node.heads[-1]
        assert proxy.records[-1].session != proxy.records[-2].session


async def test_a_header() -> None:
    nodes = [remembering(name) for name in "abc"]
    async with started(*nodes):
        app = service([node.port for node in nodes], affinity={"mode": "wrap", "header": "Mcp-Session-Id"})
        async with running_proxy({"app": app}) as proxy:
            for _ in range(4):
                wire = await proxy.connect()
                head, body = await wire.exchange(b"GET /login?header HTTP/1.1\r\nHost: x\r\n\r\n")
                sid = body.split()[0]
                sealed = header(head, b"Mcp-Session-Id")
                assert len(sealed) == 1
                assert sealed[0] != sid
                assert not header(head, b"Set-Cookie")
                for count in range(2, 6):
                    other = await proxy.connect()
                    request = b"GET / HTTP/1.1\r\nHost: x\r\nmcp-session-id: %b\r\n\r\n" % sealed[0]
                    assert (await other.exchange(request))[1] == b"%b %d" % (sid, count)
                unknown, _ = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\nMcp-Session-Id: none\r\n\r\n")
                assert unknown[9:12] == b"404"


async def test_a_header_spelled_with_an_underscore_is_no_way_round() -> None:
    node = Recorder()
    async with proxied(node, affinity={"mode": "wrap", "header": "Mcp-Session-Id"}) as proxy:
        wire = await proxy.connect()
        await wire.exchange(GET[:-2] + b"Mcp_Session_Id: planted\r\n\r\n")
        assert b"planted" not in node.heads[0]


async def test_a_hashed_cookie_or_header_always_leads_to_one_node() -> None:
    nodes = [Recorder(ok(name)) for name in (b"a", b"b", b"c")]
    async with started(*nodes):
        for affinity, line in (
            ({"mode": "hash", "cookie": "sid"}, b"Cookie: x=1; sid=user-%d"),
            ({"mode": "hash", "header": "X-User"}, b"X-User: user-%d"),
        ):
            app = service([node.port for node in nodes], affinity=affinity)
            async with running_proxy({"app": app}) as proxy:
                wire = await proxy.connect()
                homes = []
                for i in range(60):
                    request = GET[:-2] + line % (i % 20) + b"\r\n\r\n"
                    head, body = await wire.exchange(request)
                    assert not header(head, b"Set-Cookie")
                    homes.append(body)
                assert homes[:20] == homes[20:40] == homes[40:]
                assert len(set(homes)) == 3
        assert header(nodes[0].heads[0], b"Cookie")[0].startswith(b"x=1; sid=user-")
