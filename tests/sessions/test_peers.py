"""A peer's answers come from a real node; whatever else is at its address is silence, and said once."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from sessions.contract.messages import ENDED, TAKEN, UNKNOWN, Action, Answer, Call, Kind
from sessions.ids import new_id
from sessions.peers import Peer
from tests.sessions.keeping.cluster import KEY, TTL, NodeProcess, until

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
TAKEN_LINE = b'{"id":"%b","status":204}\n'


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that Limpet runs on."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcess]:
    started = NodeProcess()
    yield started
    started.kill()


@asynccontextmanager
async def peer_at(port: int, key: bytes = KEY, seconds: float = 60.0) -> AsyncIterator[Peer]:
    peer = Peer(
        "n", f"http://127.0.0.1:{port}", key, timeout_seconds=seconds, ack_timeout_seconds=seconds / 2
    )
    yield peer
    await peer.close(0.1)


@asynccontextmanager
async def impostor(serve: Serve) -> AsyncIterator[int]:
    """Something else at a node's address."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()


async def one_head(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The next request's head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    return head, await reader.readexactly(length)


def always(answer: bytes) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await one_head(reader)
        writer.write(answer)
        await writer.drain()
        writer.close()

    return serve


def put(version: int, state: bytes = b"state") -> Action:
    return Action(Call.PUT, 0, version, state)


async def test_a_node_answers_each_call(node: NodeProcess) -> None:
    async with peer_at(node.port) as peer:
        name = new_id()
        assert await peer.get(name) == UNKNOWN
        assert await peer.call(put(5), name, TTL) == TAKEN
        assert await peer.get(name) == Answer(Kind.HELD, 5, b"state")
        assert await peer.call(put(4), name, TTL) == Answer(Kind.REFUSED, 5)
        assert await peer.call(Action(Call.FENCE, 0, 9), name, TTL) == Answer(Kind.HELD, 5, b"state")
        assert await peer.call(Action(Call.FENCE, 0, 9), name, TTL) == Answer(Kind.REFUSED, 9)
        assert await peer.call(put(8), name, TTL) == Answer(Kind.REFUSED, 9)
        assert await peer.call(Action(Call.END, 0), name, TTL) == TAKEN
        for action in (put(10), Action(Call.GET, 0), Action(Call.FENCE, 0, 99)):
            assert await peer.call(action, name, TTL) == ENDED
        assert peer.faults == 0


async def test_large_states_travel_alone_and_come_back(node: NodeProcess) -> None:
    state = bytes(range(256)) * 3000  # several of them are more than one answer of a batch may hold
    async with peer_at(node.port, seconds=5.0) as peer:
        names = [new_id() for _ in range(6)]
        taken = await asyncio.gather(*(peer.call(put(5, state), name, TTL) for name in names))
        assert taken == [TAKEN] * 6
        assert peer.batches == 0 and peer.copied_bytes == 6 * len(state)
        held = await asyncio.gather(*(peer.get(name) for name in names))
        assert held == [Answer(Kind.HELD, 5, state)] * 6
        assert peer.requests > 6 + peer.batches, "those that did not fit were asked for again"
        fences = [peer.call(Action(Call.FENCE, 0, 9), name, TTL) for name in names]
        assert await asyncio.gather(*fences) == [Answer(Kind.HELD, 5, state)] * 6
        assert await peer.call(put(6, state), names[0], TTL) == Answer(Kind.REFUSED, 9)
        assert peer.faults == 0


async def test_a_node_lists_its_sessions_by_pages() -> None:
    node = NodeProcess()
    try:
        async with peer_at(node.port) as peer:
            names = sorted(new_id() for _ in range(5))
            await asyncio.gather(*(peer.call(put(5), name, TTL) for name in names))
            seen, after = [], ""
            while page := await peer.entries(after, 2):
                seen += [entry.id for entry in page]
                after = seen[-1]
            assert seen == names
            assert len(peer.keeps_as) == 32
    finally:
        node.kill()


async def test_a_node_may_be_at_a_unix_socket(tmp_path: Path) -> None:
    node = NodeProcess(str(tmp_path / "node.sock"))
    try:
        peer = Peer("n", "http://localhost", KEY, socket=str(tmp_path / "node.sock"))
        assert await peer.get(new_id()) == UNKNOWN
        await peer.close()
    finally:
        node.kill()


async def test_a_wrong_key_is_silence_and_said_once(
    node: NodeProcess, caplog: pytest.LogCaptureFixture
) -> None:
    async with peer_at(node.port, b"guessed") as peer:
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                assert await peer.get(new_id()) is None
            assert await peer.call(put(5, b"x" * 70_000), new_id(), TTL) is None
            assert await peer.entries("", 10) is None
        assert [record.message for record in caplog.records] == [
            "the session endpoint of node n refused our key: it must be one that the node knows (node_keys)"
        ]
        assert peer.faults == 5


OK = b"HTTP/1.1 200 OK\r\nContent-Length: "


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        OK + b"0\r\n\r\n",
        OK + b"9\r\n\r\n<p>Hi</p>",
        OK + b"9\r\n\r\n<p>",
        OK + b"999999999\r\n\r\n",
    ],
    ids=range(9),
)
async def test_whatever_else_answers_is_silence(answer: bytes) -> None:
    async with impostor(always(answer)) as port, peer_at(port) as peer:
        assert await peer.call(put(5), new_id(), TTL) is None
        assert await peer.call(put(5, b"x" * 70_000), new_id(), TTL) in (None, UNKNOWN)
        assert await peer.entries("", 10) in (None, [])
        assert peer.faults >= 1


async def test_a_node_that_is_not_there_is_silent_at_once() -> None:
    node = NodeProcess()
    node.kill()
    async with peer_at(node.port, seconds=60.0) as peer:
        assert await peer.get(new_id()) is None


async def test_a_node_that_hangs_is_silent_in_time_and_may_come_back() -> None:
    node = NodeProcess()
    try:
        async with peer_at(node.port, seconds=0.3) as peer:
            name = new_id()
            assert await peer.call(put(5), name, TTL) == TAKEN
            node.freeze()
            assert await peer.call(put(6), name, TTL) is None
            node.thaw()
            async with asyncio.timeout(60):
                while await peer.call(put(7), name, TTL) != TAKEN:
                    pass  # it has just woken up
    finally:
        node.kill()


async def test_a_kept_connection_that_has_ended_is_no_silence() -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Each connection ends as its second request comes, as when a node closes an idle one."""
        nonlocal connections
        connections += 1
        _, body = await one_head(reader)
        line = TAKEN_LINE % body[7:29]
        writer.write(OK + b"%d\r\n\r\n" % len(line) + line)
        await reader.readexactly(1)
        writer.close()

    async with impostor(serve) as port, peer_at(port) as peer:
        for version in range(5, 9):
            assert await peer.call(put(version), new_id(), TTL) == TAKEN
        assert connections == 4
        assert peer.faults == 0


async def test_bytes_that_nobody_asked_for_answer_nothing() -> None:
    names: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Says more than it was asked: an answer to the next request, before that comes."""
        _, body = await one_head(reader)
        names.append(body[7:29])
        line = TAKEN_LINE % names[-1]
        status = OK if len(names) == 1 else b"HTTP/1.1 500 Oops\r\nContent-Length: "
        writer.write((status + b"%d\r\n\r\n" % len(line) + line) * 2)
        await writer.drain()
        writer.close()

    async with impostor(serve) as port, peer_at(port) as peer:
        name = new_id()
        assert await peer.call(put(5), name, TTL) == TAKEN
        assert await peer.call(put(6), name, TTL) is None, "the second TAKEN was for nobody"


async def test_a_connection_on_which_something_comes_unasked_is_not_used_again() -> None:
    say, closed = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, body = await one_head(reader)
        line = TAKEN_LINE % body[7:29]
        writer.write(OK + b"%d\r\n\r\n" % len(line) + line)
        await say.wait()
        writer.write(b"HTTP/1.1 200 OK\r\n")  # the beginning of an answer to nothing
        await reader.read()
        closed.set()
        writer.close()

    async with impostor(serve) as port, peer_at(port) as peer:
        assert await peer.call(put(5), new_id(), TTL) == TAKEN
        say.set()
        async with asyncio.timeout(60):
            await closed.wait()


async def test_a_fence_that_waits_holds_no_copy_up(node: NodeProcess) -> None:
    async with peer_at(node.port) as peer:
        name = new_id()
        _, writer = await asyncio.open_connection("127.0.0.1", node.port)
        fields = (
            f"Limpet-Key: {KEY.decode()}\r\nLimpet-Session: {name}\r\nLimpet-Version: 0\r\nLimpet-TTL: 60\r\n"
        )
        writer.write(f"GET /?wait=0.4 HTTP/1.1\r\nHost: n\r\n{fields}\r\n".encode())
        await writer.drain()
        while (held := await peer.get(name)) is not None and held.kind is Kind.UNKNOWN:
            pass
        fence = asyncio.ensure_future(peer.call(Action(Call.FENCE, 0, 1 << 32), name, TTL))
        await until(lambda: peer.requests > 0 and len(peer._fences) == 0 and peer._fences.batches == 1)
        assert await peer.call(put(5), new_id(), TTL) == TAKEN
        assert not fence.done()
        assert await fence == Answer(Kind.HELD, 1, b"")
        writer.close()


async def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sessions.peers._WAITING_BYTES", 100_000)
    node = NodeProcess()
    try:
        async with peer_at(node.port) as peer:
            node.freeze()
            calls = [
                asyncio.ensure_future(peer.call(put(5, b"x" * 30_000), new_id(), TTL)) for _ in range(10)
            ]
            calls += [
                asyncio.ensure_future(peer.call(put(5, b"x" * 70_000), new_id(), TTL)) for _ in range(10)
            ]
            await until(lambda: sum(call.done() for call in calls) >= 10)
            done = [call for call in calls if call.done()]  # at once: none of the others can be yet
            assert len(done) < 20 and all(call.result() is None for call in done)
            node.thaw()
            answers = await asyncio.gather(*calls)
            assert answers.count(TAKEN) == 20 - len(done)
    finally:
        node.kill()


async def test_a_closed_peer_is_silent_and_leaves_nothing_behind(node: NodeProcess) -> None:
    async with peer_at(node.port) as peer:
        assert await peer.get(new_id()) == UNKNOWN
        await peer.close()
        assert await peer.get(new_id()) is None
        assert await peer.entries("", 10) is None


async def test_closing_gives_up_what_hangs() -> None:
    node = NodeProcess()
    try:
        async with peer_at(node.port, seconds=0.2) as peer:
            node.freeze()
            calls = [
                asyncio.ensure_future(peer.call(put(5, b"x" * 60_000), new_id(), TTL)) for _ in range(20)
            ]
            await until(lambda: peer.requests == 1)
            async with asyncio.timeout(60):
                await peer.close(0.0)
            assert await asyncio.gather(*calls) == [None] * 20
    finally:
        node.thaw()
        node.kill()
