"""A node is given as many exchanges at once as it can bear; the others wait, in order and not for ever."""

import asyncio

import pytest

from tests.scenarios.harness import (
    RawNode,
    RunningProxy,
    eventually,
    header,
    node_settings,
    ok,
    read_request,
    running_proxy,
    started,
)

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"


class Gate(RawNode):
    """Answers when it is let; knows the most requests and connections it ever had at once."""

    def __init__(self, name: bytes = b"ok") -> None:
        super().__init__(self._gated)
        self.name = name
        self.leave = asyncio.Event()
        self.inside = 0
        self.most = 0
        self.most_open = 0
        self.seen: list[bytes] = []

    async def _gated(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await read_request(reader)
            self.seen.append(head.split()[1])
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.most_open = max(self.most_open, self.open)
            try:
                await self.leave.wait()
                for _ in range(20):  # turns of the loop, for whoever else is let in
                    await asyncio.sleep(0)
            finally:
                self.inside -= 1
            writer.write(ok(self.name))


def behind(gate: Gate, most: int, **options: object) -> dict[str, object]:
    return {"app": {"nodes": [node_settings("a", gate.port, max_connections=most)], **options}}


def waiting(proxy: RunningProxy) -> int:
    return len(proxy.engine.services["app"].nodes[0].pool.waiting)


async def test_under_load_the_bound_holds_and_all_are_served() -> None:
    gate = Gate()
    gate.leave.set()
    async with started(gate), running_proxy(behind(gate, 3)) as proxy:

        async def ask_often(i: int) -> None:
            wire = await proxy.connect()
            for turn in range(20):
                if (i + turn) % 7 == 0:
                    wire = await proxy.connect()
                head, body = await wire.exchange(POST if turn % 3 else GET)
                assert (head[:12], body) == (b"HTTP/1.1 200", b"ok")

        await asyncio.gather(*(ask_often(i) for i in range(30)))
        assert gate.most == 3
        assert gate.most_open == 3
        assert len(gate.seen) == 600


async def test_who_waits_is_served_in_order() -> None:
    gate = Gate()
    async with started(gate), running_proxy(behind(gate, 1)) as proxy:
        for i in range(6):
            wire = await proxy.connect()
            wire.write(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % i)
            await eventually(lambda i=i: waiting(proxy) + gate.inside == i + 1)  # type: ignore[misc]
        gate.leave.set()
        for wire in proxy.wires:
            assert (await wire.read_response())[1] == b"ok"
        assert gate.seen == [b"/%d" % i for i in range(6)]


async def test_a_full_queue_refuses_at_once() -> None:
    gate = Gate()
    async with started(gate), running_proxy(behind(gate, 1, queue={"length": 2})) as proxy:
        wires = [await proxy.connect() for _ in range(3)]
        for i, wire in enumerate(wires):
            wire.write(GET)
            await eventually(lambda i=i: waiting(proxy) + gate.inside == i + 1)  # type: ignore[misc]
        late = await proxy.connect()
        head, _ = await late.exchange(GET)
        assert head.startswith(b"HTTP/1.1 503 ")
        assert header(head, b"Retry-After") == [b"1"]
        gate.leave.set()
        for wire in wires:
            assert (await wire.read_response())[0].startswith(b"HTTP/1.1 200 ")
        assert (await late.exchange(GET))[0].startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("request_bytes", [GET, POST, POST[:-2]])
async def test_who_waited_too_long_is_told_so(request_bytes: bytes) -> None:
    gate = Gate()
    async with started(gate), running_proxy(behind(gate, 1, queue={"timeout": "300ms"})) as proxy:
        first = await proxy.connect()
        first.write(GET)
        await eventually(lambda: gate.inside == 1)
        second = await proxy.connect()
        head, _ = await second.exchange(request_bytes)
        assert head.startswith(b"HTTP/1.1 503 ")
        assert header(head, b"Retry-After") == [b"1"]
        assert proxy.records[-1].fault == "queue_timeout"
        assert waiting(proxy) == 0
        gate.leave.set()
        assert (await first.read_response())[0].startswith(b"HTTP/1.1 200 ")
        assert len(gate.seen) == 1


@pytest.mark.parametrize("request_bytes", [GET, POST])
async def test_who_leaves_the_queue_frees_the_place(request_bytes: bytes) -> None:
    gate = Gate()
    async with started(gate), running_proxy(behind(gate, 1, queue={"length": 1})) as proxy:
        first = await proxy.connect()
        first.write(GET)
        await eventually(lambda: gate.inside == 1)
        for _ in range(3):
            second = await proxy.connect()
            second.write(request_bytes)
            await eventually(lambda: waiting(proxy) == 1)
            second.reset()
            await eventually(lambda: waiting(proxy) == 0)
        third = await proxy.connect()
        third.write(GET)
        await eventually(lambda: waiting(proxy) == 1)
        gate.leave.set()
        assert (await third.read_response())[1] == b"ok"
        assert len(gate.seen) == 2


async def test_who_is_served_and_leaves_makes_room_for_the_next() -> None:
    gate = Gate()
    async with started(gate), running_proxy(behind(gate, 1)) as proxy:
        first, second = await proxy.connect(), await proxy.connect()
        first.write(GET)
        await eventually(lambda: gate.inside == 1)
        second.write(GET)
        await eventually(lambda: waiting(proxy) == 1)
        first.reset()
        await eventually(lambda: len(gate.seen) == 2)
        gate.leave.set()
        assert (await second.read_response())[1] == b"ok"


async def test_new_sessions_go_where_there_is_room() -> None:
    gates = [Gate(b"a"), Gate(b"b")]
    async with started(*gates):
        nodes = [node_settings(gate.name.decode(), gate.port, max_connections=2) for gate in gates]
        async with running_proxy({"app": {"nodes": nodes, "balance": {"bounded_load": 100}}}) as proxy:
            wires = [await proxy.connect() for _ in range(4)]
            for wire in wires:
                wire.write(GET)
            await eventually(lambda: [gate.inside for gate in gates] == [2, 2])
            for gate in gates:
                gate.leave.set()
            bodies = [(await wire.read_response())[1] for wire in wires]
            assert sorted(bodies) == [b"a", b"a", b"b", b"b"]


async def test_a_backup_serves_only_when_nobody_else_can() -> None:
    main, spare = Gate(b"main"), Gate(b"spare")
    for gate in (main, spare):
        gate.leave.set()
    async with started(spare):
        await main.start()
        nodes = [node_settings("main", main.port), node_settings("spare", spare.port, backup=True)]
        async with running_proxy({"app": {"nodes": nodes}}) as proxy:
            for _ in range(20):
                assert (await proxy.ask(b"GET / HTTP/1.0\r\n\r\n")).endswith(b"main")
            await main.stop()
            for _ in range(3):
                assert (await proxy.ask(b"GET / HTTP/1.0\r\n\r\n")).endswith(b"spare")


async def test_a_queue_of_none_refuses_who_would_wait() -> None:
    gate = Gate()
    async with started(gate), running_proxy(behind(gate, 1, queue={"length": 0})) as proxy:
        first, second = await proxy.connect(), await proxy.connect()
        first.write(GET)
        await eventually(lambda: gate.inside == 1)
        assert (await second.exchange(GET))[0].startswith(b"HTTP/1.1 503 ")
        gate.leave.set()
        assert (await first.read_response())[1] == b"ok"
        assert (await second.exchange(GET))[1] == b"ok"
