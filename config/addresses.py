"""Addresses, node URLs and networks: how they are written in the file, and what they become."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated

from config.values import Parsed, Refused, parsed

HOST_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){HOST_LABEL}(?:\.{HOST_LABEL})*")
AUTHORITY = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]+))(?::([0-9]{1,5}))?")
UNIX_PATH = re.compile(
    r"/[^\x00-\x1f\x7f]{0,106}"
)  # sun_path holds 108 bytes on Linux, one of them the last NUL


def split_authority(value: str) -> tuple[str, int | None] | None:
    """Host (an IPv6 address without its brackets) and port of `host:port`, or None if it is neither."""
    match = AUTHORITY.fullmatch(value)
    if match is None or (match[3] and int(match[3]) > 65535):
        return None
    port = int(match[3]) if match[3] else None
    if match[1]:
        return (match[1].lower(), port) if is_ip(match[1], 6) else None
    numeric = match[2].replace(".", "").isdigit()
    valid = is_ip(match[2], 4) if numeric else HOST_NAME.fullmatch(match[2])
    return (match[2].lower(), port) if valid else None


def is_ip(host: str, version: int) -> bool:
    """Whether this is an IP address of that version, without a zone."""
    try:
        return ipaddress.ip_address(host).version == version
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches the host; a name other than `localhost` may mean anything."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def joined(host: str, port: int) -> str:
    """`host:port`, with brackets round an IPv6 address (RFC 3986 section 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@parsed({"type": "string", "pattern": r"^(?:unix:/.+|(?:\[[0-9A-Fa-f:.]+\]|[^\[\]:/]+):[0-9]{1,5})$"})
@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens: a host and a port (0: any free one), or the path of a unix socket."""

    host: str = ""
    port: int = 0
    path: str = ""

    @classmethod
    def parse(cls, value: object) -> "Address":
        """From `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080` or `unix:/run/limpet.sock`; else Refused."""
        if isinstance(value, cls):
            return value
        if isinstance(value, str) and value.startswith("unix:") and UNIX_PATH.fullmatch(value[5:]):
            return cls(path=value[5:])
        if isinstance(value, str) and value.startswith(":") and value[1:].isdecimal():
            raise Refused(f"must be HOST:PORT; for every interface write 0.0.0.0{value} or [::]{value}")
        parts = split_authority(value) if isinstance(value, str) else None
        if parts is None or parts[1] is None:
            raise Refused("must be HOST:PORT such as 127.0.0.1:8080 or [::1]:8080, or unix:/PATH")
        return cls(parts[0], parts[1])

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return bool(self.path) or is_loopback(self.host)

    def __str__(self) -> str:
        return f"unix:{self.path}" if self.path else joined(self.host, self.port)


@parsed({"type": "string", "pattern": r"^(?:unix:/.+|https?://[^/?#@]+/?)$"})
@dataclass(frozen=True, slots=True)
class NodeUrl:
    """Where a node is: a host and a port, or the path of a unix socket; `secure`: it speaks TLS."""

    host: str = ""
    port: int = 0
    path: str = ""
    secure: bool = False

    @classmethod
    def parse(cls, value: object) -> "NodeUrl":
        """From `http://127.0.0.1:9001`, `https://[::1]:9001` or `unix:/run/app.sock`; else Refused."""
        if isinstance(value, cls):
            return value
        if not isinstance(value, str):
            raise Refused("must be a URL such as http://127.0.0.1:9001, or unix:/PATH")
        if value.startswith("unix:") and UNIX_PATH.fullmatch(value[5:]):
            return cls(path=value[5:])
        scheme, _, rest = value.partition("://")
        if "@" in rest:
            raise Refused("must not hold a user or a password", quoted=False)
        if "/" in rest.rstrip("/") or "?" in rest or "#" in rest:
            raise Refused("must end after the port: a node's URL has no path (routes have `strip_prefix`)")
        parts = split_authority(rest.rstrip("/"))
        if scheme.lower() not in ("http", "https") or parts is None or parts[1] == 0:
            raise Refused("must be a URL such as http://127.0.0.1:9001, or unix:/PATH")
        secure = scheme.lower() == "https"
        return cls(parts[0], parts[1] or (443 if secure else 80), secure=secure)

    def __str__(self) -> str:
        scheme = "https" if self.secure else "http"
        return f"unix:{self.path}" if self.path else f"{scheme}://{joined(self.host, self.port)}"


IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_network(value: object) -> IPNetwork:
    """A network such as `10.0.0.0/8`, or one address. Raises Refused, also where host bits are set."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    if not isinstance(value, str):
        raise Refused("must be a network such as 10.0.0.0/8, or an address")
    try:
        loose = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise Refused("must be a network such as 10.0.0.0/8, or an address") from None
    address = ipaddress.ip_address(value.partition("/")[0])
    if address != loose.network_address:
        raise Refused(f"must have no bits set after its prefix: {loose}")
    return loose


Network = Annotated[
    IPNetwork, Parsed(parse_network, {"type": "string", "pattern": r"^[0-9A-Fa-f:.]+(?:/[0-9]{1,3})?$"}, str)
]
