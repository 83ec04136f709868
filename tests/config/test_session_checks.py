"""Sessions that cannot be kept as asked."""
# ruff: noqa: E501 (tables of files and messages, a case a line)

from itertools import product

import pytest

from config.session_checks import USED_BY
from config.session_settings import Sessions
from tests.config.files import Loader, contract

pytestmark = pytest.mark.usefixtures("contract_ready")
WAYS = {
    "affinity": "strategy: affinity",
    "contract": "strategy: affinity, contract: true",
    "replication": "strategy: replication",
    "store": "strategy: store, store: main",
}
VALUES = {
    "contract": "true",
    "state": "shared",
    "replicas": "2",
    "fallback": "main",
    "store": "main",
    "sticky": "true",
    "on_conflict": "fail",
    "ack": "sync",
    "ack_timeout": "2s",
    "max_lag": "2s",
    "on_unprotected": "refuse",
    "on_stale": "empty",
    "give_up": "10s",
    "max_state": "2MiB",
    "reconcile_interval": "30s",
    "reconcile_rate": "100",
    "move_rate": "100",
    "rebalance": "on",
}


def sessions(options: str) -> str:
    return contract(f"sessions: {{{options}}}")


def test_each_option_is_refused_where_its_strategy_would_ignore_it(loader: Loader) -> None:
    assert {*VALUES} == {*Sessions.model_fields} - {"strategy"} == {*USED_BY}
    for (way, written), option in product(WAYS.items(), VALUES):
        companion = {"max_lag": ", ack: async", "on_conflict": ", sticky: false"}.get(option, "")
        if way not in USED_BY[option]:
            companion = ""
        given = f", {option}: {VALUES[option]}" if f"{option}:" not in written else ""
        said = loader.problems(sessions(written + given + companion))
        refused = [line for line in said if f"sessions.{option}: has no effect with strategy" in line]
        assert len(refused) == len(said) == (way not in USED_BY[option]), (way, option, said)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("replicas: 2", "replicas: has no effect with strategy `affinity`, only with `replication`: leave it out"),
        ("give_up: 2s", "give_up: has no effect with strategy `affinity`, only with `affinity` and `contract: true`, `replication` or `store`: leave it out"),
        ("strategy: replication, contract: true", "contract: has no effect with strategy `replication`, only with `affinity`: leave it out"),
        ("strategy: replication, store: main", "store: has no effect with strategy `replication`, only with `store`: leave it out"),
        ("strategy: store, store: main, fallback: main", "fallback: has no effect with strategy `store`, only with `replication`: leave it out"),
        ("strategy: replication, max_lag: 2s", "max_lag: has no effect with `ack: sync`, only with `async`: leave it out"),
        ("strategy: replication, ack: async, on_unprotected: refuse", "on_unprotected: must not be `refuse` with `ack: async`: the answer has left by then"),
        ("strategy: store, store: main, on_conflict: last", "on_conflict: has no effect while sessions are sticky, only with `sticky: false`: leave it out"),
        ("strategy: store, store: main, sticky: false, ack: async", "ack: must be `sync` with `sticky: false`: the next request may be on another node, which has only what the store has"),
        ("strategy: store, store: main, sticky: false, rebalance: on", "rebalance: has no effect with `sticky: false`: requests go to any node as it is"),
        ("strategy: replication, replicas: 3", "replicas: must not be more than 2: with 3 nodes, that many others hold copies"),
        ("strategy: replication, replicas: 0", "replicas: must be an integer from 1 to 16, or `all`, not 0"),
        ("strategy: replication, replicas: any", 'replicas: must be an integer from 1 to 16, or `all`, not "any"'),
        ("strategy: store", "store: is missing: the strategy `store` needs the name of one of the `stores`"),
        ("strategy: store, store: mian", "store: must be the name of a store, `main` or `local`; did you mean `main`?"),
        ("strategy: replication, fallback: zzz", "fallback: must be the name of a store, `main` or `local`"),
        ("strategy: replicated", 'strategy: must be `affinity`, `replication` or `store`, not "replicated"; did you mean `replication`?'),
        ("strategy: replication, rebalance: true", "rebalance: must be `off` or `on`, not true"),
        ("strategy: replication, ack_timeout: 2m", 'ack_timeout: must be a duration from 10ms to 1m, not "2m"'),
        ("strategy: replication, max_state: 1B", 'max_state: must be a size from 1KiB to 64MiB, not "1B"'),
    ],
)  # fmt: skip
def test_sessions_that_cannot_be_kept(loader: Loader, options: str, message: str) -> None:
    assert loader.problems(sessions(options)) == [f"3: services.shop.sessions.{message}"]


@pytest.mark.parametrize(
    "options",
    [
        "contract: false",
        "contract: true, give_up: 1m, on_stale: empty, max_state: 64KiB, rebalance: on",
        "strategy: replication",
        "strategy: replication, replicas: 2, fallback: local, ack_timeout: 500ms, on_unprotected: refuse",
        "strategy: replication, replicas: all, ack: async, max_lag: 5s, on_unprotected: answer",
        "strategy: replication, fallback: null",
        "strategy: store, store: main, ack: async",
        "strategy: store, store: local, sticky: false, on_conflict: last, give_up: 5s",
    ],
)
def test_sessions_that_can(loader: Loader, options: str) -> None:
    assert loader.problems(sessions(options)) == []


def test_a_single_node_has_nobody_to_hold_a_copy(loader: Loader) -> None:
    for replicas in ("1", "2", "all"):
        text = contract(f"sessions: {{strategy: replication, replicas: {replicas}}}", nodes=1)
        assert loader.problems(text) == [
            "3: services.shop.sessions.strategy: must not be `replication` with a single node: nobody is there"
            " to hold a copy; `store` would do"
        ]
    assert loader.problems(contract("sessions: {strategy: store, store: main}", nodes=1)) == []


def test_copies_are_not_counted_against_nodes_that_are_wrong_themselves(loader: Loader) -> None:
    text = contract("sessions: {strategy: replication, replicas: 2}").replace("'http://c'", "3")
    (said,) = loader.problems(text)
    assert "nodes[2].url" in said


def test_a_store_without_stores(loader: Loader) -> None:
    text = sessions("strategy: store, store: main")
    text = text[: text.index("stores:")]
    message = "names a store, but the file has no `stores`"
    assert loader.problems(text) == [f"3: services.shop.sessions.store: {message}"]
    for broken, key in (("{redis: 3}", "main.redis: must be redis://"), ("3", "main: must be a mapping")):
        (said,) = loader.problems(text + f"stores: {{main: {broken}}}\n")
        assert said.startswith(f"9: stores.{key}")


@pytest.mark.parametrize("way", ["contract", "replication", "store"])
def test_the_contract_needs_a_token_that_clients_replace(loader: Loader, way: str) -> None:
    what = "`sessions.contract`" if way == "contract" else f"strategy `{way}`"
    kept = f"sessions: {{{WAYS[way]}}}\n    affinity:"
    here = "4: services.shop.affinity"
    for mode in ("hash, cookie: uid", "hash, header: X-Uid", "none"):
        assert loader.problems(contract(f"{kept} {{mode: {mode}}}")) == [
            f"{here}.mode: must be `issue`, or `wrap` of a cookie, with {what}: each write changes the"
            f" client's token, and with `{mode.split(',')[0]}` there is none"
        ]
    assert loader.problems(contract(f"{kept} {{mode: wrap, header: Mcp-Session-Id}}")) == [
        f"{here}.header: must be a `cookie` with {what}: each write changes the client's token, and clients"
        " keep a header's value as it is"
    ]
    for mode in ("issue", "wrap, cookie: JSESSIONID"):
        assert loader.problems(contract(f"{kept} {{mode: {mode}}}")) == []


def test_plain_affinity_needs_no_token(loader: Loader) -> None:
    for mode in ("hash, cookie: uid", "none", "wrap, header: Mcp-Session-Id"):
        assert loader.problems(contract(f"affinity: {{mode: {mode}}}")) == []


def test_an_address_for_sessions_needs_the_contract(loader: Loader) -> None:
    text = contract("sessions: {strategy: affinity}").replace(
        "'http://b'", "'http://b', sessions_url: 'http://b:81'"
    )
    assert loader.problems(text) == [
        "6: services.shop.nodes[1].sessions_url: has no effect with strategy `affinity`, only with `affinity`"
        " and `contract: true`, `replication` or `store`: leave it out"
    ]
    for written in WAYS.values():
        assert (
            loader.problems(text.replace("strategy: affinity", written)) == []
            or written == "strategy: affinity"
        )
