"""Tells of each node whose sessions went to others in one line: how many, from where, how many are lost."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypedDict

from control.cluster import Watch
from control.events import told
from proxy.service import Service
from routing.health import NodeHealth
from routing.states import STATE_LABELS, NodeState
from sessions.contract.messages import STORE
from sessions.contract.searching import Where
from sessions.keeping.takeovers import Move

logger = logging.getLogger("limpet.sessions")

QUIET_SECONDS = 10.0  # without a session that moves: the event is over
NOBODY = -2
LONGEST_SECONDS = 300.0  # sessions come back when their users do, which may be never


class Failover:
    """What has happened since a node could serve no more."""

    def __init__(self, node: int, cause: str, served: int, now: float) -> None:
        self.node = node
        self.cause = cause
        self.served = served
        self.began = self.last = now
        self.moved: Counter[str] = Counter()  # by where the state was found
        self.sessions: set[str] = set()

    def add(self, move: Move, now: float) -> None:
        self.last = now
        self.sessions.add(move.session_id)
        self.moved[_source(move)] += 1

    def over(self, now: float) -> bool:
        return now - self.last >= QUIET_SECONDS or now - self.began >= LONGEST_SECONDS


class FailoverFacts(TypedDict):
    """`served`: sessions of the node when its list was last read; `moved`: how many others have by now.

    The others: where their state was found; `seconds` since the node could serve no more.
    """

    service: str
    node: str
    cause: str
    served: int
    moved: int
    itself: int
    peers: int
    store: int
    new: int
    stale: int
    lost: int
    seconds: float


class Failovers:
    """Of one service. `look` is to be called when states of nodes may have changed, and every second."""

    def __init__(
        self,
        service: str,
        names: Sequence[str],
        nodes: Sequence[NodeHealth],
        serving: Callable[[int], int],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`serving`: how many sessions a node served when its list was last read."""
        self._service = service
        self._names = names
        self._nodes = nodes
        self._serving = serving
        self._now = now
        self._states = [node.state for node in nodes]
        self._open: dict[int, Failover] = {}

    def change(self, names: Sequence[str]) -> None:
        """Of these nodes from now on: more than before, or others at indices of which nothing was left."""
        self._names = names
        self._states += [node.state for node in self._nodes[len(self._states) :]]

    def look(self) -> None:
        """Notice nodes that serve no more, and end what is over."""
        now = self._now()
        for index, node in enumerate(self._nodes):
            was, self._states[index] = self._states[index], node.state
            if was is NodeState.UP and node.state is not NodeState.UP:
                self._close(index, now)
                served = self._serving(index)
                self._open[index] = Failover(index, STATE_LABELS[node.state], served, now)
        for index, failover in list(self._open.items()):
            if failover.over(now):
                self._close(index, now)

    def moved(self, move: Move) -> None:
        """A session has been taken over."""
        failover = self._open.get(move.pin)
        if failover is not None:
            failover.add(move, self._now())

    def facts(self) -> list[FailoverFacts]:
        """What is not over yet."""
        return [self._facts(failover, self._now()) for failover in self._open.values()]

    def close(self) -> None:
        """Tell of what is not over yet."""
        for index in list(self._open):
            self._close(index, self._now())

    def _close(self, index: int, now: float) -> None:
        failover = self._open.pop(index, None)
        if failover is None or not (failover.served or failover.sessions):
            return
        facts = self._facts(failover, failover.last)
        logger.log(
            logging.WARNING if facts["lost"] or facts["stale"] else logging.INFO,
            "failover: service=%s node=%s cause=%s served=%d moved=%d from_itself=%d from_peers=%d"
            " from_store=%d new=%d stale=%d lost=%d seconds=%.1f",
            *facts.values(),
            extra=told("failover", facts["service"], facts["node"], sentence(facts)),
        )

    def _facts(self, failover: Failover, until: float) -> FailoverFacts:
        moved = failover.moved
        return {
            "service": self._service,
            "node": self._names[failover.node],
            "cause": failover.cause,
            "served": failover.served,
            "moved": len(failover.sessions),
            "itself": moved["itself"],
            "peers": moved["peers"],
            "store": moved["store"],
            "new": moved["new"],
            "stale": moved["stale"],
            "lost": moved["lost"],
            "seconds": round(until - failover.began, 1),
        }


def sentence(facts: FailoverFacts) -> str:
    """What became of a node's sessions, for a person."""
    found = [
        f"{count} {words}"
        for count, words in (
            (facts["itself"], "handed over by the node itself"),
            (facts["peers"], "recovered from peers"),
            (facts["store"], "recovered from the store"),
            (facts["new"], "without anything written yet"),
            (facts["stale"], "with older state only"),
        )
        if count
    ]
    of = f" of {facts['served']}" if facts["served"] > facts["moved"] else ""
    begin = f"takeover of {facts['moved']}{of} sessions from {facts['node']} ({facts['cause']})"
    return f"{begin}: {', '.join([*found, str(facts['lost']) + ' lost'])}"


def lost_with(service: Service, watch: Watch) -> Failovers:
    """Of a service whose nodes know no contract: what they serve is estimated, and what moves is lost, unless
    the app keeps it for all of them."""

    def serving(node: int) -> int:
        return service.nodes[node].sightings.count()

    failovers = Failovers(service.name, watch.node_names, watch.health.nodes, serving)

    def moved(name: str, pin: int) -> None:
        if service.options.state_shared:
            failovers.moved(Move(name, pin, NOBODY, Where.TAKEOVER, STORE))
        else:
            failovers.moved(Move(name, pin, NOBODY, Where.LOST, NOBODY))

    service.lost.told = moved
    return failovers


def _source(move: Move) -> str:
    """Where a session's state was found when it moved."""
    if move.where in (Where.LOST, Where.STALE, Where.NEW):
        return move.where.name.lower()
    if move.source == STORE:
        return "store"
    return "itself" if move.source == move.pin else "peers"
