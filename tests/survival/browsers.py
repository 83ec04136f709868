"""The checker that browses: parallel requests, answers in any order, old cookies, logins and logouts."""

import asyncio
from typing import NamedTuple

from sessions.token import Token
from tests.survival.clients import COOKIE, Client, Jar, Shown
from tests.survival.wire import Reply

PARALLEL = 8
_REPLAYED = 0.08  # of all requests come with an older cookie
_HELD = 0.04  # of all requests: the app takes its time
_KINDS, _WEIGHTS = ("write", "read", "login", "logout"), (60, 30, 3, 1)


class Before(NamedTuple):
    """What was known of a session when a request was sent."""

    ended: bool
    acked: frozenset[str]


class Ledger:
    """What was acknowledged of one session id: whatever an answer has shown."""

    def __init__(self) -> None:
        self.acked: dict[str, int] = {}  # key -> the version of the first token that came with it
        self.ending = False  # a logout or login was sent
        self.ended = False  # and one was acknowledged
        self.newest: Token | None = None
        self.jar: Jar = {}  # with the newest token

    def known_at(self, version: int) -> set[str]:
        """What whoever has a token of this version was told before."""
        return {key for key, at in self.acked.items() if at <= version}

    def acknowledge(self, key: str, token: Token, jar: Jar, seen: set[str]) -> None:
        """An answer has come in. Was it protected, so is all that it has seen."""
        if not token.unprotected:
            keys = (seen | {key}) - {"owner", "count", ""}
            self.acked = dict.fromkeys(keys, token.version) | self.acked
        if self.newest is None or token.version >= self.newest.version:
            self.newest, self.jar = token, jar


class Browser(Client):
    """One cookie jar, and eight requests that run side by side, whose answers come in any order."""

    parallel = True

    def __init__(self, *args: object) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self._ledgers: dict[str, Ledger] = {}
        self._old: list[Jar] = []
        self._keys = 0

    async def browse(self, over: asyncio.Event, pause: float) -> None:
        """Pages of eight requests each, about every `pause` seconds."""
        await asyncio.sleep(pause * self.random.random())
        while not over.is_set():
            await self.page()
            await asyncio.sleep(2 * pause * self.random.random())

    async def page(self) -> None:
        """Eight requests at once."""
        kinds = self.random.choices(_KINDS, _WEIGHTS, k=PARALLEL)
        await asyncio.gather(*(self._request(kind) for kind in kinds))

    def ending(self, jar: Jar) -> bool:
        token = self.token(jar)
        return token is not None and self._ledger(token.id).ending

    async def review(self) -> None:
        """At the end: whatever was acknowledged is there, and what has ended is not."""
        for name, ledger in list(self._ledgers.items()):
            if ledger.ended:
                await self._dead(name, ledger)
            elif ledger.newest is not None and not ledger.ending:
                await self._alive(name, ledger)

    # Private

    async def _request(self, what: str) -> None:
        await asyncio.sleep(0.02 * self.random.random())
        jar = dict(self.jar)
        if self._old and self.random.random() < _REPLAYED:
            jar = self.random.choice(self._old)
        token = self.token(jar)
        ledger = self._ledger(token.id) if token else Ledger()
        if what in ("logout", "login"):
            ledger.ending = True
        before = Before(ledger.ended, frozenset(ledger.acked))
        self._keys += 1
        key = f"{what[0]}{self._keys}"
        reply, shown = await self.visit(what, jar, **self._asked(what, key))
        await asyncio.sleep(0.05 * self.random.random() ** 3)
        if shown is not None:
            self._check(what, key, jar, before, shown, with_cookie(jar, reply))
        if COOKIE in reply.cookies:
            if self.jar:
                self._old = [*self._old[-20:], dict(self.jar)]
            self.take(reply)

    def _asked(self, what: str, key: str) -> dict[str, object]:
        asked: dict[str, object] = {}
        if what in ("write", "login"):
            asked["key"] = key
        if what in ("login", "logout"):
            asked[what] = 1
        if self.random.random() < _HELD:
            asked[self.random.choice(("before", "after"))] = 0.3
        return asked

    def _check(self, what: str, key: str, jar: Jar, before: Before, shown: Shown, kept: Jar) -> None:
        """`jar`: the request's; `kept`: the same with what the answer set."""
        sent, seen = self.token(jar), set(shown.seen)
        if shown.deleted:
            if sent is not None and what == "logout":
                self._ledger(sent.id).ended = True
            return
        token = shown.token or sent
        if token is None:
            return  # a stranger who wrote nothing
        if sent is not None and shown.token is None and not seen and self._ledger(sent.id).ending:
            return  # the id was dead, and nothing was written under a new one
        if sent is not None:
            self._check_session(what, sent, before, token.id, seen)
        ledger = self._ledger(token.id)
        if what == "login" and sent is not None:
            self._logged_in(self._ledger(sent.id), ledger, token, seen)
        ledger.acknowledge(key if what in ("write", "login") else "", token, kept, seen)

    def _check_session(self, what: str, sent: Token, before: Before, name: str, seen: set[str]) -> None:
        old = self._ledger(sent.id)
        same = name == sent.id
        if before.ended and same and what != "logout":
            self.findings.report(f"{self.name}: {name} answers a {what} after its end was acknowledged")
        if not same and what != "login" and not old.ending:
            self.findings.report(f"{self.name}: {sent.id} replaced by {name}, though nobody ended it")
        if same or (what == "login" and not old.ended and seen & old.acked.keys()):
            self._missing(name, old.known_at(sent.version) - seen, f"in a {what} with version {sent.version}")
            self.findings.counts["older reads"] += bool(same and before.acked - seen)

    def _logged_in(self, old: Ledger, ledger: Ledger, given: Token, seen: set[str]) -> None:
        if old.acked.keys() <= seen:
            if not given.unprotected:
                ledger.acked.update(dict.fromkeys(old.acked, given.version))
            old.ended = True
            self.findings.counts["logins"] += 1

    async def _alive(self, name: str, ledger: Ledger) -> None:
        shown = await self._persist(ledger.jar)
        if shown is None:
            self.findings.report(f"{self.name}: {name}: no answer at the end")
        elif shown.token is not None and shown.token.id != name:
            self.findings.report(f"{self.name}: {name}: gone at the end")
        else:
            self._missing(name, ledger.acked.keys() - set(shown.seen), "at the end")

    async def _dead(self, name: str, ledger: Ledger) -> None:
        self.findings.counts["ends reviewed"] += 1
        shown = await self._persist(ledger.jar)
        if shown is not None and shown.seen:
            self.findings.report(f"{self.name}: {name}: alive at the end, with {sorted(shown.seen)[:5]}")

    async def _persist(self, jar: Jar) -> Shown | None:
        for _ in range(40):
            reply, shown = await self.visit("read", jar)
            if shown is not None:
                return shown
            jar = with_cookie(jar, reply)
            await asyncio.sleep(0.5)
        return None

    def _missing(self, name: str, keys: set[str], when: str) -> None:
        if keys:
            self.findings.report(f"{self.name}: {name}: lost {sorted(keys)[:5]} {when}")

    def _ledger(self, name: str) -> Ledger:
        return self._ledgers.setdefault(name, Ledger())


def with_cookie(jar: Jar, reply: Reply) -> Jar:
    """The jar with the token that an answer set, if it did."""
    value = reply.cookies.get(COOKIE)
    return {**jar, COOKIE: value} if value else jar
