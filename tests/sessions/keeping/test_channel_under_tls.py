"""A node's session endpoint under TLS: asked only where it is the right one."""

import asyncio
from pathlib import Path

import pytest

from sessions.keeping.channel import Channel, Unreachable
from tests.certificates import Authority


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for _ in range(2):
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"\r\nLimpet-Key: key\r\n" in head
        writer.write(b"HTTP/1.1 204 No Content\r\nLimpet-Version: 7\r\n\r\n")
    await reader.read()
    writer.close()


@pytest.mark.parametrize("name", ["localhost", "other.example"])
async def test_who_it_is_counts(tmp_path: Path, name: str) -> None:
    authority = Authority(tmp_path)
    context = authority.server(authority.issue("localhost"))
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    channel = Channel("127.0.0.1", port, None, "localhost", b"key", authority.client(), name)
    try:
        for _ in range(2):
            if name == "localhost":
                reply = await channel.request(b"GET", b"/x", b"", b"", 60.0)
                assert reply.status == 204
            else:
                with pytest.raises(Unreachable):
                    await channel.request(b"GET", b"/x", b"", b"", 60.0)
    finally:
        channel.close()
        server.close()
        await server.wait_closed()
