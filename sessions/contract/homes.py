"""Where one session should be, given who has what of it, and what has to be done about that."""

from collections.abc import Callable, Iterator, Mapping
from enum import IntEnum
from itertools import islice
from typing import NamedTuple

from sessions.contract.messages import STORE
from sessions.contract.versions import VERSION_LIMIT, lineage, next_lineage

KNOWN_ENDED = VERSION_LIMIT  # in place of the version that a store is known to have
_NOTHING = -1


class Entry(NamedTuple):
    """One line of a node's list."""

    id: str
    version: int
    ttl: int  # seconds
    serving: bool
    ended: bool


class Work(IntEnum):
    """What a job's driver does."""

    COPY = 0  # GET from `source`, PUT to `node`, or STORE
    END = 1  # at `node`
    STOP = 2  # FENCE `node` with `number`: it serves the session no more
    # GET from the store: is that above `number`, STOP `node` with it; has the session ended there, END it; is
    # it below, GET from `node`, and PUT to the store.
    CHECK = 3
    MOVE = 4  # STOP, but not while the node works on a request of the session: the next pass tries again


class Job(NamedTuple):
    """One thing to do for one session."""

    work: Work
    session_id: str
    node: int  # END, COPY: or STORE
    ttl: int
    source: int = -1
    number: int = 0


class Roles(NamedTuple):
    """What the nodes are to one pass."""

    listed: frozenset[int]  # that answer: up, draining, syncing
    ready: frozenset[int]  # that may serve and hold new copies
    syncing: frozenset[int]  # back, and to be told what moved on without them
    leaving: frozenset[int]  # draining: their sessions go elsewhere
    replicas: int  # 0 where a store holds the copies, or nobody does
    behind: bool = False  # the store was away since the last pass: what was written meanwhile only nodes have
    moves: int = 0  # sessions to stop in this pass so that they go to the first node of their order
    store: bool = True  # without replicas: a store holds the copies. Else only what leaves its node is copied
    # Of those syncing: who cannot be told, since others do not show their lists. All that they serve is
    # stopped, so that it is searched for first.
    stuck: frozenset[int] = frozenset()
    sticky: bool = True  # False: what counts is the store, whatever nodes have
    fallback: bool = False  # a store takes copies while there are too few other nodes for them
    marks: bool = False  # there is a store, which is up: it is told of each end once


class Verdict(NamedTuple):
    """What was found of one session."""

    jobs: list[Job]
    copies: int = _NOTHING  # besides the one that serves; below 0: of no interest
    newest: int = 0  # the version of those
    serving: tuple[int, ...] = ()
    left: tuple[int, ...] = ()  # leaving nodes that may not be stopped for this session's sake


class Homes:
    """Judges the sessions of one pass."""

    __slots__ = ("_moves", "_order", "_roles", "_stored")

    def __init__(
        self,
        roles: Roles,
        order: Callable[[str], Iterator[int]],
        stored: Callable[[str], int] = lambda _session_id: 0,
    ) -> None:
        """`stored`: the version that the store is known to have, KNOWN_ENDED for an end; 0: none."""
        self._roles = roles
        self._order = order
        self._stored = stored
        self._moves = roles.moves

    def judge(self, entries: Mapping[int, Entry]) -> Verdict:
        """What is to be done for one session; `entries`: what each node has of it."""
        if any(entry.ended for entry in entries.values()):
            return Verdict(self._spread_end(entries))
        if not self._roles.sticky:
            return Verdict([], serving=tuple(node for node, entry in entries.items() if entry.serving))
        newest = max(entry.version for entry in entries.values())
        serving = tuple(node for node, entry in entries.items() if entry.serving)
        owner = next((node for node in serving if lineage(entries[node].version) == lineage(newest)), -1)
        jobs = [
            Job(Work.STOP, entry.id, node, entry.ttl, number=newest)
            for node, entry in entries.items()
            if entry.serving and node != owner and entry.version < newest
        ]
        jobs += self._move(entries, owner, newest)
        on_nodes = self._roles.replicas or not self._roles.store
        homes = self._homes(entries, owner) if on_nodes else []
        missed = self._missed(entries, owner, homes, newest)
        jobs += self._copy(entries, [*homes, *missed], newest) if on_nodes else self._check(entries, owner)
        holders = sum(entry.version == newest for entry in entries.values())
        if self._roles.fallback and not missed and self._short(owner, homes):
            holders += 1
        left = self._left(entries, [*homes, *missed], newest)
        copies = holders - 1 if newest > 1 and self._roles.replicas else _NOTHING
        return Verdict(jobs, copies, newest, serving, left)

    def _homes(self, entries: Mapping[int, Entry], owner: int) -> list[int]:
        """Who should hold copies: the first ready ones in order, and one more where nobody serves it."""
        name = next(iter(entries.values())).id
        ready = (node for node in self._order(name) if node in self._roles.ready and node != owner)
        return list(islice(ready, self._wanted(owner)))

    def _wanted(self, owner: int) -> int:
        stays = owner in (self._roles.ready | self._roles.syncing) - self._roles.leaving
        return self._roles.replicas + (0 if stays else 1)

    def _short(self, owner: int, homes: list[int]) -> bool:
        return len(homes) < self._wanted(owner)

    def _missed(self, entries: Mapping[int, Entry], owner: int, homes: list[int], newest: int) -> list[int]:
        """STORE, where it should have a copy for want of nodes, and is not known to."""
        name = next(iter(entries.values())).id
        falls_back = self._roles.fallback and newest > 1 and self._short(owner, homes)
        return [STORE] if falls_back and self._stored(name) < newest else []

    def _copy(self, entries: Mapping[int, Entry], homes: list[int], newest: int) -> list[Job]:
        if newest <= 1:
            return []
        source = next(node for node, entry in entries.items() if entry.version == newest)
        model = entries[source]
        lacking = (node for node in homes if node not in entries or entries[node].version < newest)
        return [Job(Work.COPY, model.id, node, model.ttl, source, newest) for node in lacking]

    def _check(self, entries: Mapping[int, Entry], owner: int) -> list[Job]:
        """A store may know what moved on without a node that was away, or lack what was written meanwhile."""
        if owner < 0:
            return []
        entry = entries[owner]
        lacks = self._roles.behind and entry.version > 1  # it lacks nothing where nothing was written
        if not (lacks or owner in self._roles.syncing):
            return []
        return [Job(Work.CHECK, entry.id, owner, entry.ttl, number=entry.version)]

    def _move(self, entries: Mapping[int, Entry], owner: int, newest: int) -> list[Job]:
        """Stop what serves on a leaving node, or, as far as that is asked for, not in its home."""
        if owner < 0:
            return []
        entry = entries[owner]
        job = Job(Work.MOVE, entry.id, owner, entry.ttl, number=next_lineage(newest))
        if owner in self._roles.stuck:
            return [job._replace(work=Work.STOP)]
        if owner in self._roles.leaving:
            return [job]
        if self._moves <= 0 or owner == self._home(entry.id):
            return []
        self._moves -= 1
        return [job]

    def _home(self, name: str) -> int:
        return next((node for node in self._order(name) if node in self._roles.ready), -1)

    def _left(self, entries: Mapping[int, Entry], homes: list[int], newest: int) -> tuple[int, ...]:
        """Leaving nodes that serve it, or without which its homes would not all have it."""
        safe = newest <= 1 or all(node in entries and entries[node].version >= newest for node in homes)
        return tuple(
            node
            for node, entry in entries.items()
            if node in self._roles.leaving and (entry.serving or (entry.version == newest and not safe))
        )

    def _spread_end(self, entries: Mapping[int, Entry]) -> list[Job]:
        """Those who still have it, and those who would hold its copies, are to remember that it has ended."""
        mark = next(entry for entry in entries.values() if entry.ended)
        marked = {node for node, entry in entries.items() if entry.ended}
        ready = (node for node in self._order(mark.id) if node in self._roles.ready)
        homes = set(islice(ready, self._roles.replicas + 1)) if len(marked) <= self._roles.replicas else set()
        # A store that was away has not heard of it; nor has anybody of an end whose answer never came, as its
        # node froze. With the nodes' marks gone the store's session would be back.
        told = not self._roles.marks or not self._roles.sticky or self._stored(mark.id) == KNOWN_ENDED
        missed = set() if told else {STORE}
        lacking = (homes | missed | entries.keys()) - marked
        return [Job(Work.END, mark.id, target, mark.ttl) for target in sorted(lacking)]
