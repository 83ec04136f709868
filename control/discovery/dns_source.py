"""Looks for nodes in DNS: addresses or SRV records, asked of resolv.conf's servers or of others."""

import asyncio
from collections.abc import Iterable
from math import inf
from typing import Any, NamedTuple

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver

from config.addresses import split_authority
from config.discovery_settings import Discover
from control.discovery.records import Record, chosen, nodes_of_addresses, nodes_of_records
from control.discovery.source import DiscoveryError, Found

LIFETIME = 4.0  # seconds for one question, with all that it takes: tries, other servers, TCP
FAMILIES = {"auto": ("A", "AAAA"), "ipv4": ("A",), "ipv6": ("AAAA",), "all": ("A", "AAAA")}
WORDS = {"A": "an IPv4 address", "AAAA": "an IPv6 address", "SRV": "an SRV record"}

Addresses = tuple[set[str], float]  # and for how many seconds they are good


class Reply(NamedTuple):
    """`records`: of the kind that was asked for, maybe none; `owner`: whose, with its dot; `ttl` in seconds.

    `beside`: addresses that came with them, and for how long, by name and kind.
    """

    records: list[Any]  # dnspython's
    owner: str
    ttl: float
    beside: dict[tuple[str, str], Addresses]


class DnsSource:
    """One service's. The addresses of SRV targets stay the same while they are among those there are."""

    def __init__(self, discover: Discover) -> None:
        self._discover = discover
        self._places: dict[str, str] = {}  # by target

    async def look(self) -> Found:
        """Raises DiscoveryError."""
        try:
            resolver = await asyncio.to_thread(_resolver, self._discover)
            if self._discover.srv is not None:
                return await self._records(resolver, self._discover.srv)
            assert self._discover.dns is not None, "it was checked"
            addresses, ttl = await self._addresses(resolver, self._discover.dns)
        except dns.exception.DNSException as error:
            raise DiscoveryError(_said(error)) from None
        except OSError as error:
            raise DiscoveryError(f"DNS cannot be asked: {error.strerror or error}") from None
        if not addresses:
            raise DiscoveryError(f"{self._discover.dns} has no {_wanted(self._kinds)}")
        return Found(nodes_of_addresses(self._discover, addresses), ttl)

    @property
    def _kinds(self) -> tuple[str, ...]:
        return FAMILIES[self._discover.family]

    async def _addresses(self, resolver: dns.asyncresolver.Resolver, name: str) -> Addresses:
        """All that count, and how long."""
        found: set[str] = set()
        ttls = []
        for kind in self._kinds:
            reply = await _ask(resolver, name, kind)
            found |= {record.address for record in reply.records}
            ttls.append(reply.ttl)
            if found and self._discover.family != "all":
                return found, reply.ttl
        return found, min(ttls)

    async def _records(self, resolver: dns.asyncresolver.Resolver, name: str) -> Found:
        reply = await _ask(resolver, name, "SRV")
        records = [
            Record(each.priority, each.weight, each.port, each.target.to_text().lower())
            for each in reply.records
        ]
        records = [record for record in records if record.target != "."]  # decidedly none (RFC 2782)
        if not records:
            raise DiscoveryError(f"{name} has no {_wanted(['SRV'])}")
        targets = sorted({record.target for record in records})
        told = [reply.beside.get((target, self._kinds[0])) for target in targets]
        asked = [self._target(resolver, *each) for each in zip(targets, told, strict=True)]
        places = dict(zip(targets, await asyncio.gather(*asked), strict=True))
        self._places = {target: place for target, (place, _) in places.items() if place is not None}
        ttl = min([reply.ttl, *(ttl for _, ttl in places.values())])
        nodes, problems = nodes_of_records(self._discover, reply.owner, records, self._places)
        if not nodes:
            raise DiscoveryError("; ".join(problems))
        return Found(nodes, ttl, problems)

    async def _target(
        self, resolver: dns.asyncresolver.Resolver, target: str, told: Addresses | None
    ) -> tuple[str | None, float]:
        """Where a target is, and for how long; None where it has no address. `told`: what is known already.

        A failure that is not DNS's own word on it fails the whole look: it is no reason to let a node go.
        """
        try:
            addresses, ttl = told or await self._addresses(resolver, target)
        except dns.resolver.NXDOMAIN:
            return None, inf
        return (chosen(addresses, self._places.get(target)) if addresses else None), ttl


def _resolver(discover: Discover) -> dns.asyncresolver.Resolver:
    """Reads /etc/resolv.conf, so not for the event loop's thread."""
    resolver = dns.asyncresolver.Resolver(configure=not discover.resolvers)
    resolver.use_search_by_default = not discover.resolvers
    if discover.resolvers:
        places = (split_authority(each) for each in discover.resolvers)
        resolver.nameservers = [
            dns.nameserver.Do53Nameserver(place[0], place[1] or 53) for place in places if place
        ]
    return resolver


async def _ask(resolver: dns.asyncresolver.Resolver, name: str, kind: str) -> Reply:
    """Raises dnspython's errors; a name that is there without such records is no error."""
    answer = await resolver.resolve(name, kind, raise_on_no_answer=False, lifetime=LIFETIME)
    beside: dict[tuple[str, str], Addresses] = {}
    for rrset in answer.response.additional:
        if rrset.rdtype in (dns.rdatatype.A, dns.rdatatype.AAAA):
            key = rrset.name.to_text().lower(), dns.rdatatype.to_text(rrset.rdtype)
            beside[key] = {record.address for record in rrset}, float(rrset.ttl)
    records = list(answer.rrset) if answer.rrset is not None else []
    ttl = float(answer.chaining_result.minimum_ttl)
    return Reply(records, answer.canonical_name.to_text().lower(), ttl, beside)


def _said(error: dns.exception.DNSException) -> str:
    """In one line; dnspython's own words are good ones, but where they are long."""
    if isinstance(error, dns.resolver.LifetimeTimeout):
        return f"no DNS server has answered within {LIFETIME:g} s"
    return " ".join(str(error).split()).removesuffix(".") or type(error).__name__


def _wanted(kinds: Iterable[str]) -> str:
    return " or ".join(WORDS[kind] for kind in kinds).replace("an ", "", 1)
