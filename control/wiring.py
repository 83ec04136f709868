"""From settings to the objects that run: each gets the few values it needs, and none the settings."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from config import settings as file
from config.addresses import NodeUrl
from control.access_log import AccessLog
from control.cluster import Cluster, Watch
from control.failovers import lost_with
from control.keeping import Keeping
from control.line_writer import LineWriter
from control.probes import Target
from control.session_wiring import keep
from control.stores import Stores, make_stores
from proxy.engine import Engine
from proxy.error_pages import ErrorPages
from proxy.forwarding import Forwarding
from proxy.options import Limits, ServiceOptions, Timeouts
from proxy.routes import HeaderEdit, Route
from proxy.service import Service
from proxy.upstream import NodeAddress
from proxy.wheel import Timer
from routing.budget import RetryBudget
from routing.health import HealthRules, ServiceHealth
from routing.router import Router
from routing.table import RouteTable, Rule
from routing.view import NodeView, service_view
from sessions.affinity import Affinity, AffinityOptions, make_affinity
from sessions.token import Sealer


class Runtime(NamedTuple):
    """What runs. `cookies`: by service, the cookie that its sessions are known by, "" where there is none."""

    engine: Engine
    cluster: Cluster
    cookies: dict[str, str]
    keeping: Keeping


def build(
    settings: file.Settings, secrets: Sequence[bytes], failed: Callable[[Timer, Exception], None]
) -> Runtime:
    """Everything but listeners and logs; nothing is opened. `failed` hears of timers that break.

    Raises StoreError where a store's certificates cannot be read.
    """
    affinities = {
        name: make_affinity(
            _affinity_options(service.affinity), Sealer(secrets, name, [node.name for node in service.nodes])
        )
        for name, service in settings.services.items()
    }
    engine = Engine(
        _limits(settings.limits),
        _timeouts(settings.timeouts),
        _forwarding(settings.forwarded),
        _error_pages(settings.error_pages),
        frozenset(affinity.header for affinity in affinities.values() if affinity.header),
        failed,
    )
    watches = {name: _watch(name, service) for name, service in settings.services.items()}
    for name, service in settings.services.items():
        engine.services[name] = _service(name, service, engine, affinities[name], watches[name])
        watches[name].lead(engine.services[name])
    engine.routes = RouteTable([_rule(route, engine) for route in settings.routes])
    targets = [target for name, service in settings.services.items() for target in _targets(name, service)]
    cookies = {name: _cookie(name, service.affinity) for name, service in settings.services.items()}
    cluster = Cluster(list(watches.values()), targets)
    return Runtime(engine, cluster, cookies, _keeping(settings, engine, watches))


def _keeping(settings: file.Settings, engine: Engine, watches: Mapping[str, Watch]) -> Keeping:
    """Who keeps the sessions of the services that use the contract; their exchanges ask it from now on."""
    stores = Stores(make_stores(settings))
    kept = {
        name: keep(name, service, settings.node_keys[0].encode(), stores, watches[name])
        for name, service in settings.services.items()
        if service.sessions.uses_contract
    }
    for name, each in kept.items():
        engine.services[name].keeper = each.keeper
    plain = [
        (watch, lost_with(engine.services[name], watch))
        for name, watch in watches.items()
        if name not in kept
    ]
    return Keeping(kept, stores, plain)


def access_log(log: file.AccessLog, writer: LineWriter, pseudonym: Callable[[str], str]) -> AccessLog | None:
    """What the byte path calls with each ended exchange; None where nothing is logged."""
    if log.format == "off":
        return None
    return AccessLog(log.format, log.sample, writer, pseudonym, random.random)


def _limits(limits: file.Limits) -> Limits:
    return Limits(
        head=limits.head,
        headers=limits.headers,
        line=limits.line,
        body=limits.body,
        body_rate=limits.body_rate,
        connections=limits.connections,
        connections_per_address=limits.connections_per_address,
        pipeline=limits.pipeline,
    )


def _timeouts(timeouts: file.Timeouts) -> Timeouts:
    return Timeouts(
        timeouts.head, timeouts.body_idle, timeouts.write_idle, timeouts.keep_alive, timeouts.handshake
    )


def _forwarding(forwarded: file.Forwarded) -> Forwarding:
    return Forwarding(forwarded.style, forwarded.trusted_proxies, forwarded.via, forwarded.request_id)


def _error_pages(pages: file.ErrorPages) -> ErrorPages:
    html, json_text = (
        Path(path).read_text(encoding="utf-8") if path else None for path in (pages.html, pages.json_file)
    )
    return ErrorPages(html, json_text)


def _affinity_options(affinity: file.Affinity) -> AffinityOptions:
    return AffinityOptions(
        mode=affinity.mode.value,
        cookie=affinity.cookie or "",
        header=affinity.header or "",
        idle=affinity.idle,
        lifetime=affinity.lifetime,
        same_site=affinity.same_site,
        secure=affinity.secure,
        max_age=affinity.max_age,
        domain=affinity.domain or "",
        set_token=affinity.set_token,
    )


def _cookie(service: str, affinity: file.Affinity) -> str:
    """The name by which a browser knows a session of this service."""
    if affinity.mode is file.AffinityMode.ISSUE:
        return affinity.cookie or f"limpet_{service}"
    return affinity.cookie or ""


def _watch(name: str, service: file.Service) -> Watch:
    nodes = tuple(
        NodeView(node.name, weight=node.weight, share=float(node.weight), backup=node.backup)
        for node in service.nodes
    )
    balance = service.balance
    view = service_view(
        name,
        nodes,
        balance.points,
        balance.bounded_load,
        strict=service.on_unavailable == "strict",
        contract=service.sessions.uses_contract,
        sticky=service.sessions.sticky,
    )
    rules = HealthRules(
        fall=service.health.fall,
        rise=service.health.rise,
        failures=service.ejection.failures,
        base=service.ejection.base,
        longest=service.ejection.longest,
        slow_start=service.health.slow_start,
        contract=service.sessions.uses_contract,
    )
    return Watch(ServiceHealth(view, rules, time.monotonic()))


def _service(name: str, service: file.Service, engine: Engine, affinity: Affinity, watch: Watch) -> Service:
    options = ServiceOptions(
        connect_timeout=service.timeouts.connect,
        response_timeout=service.timeouts.response,
        idle_timeout=service.timeouts.idle,
        queue_length=service.queue.length,
        queue_timeout=service.queue.timeout,
        pool_idle=service.pool.idle,
        pool_keep_alive=service.pool.keep_alive,
        tries=service.retries.tries,
        retry_seconds=service.retries.wait,
        replay_limit=service.retries.buffer,
    )
    addresses = [
        NodeAddress(node.name, node.url.host, node.url.port, node.url.path, node.max_connections)
        for node in service.nodes
    ]
    router = Router(watch.health.view(), random.random)
    budget = RetryBudget(service.retries.budget)
    return Service(name, addresses, engine.dialer, router, affinity, watch, budget, options)


def _rule(route: file.Route, engine: Engine) -> Rule[Route]:
    prefix = route.path.encode() if route.strip_prefix else b""
    return Rule(
        route.host,
        route.path,
        Route(
            engine.services[route.service],
            prefix,
            _edit(route.request_headers),
            _edit(route.response_headers),
        ),
    )


def _edit(edit: file.HeaderEdit) -> HeaderEdit:
    return HeaderEdit(tuple(edit.set.items()), edit.remove)


def _targets(name: str, service: file.Service) -> list[Target]:
    """What is probed, and how; nothing without a path."""
    health = service.health
    if health.path is None:
        return []
    return [
        Target(
            service=name,
            node=index,
            url=f"http://{_probed_at(node.url, health.port)}{health.path}",
            socket=node.url.path if node.url.path and health.port is None else None,
            host=health.host,
            expect=health.expected_statuses,
            interval=health.interval,
            timeout=health.timeout,
            fall=health.fall,
        )
        for index, node in enumerate(service.nodes)
    ]


def _probed_at(url: NodeUrl, port: int | None) -> str:
    """The authority to probe. A node on a unix socket is on this machine, and so is its other port."""
    if url.path:
        return "localhost" if port is None else f"127.0.0.1:{port}"
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"{host}:{port or url.port}"
