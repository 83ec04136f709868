"""Stores that cannot work, and keys of nodes."""

import pytest

from tests.config.files import SHOP, Loader, contract, service

KEY = "correct-horse-battery"


@pytest.mark.parametrize(
    ("stores", "message"),
    [
        ("main: {}", "main: must have either `redis` or `embedded`: none is given"),
        ("main: {timeout: 2s}", "main: must have either `redis` or `embedded`: none is given"),
        (
            "main: {redis: 'redis://a', embedded: x}",
            "main: must have either `redis` or `embedded`: both are given",
        ),
        (
            "main: {redis: 'redis://a', synchronous: full}",
            "main.synchronous: has no effect on a store with `redis`: leave it out",
        ),
        (
            "main: {embedded: x, wait_replicas: 1}",
            "main.wait_replicas: has no effect on a store with `embedded`: leave it out",
        ),
        (
            "main: {embedded: x}, local: {embedded: x}",
            "local.embedded: is that of `stores.main` already: services can share one store",
        ),
        (
            "main: {redis: 'redis://a'}, local: {redis: 'redis://a'}",
            "local.redis: is that of `stores.main` already: services can share one store",
        ),
        (
            "main: {redis: 'redis://a', wait_replica: 1}",
            "main.wait_replica: is not an option; did you mean `wait_replicas`?",
        ),
        (
            "main: {redis: 'redis://a', wait_replicas: 17}",
            "main.wait_replicas: must be an integer from 0 to 16, not 17",
        ),
        (
            "main: {embedded: x, synchronous: extra}",
            'main.synchronous: must be `normal` or `full`, not "extra"',
        ),
        ("main: {embedded: gone/x}", "main.embedded: the folder of the file does not exist"),
        ("main: {embedded: .}", "main.embedded: must be a file, and is a folder"),
    ],
)
def test_a_store_that_cannot_work(loader: Loader, stores: str, message: str) -> None:
    assert loader.problems(f"{SHOP}stores: {{{stores}}}\n") == [f"2: stores.{message}"]


def test_stores_that_work(loader: Loader) -> None:
    stores = (
        "{main: {redis: 'rediss://:p@a/1', timeout: 500ms, wait_replicas: 1},"
        " local: {embedded: x, synchronous: full}}"
    )
    found = loader.settings(f"{SHOP}stores: {stores}\n").stores
    assert found["main"].redis is not None
    assert found["main"].redis.text == "rediss://:p@a/1"
    assert (found["main"].timeout, found["main"].wait_replicas) == (0.5, 1)
    assert (found["local"].embedded, found["local"].synchronous) == (str(loader.folder / "x"), "full")


@pytest.mark.usefixtures("contract_ready")
@pytest.mark.parametrize(
    "sessions", ["contract: true", "strategy: replication", "strategy: store, store: main"]
)
def test_who_speaks_the_contract_needs_keys(loader: Loader, sessions: str) -> None:
    text = contract(f"sessions: {{{sessions}}}")
    assert loader.problems(text) == []
    assert loader.problems(text.replace(f"node_keys: [{KEY}]\n", "")) == [
        "node_keys: is missing: by it the nodes of `shop` know that it is Limpet who asks"
        " (try `openssl rand -hex 32`)"
    ]
    (loader.folder / "key").write_text(KEY)
    assert loader.problems(text.replace(f"node_keys: [{KEY}]", "node_keys_file: key")) == []


@pytest.mark.usefixtures("contract_ready")
def test_a_key_that_is_wrong_is_not_called_missing(loader: Loader) -> None:
    (said,) = loader.problems(contract("sessions: {contract: true}").replace(KEY, "short"))
    assert said.startswith("8: node_keys[0]: must be at least 16 bytes long, not 5")


def test_keys_are_given_in_one_way(loader: Loader) -> None:
    (loader.folder / "key").write_text(KEY)
    text = f"{SHOP}node_keys: [{KEY}]\nnode_keys_file: key\n"
    assert loader.problems(text) == [
        "3: node_keys_file: cannot be combined with `node_keys`: give one of them"
    ]


def test_a_key_of_the_nodes_signs_no_tokens(loader: Loader) -> None:
    (loader.folder / "key").write_text(f"{KEY}\n")
    message = "must not be one of `secrets`: whoever has a node could forge tokens"
    other = "another-horse-battery"
    text = f"{SHOP}secrets: [{other}, {KEY}]\n"
    assert loader.problems(f"{text}node_keys: [{other}2, {KEY}]\n") == [f"3: node_keys[1]: {message}"]
    assert loader.problems(f"{text}node_keys_file: key\n") == [f"3: node_keys_file: {message}"]
    assert loader.problems(f"{SHOP}secrets_file: key\nnode_keys: [{KEY}]\n") == [
        f"3: node_keys[0]: {message}"
    ]
    assert loader.problems(f"{text}node_keys: [{KEY}2]\n") == []


def test_no_keys_where_nobody_needs_them(loader: Loader) -> None:
    assert loader.problems(service("sessions: {contract: false}")) == []
