"""Asks the nodes of a service, and its store, what each of them has of one session."""

import asyncio
from typing import TypedDict

from control.keeping import Kept
from routing.states import Membership
from sessions.contract.messages import STORE, Action, Answer, Call, Kind

LONGEST_SECONDS = 2.0  # a store may hold its answer back for longer than anybody wants to wait


class Holder(TypedDict):
    """`answer`: `held`, `none`, `ended`, `silent`, or `away`: a node that is down is not asked.

    `version`, `bytes` (of the state) and `serving` where it is held, else None; a store never serves.
    """

    where: str
    answer: str
    version: int | None
    bytes: int | None
    serving: bool | None


async def whereabouts(kept: Kept, session_id: str) -> list[Holder]:
    """What each node, those that are leaving too, and then the store have of it. It changes nothing."""
    nodes = enumerate(kept.watch.health.nodes)
    there = [index for index, node in nodes if node.membership is not Membership.GONE]
    asked = [_node(kept, index, session_id) for index in there]
    if kept.store is not None:
        asked.append(_store(kept, session_id))
    return list(await asyncio.gather(*asked))


async def _node(kept: Kept, index: int, session_id: str) -> Holder:
    name = kept.watch.node_names[index]
    if not kept.watch.health.nodes[index].answering:
        return _without(name, "away")
    return _holder(name, await kept.peers[index].get(session_id))


async def _store(kept: Kept, session_id: str) -> Holder:
    assert kept.store is not None
    name = f"store {kept.store.name}"
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            return _holder(name, await kept.store.call(Action(Call.GET, STORE), session_id, 0))
    except TimeoutError:
        return _without(name, "silent")


def _holder(where: str, said: Answer | None) -> Holder:
    if said is None:
        return _without(where, "silent")
    if said.kind is Kind.ENDED:
        return _without(where, "ended")
    if said.kind is not Kind.HELD:
        return _without(where, "none")
    return Holder(
        where=where, answer="held", version=said.version, bytes=len(said.state), serving=said.serving
    )


def _without(where: str, answer: str) -> Holder:
    return Holder(where=where, answer=answer, version=None, bytes=None, serving=None)
