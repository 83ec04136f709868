"""A worker's part of what the file allows all of them together."""

from collections.abc import Mapping
from math import ceil

from config.settings import Node, Service, Settings
from control.slots import Slot
from control.turns import Steps


def share(settings: Settings, workers: int) -> Steps[Settings]:
    """Settings for one of them; what is not shared is as the file has it."""
    services = {}
    for name, service in settings.services.items():
        services[name] = _service(service, workers)
        yield
    return settings.model_copy(update={"services": services})


def share_slots(
    slots: Mapping[str, tuple[Slot, ...]], worker: int, workers: int
) -> Steps[Mapping[str, tuple[Slot, ...]]]:
    """Each node's `max_connections`, dealt out so that together there are as many."""
    shared = {}
    for name, group in slots.items():
        shared[name] = tuple(slot._replace(node=_node(slot.node, worker, workers)) for slot in group)
        yield
    return shared


def _service(service: Service, workers: int) -> Service:
    queue = service.queue.model_copy(update={"length": ceil(service.queue.length / workers)})
    pool = service.pool.model_copy(update={"idle": ceil(service.pool.idle / workers)})
    return service.model_copy(update={"queue": queue, "pool": pool})


def _node(node: Node, worker: int, workers: int) -> Node:
    most = node.max_connections
    if most is None:
        return node
    part = max(1, most // workers + (worker < most % workers))  # 0: it could never serve anybody there
    return node.model_copy(update={"max_connections": part})
