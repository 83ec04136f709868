"""What a connection of the loop's endpoint does where its client sends ahead, or does not read."""

import asyncio
from collections.abc import Awaitable

from limpet_session.address import Address
from limpet_session.endpoint import Call, Reply
from limpet_session.loop_server import LoopServer, _Connection
from tests.sdk.test_conversation import GET, Desk

FINE = Reply(204, [], b"")
ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class Clerk(Desk):
    """Answers at once, or lets wait for `slow`."""

    slow: "asyncio.Future[Reply] | None" = None

    def carry_out(self, call: Call) -> Reply | Awaitable[Reply]:
        return FINE if self.slow is None else self.slow


class Transport(asyncio.Transport):
    """Notes what is done with it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def close(self) -> None:
        self.written += b"closed"


def connected(clerk: Clerk) -> tuple[_Connection, Transport]:
    transport = Transport()
    connection = _Connection(LoopServer(Address("", 0, "/nowhere"), clerk))
    connection.connection_made(transport)
    return connection, transport


async def test_who_does_not_read_is_not_answered_until_he_does() -> None:
    connection, transport = connected(Clerk())
    connection.pause_writing()
    connection.data_received(GET * 2)
    assert (transport.written, transport.reading) == (b"", False)
    connection.resume_writing()
    assert (transport.written, transport.reading) == (ANSWER * 2, True)
    connection.connection_lost(None)


async def test_what_is_sent_behind_a_call_that_waits_is_left_with_the_kernel() -> None:
    clerk = Clerk()
    clerk.slow = asyncio.get_running_loop().create_future()
    connection, transport = connected(clerk)
    connection.data_received(GET)
    connection.data_received(GET)
    assert (transport.written, transport.reading) == (b"", False)
    answering = connection._answering
    clerk.slow, slow = None, clerk.slow
    slow.set_result(FINE)
    assert answering is not None
    await answering
    assert (transport.written, transport.reading) == (ANSWER * 2, True)
    connection.connection_lost(None)


async def test_nobody_is_written_to_who_has_gone_meanwhile() -> None:
    clerk = Clerk()
    clerk.slow = asyncio.get_running_loop().create_future()
    connection, transport = connected(clerk)
    connection.data_received(GET)
    answering = connection._answering
    connection.connection_lost(None)
    clerk.slow.set_result(FINE)
    assert answering is not None
    await answering
    assert transport.written == b""
