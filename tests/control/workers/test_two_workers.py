"""Two processes serve as one would: real ones, started once for these tests, each of which goes on."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.control.process import PATIENCE, command, eventually
from tests.control.workers.crew import INTERVAL, Crew, crew

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENTS = 24  # the kernel deals them out: all to one of two workers once in eight million times


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crew]:
    async with asyncio.timeout(4 * PATIENCE), crew(tmp_path_factory.mktemp("crew")) as running:
        yield running


async def test_what_both_have_served_is_one_sum(two: Crew) -> None:
    async with two.clients(CLIENTS) as clients:
        before = await two.sum("limpet_requests_total", code="2xx")
        known = await sessions(two)
        assert {(await client.ask())[0] for client in clients} == {200}
        assert await two.sum("limpet_requests_total", code="2xx") == before + CLIENTS
        assert await two.sum("limpet_connections") >= CLIENTS
        assert await two.sum("limpet_workers") == 2
        assert CLIENTS - 4 < await sessions(two) - known <= CLIENTS, "an estimate: two may share a place"


async def sessions(two: Crew) -> int:
    return sum([fact["sessions"] for fact in (await two.api("/api/nodes"))["nodes"]])


async def test_nodes_are_probed_once_for_all(two: Crew) -> None:
    node = two.nodes[0]
    begun, began = len(node.probes), time.monotonic()
    await eventually(lambda: len(node.probes) >= begun + 12)
    probed = len(node.probes) - begun
    # Two would come twice as often. Some may have waited until this process had the time for them.
    assert probed <= 1.5 * (time.monotonic() - began) / INTERVAL + 2


async def test_a_state_is_the_same_everywhere(two: Crew) -> None:
    async with two.clients(CLIENTS) as clients:
        two.nodes[0].healthy = 500
        await two.until("a", state="down")
        assert {await client.ask() for client in clients} == {(200, "b")}
        two.nodes[0].healthy = 200
        await two.until("a", state="up")


async def test_the_bound_goes_by_what_all_have_under_way(two: Crew) -> None:
    """Three requests are held by one worker; the other, too, passes their node over."""
    async with two.client() as first, AsyncExitStack() as opened:
        held = (await first.ask())[1]
        node = two.nodes["ab".index(held)]
        holding = [await opened.enter_async_context(two.client(first.cookie)) for _ in range(3)]
        tasks = [asyncio.create_task(client.ask("/hold")) for client in holding]
        await eventually(lambda: node.held == 3)
        assert (await two.fact(held))["inflight"] == 3
        served = [(await two.once())[1] for _ in range(CLIENTS)]
        node.free()
        assert {(await task)[1] for task in tasks} == {held}
        assert held not in served
        assert (await two.fact(held))["inflight"] == 0


async def test_a_worker_that_is_killed_takes_only_its_own_with_it(two: Crew) -> None:
    async with two.clients(CLIENTS) as clients:
        for client in clients:
            await client.ask()
        before = await two.sum("limpet_requests_total")
        pid = two.workers()[1]
        os.kill(pid, signal.SIGKILL)
        new = await asyncio.gather(*(two.once() for _ in range(CLIENTS)))
        assert {status for status, _ in new} == {200}, "the other accepts them"
        answers = await asyncio.gather(*(client.ask() for client in clients), return_exceptions=True)
        failed = [answer for answer in answers if isinstance(answer, ConnectionError)]
        assert 0 < len(failed) < CLIENTS
        assert {answer[0] for answer in answers if not isinstance(answer, BaseException)} == {200}
        await two.replaced(1, pid)
        total = await two.sum("limpet_requests_total")
        assert total == before + CLIENTS + CLIENTS - len(failed)
        assert await two.sum("limpet_worker_restarts_total") == 1
        assert await two.sum("limpet_workers") == 2


async def test_a_reload_reaches_both(two: Crew) -> None:
    async with two.clients(CLIENTS) as clients:
        file = two.folder / "proxy.yaml"
        settings = json.loads(file.read_text())
        settings["services"]["shop"]["affinity"] = {"cookie": "renamed"}
        settings["listen"] = ["127.0.0.1:0", f"unix:{two.folder}/limpet.sock"]
        file.write_text(json.dumps(settings))
        code, _, err = await command(two.folder, "reload", "--admin", two.admin)
        assert code == 0, err
        assert {(await client.ask())[0] for client in clients} == {200}
        assert {client.cookie.partition("=")[0] for client in clients} == {"renamed"}
        for _ in range(4):
            reader, writer = await asyncio.open_unix_connection(f"{two.folder}/limpet.sock")
            writer.write(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
            assert (await reader.read()).startswith(b"HTTP/1.1 200")
            writer.close()


async def test_another_limpet_takes_over_from_both(two: Crew) -> None:
    async with two.clients(CLIENTS) as clients:
        for client in clients:
            await client.ask()
        code, out, err = await command(two.folder, "upgrade", "--admin", two.admin)
        assert code == 0, err
        pid = int(out.split()[1])
        try:
            new = await asyncio.gather(*(two.once() for _ in range(CLIENTS)))
            assert {status for status, _ in new} == {200}
            assert {(await client.ask())[0] for client in clients} == {200}, "by the old ones"
            assert await two.limpet.ended() == 0
            assert await two.sum("limpet_workers") == 2
            assert {(await two.once())[0] for _ in range(CLIENTS)} == {200}
            assert "cut off" not in two.limpet.err
            assert "Traceback" not in two.limpet.err
        finally:
            os.kill(pid, signal.SIGTERM)
        await eventually(lambda: not os.path.exists(f"/proc/{pid}") or "Z" in state(pid))


def state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"
