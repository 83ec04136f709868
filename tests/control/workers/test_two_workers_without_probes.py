"""Two workers whose nodes are judged by requests alone; and how each of three processes comes to its end."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.control.process import PATIENCE, eventually
from tests.control.test_upgrade import alive
from tests.control.workers.crew import Crew, crew

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIENTS = 24  # the kernel deals them out: all to one of two workers once in eight million times


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crew]:
    folder = tmp_path_factory.mktemp("crew")
    async with asyncio.timeout(4 * PATIENCE), crew(folder, probed=False) as running:
        yield running


async def test_failures_that_each_worker_has_seen_too_few_of_eject_a_node_from_both(two: Crew) -> None:
    async with two.client() as first, AsyncExitStack() as opened:
        held = (await first.ask())[1]
        one = await two.clients_of(1, 3, opened, first.cookie)
        other = await two.clients_of(2, 3, opened, first.cookie)
        node = two.nodes["ab".index(held)]
        node.working = 503
        for client in (*one, *other[:2]):
            assert await client.ask() == (503, held), "it is not ejected before its fifth failure"
        await two.until(held, state="down")
        assert (await two.fact(held))["why"] == "ejected: answered 503"
        node.working = 200
        answers = [await client.ask() for client in (*one, *other)]
        assert held not in {body for _, body in answers}
        assert two.limpet.err.count("from=up to=down") == 1


async def test_a_worker_that_is_told_to_end_does_so_with_its_clients(two: Crew) -> None:
    async with AsyncExitStack() as opened:
        (client,) = await two.clients_of(1, 1, opened, "")
        answer = asyncio.create_task(client.ask("/hold"))
        await eventually(lambda: sum(node.held for node in two.nodes) == 1)
        pid = two.workers()[1]
        os.kill(pid, signal.SIGTERM)
        await two.limpet.says(rf"worker 1 \(process {pid}\) is told to end, by others")
        assert (await two.worker(1))["state"] == "ending"
        new = [(await two.once())[0] for _ in range(CLIENTS)]
        assert new == [200] * CLIENTS, "where it still has a client, the other accepts"
        assert (await two.api("/api/reload", "POST"))["ok"], "which waits for nobody who ends"
        for node in two.nodes:
            node.free()
        assert (await answer)[0] == 200
        await two.replaced(1, pid)
        fact = await two.worker(1)
        assert (fact["state"], fact["pid"], fact["restarts"]) == ("serving", two.workers()[1], 1)


async def test_when_control_is_killed_its_workers_end_with_the_clients_they_have(two: Crew) -> None:
    async with two.client() as idle, two.client() as busy:
        await idle.ask()
        answer = asyncio.create_task(busy.ask("/hold"))
        await eventually(lambda: sum(node.held for node in two.nodes) == 1)
        pids = two.workers().values()
        two.limpet.process.kill()
        await two.limpet.ended()
        await eventually(lambda: two.limpet.err.count("whoever started this process has gone") == 2)
        await refused(two.port)
        for node in two.nodes:
            node.free()
        assert (await answer)[0] == 200
        await eventually(lambda: not any(alive(pid) for pid in pids))


async def refused(port: int) -> None:
    """Wait until nobody listens there."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionError:
                return
            writer.close()
            await asyncio.sleep(0.01)
