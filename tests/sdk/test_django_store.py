"""The whole of `request.session`, as Django documents it, over a session that Limpet has let in."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

if not settings.configured:
    settings.configure(LIMPET_NODE_KEYS=["a-key"], SECRET_KEY="any", USE_TZ=True)

from limpet_session import SessionClosed, SessionError, SessionTooLarge, headers
from limpet_session import django as engine
from limpet_session.django import SessionStore
from tests.sdk.nodes import A, NodeAtHand, finish

NOW = 1_700_000_000.0


class Desk:
    """Where one request after the other is answered. `told` is what the last answer said."""

    def __init__(self, max_state: int = 1000) -> None:
        self.at = NodeAtHand(max_state=max_state)
        self.id = A
        self.version = 0
        self.told: dict[bytes, bytes] = {}

    @contextmanager
    def request(self, saved: bool = True) -> Iterator[Any]:
        """`request.session`; at the end what Django's middleware does."""
        visit = self.at.visit(self.id, self.version)
        with engine._visiting(visit):
            store = SessionStore("what the cookie says")
            yield store
            if saved and (store.modified or settings.SESSION_SAVE_EVERY_REQUEST) and not store.is_empty():
                store.save()
        self.told = finish(visit)
        self.id = self.told.get(headers.RENEW, self.id.encode()).decode()
        self.version = int(self.told[headers.VERSION])

    def held(self) -> dict[str, object]:
        return self.at.held(self.id)[1]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [NOW]
    monkeypatch.setattr("limpet_session.django.time.time", lambda: now[0])
    monkeypatch.setattr("django.utils.timezone.now", lambda: datetime.fromtimestamp(now[0], UTC))
    return now


def test_it_is_a_dictionary(desk: Desk) -> None:
    with desk.request() as session:
        assert session.is_empty() and session.session_key is None
        session["a"] = 1
        session.update({"b": 2, "c": 3})
        assert session.setdefault("d", 4) == session.setdefault("d", 5) == 4
        del session["b"]
        assert session.pop("c") == 3 and session.pop("c", None) is None
        assert "a" in session and session.has_key("a") and session.get("z", 0) == 0
        assert (list(session.keys()), list(session.values())) == (["a", "d"], [1, 4])
        assert session.modified and session.accessed
    assert desk.held() == {"a": 1, "d": 4}


def test_who_only_looks_at_other_things_neither_reads_nor_writes(desk: Desk) -> None:
    with desk.request() as session:
        session["a"] = [1]
    with desk.request() as session:
        assert session.session_key == A
        assert not session.is_empty()
        assert not session.accessed and not session.modified
    assert headers.STATE not in desk.told


def test_what_is_written_inside_a_value_is_saved_with_or_without_being_told(desk: Desk) -> None:
    with desk.request() as session:
        session["cart"] = []
    with desk.request() as session:
        session["cart"].append("tea")
        session.modified = True
    with desk.request() as session:
        session["cart"].append("rum")
    assert desk.held() == {"cart": ["tea", "rum"]}


async def test_the_asynchronous_half_does_the_same(desk: Desk) -> None:
    with desk.request() as session:
        await session.aset("a", 1)
        await session.aupdate({"b": 2})
        assert await session.asetdefault("c", 3) == 3
        assert await session.apop("b") == 2
        assert await session.ahas_key("a") and await session.aget("a") == 1
        assert dict(await session.aitems()) == {"a": 1, "c": 3}
        await session.aset_test_cookie()
        assert await session.atest_cookie_worked()
        await session.adelete_test_cookie()
        await session.asave()
    assert desk.held() == {"a": 1, "c": 3}
    with desk.request() as session:
        await session.acycle_key()
        assert await session.aexists(session.session_key)
        assert await session.aload() == {"a": 1, "c": 3}
    assert desk.id != A and desk.held() == {"a": 1, "c": 3}
    with desk.request() as session:
        await session.aflush()
    assert headers.END in desk.told


def test_a_test_cookie(desk: Desk) -> None:
    with desk.request() as session:
        session.set_test_cookie()
    with desk.request() as session:
        assert session.test_cookie_worked()
        session.delete_test_cookie()
    with desk.request() as session:
        assert not session.test_cookie_worked()


def test_cycling_the_key_goes_on_under_another(desk: Desk) -> None:
    with desk.request() as session:
        session["a"] = 1
    with desk.request() as session:
        session.cycle_key()
        assert session["a"] == 1
        key = session.session_key
    assert desk.id == key != A
    assert desk.at.call("GET", f"/{A}").status == 410


def test_cycling_the_key_of_a_new_session(desk: Desk) -> None:
    with desk.request() as session:
        session.cycle_key()
        session["a"] = 1
    assert desk.id != A and desk.held() == {"a": 1}


def test_creating_gives_a_new_session_its_key_and_another_a_new_one(desk: Desk) -> None:
    with desk.request() as session:
        session.create()
        assert session.session_key == A and session.exists(A)
        session["a"] = 1
    with desk.request() as session:
        session.create()
        assert session.session_key != A
    assert desk.id != A


@pytest.mark.parametrize("way", ["flush", "clear", "delete"])
def test_the_end(desk: Desk, way: str) -> None:
    with desk.request() as session:
        session["a"] = 1
    with desk.request() as session:
        getattr(session, way)()
        assert list(session.keys()) == []
    assert headers.END in desk.told
    assert desk.at.call("GET", f"/{A}").status == 410


def test_what_is_written_after_the_end_is_in_another_session(desk: Desk) -> None:
    with desk.request() as session:
        session["a"] = 1
    with desk.request() as session:
        session.flush()
        assert session.session_key is None and session.is_empty()
        session["b"] = 2
    assert desk.id != A and desk.held() == {"b": 2}
    assert desk.at.call("GET", f"/{A}").status == 410


def test_it_expires_some_time_after_the_last_write(desk: Desk, clock: list[float]) -> None:
    with desk.request() as session:
        session["a"] = 1
        session.set_expiry(60)
        assert session.get_expiry_age() == 60 and not session.get_expire_at_browser_close()
    clock[0] += 59
    with desk.request() as session:
        session["b"] = 2
    clock[0] += 59
    with desk.request() as session:
        assert (session["a"], session["b"]) == (1, 2)
    clock[0] += 1
    with desk.request() as session:
        assert session.is_empty() and session.session_key is None
    assert headers.END in desk.told


@pytest.mark.parametrize("days", [timedelta(days=1), datetime.fromtimestamp(NOW, UTC) + timedelta(days=1)])
def test_it_expires_at_a_time(desk: Desk, clock: list[float], days: timedelta | datetime) -> None:
    with desk.request() as session:
        session["a"] = 1
        session.set_expiry(days)
    clock[0] += 86399
    with desk.request() as session:
        assert session.get_expiry_age() == 1
        session["a"] = 2
    clock[0] += 1
    with desk.request() as session:
        assert session.is_empty()


def test_an_expiry_can_be_taken_back_and_one_with_the_browser_is_none_here(
    desk: Desk, clock: list[float]
) -> None:
    for expiry in (0, None):
        with desk.request() as session:
            session["a"] = 1
            session.set_expiry(60)
        with desk.request() as session:
            session.set_expiry(expiry)
            assert session.get_expire_at_browser_close() == (expiry == 0)
        clock[0] += 1000
        with desk.request() as session:
            assert session.get("a") == 1
    assert desk.held() == {"a": 1}
    SessionStore.clear_expired()


def test_what_cannot_be_saved_is_said_and_changes_nothing(desk: Desk) -> None:
    for value, error in (("x" * 1000, SessionTooLarge), (object(), TypeError)):
        with desk.request(saved=False) as session:
            session["a"] = value
            with pytest.raises(error):
                session.save()
            del session["a"]
    assert desk.held() == {}


def test_after_the_head_every_write_raises(desk: Desk) -> None:
    with desk.request() as session:
        session["a"] = 1
    writes = (session.flush, session.clear, session.cycle_key, session.delete, session.set_test_cookie)
    for write in (*writes, lambda: session.update(b=2), lambda: session.pop("a")):
        with pytest.raises((SessionClosed, TypeError)):
            write()
    assert session["a"] == 1 and desk.held() == {"a": 1}


def test_another_store_in_a_request_is_not_its_session(desk: Desk) -> None:
    with desk.request() as session:
        session["a"] = 1
        session.save()
        for key in (None, "somebody elses session"):
            other = SessionStore(key)
            assert not other.exists(key) and other.load() == {} and other.session_key is None
            other["b"] = 2
            for call in (other.save, other.delete):
                with pytest.raises(SessionError, match="a request's own session"):
                    call()
        with pytest.raises(SessionError, match="a request's own session"):
            session.delete("somebody elses session")
        assert SessionStore(A)["a"] == 1
    assert desk.held() == {"a": 1}


def test_outside_of_a_request_nothing_can_be_kept() -> None:
    store = SessionStore()
    store["a"] = 1
    store.create()
    assert len(store.session_key) == 32
    with pytest.raises(SessionError, match="use another SESSION_ENGINE"):
        store.save()


@pytest.mark.parametrize(
    ("settings_keys", "env", "keys"),
    [
        (["one", "two"], {"LIMPET_NODE_KEYS": "three"}, ["one", "two"]),
        (None, {"LIMPET_NODE_KEYS": "one,two", "LIMPET_NODE_KEY": "three"}, ["one", "two"]),
        (None, {"LIMPET_NODE_KEY": "one"}, ["one"]),
        ([], {"LIMPET_NODE_KEY": "one"}, None),
        (None, {}, None),
    ],
)
def test_where_the_keys_come_from(
    settings_keys: list[str] | None,
    env: dict[str, str],
    keys: list[str] | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LIMPET_NODE_KEYS", "LIMPET_NODE_KEY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(settings, "LIMPET_NODE_KEYS", settings_keys)
    if keys is None:
        with pytest.raises(ImproperlyConfigured, match="LIMPET_NODE_KEYS"):
            engine._keys()
    else:
        assert engine._keys() == keys
