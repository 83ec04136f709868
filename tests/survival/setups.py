"""What is run: the strategies, each as the part of `proxy.yaml` that it needs."""

import sys
from pathlib import Path
from typing import Any, NamedTuple

from tests.survival import app
from tests.survival.app import NODE_KEY

SECRET = "a secret for these runs, long enough"
SERVICE = "shop"
NODES = ("a", "b", "c")


class Setup(NamedTuple):
    """One way to keep sessions. `replicas`: how many copies there have to be."""

    sessions: dict[str, Any]
    replicas: int = 0
    store: str = ""  # redis, embedded, or none
    proxies: int = 2
    relays: bool = False  # between each proxy and each node
    plain: bool = False  # nodes that know nothing of the contract
    forgetful: bool = False  # a Redis that comes back empty
    app: tuple[str, ...] = (sys.executable, "-m", app.__name__, "{port}")  # what starts a node

    endpoints: bool = False  # what the proxy asks of nodes has an address of its own

    @property
    def command(self) -> list[str]:
        """What starts a node, with `{port}`, `{endpoint}` and `{folder}` where these go."""
        return [*self.app, "plain"] if self.plain else list(self.app)

    @property
    def contract(self) -> bool:
        return not self.plain


REPLICATION = Setup({"strategy": "replication"}, replicas=1)
LAGGING = Setup({"strategy": "replication", "ack": "async", "max_lag": "500ms"}, replicas=1)
REDIS = Setup({"strategy": "store", "store": "main"}, store="redis")
FORGETFUL = REDIS._replace(forgetful=True)
EMBEDDED = Setup({"strategy": "store", "store": "main"}, store="embedded", proxies=1)
UNSTICKY = Setup({"strategy": "store", "store": "main", "sticky": False}, store="redis")
AFFINITY = Setup({"strategy": "affinity"}, plain=True)
# Nodes that speak the contract, and nobody who holds copies.
ALONE = Setup({"strategy": "affinity", "contract": True, "give_up": "1s"})


def settings(
    setup: Setup, folder: Path, ports: list[int], endpoints: list[int], redis_url: str
) -> dict[str, object]:
    """The file of one proxy, but for its own addresses. `ports`, `endpoints`: where it finds the nodes."""
    stores = {"redis": {"redis": redis_url}, "embedded": {"embedded": str(folder / "sessions.db")}}
    sessions = setup.sessions
    if setup.contract:
        sessions = {**sessions, "reconcile_interval": "2s", "reconcile_rate": 2000, "move_rate": 2000}
    nodes = [
        {"name": name, "url": f"http://127.0.0.1:{port}"} for name, port in zip(NODES, ports, strict=True)
    ]
    if setup.endpoints:
        for node, port in zip(nodes, endpoints, strict=True):
            node["sessions_url"] = f"http://127.0.0.1:{port}"
    service = {
        "nodes": nodes,
        "sessions": sessions,
        "health": {"path": "/healthz", "interval": "500ms", "timeout": "500ms", "fall": 2, "rise": 2},
        "ejection": {"base": "1s", "longest": "2s"},
        "timeouts": {"connect": "1s", "response": "15s"},
    }
    told: dict[str, object] = {"secrets": [SECRET], "services": {SERVICE: service}}
    if setup.contract:
        told["node_keys"] = [NODE_KEY]
    if setup.store:
        told["stores"] = {"main": stores[setup.store]}
    return told
