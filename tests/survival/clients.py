"""What both checkers have in common: a cookie jar, requests through either proxy, and a look at the token."""

import asyncio
from random import Random
from typing import Any, NamedTuple
from urllib.parse import urlencode

from sessions.token import Sealer, Token
from tests.survival.findings import Failure, Findings, Window, Write
from tests.survival.setups import NODES, SECRET, SERVICE
from tests.survival.wire import Line, Reply

COOKIE = f"limpet_{SERVICE}"
Jar = dict[str, str]


class Shown(NamedTuple):
    """An answer of 200."""

    seen: dict[str, Any]  # the session as the app had it
    token: Token | None  # what the answer set; None: nothing
    deleted: bool  # the answer took the token away


class Client:
    """One user. `name` is theirs alone, and every session of theirs says so."""

    parallel = False  # several requests at once

    def __init__(self, number: int, name: str, ports: list[int], random: Random, findings: Findings) -> None:
        self.number = number
        self.name = name
        self.jar: Jar = {}
        self.findings = findings
        self.random = random
        self._sealer = Sealer([SECRET.encode()], SERVICE, NODES)
        self._line = Line(number, ports)
        self._proxies = len(ports)
        self._visits = 0
        self._short: set[int] = set()  # versions whose answers said that they had no copies

    def connections(self, proxy: int) -> int:
        """To a proxy, those that are idle."""
        return self._line.idle(proxy)

    def close(self) -> None:
        self._line.close()

    async def visit(self, what: str, jar: Jar, **asked: object) -> tuple[Reply, Shown | None]:
        """One request, by this jar; None: it has failed, which is noted. The jar is left as it was."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._visits += 1
        target = f"/visit?{urlencode({'owner': self.name, 'visit': self._visits, **asked})}"
        method = "GET" if what == "read" else "POST"
        if method == "POST":
            token = self.token(jar)
            self.findings.under_way[target] = Write(began, token.node if token else -1)
        reply = await self._line.send(self.random.randrange(self._proxies), method, target, jar)
        self.findings.under_way.pop(target, None)
        if reply.status != 200:
            failure = Failure(
                began,
                loop.time(),
                target,
                reply.status,
                reply.text,
                safe=method == "GET",
                parallel=self.parallel,
                ending=self.ending(jar),
            )
            self.findings.failures.append(failure)
            if not reply.status and reply.sent and "broke" not in reply.text:
                self.findings.report(f"{target}: {reply.text}")
            return reply, None
        self.findings.waits.append(loop.time() - began)
        return reply, self._shown(what, reply, began)

    def token(self, jar: Jar) -> Token | None:
        """The token in a jar."""
        return self._open(jar[COOKIE]) if COOKIE in jar else None

    def ending(self, jar: Jar) -> bool:
        """Whether a login or logout was sent for the session of this jar."""
        return False

    def take(self, reply: Reply) -> None:
        """Keep the cookies of an answer as a browser does."""
        for name, value in reply.cookies.items():
            if value:
                self.jar[name] = value
            else:
                self.jar.pop(name, None)

    def _shown(self, what: str, reply: Reply, began: float) -> Shown:
        told = reply.json()
        seen = told["seen"]
        if seen.get("owner", self.name) != self.name:
            self.findings.report(f"{self.name}: {what}: saw the session of {seen['owner']}")
        if told["stale"] in self._short:
            self.findings.counts["stale, as was said before"] += 1
        elif told["stale"]:
            now = asyncio.get_running_loop().time()
            self.findings.stale.append(
                f"{now:.3f} {self.name}: {what}: stale, not {told['stale']} but {seen}"
            )
        value = reply.cookies.get(COOKIE)
        token = self._open(value) if value else None
        if token is not None:
            held = self.findings.acknowledged.get(token.id, 0)
            self.findings.acknowledged[token.id] = max(held, token.version)
        if token is not None and token.unprotected:
            self.findings.unprotected.append(Window(began, asyncio.get_running_loop().time(), self.name))
            self._short.add(token.version)
        return Shown(seen, token, value == "")

    def _open(self, value: str) -> Token:
        token = self._sealer.open(value.encode())
        assert token is not None, f"a token that cannot be read: {value!r}"
        return token
