"""A watch in a worker: it goes by what control says, and tells it what requests and sessions meet."""

from collections.abc import Callable, Sequence

from control.cluster import Watch
from control.workers.messages import Met
from routing.health import NO_CONTRACT, ServiceHealth, Standing
from routing.states import NodeState


class Mirror(Watch):
    """A `Watch` to whoever asks it, so a class of its own kind, and no judge: control's is.

    Failures in a row are counted here too until control says how many all have seen, since searches go by
    them at once.
    """

    def __init__(self, health: ServiceHealth, say: Callable[[Met], None]) -> None:
        super().__init__(health)
        self._say = say

    def adopt(self, standings: Sequence[Standing], down: Sequence[int]) -> None:
        """Be as control says; `down`: the nodes whose exchanges without an answer end now."""
        if len(standings) != len(self.health.nodes):
            return  # of nodes that the next plan brings
        self.health.adopt(standings)
        self._changed()
        for node in down:
            self._end_exchanges(node)

    # Called by the byte path.

    def request_failed(self, node: int, why: str) -> None:
        self.suspicious[node] += 1
        self._say(Met(self.name, "request_failed", node, why))

    def request_passed(self, node: int) -> None:
        self.suspicious[node] = 0
        self._say(Met(self.name, "request_passed", node))

    def contract_missing(self, node: int, why: str = NO_CONTRACT) -> None:
        self._say(Met(self.name, "contract_missing", node))  # control finds the other causes itself

    # Called by who keeps the sessions.

    def silent(self, node: int, why: str) -> None:
        self._say(Met(self.name, "silent", node, why))

    # Private

    def _log(self, index: int, was: NodeState) -> None:
        """Control does."""
