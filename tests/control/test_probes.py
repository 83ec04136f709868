"""Probes against real nodes: what each kind of answer, and of silence, is taken for."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from control.probes import Outcome, Pace, Prober, Target, probe
from tests.examples.running import free_port

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def target(url: str, **changes: object) -> Target:
    plain = Target("shop", 0, url, None, None, frozenset(range(200, 400)), 0.05, 2.0)
    return plain._replace(**changes)  # type: ignore[arg-type]


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield session


async def serving(handler: Handler) -> TestServer:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    server = TestServer(app)
    await server.start_server()
    return server


def answering(status: int, **headers: str) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=status, headers=headers)

    return handler


@pytest.mark.parametrize(
    ("status", "outcome", "why"),
    [
        (200, Outcome.PASSED, ""),
        (204, Outcome.PASSED, ""),
        (302, Outcome.PASSED, ""),
        (404, Outcome.DRAINING, "answered 404"),
        (500, Outcome.FAILED, "answered 500"),
        (401, Outcome.FAILED, "answered 401"),
    ],
)
async def test_the_status_decides(
    session: aiohttp.ClientSession, status: int, outcome: Outcome, why: str
) -> None:
    server = await serving(answering(status, Location="http://127.0.0.1:1/elsewhere"))
    assert await probe(session, target(str(server.make_url("/healthz")))) == (outcome, why)
    await server.close()


async def test_a_404_that_is_expected_passes(session: aiohttp.ClientSession) -> None:
    server = await serving(answering(404))
    asked = target(str(server.make_url("/")), expect=frozenset([404]))
    assert await probe(session, asked) == (Outcome.PASSED, "")
    await server.close()


async def test_the_path_goes_as_written_and_the_host_as_told(session: aiohttp.ClientSession) -> None:
    seen: list[tuple[str, str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append((request.method, request.raw_path, request.headers["Host"]))
        return web.Response()

    server = await serving(handler)
    url = f"http://127.0.0.1:{server.port}/he%41lth?deep=1&x=%2F"
    assert (await probe(session, target(url, host="shop.example")))[0] == Outcome.PASSED
    assert seen == [("GET", "/he%41lth?deep=1&x=%2F", "shop.example")]
    await server.close()


async def test_a_node_that_hangs_fails_in_time(session: aiohttp.ClientSession) -> None:
    release = asyncio.Event()

    async def hanging(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    server = await serving(hanging)
    asked = target(str(server.make_url("/")), timeout=0.2)
    assert await probe(session, asked) == (Outcome.FAILED, "no answer within 0.2 s")
    release.set()
    await server.close()


async def test_a_body_that_never_ends_is_not_waited_for(session: aiohttp.ClientSession) -> None:
    release = asyncio.Event()

    async def streaming(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await release.wait()
        return response

    server = await serving(streaming)
    assert await probe(session, target(str(server.make_url("/")))) == (Outcome.PASSED, "")
    release.set()
    await server.close()


async def test_nobody_there(session: aiohttp.ClientSession) -> None:
    outcome, why = await probe(session, target(f"http://127.0.0.1:{free_port()}/"))
    assert (outcome, why) == (Outcome.FAILED, "connection refused")


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 200 OK\nnonsense"])
async def test_what_is_not_http_fails_without_repeating_it(
    session: aiohttp.ClientSession, answer: bytes
) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcome, why = await probe(session, target(f"http://127.0.0.1:{port}/"))
    assert outcome == Outcome.FAILED
    assert "closed" in why or "not HTTP" in why
    assert "SSH" not in why
    server.close()


async def heard(targets: list[Target], enough: Callable[[list[tuple[Target, Outcome]]], bool]) -> None:
    """Probe until what was reported is enough."""
    reports: list[tuple[Target, Outcome]] = []
    done = asyncio.Event()

    def report(target: Target, outcome: Outcome, why: str) -> None:
        reports.append((target, outcome))
        if enough(reports):
            done.set()

    prober = Prober(targets, report)
    prober.start()
    try:
        await asyncio.wait_for(done.wait(), 60)
    finally:
        await prober.stop()


async def test_each_probe_has_a_connection_of_its_own() -> None:
    ports: set[int] = set()

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername")[1])
        return web.Response()

    server = await serving(handler)
    await heard([target(str(server.make_url("/")))], lambda reports: len(reports) >= 4)
    assert len(ports) >= 4
    await server.close()


async def test_a_unix_socket_is_probed(tmp_path: Path) -> None:
    app = web.Application()
    app.router.add_get("/healthz", answering(200))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "app.sock")).start()
    asked = target("http://localhost/healthz", socket=str(tmp_path / "app.sock"))
    await heard([asked], lambda reports: (asked, Outcome.PASSED) in reports)
    await runner.cleanup()


async def test_one_silent_node_does_not_delay_the_others() -> None:
    release = asyncio.Event()

    async def hanging(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    silent, lively = await serving(hanging), await serving(answering(200))
    targets = [
        target(str(silent.make_url("/")), timeout=4.0),
        target(str(lively.make_url("/")), node=1),
    ]
    await heard(targets, lambda reports: [item[1] for item in reports] == [Outcome.PASSED] * 3)
    release.set()
    await silent.close()
    await lively.close()


async def test_a_report_that_breaks_does_not_end_the_probing(caplog: pytest.LogCaptureFixture) -> None:
    server = await serving(answering(200))

    def enough(reports: list[tuple[Target, Outcome]]) -> bool:
        if len(reports) == 1:
            raise ValueError("planted")
        return len(reports) == 3

    await heard([target(str(server.make_url("/")))], enough)
    assert "planted" in caplog.text
    await server.close()


async def test_first_probes_are_spread_over_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[float] = []
    monkeypatch.setattr(Pace, "begin", lambda self, seconds: begun.append(seconds))
    prober = Prober([target("http://127.0.0.1:9", node=node, interval=1.0) for node in range(8)], print)
    prober.start()
    await prober.stop()
    gaps = [later - sooner for sooner, later in itertools.pairwise(sorted([*begun, 1.0]))]
    assert begun[0] == 0.0 and len(begun) == 8
    assert min(gaps) > 0.05 and max(gaps) < 0.25


class Turns:
    """A pace on a clock of its own: when it asks, where each question takes no time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)
        self.pace = Pace(target("", interval=2.0, fall=3))
        self.pace.begin(1.0)

    def asked(self, passed: bool) -> float:
        """It has been asked at this moment; in how many seconds it is next."""
        self.pace.asked(passed)
        return round(self.pace._due - self.now, 6)


async def test_a_node_at_which_requests_fail_is_asked_in_quick_succession(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    turns = Turns(monkeypatch)
    turns.pace.hurry()
    assert turns.pace._alarm.is_set()
    assert [turns.asked(False) for _ in range(2)] == [0.1, 0.1]
    turns.now += 0.1
    assert turns.asked(False) == 2.0  # as many as take it down, then as ever


async def test_one_that_passes_is_asked_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(monkeypatch)
    turns.pace.hurry()
    assert turns.asked(True) == 1.0  # when it was due anyway
    turns.now += 1.0
    assert turns.asked(True) == 2.0


async def test_hurrying_has_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(monkeypatch)
    turns.pace.hurry()
    turns.pace._alarm.clear()
    turns.now += 0.9
    turns.pace.hurry()
    assert not turns.pace._alarm.is_set()
    turns.now += 0.1
    turns.pace.hurry()
    assert turns.pace._alarm.is_set()


async def test_a_hurried_probe_comes_before_its_time() -> None:
    asked = asyncio.Event()

    async def handler(request: web.Request) -> web.Response:
        asked.set()
        return web.Response()

    server = await serving(handler)
    slow = target(str(server.make_url("/")), interval=3600.0)
    prober = Prober([slow._replace(node=1), slow._replace(url="http://127.0.0.1:1/")], lambda *told: None)
    prober.start()
    await asyncio.wait_for(asked.wait(), 60)  # the first of all is at once
    asked.clear()
    assert prober.hurry("shop", 1)
    await asyncio.wait_for(asked.wait(), 60)
    assert not prober.hurry("shop", 7)
    await prober.stop()
    await server.close()
