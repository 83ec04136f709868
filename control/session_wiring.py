"""From a service's settings to who keeps its sessions: its nodes' endpoints, its store, its keeper."""

from collections.abc import Sequence
from functools import partial

from config import settings as file
from config.addresses import NodeUrl
from config.session_settings import Sessions, Strategy
from control.cluster import Watch
from control.failovers import Failovers
from control.keeping import Kept
from control.oversize import Oversize
from control.reconciler import Plan, Reconciler
from control.stores import Stores
from control.surroundings import Surroundings
from control.witness import NodeWitness, StoreWitness
from sessions.contract.course import Terms
from sessions.keeper import Keeper
from sessions.keeping.options import ALL, KeepingOptions
from sessions.keeping.targets import Targets
from sessions.peers import Peer

CALL_SECONDS = 1.0  # a node's answer about a session; a fence may take half of it there


def keep(name: str, service: file.Service, key: bytes, stores: Stores, watch: Watch) -> Kept:
    """Everything that keeps one service's sessions. `key`: the first of `node_keys`."""
    sessions = service.sessions
    store = next((stores.opened[named] for named in sessions.stores), None)
    witness = StoreWitness(store.name, store.target) if store is not None else None
    peers = [_peer(name, node, key, sessions.ack_timeout) for node in service.nodes]
    patience = service.timeouts.response
    homing = sessions.rebalance == "on"
    surroundings = Surroundings(watch.health, sessions.give_up, store, homing)
    keeper = Keeper(
        _options(watch.name, service, key), _targets(service, peers, watch, witness), surroundings.around
    )
    reconciler = Reconciler(
        _plan(service),
        watch,
        surroundings.order,
        peers,
        store,
        stays=partial(_stays, keeper, watch, patience),
        protected=keeper.counters.protected,
    )
    failovers = Failovers(name, watch.node_names, watch.health.nodes, lambda: reconciler.serving)
    keeper.moved = failovers.moved
    strategy = str(sessions.strategy)
    oversize = Oversize(name, sessions.max_state, keeper.counters)
    return Kept(strategy, watch, keeper, peers, witness, surroundings, reconciler, failovers, oversize)


def _stays(keeper: Keeper, watch: Watch, patience: float, session_id: str, node: int) -> bool:
    """A move would cut off the write of a request that its node still works on."""
    return keeper.busy(session_id, node) and watch.gives_time(node, patience)


def _targets(
    service: file.Service, peers: Sequence[Peer], watch: Watch, store: StoreWitness | None
) -> Targets:
    why = "its sessions could not be had"
    nodes = [NodeWitness(peer, partial(watch.silent, index, why)) for index, peer in enumerate(peers)]
    return Targets(nodes, watch.node_names, store, service.state_ttl)


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


def _peer(service: str, node: file.Node, key: bytes, ack_timeout: float) -> Peer:
    url: NodeUrl = node.sessions_url or node.url
    return Peer(
        f"{service}/{node.name}",
        "http://localhost" if url.path else str(url),
        key,
        socket=url.path or None,
        timeout_seconds=CALL_SECONDS,
        ack_timeout_seconds=ack_timeout,
    )
