"""What a scrape says is what clients and nodes have seen."""

from prometheus_client.parser import text_string_to_metric_families

from control.metrics import Metrics
from sessions.contract.messages import STORE
from sessions.contract.searching import Where
from sessions.keeping.takeovers import Move
from tests.scenarios.harness import RunningProxy, named_node, running_proxy, service, started
from tests.scenarios.test_a_user_comes_back_to_their_node import cookie_of


async def total(proxy: RunningProxy, name: str, **labels: str) -> float:
    text = b"".join([part async for part in Metrics(proxy.engine).exposition()]).decode()
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


async def test_requests_sessions_bytes_and_refusals_are_counted() -> None:
    nodes = [named_node(name) for name in "ab"]
    for node in nodes:
        await node.start()
    async with running_proxy({"shop": service([node.port for node in nodes])}) as proxy:
        sent = received = 0
        cookies = []
        for _ in range(5):
            request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            answer = await proxy.ask(request)
            cookies.append(cookie_of(answer))
            sent, received = sent + len(request), received + len(answer)
        for cookie in cookies * 2:
            request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: " + cookie + b"\r\n\r\n"
            sent, received = sent + len(request), received + len(await proxy.ask(request))
        body = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"
        sent, received = sent + len(body), received + len(await proxy.ask(body))
        assert (await proxy.ask(b"GET / HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 400 ")

        assert await total(proxy, "limpet_requests_total", code="2xx") == 16
        assert await total(proxy, "limpet_requests_total") == 16
        assert await total(proxy, "limpet_request_duration_seconds_count", service="shop") == 16
        assert await total(proxy, "limpet_routing_decisions_total", reason="new") == 6
        assert await total(proxy, "limpet_routing_decisions_total", reason="sticky") == 10
        assert await total(proxy, "limpet_affinity_total", request="N", response="I", state="L") == 6
        assert await total(proxy, "limpet_affinity_total", request="V", response="N", state="L") == 10
        assert await total(proxy, "limpet_node_sessions") == 6
        assert await total(proxy, "limpet_node_inflight") == 0
        assert await total(proxy, "limpet_bytes_total", direction="in") == sent
        assert await total(proxy, "limpet_bytes_total", direction="out") == received
        assert await total(proxy, "limpet_rejected_requests_total") == 1
        assert await total(proxy, "limpet_sessions_lost_total") == 0
    for node in nodes:
        await node.stop()


async def test_a_session_whose_node_is_gone_is_counted_as_lost_once() -> None:
    nodes = [named_node(name) for name in "ab"]
    for node in nodes:
        await node.start()
    async with running_proxy({"shop": service([node.port for node in nodes])}) as proxy:
        request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        answer = await proxy.ask(request + b"\r\n")
        await nodes["ab".index(answer[-1:].decode())].stop()
        for _ in range(3):
            again = await proxy.ask(request + b"Cookie: " + cookie_of(answer) + b"\r\n\r\n")
            assert again.startswith(b"HTTP/1.1 200 ")
            assert again[-1:] != answer[-1:]
        assert await total(proxy, "limpet_sessions_lost_total") == 1
        assert await total(proxy, "limpet_affinity_total", request="D", state="X") == 3
        assert await total(proxy, "limpet_upstream_retries_total") == 3
        assert await total(proxy, "limpet_requests_total") == 4
    for node in nodes:
        await node.stop()


async def test_nothing_is_lost_where_the_app_keeps_it_for_all_nodes() -> None:
    nodes = [named_node(name) for name in "ab"]
    shared = {"strategy": "affinity", "state": "shared"}
    async with (
        started(*nodes),
        running_proxy({"shop": service([n.port for n in nodes], sessions=shared)}) as proxy,
    ):
        told: list[Move] = []
        failovers = proxy.runtime.keeping.plain["shop"]
        failovers.moved = told.append  # type: ignore[method-assign]
        request = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        answer = await proxy.ask(request + b"\r\n")
        await nodes["ab".index(answer[-1:].decode())].stop()
        await proxy.ask(request + b"Cookie: " + cookie_of(answer) + b"\r\n\r\n")
        assert await total(proxy, "limpet_sessions_lost_total") == 0
        assert await total(proxy, "limpet_affinity_total", request="D", state="S") == 1
        assert [(move.where, move.source) for move in told] == [(Where.TAKEOVER, STORE)]


async def test_an_answer_of_limpet_itself_is_counted_without_a_node() -> None:
    async with running_proxy({"shop": service([1])}) as proxy:
        answer = await proxy.ask(
            b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        assert answer.startswith(b"HTTP/1.1 50")
        assert await total(proxy, "limpet_requests_total", node="", code="5xx") == 1
        assert await total(proxy, "limpet_requests_total") == 1
        assert await total(proxy, "limpet_bytes_total", direction="out") == len(answer)
