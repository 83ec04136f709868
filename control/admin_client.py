"""Talks to the admin port of a running Limpet: finds it, calls it, and says plainly what went wrong."""

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from config.addresses import Address
from config.loading import text_of
from config.settings import Admin
from config.source import Source
from config.values import Refused

TIMEOUT_SECONDS = 10.0
UPGRADE_SECONDS = 75.0  # the new process is given a minute
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # where to knock when it listens on every interface


class AdminError(Exception):
    """The running Limpet could not be reached, or refused; the message is for a person."""


class Mistyped(AdminError):
    """It did not understand what it was asked."""


class Place(NamedTuple):
    """Where the admin port is. `url` is `http://HOST:PORT`, `https://HOST:PORT` or `unix:/PATH`."""

    url: str
    token: str


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def locate(config: str, url: str | None, env: Mapping[str, str]) -> Place:
    """The admin port and its token: from `url` and `LIMPET_ADMIN_TOKEN` where given, else from the file.

    Only the file's `admin` section is looked at: a mistake elsewhere in it, or a variable that is set only
    for the service, keeps nobody from asking a running Limpet. Raises ConfigError where there is no file.
    """
    token = env.get("LIMPET_ADMIN_TOKEN", "")
    if url is not None:
        return Place(url, token)
    tree = Source(config, text_of(Path(config)), env).tree
    section = tree.get("admin") if isinstance(tree, dict) else None
    admin = section if isinstance(section, dict) else {}
    try:
        listen = Address.parse(admin.get("listen", Admin().listen))
    except Refused as refused:
        raise AdminError(f"{config}: admin.listen {refused.allowed}") from None
    return Place(_url(listen), token or _token(Path(config), admin))


def call_admin(place: Place, method: str, path: str, body: object = None) -> Any:
    """The JSON that is answered. Raises AdminError."""
    connection = _connection(place.url, UPGRADE_SECONDS if path == "/api/upgrade" else TIMEOUT_SECONDS)
    headers = {"Accept": "application/json"}
    if place.token:
        headers["Authorization"] = f"Bearer {place.token}"
    data = None if body is None else json.dumps(body).encode()
    try:
        connection.request(method, path, data, headers)
        response = connection.getresponse()
        content = response.read()
    except (OSError, http.client.HTTPException) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise AdminError(
            f"no Limpet answers at {place.url}: {why.lower()} (is `limpet run` running?)"
        ) from None
    finally:
        connection.close()
    return _content(place, response.status, content)


def _connection(url: str, timeout: float) -> http.client.HTTPConnection:
    if url.startswith("unix:/"):
        return UnixConnection(url.removeprefix("unix:"), timeout)
    try:
        parts = urlsplit(url)
        kinds: dict[str, type[http.client.HTTPConnection]] = {
            "http": http.client.HTTPConnection,
            "https": http.client.HTTPSConnection,
        }
        return kinds[parts.scheme](parts.hostname or "", parts.port, timeout=timeout)
    except (KeyError, ValueError):
        raise AdminError(f"{url} is not http://HOST:PORT or unix:/PATH") from None


def _content(place: Place, status: int, content: bytes) -> Any:
    try:
        answer = json.loads(content)
    except ValueError:
        raise AdminError(f"what answers at {place.url} is not Limpet's admin port") from None
    if status == 401:
        raise AdminError("the admin token is needed, or wrong: set LIMPET_ADMIN_TOKEN")
    if status >= 400:
        raise (Mistyped if status in (400, 422) else AdminError)(str(answer.get("error", status)))
    return answer


def _url(address: Address) -> str:
    if address.path:
        return f"unix:{address.path}"
    return f"http://{Address(EVERYWHERE.get(address.host, address.host), address.port)}"


def _token(config: Path, admin: Mapping[str, object]) -> str:
    token, file = admin.get("token"), admin.get("token_file")
    if isinstance(token, str):
        return token
    try:
        return (config.absolute().parent / file).read_text().strip() if isinstance(file, str) else ""
    except OSError as error:
        raise AdminError(f"{file}: {error.strerror}; set LIMPET_ADMIN_TOKEN instead") from None
