"""TLS for clients: certificates by name, versions, resumption, and what nodes and tokens say of it."""

import asyncio
import logging
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
from trustme import KeyType

from proxy import client as client_module
from proxy.client import Client
from tests.certificates import Authority
from tests.scenarios.harness import (
    RawNode,
    Recorder,
    RunningProxy,
    Wire,
    cookie_of,
    eventually,
    header,
    ok,
    proxied,
    socket_of,
)

GET = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def listening(*pairs: dict[str, str], **tls: Any) -> dict[str, Any]:
    """Settings with one listener that has these certificates."""
    return {"listen": {"address": "127.0.0.1:0", "tls": {"certificates": list(pairs), **tls}}}


async def connect(proxy: RunningProxy, context: ssl.SSLContext, name: str | None = "shop.example") -> Wire:
    if name is None:
        context.check_hostname = False
    return await proxy.connect(ssl=context, server_hostname=name or "")


async def client_of(proxy: RunningProxy) -> Client:
    """Its one client; over TLS it knows later than the client itself that they have agreed."""
    await eventually(lambda: any(isinstance(one, Client) for one in proxy.engine.clients))
    (client,) = proxy.engine.clients
    assert isinstance(client, Client)
    return client


def shown(wire: Wire) -> list[str]:
    """The names in the certificate that the proxy has shown."""
    found = wire.writer.get_extra_info("peercert")
    return [value for _, value in found["subjectAltName"]]


async def run(*arguments: str, stdin: bytes = b"") -> tuple[int, str]:
    """A command's exit code, and all that it says."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *arguments, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await asyncio.wait_for(process.communicate(stdin), 60)
    assert process.returncode is not None
    return process.returncode, said.decode("latin-1")


async def test_curl_is_served_and_its_node_and_token_know_of_it(authority: Authority) -> None:
    node = Recorder()
    async with proxied(node, listening(authority.issue("shop.example"))) as proxy:
        where = f"shop.example:{proxy.port}:127.0.0.1"
        url = f"https://shop.example:{proxy.port}/"
        code, said = await run("curl", "-sSi", "--cacert", authority.file, "--resolve", where, url)
        assert code == 0, said
        assert "HTTP/1.1 200 OK" in said
        assert "; Secure" in said
        assert header(node.heads[0], b"X-Forwarded-Proto") == [b"https"]


async def test_rfc_7239_says_it_too(authority: Authority) -> None:
    node = Recorder()
    settings = listening(authority.issue("shop.example")) | {"forwarded": {"style": "forwarded"}}
    async with proxied(node, settings) as proxy:
        wire = await connect(proxy, authority.client())
        await wire.exchange(GET)
        assert header(node.heads[0], b"Forwarded") == [b'for=127.0.0.1;host="shop.example";proto=https']


async def test_a_connection_is_kept_and_a_session_stays(authority: Authority) -> None:
    node = Recorder()
    async with proxied(node, listening(authority.issue("shop.example"))) as proxy:
        wire = await connect(proxy, authority.client())
        head, _ = await wire.exchange(GET)
        again = GET[:-2] + b"Cookie: " + cookie_of(head) + b"\r\n\r\n"
        for _ in range(3):
            head, body = await wire.exchange(again)
            assert (body, header(head, b"Set-Cookie")) == (b"ok", [])
        assert proxy.engine.counters.connections == 1


async def test_a_request_may_come_byte_by_byte(authority: Authority) -> None:
    async with proxied(Recorder(), listening(authority.issue("shop.example"))) as proxy:
        wire = await connect(proxy, authority.client())
        for position in range(len(GET)):
            await wire.send(GET[position : position + 1])
        assert (await wire.read_response())[1] == b"ok"


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("shop.example", ["shop.example", "www.shop.example"]),
        ("WWW.shop.example", ["shop.example", "www.shop.example"]),
        ("a.mail.example", ["*.mail.example"]),
        ("own.mail.example", ["own.mail.example"]),
        ("a.b.mail.example", ["first.example"]),
        ("mail.example", ["first.example"]),
        ("unknown.example", ["first.example"]),
        (None, ["first.example"]),
    ],
)
async def test_the_certificate_follows_the_name(
    authority: Authority, asked: str | None, names: list[str]
) -> None:
    pairs = (
        authority.issue("first.example"),
        authority.issue("shop.example", "www.shop.example"),
        authority.issue("*.mail.example"),
        authority.issue("own.mail.example"),
    )
    async with proxied(Recorder(), listening(*pairs)) as proxy:
        context = authority.client()
        context.check_hostname = False
        wire = await connect(proxy, context, asked)
        assert shown(wire) == names
        assert (await wire.exchange(GET))[1] == b"ok"


@pytest.mark.parametrize("asked", ["unknown.example", None])
async def test_an_unknown_name_may_be_refused(authority: Authority, asked: str | None) -> None:
    pairs = authority.issue("first.example"), authority.issue("shop.example")
    async with proxied(Recorder(), listening(*pairs, unknown_name="refuse")) as proxy:
        context = authority.client()
        context.check_hostname = False
        with pytest.raises(OSError):
            await connect(proxy, context, asked)
        await eventually(lambda: proxy.engine.counters.rejected == {"tls_unknown_name": 1})
        assert shown(await connect(proxy, context)) == ["shop.example"]


async def test_versions_ciphers_protocol_and_resumption_are_modern(
    authority: Authority, tmp_path: Path
) -> None:
    async with proxied(Recorder(), listening(authority.issue("shop.example"))) as proxy:
        where = "-connect", f"127.0.0.1:{proxy.port}", "-servername", "shop.example"
        client = "openssl", "s_client", *where, "-CAfile", authority.file, "-ign_eof"
        request = b"GET / HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n"
        for old in (["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], ["-tls1_2", "-cipher", "AES128-SHA"]):
            code, said = await run(*client, *old)
            assert code != 0, said
        for version, number in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            kept = str(tmp_path / "session")
            _, said = await run(*client, version, "-alpn", "h2,http/1.1", "-sess_out", kept, stdin=request)
            assert f"New, {number}" in said, said
            assert "ALPN protocol: http/1.1" in said
            assert "Verify return code: 0" in said
            assert said.rstrip().endswith("closed")
            _, said = await run(*client, version, "-sess_in", kept, stdin=request)
            assert f"Reused, {number}" in said, said
            assert "HTTP/1.1 200 OK" in said


async def test_only_the_newest_version_if_asked(authority: Authority) -> None:
    settings = listening(authority.issue("shop.example"), min_version="TLSv1.3")
    async with proxied(Recorder(), settings) as proxy:
        context = authority.client()
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(OSError):
            await connect(proxy, context)
        assert (await (await connect(proxy, authority.client())).exchange(GET))[1] == b"ok"


async def test_a_renewed_certificate_is_shown_from_then_on(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    first = authority.issue("shop.example", "old.example", into="shop")
    async with proxied(Recorder(), listening(first)) as proxy:
        certificates = proxy.place.certificates
        assert certificates is not None
        before = await connect(proxy, authority.client())
        assert certificates.reload()
        assert caplog.messages == []

        open(first["key"], "w").close()  # noqa: ASYNC230
        assert not certificates.reload()
        assert not certificates.reload()
        (said,) = caplog.messages
        assert said == f"the certificates stay as they were: {first['key']} holds no private key in PEM form"
        assert shown(await connect(proxy, authority.client())) == ["shop.example", "old.example"]

        authority.issue("shop.example", "new.example", into="shop")
        assert certificates.reload()
        assert shown(await connect(proxy, authority.client())) == ["shop.example", "new.example"]
        assert shown(before) == ["shop.example", "old.example"]
        assert (await before.exchange(GET))[1] == b"ok"


async def test_a_slow_reader_gets_all_of_an_answer_that_ends_its_connection(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = bytes(range(256)) * (800 << 2)
    monkeypatch.setattr(client_module, "_LINGER_SECONDS", 0.05)
    async with proxied(Recorder(ok(body)), listening(authority.issue("shop.example"))) as proxy:
        wire = await connect(proxy, authority.client())
        client = await client_of(proxy)
        client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        socket_of(wire.writer).setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        reading = cast(asyncio.ReadTransport, wire.writer.transport)
        reading.pause_reading()
        wire.write(GET[:-2] + b"Connection: close\r\n\r\n")
        await eventually(client.transport.is_closing)
        await asyncio.sleep(0.3)  # longer than TLS has for its farewell: nothing may happen
        assert client.transport.get_write_buffer_size()
        reading.resume_reading()
        await wire.read_until(b"\r\n\r\n")
        assert await wire.read_exactly(len(body)) == body
        assert await wire.closed()


async def test_a_client_that_never_says_farewell_is_let_go(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "_LINGER_SECONDS", 0.05)
    async with proxied(Recorder(), listening(authority.issue("shop.example"))) as proxy:
        wire = await connect(proxy, authority.client())
        client = await client_of(proxy)
        cast(asyncio.ReadTransport, wire.writer.transport).pause_reading()
        wire.write(GET[:-2] + b"Connection: close\r\n\r\n")
        await eventually(lambda: client not in proxy.engine.clients)


async def test_a_refused_upload_is_answered(authority: Authority) -> None:
    settings = listening(authority.issue("shop.example")) | {"limits": {"body": "1KiB"}}
    async with proxied(Recorder(), settings) as proxy:
        wire = await connect(proxy, authority.client())
        head = b"POST / HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 10000000\r\n\r\n"
        wire.write(head + b"x" * 1_000_000)
        assert (await wire.read_response())[0].startswith(b"HTTP/1.1 413 ")


async def test_a_tunnel_ends_with_either_side(authority: Authority) -> None:
    async def switch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
        while (said := await reader.read(100)) not in (b"", b"bye"):
            writer.write(said)

    node = RawNode(switch)
    upgrade = GET[:-2] + b"Connection: Upgrade\r\nUpgrade: x\r\n\r\n"
    async with proxied(node, listening(authority.issue("shop.example"))) as proxy:
        wire = await connect(proxy, authority.client())
        assert (await wire.exchange(upgrade))[0].startswith(b"HTTP/1.1 101 ")
        wire.write(b"hello")
        assert await wire.read_exactly(5) == b"hello"
        wire.write(b"bye")
        assert await wire.closed()

        wire = await connect(proxy, authority.client())
        await wire.exchange(upgrade)
        wire.writer.close()
        with suppress(OSError):
            await wire.writer.wait_closed()
        await eventually(lambda: node.open == 0)


@pytest.mark.parametrize(
    ("only", "name", "names"),
    [
        ("ECDSA", "shop.example", ["shop.example", "www.shop.example", "a.shop.example"]),
        ("ECDSA", "a.shop.example", ["shop.example", "www.shop.example", "a.shop.example"]),
        ("ECDSA", None, ["shop.example", "www.shop.example", "a.shop.example"]),
        ("RSA", "shop.example", ["shop.example", "*.shop.example"]),
        ("RSA", "www.shop.example", ["www.shop.example"]),
        ("RSA", "a.shop.example", ["shop.example", "*.shop.example"]),
        ("RSA", None, ["shop.example", "*.shop.example"]),
    ],
)
async def test_each_client_gets_a_key_of_the_kind_that_it_can_verify(
    authority: Authority, only: str, name: str | None, names: list[str]
) -> None:
    pairs = [
        authority.issue("shop.example", "www.shop.example", "a.shop.example", into="modern"),
        authority.issue("shop.example", "*.shop.example", into="wild", key_type=KeyType.RSA),
        authority.issue("www.shop.example", into="old", key_type=KeyType.RSA),
    ]
    client = authority.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(f"ECDHE-{only}-AES128-GCM-SHA256")
    async with proxied(Recorder(), listening(*pairs)) as proxy:
        wire = await connect(proxy, client, name)
        assert shown(wire) == names
        assert (await wire.exchange(GET))[1] == b"ok"
