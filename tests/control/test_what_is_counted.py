"""Each metric of how sessions are kept moves when what it counts happens, to real processes."""

import asyncio
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.control.process import PATIENCE
from tests.control.shop import Counter, Shop, counting, shop
from tests.control.stack import kept, stack
from tests.sessions.stores.processes import RedisProcess

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"
CLIENTS = 12
QUICK: dict[str, Any] = {"strategy": "replication", "reconcile_interval": "1s", "give_up": "1s"}
FIXED = """requests_total{service,node,code} request_duration_seconds{service}
    routing_decisions_total{service,reason} affinity_total{service,request,response,state}
    session_writes_total{service,result} session_moves_total{service,source} sessions_lost_total{service}
    sessions_stale_total{service} session_conflicts_total{service} sessions_unprotected{service}
    session_copies{service,copies} replication_seconds{service} replication_bytes_total{service,target}
    node_up{service,node} node_state{service,node,state} node_sessions{service,node}
    node_inflight{service,node} upstream_retries_total{service} rejected_requests_total{reason}
    store_up{store} connections bytes_total{service,direction} build_info config_last_reload_success"""


async def until(value: Callable[[], Awaitable[float]], wanted: float) -> None:
    """Wait until a metric has this value."""
    async with asyncio.timeout(PATIENCE):
        while (seen := await value()) != wanted:  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.05)
    assert seen == wanted


async def with_copies(cluster: Shop) -> float:
    """Sessions that have one, or two: the next node is asked as well where the first takes its time."""
    return sum([await cluster.sum("limpet_session_copies", copies=many) for many in ("1", "2+")])


async def add(clients: list[Counter]) -> None:
    await asyncio.gather(*(client.add() for client in clients))


async def ended(cluster: Shop) -> dict[str, dict[str, str]]:
    """Stop Limpet: it tells of the failovers that are not over yet; each line by its node."""
    cluster.limpet.signal(signal.SIGTERM)
    await cluster.limpet.ended()
    lines = [
        dict(re.findall(r"(\w+)=(\S+)", line)) for line in re.findall(r"failover: .*", cluster.limpet.err)
    ]
    assert len({line["node"] for line in lines}) == len(lines), "one event for each"
    return {line["node"]: line for line in lines}


async def most_serving(cluster: Shop) -> tuple[int, str]:
    """How many sessions that node serves, when the lists have told of all, and its name."""
    async with asyncio.timeout(PATIENCE):
        while True:
            facts = (await cluster.api("/api/nodes"))["nodes"]
            if sum(fact["sessions_served"] for fact in facts) == CLIENTS:
                return max((fact["sessions_served"], fact["node"]) for fact in facts)
            await asyncio.sleep(0.05)


async def test_writes_copies_and_a_failover(tmp_path: Path) -> None:
    async with shop(tmp_path, QUICK) as cluster, counting(cluster, CLIENTS) as clients:
        for _ in range(3):
            await add(clients)
        assert await cluster.sum("limpet_session_writes_total", result="settled") == 3 * CLIENTS
        assert await cluster.sum("limpet_replication_seconds_count") == 3 * CLIENTS
        assert await cluster.sum("limpet_replication_bytes_total") > 3 * CLIENTS * len('{"count":1}')
        assert await cluster.sum("limpet_session_moves_total") == 0
        await until(lambda: with_copies(cluster), CLIENTS)
        served, victim = await most_serving(cluster)
        cluster.nodes["abc".index(victim)].kill()
        await cluster.until_states(**{victim: "down"})
        assert await cluster.sum("limpet_node_up", node=victim) == 0
        assert await cluster.sum("limpet_node_state", node=victim, state="down") == 1
        await add(clients)
        assert await cluster.sum("limpet_session_moves_total", source="nobody") == 0
        assert await cluster.sum("limpet_session_moves_total") == served
        assert await cluster.sum("limpet_session_searches_total", result="takeover") == served
        assert await cluster.sum("limpet_session_search_seconds_count") >= served
        assert await cluster.sum("limpet_affinity_total", request="D", state="P") == served
        await until(lambda: with_copies(cluster), CLIENTS)  # homed anew
        assert await cluster.sum("limpet_sessions_lost_total") == 0
        event = (await ended(cluster))[victim]
    facts = [event[key] for key in ("service", "cause", "served", "moved", "new", "stale", "lost")]
    assert facts == ["shop", "down", str(served), str(served), "0", "0", "0"]
    assert int(event["from_itself"]) + int(event["from_peers"]) == served


async def test_writes_without_copies_and_what_is_lost_with_them(tmp_path: Path) -> None:
    async with shop(tmp_path, QUICK, count=2) as cluster, counting(cluster, CLIENTS) as clients:
        cluster.nodes[1].kill()
        await cluster.until_states(b="down")
        for _ in range(2):
            await add(clients)
        assert await cluster.sum("limpet_session_writes_total", result="unprotected") == 2 * CLIENTS
        assert await cluster.sum("limpet_sessions_unprotected") == CLIENTS
        await until(lambda: cluster.sum("limpet_session_copies", copies="0"), CLIENTS)
        assert await cluster.sum("limpet_sessions_unprotected") == CLIENTS
        cluster.nodes[0].kill()
        await cluster.until_states(a="down")
        cluster.nodes[1].start()
        await cluster.until_states(b="up")
        await asyncio.gather(*(begin_anew(client) for client in clients))
        assert await cluster.sum("limpet_sessions_lost_total") == CLIENTS
        assert await cluster.sum("limpet_session_moves_total", source="nobody") == CLIENTS
        assert await cluster.sum("limpet_affinity_total", state="X") == CLIENTS
        event = (await ended(cluster))["a"]
    assert (event["served"], event["lost"]) == (str(CLIENTS), str(CLIENTS))


async def test_what_nodes_without_the_contract_take_with_them(tmp_path: Path) -> None:
    plain: dict[str, Any] = {"strategy": "affinity"}
    async with shop(tmp_path, plain, count=2, plain="ab") as cluster, counting(cluster, CLIENTS) as clients:
        await add(clients)
        facts = (await cluster.api("/api/nodes"))["nodes"]
        served, victim = max((fact["sessions"], fact["node"]) for fact in facts)
        cluster.nodes["ab".index(victim)].kill()
        await cluster.until_states(**{victim: "down"})
        for _ in range(2):
            await add(clients)
        assert await cluster.sum("limpet_sessions_lost_total") == served > 0
        assert await cluster.sum("limpet_affinity_total", request="D", state="X") == served
        event = (await ended(cluster))[victim]
    assert [event[key] for key in ("served", "moved", "lost")] == [str(served)] * 3


async def begin_anew(client: Counter) -> None:
    """503 until the nodes that are gone have been given up."""
    before = client.acknowledged
    async with asyncio.timeout(PATIENCE):
        while client.acknowledged == before:
            await client.add()


async def test_older_copies_are_told_of_as_stale(tmp_path: Path) -> None:
    async with shop(tmp_path, QUICK, count=2) as cluster, counting(cluster, CLIENTS) as clients:
        await add(clients)  # one copy each
        cluster.nodes[1].process.send_signal(signal.SIGSTOP)
        await cluster.until_states(b="down")
        await asyncio.gather(*(begin_anew(client) for client in clients))  # those of b first wait for it
        cluster.nodes[0].kill()
        await cluster.until_states(a="down")
        cluster.nodes[1].process.send_signal(signal.SIGCONT)
        await cluster.until_states(b="up")
        assert [client.acknowledged for client in clients] == [2] * CLIENTS
        await asyncio.gather(*(begin_again(client) for client in clients))
        assert await cluster.sum("limpet_sessions_stale_total") == CLIENTS
        assert await cluster.sum("limpet_sessions_lost_total") == 0
        assert (await ended(cluster))["a"]["stale"] == str(CLIENTS)


async def begin_again(client: Counter) -> None:
    """From the copy, which has counted to one."""
    async with asyncio.timeout(PATIENCE):
        while not client.wrong:
            await client.add()
    assert client.acknowledged == 2


async def test_a_drain_counts_what_is_left(tmp_path: Path) -> None:
    slowly = {**QUICK, "move_rate": 4, "replicas": 2}
    async with shop(tmp_path, slowly) as cluster, counting(cluster, CLIENTS) as clients:
        await add(clients)
        served, busiest = await most_serving(cluster)
        await until(lambda: cluster.sum("limpet_session_copies", copies="2+"), CLIENTS)
        await cluster.api(f"/api/services/shop/nodes/{busiest}/drain", "POST", {})
        async with asyncio.timeout(PATIENCE):
            while not await cluster.sum("limpet_node_sessions_left", node=busiest):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await until(lambda: cluster.sum("limpet_node_sessions_left", node=busiest), 0)
        assert await cluster.sum("limpet_node_state", node=busiest, state="drain") == 1
        await add(clients)
        assert await cluster.sum("limpet_session_moves_total") == served


async def test_ends_and_conflicts(tmp_path: Path) -> None:
    """Two proxies that know one node each, and share a file: two nodes write at once."""
    sessions = {"strategy": "store", "store": "local", "sticky": False}
    stores = {"local": {"embedded": str(tmp_path / "sessions.db")}}
    (tmp_path / "other").mkdir()
    async with (
        stack(tmp_path, [kept()], sessions, stores=stores) as here,
        stack(tmp_path / "other", [kept()], sessions, stores=stores) as there,
    ):
        client, other = here.client(), there.client()
        await client.get("/add")
        token = client.cookie
        answers = await asyncio.gather(client.get("/slow"), other.get("/slow", cookie=token))
        assert sorted(status for status, _ in answers) == [200, 503]
        counted = [
            (
                await each.metric("limpet_session_conflicts_total"),
                await each.metric("limpet_session_writes_total", result="conflict"),
            )
            for each in (here, there)
        ]
        assert sorted(counted) == [(0, 0), (1, 1)]
        assert await there.metric("limpet_session_moves_total", source="store") == 1
        assert (await client.get("/", cookie=token))[1]["session"] == {"count": 2}
        await client.get("/end")
        assert await here.metric("limpet_session_ends_total", result="settled") == 1
        assert (await other.get("/", cookie=token))[1]["session"] == {}


async def test_writes_whose_copies_are_made_good(tmp_path: Path) -> None:
    async with shop(tmp_path, QUICK, count=2) as cluster, counting(cluster, CLIENTS) as clients:
        cluster.nodes[1].kill()
        await cluster.until_states(b="down")
        for _ in range(2):
            await add(clients)
        assert await cluster.sum("limpet_sessions_unprotected") == CLIENTS
        cluster.nodes[1].start()
        await until(lambda: cluster.sum("limpet_sessions_unprotected"), 0)  # no client has asked for anything
        assert await with_copies(cluster) == CLIENTS


async def test_a_store_that_is_away(tmp_path: Path) -> None:
    redis = RedisProcess(tmp_path / "redis", "--save", "", "--appendonly", "yes")
    try:
        sessions, stores = {"strategy": "store", "store": "main"}, {"main": {"redis": redis.url}}
        async with stack(tmp_path, [kept() for _ in "ab"], sessions, stores=stores) as here:
            client = here.client()
            assert (await client.get("/add"))[0] == 200
            assert await here.metric("limpet_store_up", store="main") == 1
            assert await here.metric("limpet_replication_bytes_total", target="store main") > 0
            redis.stop()
            assert (await client.get("/add"))[1]["session"] == {"count": 2}, "nobody is logged out"
            assert await here.metric("limpet_store_up", store="main") == 0
            assert await here.metric("limpet_sessions_unprotected") == 1
            redis.start()
            await until(lambda: here.metric("limpet_store_up", store="main"), 1)
            await until(lambda: here.metric("limpet_sessions_unprotected"), 0)  # its node was asked for it
            assert (await client.get("/add"))[1]["session"] == {"count": 3}
            assert here.limpet.err.count(" is down: ") == here.limpet.err.count(" answers again") == 1
    finally:
        redis.stop()


async def test_what_is_documented_is_what_there_is(tmp_path: Path) -> None:
    sessions, stores = {"strategy": "store", "store": "local"}, {"local": {"embedded": "sessions.db"}}
    async with stack(tmp_path, [kept()], sessions, stores=stores) as here:
        assert (await here.client().get("/add"))[0] == 200
        families = list(text_string_to_metric_families(await here.exposition()))
    table = OPERATING.read_text().split("| metric | |")[1].split("\n\n")[0]
    documented = dict(re.findall(r"^\| `(limpet_\w+)((?:\{[\w,]+\})?)`", table, re.M))
    documented["limpet_replication_lag_bytes"] = "{service}"  # `..._bytes`, in one row with the seconds
    assert {f"limpet_{name}" for name in FIXED.split()} <= {
        *map("".join, documented.items()),
        "limpet_build_info",
    }
    found = {family.name: family for family in families if family.name.startswith("limpet_")}
    named = {name.removesuffix("_total"): labels for name, labels in documented.items()}
    assert named.keys() == found.keys()
    for name, labels in named.items():
        for sample in found[name].samples:
            assert sample.labels.keys() - {"le"} == set(re.findall(r"\w+", labels)), name
