"""What is allowed, but probably not meant: warnings, each with its reason."""

from collections.abc import Iterator

from config.certificate_advice import certificate_advice
from config.problems import Found, KeyPath, Problem, key_name
from config.reach import Reach
from config.session_advice import session_advice, unused_advice
from config.settings import Affinity, AffinityMode, Service, Settings
from config.source import Source
from config.units import format_duration


def advise(settings: Settings, source: Source | None = None) -> list[Problem]:
    """Warnings for settings that are valid, in the order of their lines where `source` is given."""
    found = [*general(settings)]
    for name, service in settings.services.items():
        found += service_advice(("services", name), service)
        found += session_advice(settings, ("services", name), service)
    if source is None:
        return [Problem("", 0, key_name(each.path), each.message) for each in found]
    return sorted((source.problem(each) for each in found), key=lambda problem: problem.line)


def general(settings: Settings) -> Iterator[Found]:
    """Advice on the whole file."""
    if not settings.secrets and any(needs_secret(each.affinity) for each in settings.services.values()):
        message = (
            "none given: Limpet makes one and keeps it beside the file; several proxies need the same one"
        )
        yield Found(("secrets",), message)
    for name in sorted(settings.services.keys() - Reach(settings).from_anywhere()):
        yield Found(("services", name), "no route leads here: it gets no requests")
    yield from unused_advice(settings)
    yield from certificate_advice(settings)


def needs_secret(affinity: Affinity) -> bool:
    """Whether tokens are sealed for the service."""
    return affinity.mode in (AffinityMode.ISSUE, AffinityMode.WRAP)


def service_advice(here: KeyPath, service: Service) -> Iterator[Found]:
    """Advice on one service."""
    yield from affinity_advice((*here, "affinity"), service)
    if service.health.path is None:
        message = "no `path`: a node that is down shows only when requests to it fail"
        yield Found((*here, "health"), message)
    hosts = [node.url.host or "127.0.0.1" for node in service.nodes]
    if service.health.port is not None and len(set(hosts)) < len(hosts):
        message = "two nodes have the same host: both are asked at this port, and are well or not together"
        yield Found((*here, "health", "port"), message)
    if service.pool.idle and service.pool.keep_alive > 2:
        shown = format_duration(service.pool.keep_alive)
        message = (
            f"{shown} must be less than the app's own keep-alive (gunicorn 2s, uvicorn and Node.js 5s):"
            " otherwise requests meet connections that the app is closing"
        )
        yield Found((*here, "pool", "keep_alive"), message)
    bounds = [node.max_connections for node in service.nodes]
    if service.discover is not None and (service.discover.files or service.discover.max_connections):
        bounds.append(service.discover.max_connections or 1)  # files may have it by label
    if "queue" in service.model_fields_set and not any(bounds):
        yield Found((*here, "queue"), "no node has `max_connections`: nobody ever waits")
    if not service.tls.verify:
        message = "`false`: whoever is between Limpet and a node can read and change everything"
        yield Found((*here, "tls", "verify"), message)
    if len(service.nodes) == 1 and service.discover is None:
        yield Found((*here, "nodes"), "only one: when it is down, nobody is there to take its place")


def affinity_advice(here: KeyPath, service: Service) -> Iterator[Found]:
    """Advice on how sessions are recognised."""
    affinity = service.affinity
    if affinity.mode is AffinityMode.HASH and service.sessions.state == "node":
        message = (
            "sessions have no pin with `hash`: when a node is added, its share of all sessions moves"
            " to it and is lost; `wrap` keeps them in place"
        )
        yield Found((*here, "mode"), message)
    if (
        needs_secret(affinity)
        and affinity.idle > affinity.lifetime
        and not (affinity.mode is AffinityMode.WRAP and affinity.header)
    ):
        message = f"more than `lifetime`, {format_duration(affinity.lifetime)}: it never comes to that"
        yield Found((*here, "idle"), message)
    if affinity.max_age is not None and affinity.max_age > affinity.lifetime:
        message = (
            f"more than `lifetime`, {format_duration(affinity.lifetime)}: browsers keep what no longer counts"
        )
        yield Found((*here, "max_age"), message)
    if affinity.secure == "never":
        yield Found((*here, "secure"), "`never`: the token also goes over connections that anybody can read")
    if affinity.mode is AffinityMode.NONE and service.on_unavailable == "strict":
        yield Found(
            (*here[:-1], "on_unavailable"), "`strict` has no effect with mode `none`: there are no sessions"
        )
