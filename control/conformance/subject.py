"""The node that is examined: how it is asked, and what is said where an answer is not what it must be."""

import binascii
import http.client
import json
import re
import secrets
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from config.addresses import NodeUrl
from sessions.ids import new_id

ENDPOINT = "/.limpet/sessions"
TTL = "60"
EPOCH = 1 << 32
_NUMBER = re.compile("0|[1-9][0-9]{0,15}")


class Wrong(Exception):
    """The node breaks the contract; the text says how."""


class Skipped(Exception):
    """A case cannot be tried; the text says what it would take."""


class Reply(NamedTuple):
    """An answer. `when` says what it answers, for complaints."""

    when: str
    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def field(self, name: str) -> str | None:
        """One field of the contract. Raises Wrong where it comes twice."""
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        if len(values) > 1:
            raise Wrong(f"{self.when}: {name} comes {len(values)} times")
        return values[0] if values else None

    def number(self, name: str = "Limpet-Version") -> int:
        """A version. Raises Wrong where there is none."""
        value = self.field(name)
        if value is None:
            raise Wrong(f"{self.when}: {name} is missing")
        if not _NUMBER.fullmatch(value) or int(value) >= 1 << 53:
            raise Wrong(f"{self.when}: {name} must be an integer below 2^53, not {value!r}")
        return int(value)

    def state(self) -> bytes | None:
        """What `Limpet-State` holds. Raises Wrong where that is not base64, or is too large."""
        value = self.field("Limpet-State")
        if value is None:
            return None
        try:
            state = binascii.a2b_base64(value, strict_mode=True)
        except ValueError:
            raise Wrong(f"{self.when}: Limpet-State must be base64 with padding") from None
        must(len(state) <= 4096, f"{self.when}: Limpet-State must be at most 4096 bytes before base64")
        return state

    def lines(self) -> list[Any]:
        """The body as one JSON object a line."""
        try:
            return [json.loads(line) for line in self.body.split(b"\n") if line.strip()]
        except ValueError:
            raise Wrong(f"{self.when}: the body must be one JSON object a line") from None


@dataclass(frozen=True)
class Paths:
    """Routes of the app, each `PATH` or `METHOD PATH`; "" where none was given."""

    read: str = "/"
    write: str = ""
    large: str = ""
    end: str = ""
    renew: str = ""
    slow: str = ""


class Subject:
    """The node. Raises OSError or http.client.HTTPException where it cannot be asked."""

    def __init__(
        self,
        url: NodeUrl,
        key: str,
        paths: Paths,
        sessions_url: NodeUrl | None = None,
        timeout_seconds: float = 5.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`sessions_url`: of the endpoint, where it has an address of its own. `tls`: None: as the system has
        it."""
        self.paths = paths
        self._url = url
        self._sessions_url = sessions_url or url
        self._key = key
        self._timeout_seconds = timeout_seconds
        self._tls = tls

    def app(self, route: str, session_id: str, version: int, when: str, **fields: object) -> Reply:
        """A request to the app; `fields` by name without `Limpet-`."""
        told = {"Session": session_id, "Version": version, "TTL": TTL, **fields}
        method, _, path = route.rpartition(" ")
        return self.ask(method or "GET", path, when, b"", **told)

    def call(self, method: str, path: str, when: str, body: bytes = b"", **fields: object) -> Reply:
        """A call of the endpoint."""
        return self.ask(method, ENDPOINT + path, when, body, **fields)

    def put(self, session_id: str, version: object, state: bytes, when: str) -> Reply:
        return self.call("PUT", f"/{session_id}", when, state, Version=version, TTL=TTL)

    def get(self, session_id: str, when: str) -> Reply:
        return self.call("GET", f"/{session_id}", when)

    def ttl(self, session_id: str) -> int:
        """How long the list says that a session is kept; 0: it is not in it. The id is of `listed_id`."""
        page = self.call("GET", f"/?after={session_id[:-1]}A&limit=1", "list")
        status(page, 200)
        found = [line.get("ttl") for line in page.lines() if line.get("id") == session_id]
        return found[0] if found and isinstance(found[0], int) else 0

    def fence(self, session_id: str, number: int, when: str) -> Reply:
        return self.call("POST", f"/{session_id}/fence", when, Fence=number)

    def batch(self, lines: list[Mapping[str, object] | str], when: str) -> list[Any]:
        """The lines of the answer, as many as were sent."""
        body = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        reply = self.call("POST", "/", when, body.encode())
        status(reply, 200)
        answers = reply.lines()
        must(len(answers) == len(lines), f"{when}: there must be an answer line for each of {len(lines)}")
        return answers

    def ask(self, method: str, path: str, when: str, body: bytes = b"", **fields: object) -> Reply:
        """Any request, with the key unless `Key` says otherwise. A field that is None is left out, and one
        that is a list comes as often as it has items."""
        url = self._sessions_url if path.startswith(ENDPOINT) else self._url
        connection = _connection(url, self._tls)
        try:
            connection.timeout = self._timeout_seconds
            connection.connect()
            connection.putrequest(method, path, skip_accept_encoding=True)
            connection.putheader("Content-Length", str(len(body)))
            for name, value in {"Key": self._key, **fields}.items():
                for each in value if isinstance(value, list) else [value]:
                    if each is not None:
                        connection.putheader(f"Limpet-{name}", str(each))
            connection.endheaders(body or None)
            answer = connection.getresponse()
            return Reply(when, answer.status, tuple(answer.getheaders()), answer.read())
        finally:
            connection.close()


class UnixConnection(http.client.HTTPConnection):
    """To a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _connection(url: NodeUrl, tls: ssl.SSLContext | None) -> http.client.HTTPConnection:
    if url.path:
        return UnixConnection(url.path)
    if url.secure:
        return http.client.HTTPSConnection(url.host, url.port, context=tls)
    return http.client.HTTPConnection(url.host, url.port)


def listed_id() -> str:
    """A new id with nothing between it and the one that ends with an A instead."""
    return new_id()[:-1] + "Q"


def number(epoch: int = 1) -> int:
    """A fencing number of its kind: a multiple of 2^32, and 2^20 times something random."""
    return epoch * EPOCH + (secrets.randbelow(4096) << 20)


def must(condition: bool, sentence: str) -> None:
    if not condition:
        raise Wrong(sentence)


def status(reply: Reply, wanted: int) -> None:
    must(reply.status == wanted, f"{reply.when}: must be answered {wanted}, not {reply.status}")


def refused(reply: Reply, mark: int) -> None:
    """A 409 whose version is the higher of version and fence."""
    status(reply, 409)
    said = reply.number()
    must(
        said == mark,
        f"{reply.when}: Limpet-Version must be {mark}, the higher of version and fence, not {said}",
    )


def needs(reply: Reply, what: str) -> None:
    """A 409 that says what it takes."""
    status(reply, 409)
    need = reply.field("Limpet-Need")
    must(need == what, f"{reply.when}: Limpet-Need must be `{what}`, not `{need}`")
    reply.number()
