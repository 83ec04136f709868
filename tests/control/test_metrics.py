"""The metrics: their names, their sums, and that no scrape holds the byte path up."""

import asyncio
import gc
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from control.metric_steps import STEP
from control.metrics import Metrics
from control.probes import Outcome
from control.reload import Loading
from control.runtime import Runtime
from tests.control.settings import runtime, service

ROOT = Path(__file__).parent.parent.parent

NAMES = {
    "limpet_requests",
    "limpet_request_duration_seconds",
    "limpet_routing_decisions",
    "limpet_affinity",
    "limpet_sessions_lost",
    "limpet_node_up",
    "limpet_node_state",
    "limpet_node_sessions",
    "limpet_node_inflight",
    "limpet_node_queue",
    "limpet_upstream_retries",
    "limpet_rejected_requests",
    "limpet_connections",
    "limpet_connections_limit",
    "limpet_loop_delay_seconds",
    "limpet_loop_stall_seconds",
    "limpet_bytes",
    "limpet_workers",
    "limpet_worker_restarts",
    "limpet_build_info",
    "limpet_trace_spans",
    "limpet_certificate_expiry_timestamp_seconds",
    "limpet_config_last_reload_success",
    "limpet_discovery_last_success_timestamp_seconds",
    "limpet_discovery_nodes",
    "limpet_discovery_up",
    "limpet_session_writes",
    "limpet_session_ends",
    "limpet_session_moves",
    "limpet_session_searches",
    "limpet_sessions_stale",
    "limpet_session_conflicts",
    "limpet_sessions_unprotected",
    "limpet_session_copies",
    "limpet_session_search_seconds",
    "limpet_replication_seconds",
    "limpet_replication_bytes",
    "limpet_replication_lag_seconds",
    "limpet_replication_lag_bytes",
    "limpet_node_sessions_left",
    "limpet_store_up",
}


async def text_of(running: Runtime) -> str:
    return b"".join([part async for part in Metrics(running.engine, running.keeping).exposition()]).decode()


async def samples_of(running: Runtime) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(await text_of(running))
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


async def value(running: Runtime, name: str, **labels: str) -> float:
    return (await samples_of(running))[name, tuple(sorted(labels.items()))]


async def test_every_name_is_there_before_anything_happened() -> None:
    families = list(text_string_to_metric_families(await text_of(runtime())))
    assert {family.name for family in families if family.name.startswith("limpet_")} == NAMES


async def test_each_family_is_introduced_once_however_many_steps_it_takes() -> None:
    text = await text_of(
        runtime({f"s{i}": service("abcdefgh") for i in range(40)}, routes=[{"service": "s0"}])
    )
    introductions = [line for line in text.splitlines() if line.startswith("# TYPE limpet_")]
    assert len(introductions) == len(set(introductions)) == len(NAMES)
    assert text.count("limpet_node_state{") == 40 * 8 * 5
    assert text.count("limpet_request_duration_seconds_bucket{") == 40 * 15


async def test_requests_add_up_to_all_exchanges() -> None:
    running = runtime()
    shop = running.engine.services["shop"]
    shop.nodes[0].counters.answers[:] = [1, 2, 3, 4, 5, 6]
    shop.counters.refused[:] = [0, 0, 0, 0, 7, 8]
    found = {
        (dict(labels)["node"], dict(labels)["code"]): number
        for (name, labels), number in (await samples_of(running)).items()
        if name == "limpet_requests_total" and number
    }
    assert found == {
        ("a", "none"): 1,
        ("a", "1xx"): 2,
        ("a", "2xx"): 3,
        ("a", "3xx"): 4,
        ("a", "4xx"): 5,
        ("a", "5xx"): 6,
        ("", "4xx"): 7,
        ("", "5xx"): 8,
    }


async def test_durations_are_cumulative() -> None:
    running = runtime()
    counters = running.engine.services["shop"].counters
    counters.durations[0], counters.durations[3], counters.durations[-1] = 5, 2, 1
    counters.duration_sum = 60.5
    name = "limpet_request_duration_seconds"
    assert await value(running, f"{name}_bucket", service="shop", le="0.001") == 5
    assert await value(running, f"{name}_bucket", service="shop", le="0.01") == 7
    assert await value(running, f"{name}_bucket", service="shop", le="30.0") == 7
    assert await value(running, f"{name}_bucket", service="shop", le="+Inf") == 8
    assert await value(running, f"{name}_count", service="shop") == 8
    assert await value(running, f"{name}_sum", service="shop") == 60.5


async def test_states() -> None:
    running = runtime()
    running.cluster.watches["shop"].probed(1, Outcome.FAILED, "x")
    running.cluster.watches["shop"].probed(2, Outcome.DRAINING, "x")
    ups = [await value(running, "limpet_node_up", service="shop", node=name) for name in "abc"]
    assert ups == [1, 0, 1]
    for name, state in zip("abc", ("up", "down", "drain"), strict=True):
        assert await value(running, "limpet_node_state", service="shop", node=name, state=state) == 1
    total = sum(
        number for (name, _), number in (await samples_of(running)).items() if name == "limpet_node_state"
    )
    assert total == 3


async def test_what_the_byte_path_counts_is_what_is_shown() -> None:
    running = runtime()
    shop, counters = running.engine.services["shop"], running.engine.counters
    shop.inflight[2] = 4
    shop.nodes[2].sightings.see("one")
    shop.counters.decisions[1] = 5
    shop.counters.affinity[3, 2, 0] = 6
    shop.counters.lost, shop.counters.retries = 7, 8
    shop.counters.bytes_in, shop.counters.bytes_out = 9, 10
    counters.connections = 11
    counters.reject("head_timeout")
    assert await value(running, "limpet_node_inflight", service="shop", node="c") == 4
    assert await value(running, "limpet_node_sessions", service="shop", node="c") == 1
    assert await value(running, "limpet_routing_decisions_total", service="shop", reason="failover") == 5
    labels = {"request": "V", "response": "U", "state": "L"}
    assert await value(running, "limpet_affinity_total", service="shop", **labels) == 6
    assert await value(running, "limpet_sessions_lost_total", service="shop") == 7
    assert await value(running, "limpet_upstream_retries_total", service="shop") == 8
    assert await value(running, "limpet_bytes_total", service="shop", direction="in") == 9
    assert await value(running, "limpet_bytes_total", service="shop", direction="out") == 10
    assert await value(running, "limpet_connections") == 11
    assert await value(running, "limpet_connections_limit") == 10_000
    assert await value(running, "limpet_rejected_requests_total", reason="head_timeout") == 1


async def test_a_failed_reload_shows() -> None:
    loading = Loading("proxy.yaml", 7.0, 7.0)
    loading.note(8.0, "SIGHUP", ["proxy.yaml:1: is wrong"])
    metrics = Metrics(runtime().engine, loading=loading)
    text = b"".join([part async for part in metrics.exposition()]).decode()
    assert "limpet_config_last_reload_success 0.0" in text
    assert "limpet_config_last_reload_success_timestamp_seconds 7.0" in text


async def test_no_step_is_larger_than_its_bound() -> None:
    running = runtime({"shop": service("abcdefghijklmnopqrstuvwxyz")})
    assert max(len(metric.samples) for metric in Metrics(running.engine, running.keeping).collect()) <= STEP


async def test_a_scrape_of_200_nodes_lets_others_run_in_between() -> None:
    names = "abcdefghij"
    running = runtime({f"s{i}": service(names) for i in range(20)}, routes=[{"service": "s0"}])
    longest, turns, scraping = 0.0, 0, True

    async def bystander() -> None:
        nonlocal longest, turns
        while scraping:
            begun = time.thread_time()
            await asyncio.sleep(0)
            longest = max(longest, time.thread_time() - begun)
            turns += 1

    gc.disable()  # it would look through all that the tests before have left, just here
    try:
        watching = asyncio.create_task(bystander())
        await asyncio.sleep(0)
        parts = [part async for part in Metrics(running.engine, running.keeping).exposition()]
        scraping = False
        await watching
    finally:
        gc.enable()
    assert turns >= len(parts) > 20
    assert longest < 0.01  # of CPU, not of the clock: the machine may be busy with something else


@pytest.mark.parametrize("reason", ['a"b', "a\nb"])
async def test_a_label_cannot_break_the_format(reason: str) -> None:
    running = runtime()
    running.engine.counters.reject(reason)
    assert await value(running, "limpet_rejected_requests_total", reason=reason) == 1
