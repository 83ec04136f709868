"""Advice on how sessions are kept: what is allowed, but may lose or leave behind some of them."""

from collections.abc import Iterator

from config.problems import Found, KeyPath
from config.session_settings import Sessions, Strategy
from config.settings import Service, Settings
from config.units import format_duration


def unused_advice(settings: Settings) -> Iterator[Found]:
    """What only services that use the contract need."""
    services = settings.services.values()
    if settings.node_keys and not any(service.sessions.uses_contract for service in services):
        option = "node_keys_file" if settings.node_keys_file else "node_keys"
        yield Found((option,), "no service uses the session contract: they have no effect")
    named = {name for service in services for name in service.sessions.stores}
    for name in (name for name in settings.stores if name not in named):
        yield Found(("stores", name), "no service names it: it is not opened")


def session_advice(settings: Settings, here: KeyPath, service: Service) -> Iterator[Found]:
    """Advice on one service."""
    sessions = service.sessions
    there = (*here, "sessions")
    if sessions.strategy is Strategy.AFFINITY:
        return
    if service.on_unavailable == "strict":
        message = "`strict`: sessions wait for their own node, although others could go on with them"
        yield Found((*here, "on_unavailable"), message)
    if short_of_nodes(service):
        nodes = len(service.nodes)
        message = (
            f"with {nodes} nodes and no `fallback`, what is written while one of them is away has too few"
            " copies, and is lost if another one dies then"
        )
        yield Found((*there, "replicas"), message)
    yield from timeout_advice(settings, there, sessions)


def short_of_nodes(service: Service) -> bool:
    """Whether there is no node to spare for the copies, nor a store."""
    sessions = service.sessions
    if sessions.strategy is not Strategy.REPLICATION or sessions.replicas == "all" or sessions.fallback:
        return False
    if service.discover is not None:  # how many there are is not for the file to say
        return False
    return service.copies >= len(service.nodes) - 1


def timeout_advice(settings: Settings, there: KeyPath, sessions: Sessions) -> Iterator[Found]:
    """A store that is waited for longer than the answers are held."""
    for name in sessions.stores:
        timeout = settings.stores[name].timeout
        if timeout > sessions.ack_timeout:
            message = (
                f"less than the `timeout` of store `{name}`, {format_duration(timeout)}: writes that it takes"
                " late count as unprotected"
            )
            yield Found((*there, "ack_timeout"), message)
