"""Remembers which sessions were counted as lost, so that parallel requests of one count once."""

from collections.abc import Callable


class LostSessions:
    """The last `capacity` sessions that were lost, and the node each was lost with. `told` hears of each."""

    __slots__ = ("_capacity", "_nodes", "told")

    def __init__(self, capacity: int = 10_000) -> None:
        self._capacity = capacity
        self._nodes: dict[str, int] = {}
        self.told: Callable[[str, int], None] | None = None

    def first(self, session_id: str, node: int) -> bool:
        """True when this loss is to be counted: `node` (the pin) took the session with it, and that is news.

        A session may be lost again with another node. No clock is needed: it comes back to the same
        node only through another, and that loss is recorded in between. (Node indices are those of one
        configuration: a new one starts a new record.)
        """
        known = self._nodes.pop(session_id, None)
        self._nodes[session_id] = node
        if len(self._nodes) > self._capacity:
            del self._nodes[next(iter(self._nodes))]
        if known != node and self.told is not None:
            self.told(session_id, node)
        return known != node
