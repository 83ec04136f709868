"""The seats of control and of a worker: what they share on the board, and whom they tell."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from control.cluster import Watch
from control.keeping import Kept
from control.workers.arrivals import SharedArrivals
from control.workers.board import Allotment, Board, Span
from control.workers.messages import FromControl, FromWorker, Lost, Moved, Unprotected
from control.workers.mirror import Mirror
from control.workers.presence import Presence
from proxy.service import Service
from proxy.sightings import SLOTS
from routing.health import ServiceHealth, Standing
from routing.view import ServiceView
from sessions.keeping.takeovers import Move


def presences(board: Board) -> list[memoryview]:
    return [board.presence(worker) for worker in range(board.workers)]


class Relay:
    """Hears of a service's changes, as a byte path does. `changed`: told of it, and a node that is down."""

    def __init__(self, service: str, changed: Callable[[str, int], None]) -> None:
        self._service = service
        self._changed = changed

    def publish(self, view: ServiceView) -> None:
        self._changed(self._service, -1)

    def node_down(self, node: int) -> None:
        self._changed(self._service, node)


class ControlSeat:
    """It serves nobody, and sees what all workers count. `changed(service, node)`: as `Relay` tells it."""

    leads = True

    def __init__(
        self,
        board: Board,
        changed: Callable[[str, int], None],
        say: Callable[[FromControl], None],
    ) -> None:
        self._board = board
        self._say = say
        self._allotment = Allotment(board)
        self._changed = changed
        self.spans: dict[str, Span] = {}

    def allot(self, service: str, nodes: int) -> None:
        self.spans[service] = self._allotment.span(service, nodes)

    def watch(self, health: ServiceHealth) -> Watch:
        watch = Watch(health)
        watch.lead(Relay(watch.name, self._changed))
        return watch

    def count(self, service: Service) -> None:
        span = self.spans[service.name]
        service.everywhere = self._board.everywhere(span)
        for node in service.nodes:
            slots = self._board.sightings(span.base + node.index)
            if isinstance(node.sightings.slots, bytearray):  # another node than the one that was seen there
                slots[:] = bytes(SLOTS)
            node.sightings.slots = slots

    def inform(self, watch: Watch) -> None:
        """It is control that knows."""

    def listen(self, service: Service, kept: Kept | None) -> None:
        """Workers tell, and what they tell is heard by whoever would be told here."""
        if kept is not None:
            kept.keeper.presence = Presence(service.name, None, presences(self._board))
            kept.keeper.counters.told = partial(self._protected, service.name)

    def _protected(self, service: str, session_id: str, version: int, until: float) -> None:
        self._say(Unprotected(service, session_id, version, until))


class WorkerSeat:
    """`spans`, `standings`: by service, as the plan has them that is gone by next."""

    leads = False

    def __init__(self, board: Board, worker: int, say: Callable[[FromWorker], None]) -> None:
        self._board = board
        self._worker = worker
        self._say = say
        self._known: dict[str, Span] = {}
        self.spans: Mapping[str, Span] = {}
        self.standings: Mapping[str, Sequence[Standing]] = {}

    def allot(self, service: str, nodes: int) -> None:
        """Control has."""

    def watch(self, health: ServiceHealth) -> Watch:
        return Mirror(health, self._say)

    def count(self, service: Service) -> None:
        span = self.spans[service.name]
        if isinstance(service.inflight, list) or self._known.get(service.name) != span:
            service.count_in(self._board.inflight(self._worker, span), self._board.everywhere(span))
            self._known[service.name] = span
            service.router.arrivals = SharedArrivals(service.name, self._board.arrivals)
        for node in service.nodes:
            node.sightings.slots = self._board.sightings(span.base + node.index)

    def inform(self, watch: Watch) -> None:
        if isinstance(watch, Mirror):
            watch.adopt(self.standings[watch.name], ())

    def listen(self, service: Service, kept: Kept | None) -> None:
        if kept is None:
            service.lost.told = partial(self._lost, service.name)
        else:
            own = self._board.presence(self._worker)
            kept.keeper.presence = Presence(service.name, own, presences(self._board))
            kept.keeper.moved = partial(self._moved, service.name)
            kept.keeper.counters.told = partial(self._unprotected, service.name)

    def _lost(self, service: str, session_id: str, pin: int) -> None:
        self._say(Lost(service, session_id, pin))

    def _unprotected(self, service: str, session_id: str, version: int, until: float) -> None:
        self._say(Unprotected(service, session_id, version, until))

    def _moved(self, service: str, move: Move) -> None:
        self._say(Moved(service, move))
