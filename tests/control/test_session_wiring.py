"""Every option on how sessions are kept reaches the object that goes by it."""

from pathlib import Path
from typing import Any

import pytest

from control import session_wiring
from control.keeping import Kept
from control.runtime import Runtime
from sessions.contract.messages import STORE
from sessions.keeping.options import ALL
from sessions.peers import Peer
from tests.control.settings import runtime, service

KEYS = ["first-key-of-the-nodes", "second-key-of-the-nodes"]


def built(sessions: dict[str, Any], **options: Any) -> Runtime:
    return runtime({"shop": service(sessions=sessions, **options)}, node_keys=KEYS, stores=stores())


def stores() -> dict[str, Any]:
    return {"local": {"embedded": "/nowhere/sessions.db"}}


def kept(sessions: dict[str, Any], **options: Any) -> Kept:
    return built(sessions, **options).keeping.services["shop"]


def test_a_service_without_the_contract_has_no_keeper() -> None:
    running = built({"strategy": "affinity"})
    assert running.engine.services["shop"].keeper is None
    assert running.keeping.services == {}
    assert not running.engine.services["shop"].router.view.contract


@pytest.mark.parametrize(
    ("sessions", "replicas", "store", "strategy"),
    [
        ({"strategy": "affinity", "contract": True}, 0, False, "affinity"),
        ({"strategy": "replication"}, 1, False, "replication"),
        ({"strategy": "replication", "replicas": 2, "fallback": "local"}, 2, True, "replication"),
        ({"strategy": "replication", "replicas": "all"}, ALL, False, "replication"),
        ({"strategy": "store", "store": "local"}, 0, True, "store"),
    ],
)
def test_strategies(sessions: dict[str, Any], replicas: int, store: bool, strategy: str) -> None:
    running = built(sessions)
    it = running.keeping.services["shop"]
    options = it.keeper.options
    assert (options.replicas, options.store, options.nodes) == (replicas, store, 3)
    assert (it.strategy, it.replicated, it.store is not None) == (strategy, replicas > 0, store)
    assert running.engine.services["shop"].keeper is it.keeper
    assert running.engine.services["shop"].router.view.contract
    assert (STORE in it.keeper.around("x", -1).up) is store
    assert it.reconciler._plan.replicas == replicas
    assert it.reconciler._plan.stored is (strategy == "store")


def test_terms() -> None:
    it = kept(
        {
            "strategy": "replication",
            "on_unprotected": "refuse",
            "on_stale": "empty",
            "max_state": "2KiB",
            "ack_timeout": "250ms",
        },
        affinity={"idle": "10m", "lifetime": "1h"},
    )
    options = it.keeper.options
    terms = options.terms
    assert (terms.key, terms.ttl, terms.most_state) == (KEYS[0].encode(), 675 + 60, 2048)
    assert (terms.sticky, terms.refuse_unprotected, terms.overwrite) == (True, True, False)
    assert (options.ack_timeout, options.max_lag, options.on_stale_empty) == (0.25, 0.0, True)


def test_answers_that_do_not_wait() -> None:
    it = kept({"strategy": "replication", "ack": "async", "max_lag": "2s"})
    assert it.keeper.options.max_lag == 2.0


def test_a_store_without_stickiness() -> None:
    running = built({"strategy": "store", "store": "local", "sticky": False, "on_conflict": "last"})
    terms = running.keeping.services["shop"].keeper.options.terms
    assert (terms.sticky, terms.overwrite, terms.refuse_unprotected) == (False, True, True)
    assert not running.engine.services["shop"].router.view.sticky


def test_rates_and_rebalancing() -> None:
    it = kept(
        {
            "strategy": "replication",
            "reconcile_interval": "5s",
            "reconcile_rate": 7,
            "move_rate": 8,
            "rebalance": "on",
            "give_up": "9s",
        }
    )
    plan = it.reconciler._plan
    assert (plan.interval, plan.copy_rate, plan.move_rate, plan.rebalance) == (5.0, 7, 8, True)
    assert (it.surroundings._homing, it.surroundings._give_up) == (True, 9.0)


def test_where_nodes_speak_of_their_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[Any, ...]] = []

    def peer(name: str, url: str, key: bytes, **options: Any) -> Peer:
        made.append((name, url, key, options["socket"], options["ack_timeout_seconds"]))
        return Peer(name, url, key)

    monkeypatch.setattr(session_wiring, "Peer", peer)
    nodes = [
        {"name": "a", "url": "http://127.0.0.1:9001"},
        {"name": "b", "url": "http://[::1]:9002", "sessions_url": "http://127.0.0.1:9102"},
        {"name": "c", "url": "unix:/run/c.sock"},
    ]
    shop = {"nodes": nodes, "sessions": {"strategy": "replication", "ack_timeout": 0.5}}
    runtime({"shop": shop}, node_keys=KEYS)
    key = KEYS[0].encode()
    assert made == [
        ("shop/a", "http://127.0.0.1:9001", key, None, 0.5),
        ("shop/b", "http://127.0.0.1:9102", key, None, 0.5),
        ("shop/c", "http://localhost", key, "/run/c.sock", 0.5),
    ]


def test_services_share_a_store(tmp_path: Path) -> None:
    services = {name: service(sessions={"strategy": "store", "store": "local"}) for name in ("shop", "mail")}
    running = runtime(services, node_keys=KEYS, stores=stores())
    one, other = running.keeping.services.values()
    assert one.store is not None and other.store is not None
    assert one.store._target is other.store._target
