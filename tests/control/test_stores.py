"""Stores by what the file says of them, and the notice taken when one goes and comes back."""

from collections.abc import Sequence
from math import inf
from pathlib import Path

import pytest

from config.session_settings import Store as StoreSettings
from config.settings import Settings
from config.store_urls import StoreUrl
from control.runtime import build
from control.stores import OpenStore, Stores, make_store, make_stores, to_open
from control.turns import at_once
from sessions.stores.embedded import EmbeddedStore
from sessions.stores.redis.store import RedisStore
from sessions.stores.store import Operation, Outcome, StoreError
from tests.certificates import Authority
from tests.control.settings import service

NODE_KEYS = ["a-key-of-sixteen-bytes-or-more"]


class StubStore:
    """A store that is up or not as the test says."""

    def __init__(self, name: str = "main", advice: Sequence[str] = ()) -> None:
        self.name = name
        self.up = True
        self.connections = 0
        self.calls: list[str] = []
        self._advice = list(advice)

    async def open(self) -> None:
        self.calls.append("open")

    async def run(self, batch: Sequence[Operation]) -> list[Outcome]:
        raise AssertionError("nobody asks")

    async def advice(self) -> list[str]:
        return self._advice

    async def close(self) -> None:
        self.calls.append("close")


def test_only_stores_that_a_service_names_are_made(tmp_path: Path) -> None:
    settings = Settings.model_validate(
        {
            "node_keys": NODE_KEYS,
            "stores": {
                "main": {"redis": "redis://127.0.0.1:6379/0"},
                "local": {"embedded": str(tmp_path / "s.db")},
                "spare": {"embedded": str(tmp_path / "spare.db")},
            },
            "services": {
                "shop": service(sessions={"strategy": "replication", "fallback": "main"}),
                "mail": service(sessions={"strategy": "store", "store": "local"}),
            },
        }
    )
    stores = make_stores(settings)
    assert {(each.name, type(each.store)) for each in stores} == {
        ("main", RedisStore),
        ("local", EmbeddedStore),
    }
    assert list(tmp_path.iterdir()) == []


async def test_an_embedded_store_gets_its_options(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    settings = StoreSettings.model_validate({"embedded": str(path), "synchronous": "full", "timeout": "5s"})
    store = make_store("local", settings)
    assert isinstance(store, EmbeddedStore)
    assert (store._path, store._synchronous, store._timeout_seconds) == (path, "FULL", 5.0)
    stores = Stores([OpenStore(store)])
    await stores.open()
    assert path.exists()
    await stores.close()


async def test_a_redis_gets_its_options() -> None:
    url = StoreUrl("redis://127.0.0.1:1/3")
    store = make_store("main", StoreSettings(redis=url, timeout=0.25, wait_replicas=2))
    assert isinstance(store, RedisStore)
    assert (store._timeout_seconds, store._wait_replicas) == (0.25, 2)
    await store.close()


async def test_a_file_that_can_never_be_a_store_is_an_error_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "s.db").write_text("this is no database, and long enough to be told from one " * 20)
    stores = Stores([to_open("local", StoreSettings(embedded=str(tmp_path / "s.db")))])
    with pytest.raises(StoreError):
        await stores.open()
    await stores.close()


async def test_advice_is_logged_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    store = StubStore(advice=["it forgets"])
    stores = Stores([OpenStore(store)])
    await stores.open()
    (advising,) = stores._advising
    await advising
    assert "store main: it forgets" in caplog.text
    await stores.close()
    assert store.calls == ["open", "close"]


def test_going_and_coming_back_is_noticed() -> None:
    store, now = StubStore(), 100.0
    opened = OpenStore(store, lambda: now)
    seen = []
    for up, now in ((True, 1.0), (False, 2.0), (False, 3.0), (True, 4.0), (True, 5.0), (False, 6.0)):  # noqa: B007
        store.up = up
        opened.look()
        seen.append((opened.away_since, opened.gaps))
    assert seen == [(inf, 0), (2.0, 0), (2.0, 0), (inf, 1), (inf, 1), (6.0, 1)]


def test_a_new_connection_counts_as_coming_back() -> None:
    store = StubStore()
    opened = OpenStore(store)
    seen = []
    for store.connections, store.up in ((1, True), (1, True), (2, True), (3, False), (3, True), (3, True)):
        opened.look()
        seen.append(opened.gaps)
    assert seen == [1, 1, 2, 2, 3, 3]


async def test_an_authority_in_other_words_makes_a_store_anew(tmp_path: Path) -> None:
    """As when a file of certificates is renewed in its place: the settings are the same."""
    Authority(tmp_path, "redis")
    url = f"rediss://127.0.0.1:1/0?ssl_ca_certs={tmp_path}/redis.pem"
    sessions = {"strategy": "store", "store": "main"}
    settings = Settings.model_validate(
        {
            "node_keys": ["k" * 16],
            "stores": {"main": {"redis": url}},
            "services": {"shop": service(sessions=sessions)},
            "routes": [{"service": "shop"}],
        }
    )
    runtime = build(settings, [b"s" * 16], lambda timer, error: None)
    assert runtime.fresh_stores(settings) == {}
    Authority(tmp_path, "redis")
    fresh = runtime.fresh_stores(settings)
    assert list(fresh) == ["main"]
    at_once(runtime.changes(at_once(runtime.drawn(settings, [b"s" * 16])), fresh))
    assert runtime.keeping.stores.opened["main"] is fresh["main"]
    assert runtime.fresh_stores(settings) == {}
    await runtime.keeping.close()
