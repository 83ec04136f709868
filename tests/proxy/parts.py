"""Real parts of a proxy that sends nothing, for what is asked of one part alone."""

from proxy.options import ServiceOptions
from proxy.service import Service
from routing.budget import RetryBudget
from routing.router import Router
from routing.view import NodeView, service_view
from sessions.affinity import Affinity, AffinityOptions, make_affinity
from sessions.token import Sealer


class Nobody:
    """Watches no nodes."""

    def __init__(self) -> None:
        self.suspicious: list[int] = []

    def request_failed(self, node: int, why: str) -> None: ...

    def request_passed(self, node: int) -> None: ...

    def contract_missing(self, node: int) -> None: ...


def affinity(header: str = "") -> Affinity:
    mode = AffinityOptions(mode="wrap", header=header) if header else AffinityOptions()
    return make_affinity(mode, Sealer([b"a secret of these tests"], "shop", []))


def service(header: str = "") -> Service:
    """A service; `header`: where its app keeps the session id, "" for Limpet's own cookie."""
    router = Router(service_view("shop", (NodeView("a"),), 1), lambda: 0.0)
    options = ServiceOptions()
    watcher, budget = Nobody(), RetryBudget(0.0)
    return Service("shop", [], _no_dialer, router, affinity(header), watcher, budget, options)


def _no_dialer(address: object, options: object) -> object:
    raise AssertionError("nobody is dialled here")
