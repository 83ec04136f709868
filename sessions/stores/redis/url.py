"""Reads the URL of a Redis: one server, Sentinels that know it, or a Cluster."""

import ssl
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from sessions.stores.store import StoreError


class Kind(IntEnum):
    """How the server that takes the writes is found."""

    STANDALONE = 0
    SENTINEL = 1
    CLUSTER = 2


class Place(NamedTuple):
    """Where a server listens: host and port, or the path of a unix socket."""

    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        if self.path:
            return self.path
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Login(NamedTuple):
    """Who we are to a server; both empty for one that does not ask."""

    user: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return "Login(...)"


SCHEMES = {
    "redis": (Kind.STANDALONE, False),
    "rediss": (Kind.STANDALONE, True),
    "redis+unix": (Kind.STANDALONE, False),
    "redis+sentinel": (Kind.SENTINEL, False),
    "rediss+sentinel": (Kind.SENTINEL, True),
    "redis+cluster": (Kind.CLUSTER, False),
    "rediss+cluster": (Kind.CLUSTER, True),
}
ALLOWED = "must be redis://[user:password@]host[:port][/db], rediss://... with TLS, redis+unix:///path, \
redis+sentinel://host[:port],.../master[/db] or redis+cluster://host[:port],..."
TLS_OPTIONS = {"ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs"}
SENTINEL_OPTIONS = {"sentinel_username", "sentinel_password"}
DEFAULT_PORTS = {Kind.STANDALONE: 6379, Kind.SENTINEL: 26379, Kind.CLUSTER: 6379}


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """What a URL says. `places` are the Sentinels, or some nodes of a Cluster, or the one server."""

    kind: Kind
    places: tuple[Place, ...]
    login: Login = field(default=Login(), repr=False)
    db: int = 0
    master: str = ""
    sentinel_login: Login = field(default=Login(), repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)


def parse_redis_url(text: str) -> RedisUrl:
    """What `text` says. Raises StoreError, which never shows a password; reads certificates from files.

    Options of a TLS scheme, named as redis-py names them: ssl_ca_certs, ssl_certfile, ssl_keyfile and
    ssl_cert_reqs=none. With Sentinel: sentinel_username, sentinel_password.
    """
    url = urlsplit(text)
    if url.scheme not in SCHEMES or url.fragment:
        raise StoreError(ALLOWED)
    kind, secure = SCHEMES[url.scheme]
    options = _options(url, kind, secure)
    credentials, _, hosts = url.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    path = url.path if url.scheme != "redis+unix" else ""
    master, db = _path(kind, path)
    return RedisUrl(
        kind=kind,
        places=_unix(url) if url.scheme == "redis+unix" else tuple(_places(hosts, kind)),
        login=Login(unquote(user), unquote(password)),
        db=int(options.get("db", db)),
        master=master,
        sentinel_login=Login(options.get("sentinel_username", ""), options.get("sentinel_password", "")),
        tls=_context(options) if secure else None,
    )


def _options(url: SplitResult, kind: Kind, secure: bool) -> dict[str, str]:
    allowed = TLS_OPTIONS if secure else set()
    if kind == Kind.SENTINEL:
        allowed = allowed | SENTINEL_OPTIONS
    if url.scheme == "redis+unix":
        allowed = {"db"}
    options = dict(parse_qsl(url.query, keep_blank_values=True))
    if unknown := sorted(options.keys() - allowed):
        known = f"; known: {', '.join(sorted(allowed))}" if allowed else ""
        raise StoreError(f"{url.scheme} knows no option {unknown[0]!r}{known}")
    if not options.get("db", "0").isascii() or not options.get("db", "0").isdigit():
        raise StoreError("db must be a number")
    return options


def _unix(url: SplitResult) -> tuple[Place, ...]:
    if not url.path.startswith("/") or url.netloc.rpartition("@")[2]:
        raise StoreError(ALLOWED)
    return (Place("", 0, unquote(url.path)),)


def _places(hosts: str, kind: Kind) -> list[Place]:
    places = []
    for part in hosts.split(","):
        try:
            url = urlsplit(f"//{part}")
            host, port = url.hostname, url.port
        except ValueError:
            raise StoreError(f"{part!r} is no host:port; {ALLOWED}") from None
        if not host:
            raise StoreError(ALLOWED)
        places.append(Place(host, DEFAULT_PORTS[kind] if port is None else port))
    if kind == Kind.STANDALONE and len(places) > 1:
        raise StoreError("several hosts need redis+sentinel:// or redis+cluster://")
    return places


def _path(kind: Kind, path: str) -> tuple[str, str]:
    """The name of the master, and the number of the database."""
    parts = [unquote(part) for part in path.strip("/").split("/")] if path.strip("/") else []
    master = parts.pop(0) if kind == Kind.SENTINEL and parts else ""
    if kind == Kind.SENTINEL and not master:
        raise StoreError(f"the name of the master is missing; {ALLOWED}")
    if len(parts) > 1 or (parts and not (parts[0].isascii() and parts[0].isdigit())):
        raise StoreError(ALLOWED)
    if parts and parts[0] != "0" and kind == Kind.CLUSTER:
        raise StoreError("a Cluster has only database 0")
    return master, parts[0] if parts else "0"


def _context(options: dict[str, str]) -> ssl.SSLContext:
    verify = options.get("ssl_cert_reqs", "required")
    if verify not in ("required", "none"):
        raise StoreError("ssl_cert_reqs must be required or none")
    try:
        context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
        if certificate := options.get("ssl_certfile"):
            context.load_cert_chain(certificate, options.get("ssl_keyfile"))
    except OSError as error:
        raise StoreError(f"TLS: {error.strerror or error}") from error
    if verify == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
