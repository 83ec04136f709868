"""What is run: the strategies, each as the part of `proxy.yaml` that it needs."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tests.survival import app
from tests.survival.app import NODE_KEY

SECRET = "a secret for these runs, long enough"
SERVICE = "shop"
NODES = ("a", "b", "c", "d")  # the last one is a spare


class Setup(NamedTuple):
    """One way to keep sessions. `replicas`: how many copies there have to be."""

    sessions: dict[str, Any]
    replicas: int = 0
    store: str = ""  # redis, embedded, or none; with replicas it is their fallback
    proxies: int = 2
    relays: bool = False  # between each proxy and each node
    plain: bool = False  # nodes that know nothing of the contract
    forgetful: bool = False  # a Redis that comes back empty
    sentinel: bool = False  # a Redis with a replica, and a Sentinel that watches them
    nodes: int = 3
    app: tuple[str, ...] = (sys.executable, "-m", app.__name__, "{port}")  # what starts a node
    endpoints: bool = False  # what the proxy asks of nodes has an address of its own

    @property
    def command(self) -> list[str]:
        """What starts a node, with `{port}`, `{endpoint}` and `{folder}` where these go."""
        return [*self.app, "plain"] if self.plain else list(self.app)

    @property
    def contract(self) -> bool:
        return not self.plain

    @property
    def sticky(self) -> bool:
        return bool(self.sessions.get("sticky", True))


REPLICATION = Setup({"strategy": "replication"}, replicas=1)
LAGGING = Setup({"strategy": "replication", "ack": "async", "max_lag": "500ms"}, replicas=1)
REDIS = Setup({"strategy": "store", "store": "main"}, store="redis")
FALLBACK = Setup({"strategy": "replication", "fallback": "main"}, replicas=1, store="redis", nodes=2)
FORGETFUL = REDIS._replace(forgetful=True)
SENTINEL = REDIS._replace(sentinel=True)
EMBEDDED = Setup({"strategy": "store", "store": "main"}, store="embedded", proxies=1)
UNSTICKY = Setup(
    {"strategy": "store", "store": "main", "sticky": False, "on_conflict": "fail"}, store="redis"
)
AFFINITY = Setup({"strategy": "affinity"}, plain=True)
# Nodes that speak the contract, and nobody who holds copies.
ALONE = Setup({"strategy": "affinity", "contract": True, "give_up": "1s"})


def settings(
    setup: Setup, folder: Path, nodes: Mapping[str, tuple[int, int]], redis_url: str
) -> dict[str, object]:
    """The file of one proxy, but for its own addresses.

    `nodes`: their names, each with the ports of the node and of its endpoint as the proxy finds them.
    """
    stores = {"redis": {"redis": redis_url}, "embedded": {"embedded": str(folder / "sessions.db")}}
    sessions = setup.sessions
    if setup.contract:
        sessions = {**sessions, "reconcile_interval": "2s", "reconcile_rate": 2000, "move_rate": 2000}
    listed = [{"name": name, "url": f"http://127.0.0.1:{port}"} for name, (port, _) in nodes.items()]
    if setup.endpoints:
        for node in listed:
            node["sessions_url"] = f"http://127.0.0.1:{nodes[node['name']][1]}"
    service = {
        "nodes": listed,
        "sessions": sessions,
        "health": {"path": "/healthz", "interval": "1s", "timeout": "1s", "fall": 2, "rise": 1},
        "ejection": {"base": "1s", "longest": "2s"},
        "timeouts": {"connect": "1s", "response": "15s"},
    }
    told: dict[str, object] = {"secrets": [SECRET], "services": {SERVICE: service}}
    if setup.contract:
        told["node_keys"] = [NODE_KEY]
    if setup.store:
        told["stores"] = {"main": stores[setup.store]}
    return told
