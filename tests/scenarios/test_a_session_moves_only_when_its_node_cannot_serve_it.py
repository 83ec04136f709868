"""Down, drained, in maintenance, strict: who moves, where to, and what is counted."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from routing.reasons import Reason
from routing.states import Mode, NodeState
from sessions.flags import RequestFlag, ResponseFlag, StateFlag
from tests.scenarios.harness import (
    AppNode,
    RunningProxy,
    cookie_of,
    eventually,
    header,
    named_node,
    running_proxy,
    service,
)


class Three:
    """Nodes a, b and c behind a proxy, and a user."""

    def __init__(self) -> None:
        self.nodes: dict[str, AppNode] = {name: named_node(name) for name in "abc"}

    async def start(self) -> list[int]:
        for node in self.nodes.values():
            await node.start()
        return [node.port for node in self.nodes.values()]

    async def stop(self) -> None:
        for node in self.nodes.values():
            await node.stop()


@pytest.fixture
async def three() -> AsyncIterator[Three]:
    nodes = Three()
    yield nodes
    await nodes.stop()


async def ask(proxy: RunningProxy, cookie: bytes = b"") -> tuple[bytes, bytes, bytes]:
    """Status, body, and the cookie that was set, if any."""
    wire = await proxy.connect()
    line = b"Cookie: " + cookie + b"\r\n" if cookie else b""
    head, body = await wire.exchange(b"GET / HTTP/1.1\r\nHost: x\r\n" + line + b"\r\n")
    await wire.close()
    return head[9:12], body, cookie_of(head) if header(head, b"Set-Cookie") else b""


def watch(proxy: RunningProxy, node: bytes, mode: Mode, seconds: float = 1e9) -> None:
    index = "abc".index(node.decode())
    proxy.runtime.cluster.watches["app"].set_mode(index, mode, seconds)


async def test_a_dead_node_loses_its_sessions_once_and_they_stay_where_they_went(three: Three) -> None:
    async with running_proxy({"app": service(await three.start())}) as proxy:
        _, home, cookie = await ask(proxy)
        _, _, other = await ask(proxy)
        await three.nodes[home.decode()].stop()
        status, refuge, new = await ask(proxy, cookie)
        assert (status, refuge != home, bool(new)) == (b"200", True, True)
        record = proxy.records[-1]
        assert (record.reason, record.tries) == (Reason.FAILOVER, 2)
        assert record.flags == (RequestFlag.D, ResponseFlag.U, StateFlag.X)
        for _ in range(3):
            assert await ask(proxy, new) == (b"200", refuge, b"")
        counters = proxy.engine.services["app"].counters
        assert counters.lost == 1
        assert counters.retries == 1
        assert (await ask(proxy, other))[0] == b"200"


async def test_parallel_requests_of_a_lost_session_end_at_one_node_and_count_once(three: Three) -> None:
    async with running_proxy({"app": service(await three.start())}) as proxy:
        _, home, cookie = await ask(proxy)
        await three.nodes[home.decode()].stop()
        answers = await asyncio.gather(*(ask(proxy, cookie) for _ in range(12)))
        assert {status for status, _, _ in answers} == {b"200"}
        assert len({body for _, body, _ in answers}) == 1
        assert all(new for _, _, new in answers)
        assert proxy.engine.services["app"].counters.lost == 1


async def test_a_drained_node_keeps_its_own_and_gets_no_new(three: Three) -> None:
    async with running_proxy({"app": service(await three.start())}) as proxy:
        _, home, cookie = await ask(proxy)
        watch(proxy, home, Mode.DRAIN)
        assert proxy.state_of(home.decode()) is NodeState.DRAIN
        for _ in range(3):
            assert await ask(proxy, cookie) == (b"200", home, b"")
        newcomers = {(await ask(proxy))[1] for _ in range(20)}
        assert home not in newcomers
        watch(proxy, home, Mode.READY)
        assert await ask(proxy, cookie) == (b"200", home, b"")


async def test_a_drain_ends_at_its_deadline(three: Three) -> None:
    async with running_proxy({"app": service(await three.start())}) as proxy:
        _, home, cookie = await ask(proxy)
        watch(proxy, home, Mode.DRAIN, seconds=0.2)
        await eventually(lambda: proxy.state_of(home.decode()) is NodeState.MAINT)
        status, refuge, new = await ask(proxy, cookie)
        assert (status, refuge != home, bool(new)) == (b"200", True, True)
        assert proxy.records[-1].reason == Reason.DRAINED


async def test_a_node_in_maintenance_serves_nobody(three: Three) -> None:
    async with running_proxy({"app": service(await three.start())}) as proxy:
        _, home, cookie = await ask(proxy)
        watch(proxy, home, Mode.MAINT)
        status, refuge, new = await ask(proxy, cookie)
        assert (status, refuge != home, bool(new)) == (b"200", True, True)
        assert proxy.records[-1].reason == Reason.DRAINED
        watch(proxy, home, Mode.READY)
        assert (await ask(proxy, new))[1] == refuge
        for node in (b"a", b"b", b"c"):
            watch(proxy, node, Mode.MAINT)
        assert (await ask(proxy, new))[0] == b"503"
        assert (await ask(proxy))[0] == b"503"


async def test_a_strict_service_rather_says_no(three: Three) -> None:
    async with running_proxy({"app": service(await three.start(), on_unavailable="strict")}) as proxy:
        _, home, cookie = await ask(proxy)
        port = three.nodes[home.decode()].port
        await three.nodes[home.decode()].stop()
        for _ in range(3):
            status, _, new = await ask(proxy, cookie)
            assert (status, new) == (b"503", b"")
        assert proxy.engine.services["app"].counters.lost == 0
        assert (await ask(proxy))[0] == b"200"  # a newcomer is nobody's yet
        three.nodes[home.decode()] = named_node(home.decode())
        await three.nodes[home.decode()].start(port)
        assert await ask(proxy, cookie) == (b"200", home, b"")


async def test_a_session_of_a_node_that_is_no_longer_configured_moves(three: Three) -> None:
    ports = await three.start()
    async with running_proxy({"app": service(ports)}) as proxy:
        homes = {}
        while len(homes) < 3:
            _, home, cookie = await ask(proxy)
            homes[home] = cookie
            proxy.engine.services["app"].router.arrivals.forget()
    async with running_proxy({"app": service(ports[:2])}) as proxy:
        for home, cookie in homes.items():
            status, body, new = await ask(proxy, cookie)
            assert status == b"200"
            assert (body == home, new == b"") == ((True, True) if home != b"c" else (False, False))
        assert proxy.engine.services["app"].counters.lost == 1


async def test_a_node_that_fails_its_probes_is_left_alone_until_it_passes_them(three: Three) -> None:
    ports = await three.start()
    health = {"path": "/", "interval": "100ms", "timeout": "100ms", "fall": 2, "rise": 2}
    async with running_proxy({"app": service(ports, health=health)}) as proxy:
        _, home, cookie = await ask(proxy)
        port = three.nodes[home.decode()].port
        await three.nodes[home.decode()].stop()
        await eventually(lambda: proxy.state_of(home.decode()) is NodeState.DOWN)
        status, refuge, _ = await ask(proxy, cookie)
        assert (status, refuge != home) == (b"200", True)
        assert proxy.records[-1].tries == 1
        three.nodes[home.decode()] = named_node(home.decode())
        await three.nodes[home.decode()].start(port)
        await eventually(lambda: proxy.state_of(home.decode()) is NodeState.UP)
        assert await ask(proxy, cookie) == (b"200", home, b"")


async def test_a_node_that_fails_requests_is_ejected_and_never_the_last_one(three: Three) -> None:
    ports = await three.start()
    ejection = {"failures": 3, "base": "1s"}
    app = service(
        ports[:2], ejection=ejection, affinity={"mode": "none"}, retries={"budget": 1.0, "wait": "0s"}
    )
    async with running_proxy({"app": app}) as proxy:
        await three.nodes["a"].stop()
        while proxy.state_of("a") is NodeState.UP:
            assert (await ask(proxy))[1] == b"b"
        counters = proxy.engine.services["app"].counters
        retries = counters.retries
        assert retries == 3
        for _ in range(20):
            assert (await ask(proxy))[1] == b"b"
        assert counters.retries == retries
        await three.nodes["b"].stop()
        for _ in range(5):
            assert (await ask(proxy))[0] == b"503"
        assert NodeState.UP in (proxy.state_of("a"), proxy.state_of("b"))
