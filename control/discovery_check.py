"""What `limpet check` finds of nodes that are to be found: it looks once."""

import asyncio
import logging
from typing import NamedTuple

from config.settings import Node, Settings
from control.discovery.discovery import Discovery, Lookouts, completed
from control.discovery.lookout import Lookout

SHOWN = 8  # nodes by name; more are only counted


class Findings(NamedTuple):
    """`settings`: with the nodes that were found; `unknown`: services of which nothing could be found out.

    `found`: a line for each service that has nodes; `warnings`: what could not be found.
    """

    settings: Settings
    unknown: frozenset[str]
    found: list[str]
    warnings: list[str]


def find_nodes(settings: Settings) -> Findings:
    """Look for the nodes of each service, as `limpet run` does when it starts."""
    logging.getLogger("limpet.discovery").addHandler(logging.NullHandler())  # what is returned says it all
    lookouts: Lookouts = asyncio.run(Discovery().prepare(settings))
    found = [_line(each) for each in lookouts.values() if each.nodes]
    warnings = [_warning(each) for each in lookouts.values() if each.problem or not each.nodes]
    unknown = frozenset(name for name, each in lookouts.items() if not each.nodes)
    return Findings(completed(settings, lookouts), unknown, found, warnings)


def _line(lookout: Lookout) -> str:
    nodes = lookout.nodes
    names = ", ".join(map(_shown, nodes[:SHOWN]))
    more = f" and {len(nodes) - SHOWN} more" if len(nodes) > SHOWN else ""
    return f"service {lookout.service}: {lookout.discover} has {len(nodes)}: {names}{more}"


def _shown(node: Node) -> str:
    """Its name, and where it is where that does not say it."""
    return node.name if str(node.url).endswith(f"//{node.name}") else f"{node.name} ({node.url})"


def _warning(lookout: Lookout) -> str:
    problem = lookout.problem or "no answer in time"
    missing = "" if lookout.nodes else "; `limpet run` answers 503 until there is a node"
    return f"service {lookout.service}: {lookout.discover}: {problem}{missing}"
