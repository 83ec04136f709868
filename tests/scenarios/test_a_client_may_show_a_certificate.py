"""Certificates of clients: who is let in, and what nodes are told that nobody can forge."""

import ssl
from base64 import b64decode
from contextlib import suppress
from pathlib import Path

import pytest

from tests.certificates import Authority
from tests.scenarios.harness import Recorder, eventually, header, proxied
from tests.scenarios.test_a_listener_speaks_tls import GET, connect, listening

FORGED = (
    GET[:-2]
    + b"Client-Cert: :Zm9yZ2Vk:\r\nClient-Cert-Chain: :Zm9yZ2Vk:\r\nclient_cert: forged\r\n"
    + b"X-Client-Cert-Subject: CN=forged\r\nX_Client_Cert_Subject: CN=forged\r\n\r\n"
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize("trusted", [[], ["127.0.0.0/8"]])
async def test_the_node_is_told_who_it_is(authority: Authority, trusted: list[str]) -> None:
    node = Recorder()
    settings = listening(authority.issue("shop.example"), client_ca=authority.file)
    pair = authority.issue("anna.example", organization_name="Shop, Inc.", common_name="anna")
    shown = Path(pair["cert"]).read_text()  # noqa: ASYNC240
    async with proxied(node, settings | {"forwarded": {"trusted_proxies": trusted}}) as proxy:
        wire = await connect(proxy, authority.client(pair))
        for request in (GET, FORGED):
            await wire.exchange(request)
            (told,) = header(node.heads[-1], b"Client-Cert")
            assert told[:1] == told[-1:] == b":"
            assert ssl.DER_cert_to_PEM_cert(b64decode(told[1:-1])) in shown
            (subject,) = header(node.heads[-1], b"X-Client-Cert-Subject")
            assert subject.startswith(b"CN=anna,")
            assert b"O=Shop\\, Inc." in subject
            assert b"forged" not in node.heads[-1].lower()
            assert b"Zm9yZ2Vk" not in node.heads[-1]


async def test_without_one_nobody_comes_in(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "stranger").issue("eve.example")
    settings = listening(authority.issue("shop.example"), client_ca=authority.file)
    async with proxied(Recorder(), settings) as proxy:
        for number, context in enumerate((authority.client(), authority.client(stranger)), 1):
            with suppress(OSError):  # in TLS 1.3 a client has its own part done before it is refused
                wire = await connect(proxy, context)
                wire.write(GET)
                assert await wire.closed()
            await eventually(lambda n=number: proxy.engine.counters.rejected == {"tls_client_certificate": n})


async def test_it_may_be_only_asked_for(authority: Authority) -> None:
    node = Recorder()
    settings = listening(
        authority.issue("shop.example"), client_ca=authority.file, client_certificate="request"
    )
    async with proxied(node, settings) as proxy:
        wire = await connect(proxy, authority.client())
        await wire.exchange(FORGED)
        assert b"client-cert" not in node.heads[0].lower()
        assert b"client_cert" not in node.heads[0].lower()


async def test_a_resumed_connection_tells_the_same(authority: Authority) -> None:
    """TLS 1.2, where Python's client can be told which session to resume."""
    node = Recorder()
    settings = listening(authority.issue("shop.example"), client_ca=authority.file)
    async with proxied(node, settings) as proxy:
        context = authority.client(authority.issue("anna.example"))
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        wire = await connect(proxy, context)
        await wire.exchange(GET)
        first = wire.writer.get_extra_info("ssl_object")
        again = resuming(context, first.session)
        wire = await proxy.connect(ssl=again, server_hostname="shop.example")
        await wire.exchange(GET)
        assert wire.writer.get_extra_info("ssl_object").session_reused
        told = [header(head, b"Client-Cert") for head in node.heads]
        assert told[0] == told[1] != []


def resuming(context: ssl.SSLContext, session: ssl.SSLSession) -> ssl.SSLContext:
    """The context, with each connection from now on resuming that session."""
    wrap = context.wrap_bio
    context.wrap_bio = lambda *a, **k: wrap(*a, **{**k, "session": session})  # type: ignore[method-assign]
    return context
