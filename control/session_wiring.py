"""From a service's settings to who keeps its sessions: its nodes' endpoints, its store, its keeper."""

import ssl
from collections.abc import Callable, Sequence
from functools import partial

from config import settings as file
from config.addresses import NodeUrl
from config.session_settings import Sessions, Strategy
from control.cluster import Watch
from control.failovers import Failovers
from control.keeping import Kept, PeerLine
from control.oversize import Oversize
from control.reconciler import Plan, Reconciler
from control.slots import Slot
from control.stores import OpenStore, Stores
from control.surroundings import Surroundings
from control.witness import NodeWitness, StoreWitness
from routing.states import Membership
from sessions.contract.course import Terms
from sessions.keeper import Keeper
from sessions.keeping.options import ALL, KeepingOptions
from sessions.keeping.targets import Targets
from sessions.peers import Peer

Patience = Callable[[], float]  # seconds that a node may take to answer, as they are configured now

CALL_SECONDS = 1.0  # a node's answer about a session; a fence may take half of it there


def keep(
    service: file.Service,
    lines: list[PeerLine],
    peers: list[Peer],
    key: bytes,
    stores: Stores,
    watch: Watch,
    patience: Patience,
) -> Kept:
    """Everything that keeps one service's sessions. `peers`: for each of the lines; `key`: the first of
    `node_keys`."""
    sessions, name = service.sessions, watch.name
    store = _store(service, stores)
    witness = StoreWitness(store.name, store.target) if store is not None else None
    surroundings = Surroundings(watch.health, sessions.give_up, store, sessions.rebalance == "on")
    targets = Targets(_witnesses(peers, watch, surroundings), watch.node_names, witness, service.state_ttl)
    keeper = Keeper(_options(name, service, key), targets, surroundings.around)
    reconciler = Reconciler(
        _plan(service),
        watch,
        surroundings.order,
        peers,
        store,
        stays=partial(_stays, keeper, watch, patience),
        protected=keeper.counters.protected,
    )
    failovers = Failovers(name, watch.node_names, watch.health.nodes, lambda node: reconciler.serving[node])
    keeper.moved = failovers.moved
    return Kept(
        str(sessions.strategy),
        watch,
        keeper,
        targets,
        peers,
        lines,
        witness,
        surroundings,
        reconciler,
        failovers,
        Oversize(name, sessions.max_state, keeper.counters),
    )


def keep_on(
    kept: Kept, service: file.Service, lines: list[PeerLine], peers: list[Peer], key: bytes, stores: Stores
) -> list[Peer]:
    """Go by other settings, and call these; the peers that are no longer called, for the caller to close."""
    sessions, watch = service.sessions, kept.watch
    store = _store(service, stores)
    if store is None:
        kept.store = None
    elif kept.store is None or not kept.store.asks(store.target):
        counted = kept.store.copied_bytes if kept.store and kept.store.name == store.name else 0
        kept.store = StoreWitness(store.name, store.target)
        kept.store.copied_bytes = counted
    unused = _call(kept, lines, peers)
    kept.strategy = str(sessions.strategy)
    kept.oversize.limit = sessions.max_state
    witnesses = _witnesses(kept.peers, watch, kept.surroundings)
    kept.targets.change(witnesses, watch.node_names, kept.store, service.state_ttl)
    kept.keeper.change(_options(watch.name, service, key))
    kept.surroundings.change(sessions.give_up, store, sessions.rebalance == "on")
    kept.reconciler.change(_plan(service), kept.peers, store)
    kept.failovers.change(watch.node_names)
    return unused


def _call(kept: Kept, lines: list[PeerLine], peers: list[Peer]) -> list[Peer]:
    """Have these peers; those that they take the place of are handed back."""
    unused = []
    for index, (before, after) in enumerate(zip(kept.peers, peers, strict=False)):  # there may be more now
        if before is not after:
            unused.append(before)
            if lines[index].name == kept.lines[index].name:  # what is counted goes on
                after.copied_bytes = before.copied_bytes
    kept.peers, kept.lines = peers, lines
    return unused


def _store(service: file.Service, stores: Stores) -> OpenStore | None:
    return next((stores.opened[named] for named in service.sessions.stores), None)


def _stays(keeper: Keeper, watch: Watch, patience: Patience, session_id: str, node: int) -> bool:
    """A move would cut off the write of a request that its node still works on."""
    return keeper.busy(session_id, node) and watch.gives_time(node, patience())


def _witnesses(peers: Sequence[Peer], watch: Watch, surroundings: Surroundings) -> list[NodeWitness]:
    why = "its sessions could not be had"
    return [
        NodeWitness(peer, partial(watch.silent, index, why), partial(surroundings.gone, index))
        for index, peer in enumerate(peers)
    ]


def _options(name: str, service: file.Service, key: bytes) -> KeepingOptions:
    sessions = service.sessions
    terms = Terms(
        key,
        service.state_ttl,
        sessions.max_state,
        sticky=sessions.sticky,
        # Not sticky: the next node could not see a write that the store has not taken.
        refuse_unprotected=sessions.on_unprotected == "refuse" or not sessions.sticky,
        overwrite=sessions.on_conflict == "last",
    )
    return KeepingOptions(
        terms,
        len(service.nodes),
        _replicas(sessions),
        store=bool(sessions.stores),
        ack_timeout=sessions.ack_timeout,
        max_lag=sessions.max_lag if sessions.ack == "async" else 0.0,
        call_timeout=CALL_SECONDS,
        on_stale_empty=sessions.on_stale == "empty",
        service=name,
    )


def _replicas(sessions: Sessions) -> int:
    if sessions.strategy is not Strategy.REPLICATION:
        return 0
    return ALL if sessions.replicas == "all" else sessions.replicas


def _plan(service: file.Service) -> Plan:
    sessions = service.sessions
    return Plan(
        sessions.reconcile_interval,
        sessions.reconcile_rate,
        sessions.move_rate,
        replicas=_replicas(sessions),
        stored=sessions.strategy is Strategy.STORE,
        rebalance=sessions.rebalance == "on",
        sticky=sessions.sticky,
    )


def line_of(name: str, service: file.Service, slot: Slot, key: bytes, tls: ssl.SSLContext | None) -> PeerLine:
    """How the session endpoint of a service's node is called. `tls`: for all of its nodes."""
    node, ack_timeout = slot.node, service.sessions.ack_timeout
    url: NodeUrl = node.sessions_url or node.url
    if slot.membership is Membership.GONE:  # nobody calls it
        return PeerLine(f"{name}/{node.name}", "http://localhost", None, key, ack_timeout)
    place = "http://localhost" if url.path else str(url)
    line = PeerLine(f"{name}/{node.name}", place, url.path or None, key, ack_timeout)
    if not url.secure:
        return line
    return line._replace(tls=tls, server_name=service.tls.server_name or url.host)


def peer_of(line: PeerLine) -> Peer:
    """Who calls it; nothing is opened yet."""
    return Peer(
        line.name,
        line.url,
        line.key,
        socket=line.socket,
        timeout_seconds=CALL_SECONDS,
        ack_timeout_seconds=line.ack_timeout,
        tls=line.tls,
        server_name=line.server_name,
    )
