"""From DNS records to nodes: what each is called, its weight, and whether it is a backup."""

from collections.abc import Collection, Mapping, Sequence
from ipaddress import ip_address
from typing import NamedTuple

from config.addresses import HOST_NAME, joined
from config.discovery_settings import Discover
from config.settings import Node
from control.discovery.source import in_order, node_at

STEPS = 10  # of weights: a record may say 65,535 and its neighbour 1, which no ring needs


class Record(NamedTuple):
    """An SRV record (RFC 2782). `target` ends with a dot."""

    priority: int
    weight: int
    port: int
    target: str


def nodes_of_addresses(discover: Discover, addresses: Collection[str]) -> tuple[Node, ...]:
    """A node for each address, by whose name it is known."""
    assert discover.port is not None, "it was checked"
    port = discover.port
    return in_order([node_at(discover, joined(address, port), (address, port)) for address in set(addresses)])


def nodes_of_records(
    discover: Discover, owner: str, records: Sequence[Record], addresses: Mapping[str, str]
) -> tuple[tuple[Node, ...], tuple[str, ...]]:
    """A node for each record whose target has an address, and what is wrong with the others.

    `owner`: the name that has the records, with its dot; `addresses` by target. Records of the lowest
    priority are served, all others are backups. A weight counts beside the largest of its priority.
    """
    served = min((record.priority for record in records), default=0)
    nodes, problems = [], []
    for target, port in sorted({(record.target, record.port) for record in records}):
        best = min(each for each in records if (each.target, each.port) == (target, port))
        name = f"{short(target, owner)}:{port}"
        if not HOST_NAME.fullmatch(target.removesuffix(".")) or not port:
            problems.append(f"{target!r} port {port} cannot be a node")
        elif target not in addresses:
            problems.append(f"{target} has no address")
        else:
            peers = [each.weight for each in records if each.priority == best.priority]
            place = addresses[target], port
            backup = best.priority > served
            nodes.append(node_at(discover, name, place, relative(best.weight, peers), backup))
    return in_order(nodes), tuple(problems)


def relative(weight: int, peers: Collection[int]) -> int:
    """From 1 to 10; 1 where all have the same.

    Kubernetes gives each of n pods 100/n: taken as it is, every pod more would draw a new ring.
    """
    most = max(peers)
    if min(peers) == most:
        return 1
    return max(1, round(weight * STEPS / most))


def short(target: str, owner: str) -> str:
    """A target's name without the domain that it shares with the records' owner, and without the dot.

    `shop-0` for `shop-0.shop.default.svc.cluster.local.` and `_http._tcp.shop.default.svc.cluster.local.`
    """
    labels = owner.lower().split(".")
    while labels and labels[0].startswith("_"):
        labels = labels[1:]
    domain = "." + ".".join(labels)
    target = target.lower()
    if len(domain) > 2 and target.endswith(domain) and target != domain:
        return target.removesuffix(domain)
    return target.removesuffix(".")


def chosen(addresses: Collection[str], before: str | None) -> str:
    """The one of a target's addresses that is used: that of `before` while it has it, else the lowest."""
    if before is not None and before in addresses:
        return before
    return min(addresses, key=lambda address: (ip_address(address).version, int(ip_address(address))))
