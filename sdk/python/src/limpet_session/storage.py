"""Where a node keeps its records: the seam between one process's memory and a file that several share."""

from collections.abc import Callable
from typing import Protocol, TypeVar

from limpet_session.record import Record
from limpet_session.running import Crossing

T = TypeVar("T")
Rule = Callable[[Record | None], tuple[Record | None, T]]
PairRule = Callable[[Record | None], tuple[Record | None, Record | None, T]]


class Storage(Protocol):
    """Records by session id.

    Each call is one transaction over all processes and threads of the node. A record whose `expires` is not
    after `now` does not exist any more. A rule may be run more than once; what it raises undoes the call.
    `now`: seconds of the node's clock, which must be one that all users of the storage share.
    """

    @property
    def blocking(self) -> bool:
        """Whether calls may wait for other processes or a disk, so that no event loop should make them."""

    @property
    def crossing(self) -> Crossing | None:
        """What tells of requests under way in the other processes of the node, if there are others."""

    @property
    def name(self) -> str:
        """Random, the same for all processes that share the storage: two nodes with one name are one node."""

    def change(self, session_id: str, now: float, rule: Rule[T]) -> T:
        """Run a rule on one session and keep the record that it returns, if any."""

    def renew(self, old_id: str, new_id: str, now: float, rule: PairRule[T]) -> T:
        """Run a rule on the old session; it returns what to keep for the old id and for the new one."""

    def find(self, session_id: str, now: float) -> Record | None:
        """One session."""

    def page(self, after: str, limit: int, now: float) -> list[tuple[str, Record]]:
        """The next sessions in order of id, at most `limit`, without those that are but a fence.
        Their states may be left out."""
