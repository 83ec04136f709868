"""The clients of a run, and what they hold against it: each remembers what was acknowledged to it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from limpet_session.session import Session
from sessions.contract.course import Keep
from tests.model.network import Op
from tests.model.proxy import Proxy, Response, Token

REPLAYED = 0.08  # of all requests come with an older cookie


class Ledger:
    """What was acknowledged of one session id: whatever an answer has shown."""

    def __init__(self) -> None:
        self.acked: dict[str, int] = {}  # key -> the version of the first token that came with it
        self.soft: dict[str, int] = {}  # the same, where the token said "unprotected"
        self.at: dict[str, float] = {}  # key -> when it was acknowledged
        self.ending = False  # a logout or login was sent
        self.ended = False  # and one was acknowledged
        self.newest: Token | None = None

    def known_at(self, version: int) -> set[str]:
        """What whoever has a token of this version was told before."""
        return {key for key, at in self.acked.items() if at <= version}

    def acknowledge(self, key: str, token: Token, seen: dict[str, Any]) -> None:
        """An answer has come in. Was it protected, so is all that it has seen."""
        keys = (seen.keys() | ({key} if key else set())) - {"owner"}
        self.at = dict.fromkeys(keys, asyncio.get_running_loop().time()) | self.at
        if token.unprotected:
            self.soft.update(dict.fromkeys(keys - self.acked.keys(), token.version))
        else:
            self.acked = dict.fromkeys(keys, token.version) | self.acked
        if self.newest is None or token.version >= self.newest.version:
            self.newest = token


class Before(NamedTuple):
    """What was known of a session when a request was sent."""

    ended: bool
    acked: frozenset[str]


class Findings:
    """What is wrong with a run: sentences; and what may happen: counts."""

    def __init__(self) -> None:
        self.wrong: list[str] = []
        self.first = asyncio.Event()  # something is wrong
        self.counts: Counter[str] = Counter()
        self.overwriting = False  # of two requests that write at once, the earlier one's write may go
        self.windows: list[tuple[float, float]] = []  # of answers that a death may have taken with it
        self.unsettled: Callable[[str], bool] = lambda _: False  # an answered write of it was then refused

    def excused(self, name: str, at: float) -> bool:
        """Whether what was acknowledged at this moment may be missing: with `ack: async` alone."""
        return self.unsettled(name) or any(since <= at <= until for since, until in self.windows)


class Browser:
    """One cookie jar, and requests that run side by side, whose answers come in any order."""

    def __init__(
        self, name: str, proxies: list[Proxy], random: Random, findings: Findings, calm: bool
    ) -> None:
        self.name = name
        self.ledgers: dict[str, Ledger] = {}
        self.calm = calm  # one request at a time, no logins: a counter
        self._proxies = proxies
        self._random = random
        self._findings = findings
        self._jar: Token | None = None
        self._old: list[Token] = []
        self._keys = 0

    async def browse(self, until: float) -> None:
        """Send requests one after the other. Several of these share the jar."""
        loop = asyncio.get_running_loop()
        while loop.time() < until:
            await self.visit(self._choose())
            await asyncio.sleep(0.1 * self._random.random())

    async def visit(self, what: str) -> None:
        """One request, and what it shows."""
        token = self._jar
        if self._old and not self.calm and self._random.random() < REPLAYED:
            token = self._random.choice(self._old)
        ledger = self._ledger(token.id) if token else Ledger()
        if what in ("logout", "login"):
            ledger.ending = True
        before = Before(ledger.ended, frozenset(ledger.acked))
        self._keys += 1
        key = f"{what[0]}{self._keys}"
        proxy = self._random.choice(self._proxies)
        response = await proxy.request(token, self._op(what, key), what in ("read", "write"))
        if not self.calm:
            await asyncio.sleep(0.05 * self._random.random() ** 3)
        self._check(what, key, token, before, response)
        self._take(response)

    async def review(self) -> None:
        """At the end: whatever was acknowledged is there."""
        for name, ledger in list(self.ledgers.items()):
            if ledger.newest is None or ledger.ended or (ledger.ending and not ledger.acked):
                continue
            response = await self._persist(ledger.newest)
            if response.status != 200 or response.token is None:
                self._wrong(f"{name}: no answer at the end: {response.status} {response.why}")
            elif response.token.id != name:
                if not ledger.ending:
                    self._wrong(f"{name}: gone at the end")
            else:
                self._missing(name, ledger.acked.keys() - response.seen.keys(), "at the end")

    async def _persist(self, token: Token) -> Response:
        response = Response(503)
        for _ in range(12):
            response = await self._random.choice(self._proxies).request(token, _read)
            if response.status == 200:
                break
            if response.token is not None:
                token = response.token
            await asyncio.sleep(1.0)
        return response

    def _choose(self) -> str:
        if self.calm:
            return "write"
        kinds, weights = ("write", "read", "login", "logout"), (60, 30, 3, 1)
        return self._random.choices(kinds, weights)[0]

    def _op(self, what: str, key: str) -> Op:
        def op(session: Session) -> None:
            if what == "logout":
                session.end()
                return
            session[key] = 1
            session["owner"] = self.name
            if what == "login":
                session.renew()

        return _read if what == "read" else op

    def _check(self, what: str, key: str, token: Token | None, before: Before, response: Response) -> None:
        if response.status != 200:
            self._findings.counts[
                f"status {response.status} {response.why.name if response.why else ''}"
            ] += 1
            return
        assert response.token is not None
        self._findings.counts["answered"] += 1
        name, seen = response.token.id, response.seen
        if seen.get("owner", self.name) != self.name:
            self._wrong(f"{name}: is {seen['owner']}'s")
        if what == "logout" and response.keep is Keep.DELETE:
            self._ledger(name).ended = True
            return
        if token is not None:
            self._check_session(what, token, before, name, seen)
        ledger = self._ledger(name)
        if what == "login":
            self._logged_in(token, ledger, response.token, seen)
        ledger.acknowledge(key if what != "read" else "", response.token, seen)

    def _check_session(
        self, what: str, token: Token, before: Before, name: str, seen: dict[str, Any]
    ) -> None:
        old = self._ledger(token.id)
        same = name == token.id
        if before.ended and same:
            self._wrong(f"{name}: answers after its end was acknowledged")
        if not same and what != "login" and not old.ending:
            self._wrong(f"{token.id}: replaced by {name} though nobody ended it")
        if same or (what == "login" and not old.ended):
            if same or seen.keys() & old.acked.keys():  # a login with a dead id renews a new session
                self._missing(
                    name, old.known_at(token.version) - seen.keys(), f"with version {token.version}"
                )
            self._findings.counts["older reads"] += bool(same and before.acked - seen.keys())

    def _logged_in(self, token: Token | None, ledger: Ledger, given: Token, seen: dict[str, Any]) -> None:
        if token is None:
            return
        old = self._ledger(token.id)
        if old.acked.keys() <= seen.keys():
            kept = ledger.soft if given.unprotected else ledger.acked
            kept.update(dict.fromkeys(old.acked, given.version))
            ledger.at = old.at | ledger.at
            old.ended = True

    def _missing(self, name: str, keys: set[str], when: str) -> None:
        findings, at = self._findings, self._ledger(name).at
        keys = {key for key in keys if not findings.excused(name, at.get(key, 0.0))}
        if findings.overwriting and not self.calm:
            findings.counts["overwritten"] += len(keys)
        elif keys:
            self._wrong(f"{name}: lost {sorted(keys)[:5]} {when}")

    def _take(self, response: Response) -> None:
        if response.keep is Keep.NONE:
            return
        if response.keep is Keep.DELETE:
            self._jar = None
            return
        if self._jar is not None:
            self._old = [*self._old[-20:], self._jar]
        self._jar = response.token

    def _ledger(self, name: str) -> Ledger:
        return self.ledgers.setdefault(name, Ledger())

    def _wrong(self, what: str) -> None:
        now = asyncio.get_running_loop().time()
        self._findings.wrong.append(f"{now:.3f} {self.name}: {what}")
        self._findings.first.set()


def _read(session: Session) -> None:
    """Changes nothing."""
