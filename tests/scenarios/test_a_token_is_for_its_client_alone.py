"""Limpet's cookie: set by Limpet alone, shown to no app, in no shared cache, and renewed in time."""

import pytest

from sessions.flags import RequestFlag, ResponseFlag, StateFlag
from tests.scenarios.harness import Recorder, cookie_of, eventually, header, ok, proxied

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


def with_cookie(cookie: bytes) -> bytes:
    return GET[:-2] + b"Cookie: " + cookie + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("said", "sent"),
    [
        ([], b"private"),
        ([b"Cache-Control: public, max-age=3600"], b"private, max-age=3600"),
        ([b"Cache-Control: s-maxage=9, proxy-revalidate, must-revalidate"], b"private, must-revalidate"),
        ([b"Cache-Control: no-store"], b"no-store"),
        ([b"Cache-Control: public", b"Cache-Control: max-age=1"], b"private, max-age=1"),
    ],
)
async def test_no_shared_cache_keeps_an_answer_with_a_token(said: list[bytes], sent: bytes) -> None:
    shared = [
        b"CDN-Cache-Control: max-age=9",
        b"Surrogate-Control: max-age=9",
        b"Expires: Thu, 01 Jan 2099 00:00:00 GMT",
    ]
    node = Recorder(ok(b"ok", *said, *shared))
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(GET)
        assert header(head, b"Cache-Control") == [sent]
        for name in (b"CDN-Cache-Control", b"Surrogate-Control", b"Expires"):
            assert not header(head, name)
        later, _ = await wire.exchange(with_cookie(cookie_of(head)))
        assert [b"Cache-Control: " + value for value in header(later, b"Cache-Control")] == said
        assert header(later, b"Expires")


async def test_the_app_can_neither_see_nor_set_nor_delete_it() -> None:
    forged = [
        b"Set-Cookie: limpet_app=forged; Path=/",
        b"Set-Cookie: limpet_app=; Max-Age=0",
        b"set-cookie:   limpet_app = forged",
        b"Set-Cookie: own=1; Path=/app; HttpOnly",
        b"Set-Cookie: limpet_appendix=1",
    ]
    node = Recorder(ok(b"ok", *forged))
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(GET)
        own = [b"own=1; Path=/app; HttpOnly", b"limpet_appendix=1"]
        assert header(head, b"Set-Cookie")[:2] == own
        token = header(head, b"Set-Cookie")[2]
        assert len(header(head, b"Set-Cookie")) == 3
        assert token.endswith(b"; HttpOnly; Path=/; SameSite=Lax")
        cookie = token.partition(b";")[0]
        later, _ = await wire.exchange(with_cookie(b"a=1; " + cookie + b'; b="2"; own=1'))
        assert header(later, b"Set-Cookie") == own
        assert header(node.heads[-1], b"Cookie") == [b'a=1; b="2"; own=1']
        await wire.exchange(with_cookie(cookie))
        assert not header(node.heads[-1], b"Cookie")


async def test_cookies_in_several_lines_are_one_to_the_node() -> None:
    node = Recorder()
    async with proxied(node) as proxy:
        wire = await proxy.connect()
        cookie = cookie_of((await wire.exchange(GET))[0])
        await wire.exchange(GET[:-2] + b"Cookie: a=1\r\nCookie: " + cookie + b"\r\nCOOKIE: b=2\r\n\r\n")
        assert header(node.heads[-1], b"Cookie") == [b"a=1; b=2"]


async def test_it_is_renewed_when_an_eighth_of_its_idle_time_has_passed() -> None:
    async with proxied(Recorder(), affinity={"idle": "16s"}) as proxy:
        wire = await proxy.connect()
        first = cookie_of((await wire.exchange(GET))[0])
        began = proxy.engine.wall
        assert not header((await wire.exchange(with_cookie(first)))[0], b"Set-Cookie")
        await eventually(lambda: proxy.engine.wall > began + 1)
        head, _ = await wire.exchange(with_cookie(first))
        assert cookie_of(head) != first
        assert header(head, b"Cache-Control") == [b"private"]
        assert proxy.records[-1].session == proxy.records[0].session


async def test_it_ends_when_nobody_used_it_for_its_idle_time_whatever_the_browser_thinks() -> None:
    async with proxied(Recorder(), affinity={"idle": "1s"}) as proxy:
        wire = await proxy.connect()
        first = cookie_of((await wire.exchange(GET))[0])
        began = proxy.engine.wall
        await eventually(lambda: proxy.engine.wall > began + 1)
        assert header((await wire.exchange(with_cookie(first)))[0], b"Set-Cookie")
        assert proxy.records[-1].session != proxy.records[0].session
        assert proxy.records[-1].flags == (RequestFlag.E, ResponseFlag.I, StateFlag.L)


async def test_a_token_waits_for_the_app_to_write_where_that_is_asked_for() -> None:
    node = Recorder()
    async with proxied(node, affinity={"set_token": "when_written"}) as proxy:
        wire = await proxy.connect()
        head, _ = await wire.exchange(GET)
        assert not header(head, b"Set-Cookie")
        assert not header(head, b"Cache-Control")
        node.answer = ok(b"ok", b"Set-Cookie: session=1")
        head, _ = await wire.exchange(GET)
        assert len(header(head, b"Set-Cookie")) == 2


async def test_its_attributes_follow_the_file_and_the_clients_way() -> None:
    trusted = {"forwarded": {"trusted_proxies": ["127.0.0.1"]}}
    affinity = {"cookie": "sid", "max_age": "1h", "domain": "example.com", "same_site": "strict"}
    async with proxied(Recorder(), trusted, affinity=affinity) as proxy:
        wire = await proxy.connect()
        plain, _ = await wire.exchange(GET)
        attributes = header(plain, b"Set-Cookie")[0].partition(b"; ")[2]
        assert attributes == b"HttpOnly; Path=/; SameSite=Strict; Domain=example.com; Max-Age=3600"
        secure, _ = await wire.exchange(GET[:-2] + b"X-Forwarded-Proto: https\r\n\r\n")
        assert header(secure, b"Set-Cookie")[0].endswith(attributes + b"; Secure")
        assert header(secure, b"Set-Cookie")[0].startswith(b"sid=")
