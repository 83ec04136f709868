"""What a service is to be by a blueprint: all that takes long, worked out before anything changes."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from control.blueprint import Blueprint
from control.keeping import Kept, PeerLine
from control.probes import Target
from control.session_wiring import line_of, peer_of
from control.slots import Slot
from control.turns import GROUP, Steps
from control.wiring import addresses_of, affinity_of, options_of, rules_of, targets_of, view_of
from proxy.dialer import NodeAddress
from proxy.options import ServiceOptions
from proxy.service import Service
from routing.health import HealthRules
from routing.states import Membership
from routing.view import ServiceView
from sessions.affinity import Affinity
from sessions.peers import Peer


@dataclass(frozen=True, slots=True)
class Draft:
    """By index: `addresses`; `lines` and `peers`, none of them where the nodes speak no contract.

    An address or a peer that stays is the very one that there is. `anew`: of which nodes nothing is known.
    """

    affinity: Affinity
    view: ServiceView
    rules: HealthRules
    addresses: list[NodeAddress]
    options: ServiceOptions
    anew: Collection[int]
    targets: list[Target]
    lines: list[PeerLine]
    peers: list[Peer]


def draft(
    name: str, blueprint: Blueprint, before: Sequence[Slot], running: Service | None, kept: Kept | None
) -> Steps[Draft]:
    """`before`: its slots until now; `running`, `kept`: what it is now, where there is one, and one that
    keeps sessions. Raises ValueError where the blueprint cannot be."""
    service, slots, tls = blueprint.settings.services[name], blueprint.slots[name], blueprint.tls[name]
    affinity = affinity_of(name, service, blueprint.secrets, slots)
    yield
    seen = running.router.view if running is not None else None
    view = view_of(name, service, slots, blueprint.placed.get(name), seen)
    yield
    known = [node.address for node in running.nodes] if running is not None else []
    addresses = addresses_of(service, slots, tls)
    yield
    addresses, anew = _staying(known, addresses), _anew(before, slots)
    yield
    targets = targets_of(name, service, slots, tls)
    yield
    lines: list[PeerLine] = []
    peers: list[Peer] = []
    if service.sessions.uses_contract:
        key = blueprint.settings.node_keys[0].encode()
        lines = [line_of(name, service, slot, key, tls) for slot in slots]
        yield
        for each in _peers(lines, kept):
            peers.append(each)
            if len(peers) % GROUP == 0:
                yield
    return Draft(
        affinity, view, rules_of(service), addresses, options_of(service), anew, targets, lines, peers
    )


def _staying(before: Sequence[NodeAddress], after: Sequence[NodeAddress]) -> list[NodeAddress]:
    return [
        before[index] if index < len(before) and before[index] == each else each
        for index, each in enumerate(after)
    ]


def _peers(lines: Sequence[PeerLine], kept: Kept | None) -> Iterator[Peer]:
    """One for each line; who is called as before stays."""
    for index, line in enumerate(lines):
        stays = kept is not None and index < len(kept.lines) and kept.lines[index] == line
        yield kept.peers[index] if kept is not None and stays else peer_of(line)


def _anew(before: Sequence[Slot], after: Sequence[Slot]) -> Collection[int]:
    """The indices of nodes of which nothing is known: new ones, those that are elsewhere, or back."""
    known = len(before)
    return [
        index
        for index, slot in enumerate(after)
        if index >= known
        or (before[index].node.name, before[index].node.url) != (slot.node.name, slot.node.url)
        or (before[index].membership is Membership.GONE and slot.membership is not Membership.GONE)
    ]
