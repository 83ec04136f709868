"""What a service's settings say about keeping its sessions."""

from dataclasses import dataclass

from sessions.contract.course import Terms
from sessions.contract.searching import Rules

ALL = 0xFFFF  # replicas: one on every node that is available


@dataclass(frozen=True, slots=True)
class KeepingOptions:
    """`replicas`: copies besides the node's own state; 0: the store alone has them, or nobody.

    Times are in seconds.
    """

    terms: Terms
    nodes: int  # configured
    replicas: int
    store: bool  # there is one: as `fallback`, or as where the states are
    ack_timeout: float = 1.0
    max_lag: float = 0.0  # of ack: async: after it what has no copies counts as unprotected; 0: sync
    call_timeout: float = 1.0  # of a question to a node. A fence may take half a second there
    most_searches: int = 1000  # at once; those beyond are answered 503
    on_stale_empty: bool = False
    service: str = ""  # its name, for the log

    @property
    def rules(self) -> Rules:
        """What searches have to know."""
        replicas = min(self.replicas, max(0, self.nodes - 1))
        # How many held a write when it was acknowledged: the store alone, or who of `all` were available.
        sure = not self.store and self.replicas != ALL
        tolerated = replicas if sure else 1
        return Rules(replicas, self.store, tolerated, self.terms.sticky, self.on_stale_empty)
