"""Mistakes that no single value shows: options that contradict each other, or that would have no effect."""

from collections.abc import Collection, Iterator
from itertools import combinations

from config.addresses import Address, NodeUrl, is_loopback
from config.affinity_checks import affinity_problems, cookie_clashes
from config.discovery_checks import discovery_problems
from config.header_checks import header_problems
from config.problems import Found, KeyPath, key_name, suggestion
from config.session_checks import session_problems
from config.session_settings import Strategy
from config.settings import Service, Settings
from config.store_checks import node_key_problems, store_problems
from config.tracing_checks import tracing_problems
from config.units import format_duration, format_size
from config.values import enumerated

# Whether the byte path keeps the session contract. While it does not, settings that need it are refused.
CONTRACT_READY = True
WILDCARDS = {"0.0.0.0", "::"}


def contradictions(settings: Settings, services: Collection[str]) -> Iterator[Found]:
    """All that is found wrong; `services` are the names in the file, of broken services too."""
    yield from listener_problems(settings)
    yield from secret_problems(settings)
    yield from store_problems(settings)
    yield from limit_problems(settings)
    yield from route_problems(settings, services)
    yield from cookie_clashes(settings)
    yield from header_problems(settings)
    yield from tracing_problems(settings)
    yield from worker_problems(settings)
    for name, service in settings.services.items():
        yield from service_problems(("services", name), service)
        yield from affinity_problems(settings, name, service.affinity)
        yield from readiness_problems(("services", name, "sessions"), service)
        yield from session_problems(settings, name, service)
        yield from loop_problems(settings, name, service)


def worker_problems(settings: Settings) -> Iterator[Found]:
    """Connections to a node that cannot be dealt out among all workers."""
    for name, service in settings.services.items():
        for index, node in enumerate(service.nodes):
            if node.max_connections is not None and node.max_connections < settings.workers:
                message = (
                    f"must be at least {settings.workers}, the number of `workers`: each needs a connection"
                )
                yield Found(("services", name, "nodes", index, "max_connections"), message, (("workers",),))


def readiness_problems(here: KeyPath, service: Service) -> Iterator[Found]:
    """What needs the session contract, while this version does not have it."""
    sessions = service.sessions
    if CONTRACT_READY or not sessions.uses_contract:
        return
    if sessions.strategy is not Strategy.AFFINITY:
        message = f"must be `affinity`: `{sessions.strategy}` is not in this version"
        yield Found((*here, "strategy"), message, (here,))
    if sessions.contract:
        yield Found((*here, "contract"), "must be false: the contract is not in this version", (here,))


def listener_problems(settings: Settings) -> Iterator[Found]:
    """Addresses that cannot be listened on together."""
    places: list[tuple[KeyPath, Address]] = [(("admin", "listen"), settings.admin.listen)]
    places += [(("listen", index, "address"), each.address) for index, each in enumerate(settings.listen)]
    for (first, one), (second, other) in combinations(places, 2):
        if same_place(one, other):
            yield Found(second, f"{other} is in use already: `{key_name(first)}` is {one}", (first,))
    for index, listener in enumerate(settings.listen):
        trusted = settings.forwarded.trusted_proxies or listener.address.path
        if listener.proxy_protocol and not trusted:
            message = "needs `forwarded.trusted_proxies`: who may say there where clients come from"
            yield Found(("listen", index, "proxy_protocol"), message, (("forwarded", "trusted_proxies"),))
        tls, here = listener.tls, ("listen", index, "tls")
        if tls is not None and tls.client_ca is None and "client_certificate" in tls.model_fields_set:
            message = "has no effect without `client_ca`: clients are asked for a certificate only with it"
            yield Found((*here, "client_certificate"), message, (here,))


def same_place(one: Address, other: Address) -> bool:
    """Whether two listeners get in each other's way; port 0 is any free one."""
    if one.path or other.path:
        return one == other
    hosts = {one.host, other.host}
    return one.port == other.port != 0 and (len(hosts) == 1 or bool(hosts & WILDCARDS))


def secret_problems(settings: Settings) -> Iterator[Found]:
    if settings.secrets and settings.secrets_file:
        yield Found(("secrets_file",), "cannot be combined with `secrets`: give one of them", (("secrets",),))
    yield from node_key_problems(settings)
    admin = settings.admin
    if admin.token and admin.token_file:
        message = "cannot be combined with `token`: give one of them"
        yield Found(("admin", "token_file"), message, (("admin", "token"),))
    if not (admin.listen.loopback or admin.token or admin.token_file):
        yield Found(
            ("admin", "listen"),
            f"other machines can reach {admin.listen}: `admin.token` (or `token_file`) must be given,"
            " or an address of 127.0.0.1",
            (("admin", "token"), ("admin", "token_file")),
        )


def limit_problems(settings: Settings) -> Iterator[Found]:
    line, head = settings.limits.line, settings.limits.head
    if line > head:
        message = f"must not be more than `limits.head`, {format_size(head)}: a line is part of a head"
        yield Found(("limits", "line"), message, (("limits", "head"),))


def route_problems(settings: Settings, services: Collection[str]) -> Iterator[Found]:
    """Routes that lead nowhere, or twice from one place."""
    if not settings.routes and len(services) > 1:
        message = "is missing: with several services there must be a route to each"
        yield Found(("routes",), message)
    seen: dict[tuple[str, str], int] = {}
    for index, route in enumerate(settings.routes):
        here: KeyPath = ("routes", index)
        if route.service not in services:
            allowed = enumerated(tuple(services))
            hint = suggestion(route.service, services)
            message = f"must be the name of a service, {allowed}{hint}"
            yield Found((*here, "service"), message)
        place = route.host, route.path.rstrip("/")
        if place in seen:
            message = f"has the host and the path of `routes[{seen[place]}]`"
            yield Found(here, message, (("routes", seen[place]),))
        seen.setdefault(place, index)
        if route.hsts and route.hsts.preload and not route.hsts.include_subdomains:
            message = "needs `include_subdomains`: browsers' lists take whole domains"
            yield Found((*here, "hsts", "preload"), message, (here,))
        if route.strip_prefix and route.path == "/":
            yield Found((*here, "strip_prefix"), "has no effect with the path `/`: leave it out", (here,))


def service_problems(here: KeyPath, service: Service) -> Iterator[Found]:
    """What is wrong within one service, its affinity apart."""
    yield from node_problems((*here, "nodes"), service)
    yield from discovery_problems(here, service)
    yield from tls_problems((*here, "tls"), service)
    yield from send_proxy_problems(here, service)
    health, ejection = service.health, service.ejection
    there = (*here, "health")
    if health.timeout > health.interval:
        message = f"must not be more than the interval, {format_duration(health.interval)}"
        yield Found((*there, "timeout"), message, (there,))
    if health.path is None:
        for option in sorted(health.model_fields_set - {"slow_start", "path"}):
            message = "has no effect without `path`: nodes are probed only with one"
            yield Found((*there, option), message, (there,))
    if ejection.longest < ejection.base:
        there = (*here, "ejection")
        message = f"must not be less than `base`, {format_duration(ejection.base)}"
        yield Found((*there, "longest"), message, (there,))


def node_problems(here: KeyPath, service: Service) -> Iterator[Found]:
    seen: dict[tuple[str, object], KeyPath] = {}
    for index, node in enumerate(service.nodes):
        for kind, key, value in (
            ("name", "name", node.name),
            ("address", "url", node.url),
            ("address", "sessions_url", node.sessions_url),
        ):
            place = (*here, index, key)
            first = seen.setdefault((kind, value), place)
            if value is None or first == place:
                continue
            if first[:-1] == place[:-1]:
                yield Found(place, "is the node's `url`: leave it out", (first,))
            else:
                message = f"must be its own: `{value}` is that of `nodes[{first[-2]}]` already"
                yield Found(place, message, (first,))
    if service.nodes and service.discover is None and all(node.backup for node in service.nodes):
        yield Found(here, "must not all be backups: at least one must be without `backup`", (here,))


def tls_problems(here: KeyPath, service: Service) -> Iterator[Found]:
    """Options of TLS that are without effect."""
    tls, nodes = service.tls, (*here[:-1], "nodes")
    found = service.discover is not None and service.discover.scheme == "https"
    urls = [url for node in service.nodes for url in (node.url, node.sessions_url) if url]
    if not found and not any(url.secure for url in urls):
        for option in sorted(tls.model_fields_set):
            message = "has no effect: no node's URL begins with https://"
            yield Found((*here, option), message, (here, nodes, (*here[:-1], "discover")))
    if tls.key and not tls.cert:
        yield Found((*here, "key"), "has no effect without `cert`", (here,))
    if tls.ca and not tls.verify:
        yield Found((*here, "ca"), "has no effect without `verify`: any certificate will do", (here,))


def send_proxy_problems(here: KeyPath, service: Service) -> Iterator[Found]:
    """What would reach nodes without the PROXY header that they wait for, or never."""
    if service.send_proxy is None:
        return
    place, nodes, health = (*here, "send_proxy"), (*here, "nodes"), (*here, "health")
    if any(node.url.secure for node in service.nodes):
        yield Found(place, "cannot be combined with nodes at https://", (place, nodes))
    if service.health.path is not None and service.health.port is None:
        message = "needs `health.port`: probes carry no PROXY header"
        yield Found(place, message, (place, health))
    if service.sessions.uses_contract and not all(node.sessions_url for node in service.nodes):
        message = "needs a `sessions_url` for each node: the session contract carries no PROXY header"
        yield Found(place, message, (place, nodes, (*here, "sessions")))
    if "pool" in service.model_fields_set:
        yield Found((*here, "pool"), "has no effect with `send_proxy`: no connection is kept", (place,))


def loop_problems(settings: Settings, name: str, service: Service) -> Iterator[Found]:
    """Nodes that are Limpet itself: each request would go round until nothing is left."""
    own = [*(listener.address for listener in settings.listen), settings.admin.listen]
    for index, node in enumerate(service.nodes):
        for key, url in (("url", node.url), ("sessions_url", node.sessions_url)):
            if url and any(leads_to(url, address) for address in own):
                path = ("services", name, "nodes", index, key)
                yield Found(path, f"{url} is an address of Limpet's own", (("listen",), ("admin", "listen")))


def leads_to(url: NodeUrl, address: Address) -> bool:
    if url.path or address.path:
        return url.path == address.path
    local = is_loopback(url.host) and address.host in (WILDCARDS | {"localhost"})
    return url.port == address.port != 0 and (url.host == address.host or local)
