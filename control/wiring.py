"""From settings to the few values that each object needs: none gets the settings themselves."""

import random
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from config import log_settings
from config import settings as file
from config.addresses import NodeUrl
from config.header_checks import plain
from config.https_settings import Hsts
from control.access_log import AccessLog
from control.line_writer import LineWriter
from control.probes import Target
from control.slots import Slot
from control.turns import Steps
from proxy.dialer import NodeAddress
from proxy.error_pages import ErrorPages
from proxy.forwarding import Forwarding
from proxy.options import Limits, ServiceOptions, Timeouts
from proxy.routes import HeaderEdit, Route
from proxy.service import Service
from routing.health import HealthRules
from routing.ring import Placed
from routing.states import Membership
from routing.table import RouteTable, Rule
from routing.view import NodeView, ServiceView, ring_of, ringed
from sessions.affinity import Affinity, AffinityOptions, make_affinity
from sessions.token import Sealer


def access_log(
    log: log_settings.AccessLog, writer: LineWriter, pseudonym: Callable[[str], str]
) -> AccessLog | None:
    """What the byte path calls with each ended exchange; None where nothing is logged."""
    if log.format == "off":
        return None
    return AccessLog(log.format, log.sample, writer, pseudonym, random.random)


def limits_of(limits: file.Limits) -> Limits:
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


def timeouts_of(timeouts: file.Timeouts) -> Timeouts:
    return Timeouts(
        timeouts.head, timeouts.body_idle, timeouts.write_idle, timeouts.keep_alive, timeouts.handshake
    )


def forwarding_of(forwarded: file.Forwarded) -> Forwarding:
    return Forwarding(forwarded.style, forwarded.trusted_proxies, forwarded.via, forwarded.request_id)


def error_pages_of(pages: file.ErrorPages) -> ErrorPages:
    html, json_text = (
        Path(path).read_text(encoding="utf-8") if path else None for path in (pages.html, pages.json_file)
    )
    return ErrorPages(html, json_text)


def affinity_of(
    name: str, service: file.Service, secrets: Sequence[bytes], slots: Sequence[Slot]
) -> Affinity:
    """How a service knows its sessions; tokens name nodes by their slots."""
    sealer = Sealer(secrets, name, [slot.node.name for slot in slots])
    return make_affinity(_affinity_options(service.affinity), sealer)


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


def cookie_of(service: str, affinity: file.Affinity) -> str:
    """The name by which a browser knows a session of this service."""
    if affinity.mode is file.AffinityMode.ISSUE:
        return affinity.cookie or f"limpet_{service}"
    return affinity.cookie or ""


def view_of(
    name: str,
    service: file.Service,
    slots: Sequence[Slot],
    placed: Placed | None,
    before: ServiceView | None = None,
) -> ServiceView:
    """A service's nodes before anything is known of them; the ring is that of `before` where it may be.

    `placed`: the points of its ring, where they are known.
    """
    nodes = tuple(
        NodeView(
            slot.node.name,
            weight=slot.node.weight,
            share=float(slot.node.weight),
            backup=slot.node.backup,
            membership=slot.membership,
        )
        for slot in slots
    )
    balance = service.balance
    same = before is not None and before.points == balance.points and ringed(before.nodes) == ringed(nodes)
    return ServiceView(
        name,
        nodes,
        before.ring if before is not None and same else ring_of(nodes, balance.points, placed),
        balance.bounded_load,
        strict=service.on_unavailable == "strict",
        contract=service.sessions.uses_contract,
        sticky=service.sessions.sticky,
        points=balance.points,
    )


def rules_of(service: file.Service) -> HealthRules:
    """When its nodes are up and down."""
    return HealthRules(
        fall=service.health.fall,
        rise=service.health.rise,
        failures=service.ejection.failures,
        base=service.ejection.base,
        longest=service.ejection.longest,
        slow_start=service.health.slow_start,
        contract=service.sessions.uses_contract,
        discovered=service.discover is not None,
    )


def options_of(service: file.Service) -> ServiceOptions:
    """How its nodes are spoken to."""
    return ServiceOptions(
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
        state_shared=service.sessions.state == "shared",
        send_proxy=service.send_proxy is not None,
    )


def addresses_of(
    service: file.Service, slots: Sequence[Slot], tls: ssl.SSLContext | None
) -> list[NodeAddress]:
    """Where its nodes are, by slot."""
    nodes = [slot.node for slot in slots]
    return [
        NodeAddress(
            node.name,
            node.url.host,
            node.url.port,
            node.url.path,
            node.max_connections,
            tls if node.url.secure else None,
            service.tls.server_name or "",
            service.send_proxy is not None,
        )
        for node in nodes
    ]


def routes_of(settings: file.Settings, services: Mapping[str, Service]) -> Steps[RouteTable[Route]]:
    """Which requests go to which service."""
    rules = []
    for route in settings.routes:
        rules.append(_rule(route, services[route.service]))
        yield
    return RouteTable(rules)


def _rule(route: file.Route, service: Service) -> Rule[Route]:
    prefix = route.path.encode() if route.strip_prefix else b""
    return Rule(
        route.host,
        route.path,
        Route(
            service,
            prefix,
            _edit(route.request_headers),
            _edit(route.response_headers),
            _edit(route.response_headers, route.hsts),
            str(route.hsts or "").encode(),
            route.redirect_to_https,
        ),
    )


def _edit(edit: file.HeaderEdit, hsts: Hsts | None = None) -> HeaderEdit:
    fields = list(edit.set.items())
    if hsts is not None:
        fields = [field for field in fields if plain(field[0]) != "strict-transport-security"]
        fields.append(("Strict-Transport-Security", str(hsts)))
    return HeaderEdit(tuple(fields), edit.remove)


def targets_of(
    name: str, service: file.Service, slots: Sequence[Slot], tls: ssl.SSLContext | None
) -> list[Target]:
    """What is probed, and how; nothing without a path."""
    health = service.health
    if health.path is None:
        return []
    expect = health.expected_statuses
    return [
        Target(
            service=name,
            node=index,
            url=f"{_probed_at(slot.node.url, health.port)}{health.path}",
            socket=slot.node.url.path if slot.node.url.path and health.port is None else None,
            host=health.host,
            expect=expect,
            interval=health.interval,
            timeout=health.timeout,
            fall=health.fall,
            tls=tls if slot.node.url.secure else None,
            server_name=service.tls.server_name,
        )
        for index, slot in enumerate(slots)
        if slot.membership is not Membership.GONE
    ]


def _probed_at(url: NodeUrl, port: int | None) -> str:
    """The URL to probe, as far as its path. One on a unix socket is on this machine, with its other port."""
    if url.path:
        return "http://localhost" if port is None else f"http://127.0.0.1:{port}"
    return str(url if port is None else replace(url, port=port))
