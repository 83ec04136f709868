"""Names, hosts, paths and header values: the grammar of each, and the sentence for what does not fit it."""

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated

from config.addresses import HOST_LABEL, HOST_NAME, is_ip
from config.values import Parsed, Refused, parsed, text

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"  # RFC 9110 section 5.6.2
LITERAL = r"[A-Za-z0-9._~!$&'()*+,=:@-]"  # pchar (RFC 3986 section 3.3) without the `;` of parameters
SEGMENT = rf"(?:{LITERAL}|%[0-9A-F]{{2}})"
HOSTS = re.compile(rf"\*|\[[0-9A-Fa-f:.]+\]|(?:\*\.)?{HOST_LABEL}(?:\.{HOST_LABEL})*")

Name = Annotated[
    str,
    text(
        r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}",
        "a name of at most 63 letters, digits, `_`, `.` and `-`, the first a letter or digit",
    ),
]
CookieName = Annotated[
    str, text(TOKEN + "{1,128}", "a cookie's name: letters, digits and !#$%&'*+-.^_`|~, at most 128")
]
HeaderName = Annotated[
    str, text(TOKEN + "{1,128}", "a header's name: letters, digits and !#$%&'*+-.^_`|~, at most 128")
]
HeaderValue = Annotated[
    str,
    text(
        r"(?:[\x21-\x7e\xa0-\xff](?:[\x20-\x7e\xa0-\xff\t]{0,4094}[\x21-\x7e\xa0-\xff])?)?",
        "a header's value: Latin-1 text without control characters or spaces at its ends",
    ),
]
Pseudonym = Annotated[
    str, text(TOKEN + "{1,128}", "a name of letters, digits and !#$%&'*+-.^_`|~ (RFC 9110, Via)")
]
ProbePath = Annotated[
    str, text(r"/[\x21-\x22\x24-\x7e]{0,2047}", "a path that begins with `/`, without spaces or a fragment")
]
ProbeHost = Annotated[
    str,
    text(
        rf"(?:{HOST_LABEL}(?:\.{HOST_LABEL})*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}})?", "a host, or HOST:PORT"
    ),
]
FilePath = Annotated[str, text(r"[^\x00]+", "the path of a file")]


def parse_host_pattern(value: object) -> str:
    """A route's host in lower case, without the root's dot; raises Refused."""
    if not isinstance(value, str):
        raise Refused("must be a host such as shop.example.com, *.example.com or *")
    host = value.lower() if value == "*." else value.lower().removesuffix(".")
    if re.search(r":[0-9]*$", host) and not host.startswith("["):
        raise Refused("must be a host without a port: a route has all ports of its host")
    if not host.isascii():
        raise Refused(f"must be written in ASCII{punycode(host)}")
    if is_ip(host[1:-1], 6) and HOSTS.fullmatch(host):
        return f"[{ipaddress.ip_address(host[1:-1])}]"  # as clients write it (RFC 5952)
    if not HOSTS.fullmatch(host) or len(host) > 255 or host.startswith("["):
        raise Refused("must be a host such as shop.example.com, *.example.com (a whole first label) or *")
    return host


def punycode(host: str) -> str:
    """A hint of how a browser sends a host that is not ASCII."""
    try:
        return f", as browsers send it: `{host.encode('idna').decode()}`"
    except UnicodeError:
        return ""


def parse_domain(value: object) -> str:
    """A cookie's `Domain`, without the leading dot that old browsers wanted; raises Refused."""
    domain = value.removeprefix(".").lower() if isinstance(value, str) else ""
    if not HOST_NAME.fullmatch(domain) or "." not in domain or domain.replace(".", "").isdigit():
        raise Refused("must be a domain such as example.com, not an address and not a top-level domain")
    return domain


def parse_route_path(value: object) -> str:
    """A route's path, in the form that targets are brought into before they are compared; raises Refused."""
    if not isinstance(value, str) or not re.fullmatch(rf"(?:/{SEGMENT}*)+", value):
        raise Refused(
            "must be a path that begins with `/`, in ASCII, without `?`, `#`, `;` or spaces, `%` as `%C3%A9`"
        )
    if re.search(r"//|/\.{1,2}(?:/|$)", value):
        raise Refused("must not hold empty, `.` or `..` segments: targets are compared without them")
    for digits in re.findall(r"%([0-9A-F]{2})", value):
        character = chr(int(digits, 16))
        if re.fullmatch(LITERAL, character):
            raise Refused(f"must not encode what needs no encoding: write `{character}` for `%{digits}`")
        if character in "/\\":
            raise Refused(
                f"must not hold `%{digits}`: some servers take it for a `/`, so nothing would match"
            )
    return value


HostPattern = Annotated[
    str, Parsed(parse_host_pattern, {"type": "string", "pattern": r"^[^\s/:]+$|^\[.*\]$"})
]
Domain = Annotated[
    str, Parsed(parse_domain, {"type": "string", "pattern": r"^\.?[^\s/:.]+(?:\.[^\s/:.]+)+$"})
]
RoutePath = Annotated[str, Parsed(parse_route_path, {"type": "string", "pattern": r"^/[^\s?#]*$"})]


@parsed(
    {
        "anyOf": [
            {"type": "string", "pattern": "^[1-5][0-9]{2}(?:-[1-5][0-9]{2})?$"},
            {"type": "integer", "minimum": 100, "maximum": 599},
        ]
    }
)
@dataclass(frozen=True, slots=True)
class StatusRange:
    """Status codes from `first` to `last`, both included."""

    first: int
    last: int

    @classmethod
    def parse(cls, value: object) -> "StatusRange":
        """From `200`, `"200"` or `"200-399"`; else Refused."""
        if isinstance(value, cls):
            return value
        written = str(value) if type(value) is int else value
        match = (
            re.fullmatch(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", written)
            if isinstance(written, str)
            else None
        )
        if match is None or int(match[2] or match[1]) < int(match[1]):
            raise Refused("must be a status code from 100 to 599, or a range of them such as 200-399")
        return cls(int(match[1]), int(match[2] or match[1]))

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}-{self.last}"
