"""What the nodes' lists say is to be done: copies to be made, ends to be spread, servers to be stopped.

The lists come in order of id, a page at a time, so a pass holds about one page of each node, however many
sessions there are. Every job is idempotent: several proxies may do the same pass.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from sessions.contract.homes import KNOWN_ENDED, Entry, Homes, Job, Roles, Work
from sessions.contract.messages import STORE

PAGE = 100  # entries: a node takes a millisecond to list them
_AT_ONCE = 100  # sessions that a step looks at, in two milliseconds
_MOST_JOBS = 2000  # before more pages are read


class Page(NamedTuple):
    """A page of a node's list that is wanted."""

    node: int
    after: str  # the id that it begins behind


class Reconciliation:
    """One pass over the lists of all nodes. `order`: all configured nodes in an id's ring order.

    `start`, `listed`, `silent` and `advance` return the pages that are wanted next. `take` gives the jobs, at
    whatever rate the driver has; `finished` tells of each.
    """

    __slots__ = (
        "_buffers",
        "_complete",
        "_homes",
        "_last",
        "_protected",
        "_roles",
        "_short",
        "_stored",
        "_troubled",
        "_under_way",
        "_wanted",
        "copies",
        "holding",
        "jobs",
        "known",
        "left",
        "serving",
        "whole",
    )

    def __init__(
        self,
        roles: Roles,
        order: Callable[[str], Iterator[int]],
        protected: Callable[[str, int], None] = lambda _session_id, _version: None,
        stored: Mapping[str, int] | None = None,
    ) -> None:
        """`protected` is told of each version that all hold who should. `stored`: the versions that the
        store is known to have, as `known` of the pass before says."""
        self._roles = roles
        self._protected = protected
        self._stored: Mapping[str, int] = {} if stored is None else stored
        self.known: dict[str, int] = {}  # the same of the sessions of this pass, with what it is given
        self._homes = Homes(roles, order, lambda name: self._stored.get(name, 0))
        self._buffers: dict[int, deque[Entry]] = {node: deque() for node in sorted(roles.listed)}
        self._last = dict.fromkeys(roles.listed, "")
        self._complete: set[int] = set()
        self._wanted: set[int] = set()  # nodes of which a page is being read
        self._under_way = 0
        self._short: dict[str, int] = {}  # sessions that are being copied, and how many copies they have
        self._troubled: set[int] = set()  # nodes for which a job has failed
        self.whole = True  # every list was read
        self.jobs: deque[Job] = deque()
        # Written sessions with 0, 1, 2 or more copies besides the one that serves, those that the pass makes
        # among them: of a session that is written while the lists are read, the copy always looks too old.
        self.copies = [0, 0, 0]
        self.serving: Counter[int] = Counter()  # sessions by node
        self.holding: Counter[int] = Counter()  # copies by node: sessions that it has and does not serve
        self.left: Counter[int] = Counter()  # of leaving nodes: sessions that are not yet safe elsewhere

    def start(self) -> list[Page]:
        """The first pages."""
        return self.advance()

    def listed(self, node: int, entries: Sequence[Entry], last: bool) -> list[Page]:
        """A page has come; `last`: there are no more of this node."""
        if node not in self._wanted:
            return []
        self._wanted.discard(node)
        self._buffers[node].extend(entries)
        if entries:
            self._last[node] = entries[-1].id
        if last or not entries:
            self._complete.add(node)
        return self.advance()

    def silent(self, node: int) -> list[Page]:
        """A list cannot be read: the pass goes on without it, and brings nobody into step."""
        self.whole = False
        self._wanted.discard(node)
        self._buffers.pop(node, None)
        return self.advance()

    def advance(self) -> list[Page]:
        """Look at some sessions of which every list has been read; to be called after `take`, and while it is
        `ready`."""
        looked = 0
        while looked < _AT_ONCE and len(self.jobs) < _MOST_JOBS and not self._hungry() and self._look():
            looked += 1
        if len(self.jobs) >= _MOST_JOBS:
            return []
        # Also where the last one looked at was the last of its page: nobody else would ask for the next.
        wanted = [Page(node, self._last[node]) for node in self._hungry() if node not in self._wanted]
        self._wanted.update(page.node for page in wanted)
        return wanted

    @property
    def ready(self) -> bool:
        """Whether there are more to look at, for which no page has to come first."""
        return len(self.jobs) < _MOST_JOBS and any(self._buffers.values()) and not self._hungry()

    def take(self, most: int) -> list[Job]:
        """The next jobs."""
        taken = [self.jobs.popleft() for _ in range(min(most, len(self.jobs)))]
        self._under_way += len(taken)
        return taken

    def finished(self, job: Job, ok: bool) -> None:
        """A job is done or was refused, which means that it is no longer needed; else somebody was silent."""
        self._under_way -= 1
        if not ok:
            self._troubled.add(job.node)
        elif job.work is Work.END and job.node == STORE:
            self.known[job.session_id] = KNOWN_ENDED
        elif job.work is Work.CHECK:
            self._protected(job.session_id, job.number)
        elif job.work is Work.COPY and job.session_id in self._short:
            held = self._short[job.session_id]
            self._short[job.session_id] = held + 1
            self.copies[min(held, 2)] -= 1
            self.copies[min(held + 1, 2)] += 1
            if job.node == STORE:
                self.known[job.session_id] = job.number
                self._protected(job.session_id, job.number)

    @property
    def done(self) -> bool:
        """Whether all lists have been read and all jobs are finished."""
        read = not self._wanted and not any(self._buffers.values()) and self._buffers.keys() <= self._complete
        return read and not self.jobs and not self._under_way

    @property
    def in_step(self) -> frozenset[int]:
        """After the pass: the syncing nodes that know what went on without them; stuck: serve nothing."""
        if not self.done:
            return frozenset()
        roles = self._roles
        told = roles.syncing if self.whole else roles.stuck.intersection(self._complete, self._buffers)
        return told - self._troubled

    def _hungry(self) -> list[int]:
        """Nodes of which a page has to come first."""
        return [node for node, buffer in self._buffers.items() if not buffer and node not in self._complete]

    def _look(self) -> bool:
        """The session with the lowest id of those read; False: there is none."""
        fronts = [(buffer[0].id, node) for node, buffer in self._buffers.items() if buffer]
        if not fronts:
            return False
        lowest = min(fronts)[0]
        entries = {node: self._buffers[node].popleft() for name, node in fronts if name == lowest}
        known = self._stored.get(lowest, 0)
        if known == KNOWN_ENDED or (known and self._roles.fallback):
            self.known[lowest] = known  # what is no longer looked at may expire there unnoticed
        verdict = self._homes.judge(entries)
        self.jobs.extend(verdict.jobs)
        if verdict.copies >= 0:
            self.copies[min(verdict.copies, 2)] += 1
            if any(job.work is Work.COPY for job in verdict.jobs):
                self._short[lowest] = verdict.copies
            elif verdict.copies >= self._roles.replicas:
                self._protected(lowest, verdict.newest)
        self.serving.update(verdict.serving)
        self.holding.update(n for n, entry in entries.items() if not entry.serving and not entry.ended)
        self.left.update(verdict.left)
        return True
