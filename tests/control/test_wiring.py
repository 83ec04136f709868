"""Every option of the file reaches the object that goes by it."""

from pathlib import Path
from typing import cast

import pytest

from config.log_settings import AccessLog
from config.settings import Settings
from control.line_writer import LineWriter
from control.probes import Target
from control.runtime import Runtime, build
from control.wiring import access_log
from routing.view import NodeView
from tests.control.settings import SECRET, runtime, service
from tests.control.test_access_log import RECORD


def built(settings: Settings) -> Runtime:
    return build(settings, [SECRET], lambda timer, error: None)


def test_limits_and_timeouts() -> None:
    limits = {
        "head": "2KiB",
        "headers": 5,
        "line": 512,
        "body": 7,
        "body_rate": 8,
        "connections": 9,
        "connections_per_address": 3,
        "pipeline": 2048,
    }
    engine = runtime(
        limits=limits, timeouts={"head": 1, "body_idle": 2, "write_idle": 3, "keep_alive": 4}
    ).engine
    assert [getattr(engine.limits, name) for name in limits] == [2048, 5, 512, 7, 8, 9, 3, 2048]
    kept = engine.timeouts
    assert (kept.head, kept.body_idle, kept.write_idle, kept.keep_alive) == (1, 2, 3, 4)


def test_a_service_s_options() -> None:
    options = service(
        timeouts={"connect": 1, "response": 2, "idle": 3},
        queue={"length": 4, "timeout": 5},
        pool={"idle": 6, "keep_alive": 7},
        retries={"tries": 8, "buffer": 9},
    )
    kept = runtime({"shop": options}).engine.services["shop"].options
    assert (kept.connect_timeout, kept.response_timeout, kept.idle_timeout) == (1, 2, 3)
    assert (kept.queue_length, kept.queue_timeout) == (4, 5)
    assert (kept.pool_idle, kept.pool_keep_alive) == (6, 7)
    assert (kept.tries, kept.replay_limit) == (8, 9)


def test_no_budget_allows_no_retry() -> None:
    shop = runtime({"shop": service(retries={"budget": 0})}).engine.services["shop"]
    assert not shop.budget.allow(1.0)
    assert runtime().engine.services["shop"].budget.allow(1.0)


def test_nodes() -> None:
    nodes = [
        {"name": "a", "url": "http://[::1]:9001", "weight": 3, "max_connections": 5},
        {"name": "b", "url": "unix:/run/b.sock", "backup": True},
    ]
    shop = runtime({"shop": {"nodes": nodes}}).engine.services["shop"]
    a, b = (node.address for node in shop.nodes)
    assert (a.host, a.port, a.path, a.max_connections) == ("::1", 9001, "", 5)
    assert (b.path, b.max_connections) == ("/run/b.sock", None)
    assert shop.router.view.nodes == (NodeView("a", weight=3, share=3.0), NodeView("b", backup=True))


def test_balance_and_strictness() -> None:
    options = service(balance={"points": 20, "bounded_load": 2.0}, on_unavailable="strict")
    view = runtime({"shop": options}).engine.services["shop"].router.view
    assert (view.bounded_load, view.strict) == (2.0, True)
    assert runtime().engine.services["shop"].router.view.strict is False


def test_health_and_ejection() -> None:
    options = service(
        health={"fall": 4, "rise": 5, "slow_start": 6}, ejection={"failures": 7, "base": 8, "longest": 9}
    )
    rules = runtime({"shop": options}).cluster.watches["shop"].health._rules
    assert (rules.fall, rules.rise, rules.slow_start) == (4, 5, 6.0)
    assert (rules.failures, rules.base, rules.longest) == (7, 8.0, 9.0)


def targets(**health: object) -> list[Target]:
    nodes = [{"name": "a", "url": "http://[::1]:9001"}, {"name": "b", "url": "unix:/run/b.sock"}]
    running = runtime({"shop": {"nodes": nodes, "health": health}})
    return list(running.cluster._prober._targets.values())


def test_nothing_is_probed_without_a_path() -> None:
    assert targets() == []


def test_probes() -> None:
    a, b = targets(path="/up?x=1", host="shop.example", expect=[200, "300-301"], interval=3, timeout=1)
    assert (a.service, a.node, a.url, a.socket) == ("shop", 0, "http://[::1]:9001/up?x=1", None)
    assert (a.host, a.expect, a.interval, a.timeout) == ("shop.example", {200, 300, 301}, 3, 1)
    assert (b.node, b.url, b.socket) == (1, "http://localhost/up?x=1", "/run/b.sock")


def test_probes_of_another_port() -> None:
    a, b = targets(path="/up", port=7000)
    assert (a.url, a.socket) == ("http://[::1]:7000/up", None)
    assert (b.url, b.socket) == ("http://127.0.0.1:7000/up", None)


@pytest.mark.parametrize(
    ("affinity", "cookie"),
    [
        ({}, "limpet_shop"),
        ({"cookie": "mine"}, "mine"),
        ({"mode": "wrap", "cookie": "JSESSIONID"}, "JSESSIONID"),
        ({"mode": "wrap", "header": "Mcp-Session-Id"}, ""),
        ({"mode": "none"}, ""),
    ],
)
def test_sessions_are_known_by_what_the_file_says(affinity: dict[str, str], cookie: str) -> None:
    running = runtime({"shop": service(affinity=affinity)})
    assert running.cookies == {"shop": cookie}
    header = affinity.get("header", "").lower().encode()
    assert running.engine.services["shop"].affinity.header == header


def test_the_cookie_s_attributes() -> None:
    affinity = {"same_site": "none", "secure": "always", "max_age": "1h", "domain": "shop.example"}
    shop = runtime({"shop": service(affinity=affinity)}).engine.services["shop"].affinity
    answer = shop.answer(shop.visit(b"", b"", 1000), "A" * 22, 0, [], b"", 1000, False)
    attributes = {part.strip() for part in answer.set_cookies[0].split(b";")}
    assert {b"SameSite=None", b"Secure", b"Max-Age=3600", b"Domain=shop.example"} <= attributes


def test_a_token_only_when_the_app_wrote() -> None:
    shop = runtime({"shop": service(affinity={"set_token": "when_written"})}).engine.services["shop"].affinity
    visit = shop.visit(b"", b"", 1000)
    assert shop.quiet(visit, 0, 1000)
    assert len(shop.answer(visit, "A" * 22, 0, [b"x=1"], b"", 1000, False).set_cookies) == 2


def test_ages_of_tokens() -> None:
    shop = (
        runtime({"shop": service(affinity={"idle": "10s", "lifetime": "60s"})})
        .engine.services["shop"]
        .affinity
    )
    answer = shop.answer(shop.visit(b"", b"", 1000), "A" * 22, 0, [], b"", 1000, False)
    cookie = answer.set_cookies[0].partition(b";")[0]
    assert [shop.visit(cookie, b"", 1000 + age).flag.name for age in (0, 9, 10, 60)] == ["V", "V", "E", "E"]


def test_routes() -> None:
    routes = [
        {"service": "shop"},
        {"service": "mail", "host": "*.mail.example", "path": "/m", "strip_prefix": True},
    ]
    edits = {"set": {"X-Set": "1"}, "remove": ["X-Gone"]}
    routes[1] |= {"request_headers": edits, "response_headers": edits}
    engine = runtime({"shop": service(), "mail": service()}, routes=routes).engine
    found, other = (
        engine.routes.find(b"a.mail.example", b"/m/x"),
        engine.routes.find(b"mail.example", b"/m/x"),
    )
    assert found is not None
    assert other is not None
    assert (found.service.name, found.target(b"/m/x"), other.service.name) == ("mail", b"/x", "shop")
    assert other.target(b"/m/x") == b"/m/x"
    for edit in (found.request_edit, found.response_edit):
        assert edit.apply([(b"x-gone", b""), (b"A", b"b")]) == [(b"A", b"b"), (b"X-Set", b"1")]


def test_forwarding() -> None:
    forwarded = {"style": "forwarded", "trusted_proxies": ["192.0.2.0/24"], "via": "me", "request_id": "X-Id"}
    engine = runtime(forwarded=forwarded).engine
    assert (engine.forwarding.via, engine.forwarding.request_id) == (b"me", b"X-Id")
    assert engine.forwarding.peer("192.0.2.9").trusted
    assert not engine.forwarding.peer("198.51.100.1").trusted
    assert b"limpet" not in engine.forwarding.via


def test_error_pages(tmp_path: Path) -> None:
    (tmp_path / "e.html").write_text("<h1>{status}</h1>")
    (tmp_path / "e.json").write_text('{"code": {status}}')
    pages = {"html": str(tmp_path / "e.html"), "json": str(tmp_path / "e.json")}
    engine = runtime(error_pages=pages).engine
    assert engine.error_pages.render(503, "", b"text/html", b"")[1] == b"<h1>503</h1>"
    assert engine.error_pages.render(503, "", b"*/*", b"")[1] == b'{"code": 503}'


def test_the_byte_path_tells_the_watch_and_hears_of_it() -> None:
    running = runtime({"shop": service(ejection={"failures": 1})})
    shop = running.engine.services["shop"]
    shop.watcher.request_failed(0, "connect_failed")
    assert shop.router.view.nodes[0].state.name == "DOWN"
    assert shop.watcher.suspicious is running.cluster.watches["shop"].health.suspicious


class Lines:
    """In place of the writer."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        self.lines.append(line)


@pytest.mark.parametrize(
    ("log", "lines"),
    [
        ({"format": "json"}, [b"{"] * 9),
        ({"format": "text"}, [b"2"] * 9),
        ({"format": "text", "sample": 0}, []),
        ({"format": "off"}, []),
    ],
)
def test_the_access_log(log: dict[str, object], lines: list[bytes]) -> None:
    written = Lines()
    made = access_log(AccessLog.model_validate(log), cast(LineWriter, written), str)
    for _ in range(9):
        made(RECORD) if made else None
    assert [line[:1] for line in written.lines] == lines


def test_a_secret_more_opens_old_tokens() -> None:
    settings = Settings.model_validate({"services": {"shop": service()}, "routes": [{"service": "shop"}]})
    old = build(settings, [b"the old secret, long enough"], lambda timer, error: None)
    both = build(settings, [SECRET, b"the old secret, long enough"], lambda timer, error: None)
    shop = old.engine.services["shop"].affinity
    cookie = shop.answer(shop.visit(b"", b"", 1000), "A" * 22, 0, [], b"", 1000, False).set_cookies[0]
    visit = both.engine.services["shop"].affinity.visit(cookie.partition(b";")[0], b"", 1000)
    assert (visit.session_id, visit.pin) == ("A" * 22, 0)
    assert built(settings).engine.services["shop"].affinity.visit(cookie, b"", 1000).pin == -1
