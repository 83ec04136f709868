"""Sessions with copies, served by two processes: a drain and the death of a worker lose nothing."""

import asyncio
import os
import signal
from pathlib import Path

from tests.control.process import PATIENCE, eventually
from tests.control.shop import counting, shop
from tests.control.test_moving_without_loss import load
from tests.control.workers.crew import SERVES

CLIENTS = 8


async def test_a_drain_and_the_death_of_a_worker(tmp_path: Path) -> None:
    sessions = {"strategy": "replication", "reconcile_interval": "1s"}
    async with shop(tmp_path, sessions, workers=2) as cluster, counting(cluster, CLIENTS) as clients:
        await asyncio.gather(*(client.add() for client in clients))
        async with load(clients):
            await cluster.api("/api/services/shop/nodes/a/drain", "POST")
            async with asyncio.timeout(PATIENCE):
                while (fact := await cluster.fact("a"))["sessions_left"] != 0 or fact["inflight"]:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            seen = [client.acknowledged for client in clients]
            await eventually(lambda: all(c.acknowledged > n + 2 for c, n in zip(clients, seen, strict=True)))
            assert [client.wrong + client.failed for client in clients] == [[]] * CLIENTS
            _, pid = SERVES.findall(cluster.limpet.err)[0]
            os.kill(int(pid), signal.SIGKILL)
            seen = [client.acknowledged for client in clients]
            await eventually(lambda: all(c.acknowledged > n + 2 for c, n in zip(clients, seen, strict=True)))
        assert [client.wrong for client in clients] == [[]] * CLIENTS
        assert await cluster.sum("limpet_sessions_lost_total") == 0
        assert await cluster.sum("limpet_session_writes_total", result="settled") > CLIENTS
        assert await cluster.sum("limpet_session_writes_total", result="conflict") == 0
