"""Where a service's nodes are found, instead of or beside those that the file names."""

from typing import Annotated, Literal

from pydantic import Field

from config.addresses import HOST_NAME, is_ip, joined, split_authority
from config.names import FilePath
from config.section import Count, Section
from config.units import duration as lasting
from config.values import OneOrMany, Parsed, Refused, integer

Port = Annotated[int, integer(1, 65535)]


def parse_dns_name(value: object) -> str:
    """A name to ask DNS for, in lower case; one with a dot at its end is not searched for. Raises Refused."""
    name = value.lower() if isinstance(value, str) else ""
    if not HOST_NAME.fullmatch(name.removesuffix(".")) or name.replace(".", "").isdigit():
        raise Refused("must be a name in DNS such as app.shop.svc.cluster.local")
    return name


def parse_resolver(value: object) -> str:
    """`ADDRESS:PORT` of a DNS server, port 53 unless given. Raises Refused."""
    if isinstance(value, str) and is_ip(value, 6):
        return joined(value, 53)
    parts = split_authority(value) if isinstance(value, str) else None
    if parts is None or parts[1] == 0 or not (is_ip(parts[0], 4) or is_ip(parts[0], 6)):
        raise Refused("must be the address of a DNS server: 10.96.0.10, 127.0.0.1:8600, [fd00::10]:53")
    return joined(parts[0], parts[1] or 53)


DnsName = Annotated[str, Parsed(parse_dns_name, {"type": "string", "pattern": r"^[A-Za-z0-9_.-]{1,254}$"})]
Resolver = Annotated[str, Parsed(parse_resolver, {"type": "string", "pattern": r"^[0-9A-Fa-f.:\[\]]+$"})]


class Discover(Section):
    """Where a service's nodes are found: in DNS, or in files that are watched."""

    dns: DnsName | None = Field(None, description="A name whose every address (A, AAAA) is a node.")
    srv: DnsName | None = Field(
        None, description="A name whose SRV records are nodes, with their ports, weights and priorities."
    )
    files: Annotated[tuple[FilePath, ...], OneOrMany()] = Field(
        (), description="Files of targets in Prometheus's `file_sd` format, patterns such as `nodes/*.json`."
    )
    port: Port | None = Field(None, description="`dns`: nodes' port. `files`: that of targets without one.")
    scheme: Literal["http", "https"] = Field("http", description="How nodes are spoken to.")
    family: Literal["auto", "ipv4", "ipv6", "all"] = Field(
        "auto",
        description="Which addresses count. `auto`: IPv4 ones, and IPv6 ones where there are no others;"
        " `all`: both, each address a node of its own.",
    )
    resolvers: Annotated[tuple[Resolver, ...], OneOrMany()] = Field(
        (), description="DNS servers to ask; without them those of /etc/resolv.conf."
    )
    at_least: Annotated[float, lasting("100ms", "1h")] = Field(
        1.0, description="DNS is asked again when an answer's TTL is over, but not sooner than this."
    )
    at_most: Annotated[float, lasting("100ms", "1d")] = Field(60.0, description="And not later than this.")
    max_connections: Count | None = Field(
        None, description="Exchanges at once with each node that is found. No limit without it."
    )
    sessions_port: Port | None = Field(
        None, description="Where nodes speak of their sessions, if not at the port of the app."
    )

    def __str__(self) -> str:
        """In a few words, for people."""
        if self.files:
            return f"files {', '.join(self.files)}"
        return f"SRV {self.srv}" if self.srv else f"DNS {self.dns}"
