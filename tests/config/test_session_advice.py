"""What is allowed of sessions, but may lose some."""

import pytest

from config.advice import advise
from config.loading import read
from tests.config.files import Loader, contract

pytestmark = pytest.mark.usefixtures("contract_ready")
KEPT = "secrets: [another-horse-battery]\n"


def advice(loader: Loader, options: str, nodes: int = 3, drop: str = "") -> list[str]:
    """What is advised on a file with a second node and probes, by line and key."""
    text = contract(f"{options}\n    health: {{path: /}}", nodes, more=KEPT)
    loader.path.write_text(text.replace(drop, ""))
    settings, source = read(loader.path, {})
    return [str(each).removeprefix(f"{loader.path}:") for each in advise(settings, source)]


BOTH = "sessions: {strategy: replication, fallback: main}"
NO_STORES = "stores: {main: {redis: 'redis://r'}, local: {embedded: s.db}}\n"
NO_LOCAL = ", local: {embedded: s.db}"


def test_a_sound_file_needs_none(loader: Loader) -> None:
    assert advice(loader, BOTH, drop=NO_LOCAL) == []
    assert advice(loader, "sessions: {strategy: store, store: main}", drop=NO_LOCAL) == []
    assert advice(loader, "sessions: {strategy: replication}", drop=NO_STORES) == []
    assert advice(loader, "sessions: {contract: true}\n    on_unavailable: strict", drop=NO_STORES) == []


def test_stores_and_keys_that_nobody_needs(loader: Loader) -> None:
    assert advice(loader, "sessions: {strategy: affinity}") == [
        "9: node_keys: no service uses the session contract: they have no effect",
        "10: stores.main: no service names it: it is not opened",
        "10: stores.local: no service names it: it is not opened",
    ]
    assert advice(loader, BOTH) == ["10: stores.local: no service names it: it is not opened"]


def test_no_node_to_spare(loader: Loader) -> None:
    message = (
        "3: services.shop.sessions.replicas: with 2 nodes and no `fallback`, what is written while one of"
        " them is away has too few copies, and is lost if another one dies then"
    )
    assert advice(loader, "sessions: {strategy: replication}", nodes=2, drop=NO_STORES) == [message]
    assert advice(loader, "sessions: {strategy: replication, replicas: all}", nodes=2, drop=NO_STORES) == []
    assert advice(loader, BOTH, nodes=2, drop=NO_LOCAL) == []


def test_strict_keeps_sessions_from_their_copies(loader: Loader) -> None:
    said = advice(loader, f"{BOTH}\n    on_unavailable: strict", drop=NO_LOCAL)
    assert said == [
        "4: services.shop.on_unavailable: `strict`: sessions wait for their own node, although others could"
        " go on with them"
    ]


def test_a_store_that_is_waited_for_too_long(loader: Loader) -> None:
    said = advice(loader, BOTH.replace("main", "main, ack_timeout: 500ms"), drop=NO_LOCAL)
    assert said == [
        "3: services.shop.sessions.ack_timeout: less than the `timeout` of store `main`, 1s: writes that it"
        " takes late count as unprotected"
    ]
