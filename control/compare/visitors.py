"""A user as the load plays one: a cookie jar, and a memory of what was acknowledged to it."""

import json
import secrets
from collections import deque
from time import monotonic
from typing import NamedTuple

import aiohttp

from sessions.token import Sealer, Token

READ, WRITE = "GET", "POST"
REMEMBERED = 8


class Visit(NamedTuple):
    """One request. Times are those of `time.monotonic`: uvloop's clock knows only whole milliseconds."""

    began: float
    ended: float
    method: str
    answered: bool = False  # with 200
    session_lost: bool = False  # it showed that the session is not there any more
    writes_lost: int = 0  # acknowledged ones that it showed to be gone
    unprotected: bool = False  # a write of which the token says that it has no copy

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Visitor:
    """One request at a time, so that every answer says what became of all before it."""

    def __init__(
        self, http: aiohttp.ClientSession, url: str, number: int, cookie: str, sealer: Sealer
    ) -> None:
        """`url`: of the strategy; `cookie`: Limpet's for it, which `sealer` can read."""
        self.busy = False
        self.turns = number  # so that not all write at the same time
        self.acknowledged = 0  # writes of the session that it has now
        self.answered_at = 0.0  # when it was last answered, by `time.monotonic`
        self.token: Token | None = None  # as last set
        self.sessions: set[str] = set()  # the ids of all that it has had
        self._http = http
        self._url = url
        self._owner = secrets.token_hex(8)
        # Newcomers of one address go to one node for two seconds: each has one of its own.
        self._address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self._cookies: dict[str, str] = {}
        self._cookie = cookie
        self._sealer = sealer
        self._born = ""
        self._heard: deque[str] = deque(maxlen=REMEMBERED)  # answers, for whoever has to find a fault
        self._maybe = 0  # writes without an answer, which have not counted yet and still may

    async def visit(self, method: str) -> Visit:
        """One request. What the other side does raises nothing but SomebodyElses."""
        self.busy, began = True, monotonic()
        told: Told | None = None
        try:
            told = await self._ask(method)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            self._note(f"{method} {error!r}")  # it has failed, and is counted as that
        finally:
            self.busy = False
        ended = monotonic()
        if told is None:
            self._maybe += method == WRITE
            return Visit(began, ended, method)
        self.answered_at = ended
        unprotected = method == WRITE and self.token is not None and self.token.unprotected
        return Visit(began, ended, method, True, *self._compare(method, told), unprotected)

    async def _ask(self, method: str) -> "Told | None":
        """None where the answer is not 200."""
        jar = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"X-Forwarded-For": self._address} | ({"Cookie": jar} if jar else {})
        params = {"owner": self._owner} if method == WRITE else None
        async with self._http.request(method, self._url, params=params, headers=headers) as answer:
            body = await answer.read()
            self._note(f"{method} {answer.status} {body[:80].decode(errors='replace')}")
            self._keep(answer.headers.getall("Set-Cookie", []))
            return _read(body) if answer.status == 200 else None

    def _keep(self, given: list[str]) -> None:
        for line in given:
            pair, *attributes = line.split(";")
            name, _, value = pair.strip().partition("=")
            if any(attribute.strip().lower() == "max-age=0" for attribute in attributes):
                self._cookies.pop(name, None)
            else:
                self._cookies[name] = value
            if name == self._cookie:
                self.token = self._sealer.open(value.encode())
                self.sessions |= {self.token.id} if self.token else set()

    def _note(self, heard: str) -> None:
        node, version = (self.token.node, self.token.version) if self.token else (-1, -1)
        self._heard.append(f"{monotonic():.3f} {heard.strip()} (node {node}, version {version})")

    def _history(self) -> str:
        return f"{self._url}: " + "; ".join(self._heard)

    def _compare(self, method: str, told: "Told") -> tuple[bool, int]:
        """Whether the session is lost, and how many acknowledged writes are."""
        if told.owner not in ("", self._owner):
            raise SomebodyElses(f"{self._owner} was shown the session of {told.owner}: {self._history()}")
        born, self._born = self._born, told.born
        known, self.acknowledged = self.acknowledged, told.writes
        if born and told.born != born:
            return True, known
        before = told.writes - (method == WRITE)  # what the session held when the request came
        unanswered = max(0, before - known)  # that have counted all the same, perhaps much later
        if unanswered > self._maybe:
            counts = f"a session has {before} writes, and only {known + self._maybe} were sent"
            raise SomebodyElses(f"{counts}: {self._history()}")
        self._maybe -= unanswered
        return False, max(0, known - before)


class Told(NamedTuple):
    """What the app says of the session: "" and 0 where it is empty. `born` is its own, made with it."""

    owner: str
    born: str
    writes: int


class SomebodyElses(Exception):
    """A session that is not the visitor's own, or not as it can be: a fault that no count can express."""


def _read(body: bytes) -> Told:
    """Raises ValueError for what the app does not say."""
    told = json.loads(body)
    return Told(told["owner"] or "", told["born"] or "", told["count"] or 0)
