"""What is kept of states: every request has values of its own, and what it does to them nobody else sees."""

import json
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from limpet_session import snapshots
from limpet_session.serializer import Format, JsonSerializer
from limpet_session.session import Session
from limpet_session.snapshots import Data, Snapshot, Snapshots
from tests.sdk.nodes import A, B, C, NodeAtHand, finish

STATE = b'{"cart":[{"sku":"a","tags":["x"]}],"n":1}'
# Infinity is one object in all that json reads, so it looks different; such a state is packed to be compared.
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=5)
KEYS = st.text(max_size=3)
FEW = st.sampled_from("abcd")
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2)
)


NAME = "a session"


def read(kept: Snapshots, state: bytes = STATE, name: str = NAME) -> Session:
    """What the app of one request sees."""
    return Session(kept.read(name, state))


class Counted(JsonSerializer):
    """Counts what it is asked for."""

    plain = True

    def __init__(self) -> None:
        self.read = self.written = 0

    def loads(self, state: bytes) -> dict[str, Any]:
        self.read += 1
        return super().loads(state)

    def dumps(self, data: dict[str, Any]) -> bytes:
        self.written += 1
        return super().dumps(data)

    part, whole = JsonSerializer.part, JsonSerializer.whole


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(KEYS, VALUES, max_size=4))
@example({"name": "n", "user": {"name": "n"}})
def test_it_comes_back_as_it_was_and_looks_the_same(data: dict[str, Any]) -> None:
    state = JsonSerializer().dumps(data)
    kept = Snapshots(JsonSerializer().loads)
    first = read(kept, state)
    for again in (first, read(kept, state), read(kept, state)):
        assert repr(again) == repr(first) == repr(JsonSerializer().loads(state))
        again.reached = True
        assert not again.suspect, "each read would be written to see that it has changed nothing"


def test_whatever_is_done_to_one_is_not_done_to_another() -> None:
    kept = Snapshots(JsonSerializer().loads)
    held = [read(kept) for _ in range(3)]
    for one in held:
        one["cart"][0]["tags"].append("y")
        one["cart"].append("z")
        one["n"] = 2
        assert dict(read(kept)) == json.loads(STATE)
    assert all(one == held[0] for one in held)


def test_what_has_only_plain_values_is_no_ones_either() -> None:
    kept = Snapshots(JsonSerializer().loads)
    for _ in range(3):
        one = read(kept, b'{"a":1,"b":"x"}')
        assert dict(one) == {"a": 1, "b": "x"}
        one["a"] = 2
        del one["b"]


def test_only_so_much_is_kept_and_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_BYTES", 3000)
    counted = Counted()
    kept = Snapshots(counted.loads)
    state = b'{"a":["%b"]}' % (b"x" * 400)
    names = [str(number) for number in range(10)]
    for name in names:
        for _ in range(2):
            kept.read(name, state)
        assert kept._size == sum(each.size for each in kept._kept.values()) <= 3000
        assert all(each.size >= 2 * len(state) + 400 for each in kept._kept.values())
    assert list(kept._kept) == names[-2:] and counted.read == 10
    for name in [*names, *names]:
        kept.forget(name)
    assert (kept._size, len(kept._kept)) == (0, 0)


def test_a_state_above_all_that_may_be_kept_is_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_BYTES", 10)
    kept = Snapshots(JsonSerializer().loads)
    assert [dict(read(kept)) for _ in range(2)] == [json.loads(STATE)] * 2
    assert kept._size == 0


def test_formats_that_do_not_say_so_are_asked_each_time() -> None:
    class Child(Counted):
        """Might make anything of what its parent reads."""

    for serializer, times in ((Counted(), 1), (Child(), 2)):
        format_ = Format(serializer)
        opened = [format_.open(NAME, STATE) for _ in range(2)]
        assert Session(opened[0]) == Session(opened[1]) == json.loads(STATE)
        assert serializer.read == times
        assert isinstance(opened[0], Snapshot) == (times == 1)


def test_values_of_classes_of_their_own_are_read_each_time() -> None:
    kept = Snapshots(lambda state: {"a": [complex(1, 2)], "b": object()})
    assert read(kept, b"x")["b"] is not read(kept, b"x")["b"]
    assert not kept._kept


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, VALUES, max_size=3), st.booleans())
def test_what_is_written_by_its_parts_is_what_is_written_whole(
    before: dict[str, Any], changes: dict[str, Any], opened: bool
) -> None:
    """`opened`: the state before came from elsewhere, else it was written here."""
    dumps, format_ = JsonSerializer().dumps, Format(JsonSerializer())
    base = dumps(before) if before else b""
    assert opened or format_.seal(NAME, before, {}) == base
    for _ in range(3):
        given = format_.open(NAME, base)
        session = Session(given)
        session.update(changes)
        changes = {key: [value] for key, value in changes.items()}
        state = format_.seal(NAME, session, given)
        assert state == (dumps(dict(session)) if session else b"")
        assert repr(Session(format_.open(NAME, state))) == repr(format_.unpack(state))
        base = state


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(FEW, VALUES, max_size=4),
    st.lists(st.dictionaries(FEW, LEAVES | VALUES, max_size=3), min_size=1, max_size=3),
)
@example({"a": [1]}, [{"a": [2]}])
def test_where_the_app_has_reached_into_no_value_nobody_looks_and_it_is_the_same(
    before: dict[str, Any], changes: list[dict[str, Any]]
) -> None:
    dumps, format_ = JsonSerializer().dumps, Format(JsonSerializer())
    base = dumps(before) if before else b""
    for change in changes:
        given = format_.open(NAME, base)
        session = Session(given)
        for key, value in change.items():
            session[key] = value
        session.pop("d", None)
        base = format_.seal(NAME, session, given, session.reached)
        assert base == (dumps(dict(session)) if session else b"")


def test_a_value_that_is_as_it_was_is_not_written_again() -> None:
    class Parted(JsonSerializer):
        """Counts what it writes."""

        plain = True

        def part(self, key: str, value: Any) -> bytes:
            written.append(key)
            return super().part(key, value)

        whole = JsonSerializer.whole

    written: list[str] = []
    format_ = Format(Parted())
    base = format_.seal(NAME, {"cart": [{"n": 1}], "user": "u", "n": 1}, {})
    assert written == ["cart", "user", "n"]
    for n in range(2, 5):
        written.clear()
        given = format_.open(NAME, base)
        session = Session(given)
        session["n"] = n
        base = format_.seal(NAME, session, given, reached=n == 2)
        assert written == ["n"]
    given = format_.open(NAME, base)
    session = Session(given)
    session["cart"][0]["n"] = 2
    written.clear()
    assert format_.seal(NAME, session, given) == b'{"cart":[{"n":2}],"user":"u","n":4}'
    assert written == ["cart"]


def test_sessions_that_are_alike_are_kept_each_for_itself() -> None:
    counted = Counted()
    format_ = Format(counted)
    names = [A, B, C]
    bases = [format_.seal(name, {"cart": [1], "n": 0}, {}) for name in names]
    for n in range(1, 4):
        for number, name in enumerate(names):
            given = format_.open(name, bases[number])
            session = Session(given)
            session["n"] = n
            bases[number] = format_.seal(name, session, given)
    assert counted.read == 3, "each of their carts once"
    assert format_._snapshots is not None
    assert list(format_._snapshots._kept) == names


def test_a_value_that_marshal_cannot_tell_once_it_is_read_is_read_each_time() -> None:
    class Odd(JsonSerializer):
        """What is a tuple for the app is something of a class of its own when it is read."""

        plain = True
        part, whole = JsonSerializer.part, JsonSerializer.whole

        def loads(self, state: bytes) -> Data:
            return {key: [Fraction(1, 2)] for key in super().loads(state)}

    format_ = Format(Odd())
    state = format_.seal(NAME, {"a": [1]}, {})
    for _ in range(2):
        assert format_.open(NAME, state) == {"a": [Fraction(1, 2)]}


def test_a_session_that_is_over_is_not_kept(at: NodeAtHand) -> None:
    snapshots = at.node._shared.format._snapshots
    assert snapshots is not None and list(snapshots._kept) == [A]
    logout = at.visit(version=2)
    logout.session.end()
    finish(logout)
    assert not snapshots._kept and not snapshots._size
    at.write(B, n=1)
    login = at.visit(B, version=2)
    login.session.renew()
    finish(login)
    assert B not in snapshots._kept


@pytest.mark.parametrize(
    ("data", "read"),
    [
        ({"a": (1, 2)}, {"a": [1, 2]}),
        ({"a": {1: 2}}, {"a": {"1": 2}}),
        ({1: "x"}, {"1": "x"}),
        ({None: 1, "null": 2}, {"null": 2}),
        ({"a": {str(n): [n] for n in range(40)}}, None),
        ({f"key {n}": [n] for n in range(snapshots.MOST_KEYS + 1)}, None),
    ],
    ids=str,
)
def test_what_was_written_comes_back_as_the_format_has_it(data: Any, read: dict[str, Any] | None) -> None:
    format_ = Format(JsonSerializer())
    state = format_.seal(NAME, data, {})
    for _ in range(2):
        assert Session(format_.open(NAME, state)) == (data if read is None else read)


def test_a_format_made_of_another_one_writes_as_it_says_itself() -> None:
    class Shouting(JsonSerializer):
        plain = True

        def dumps(self, data: dict[str, Any]) -> bytes:
            return super().dumps({key.upper(): value for key, value in data.items()})

    assert Format(Shouting()).seal(NAME, {"a": 1}, {}) == b'{"A":1}'


@pytest.fixture
def at() -> NodeAtHand:
    at = NodeAtHand()
    at.write(cart=[{"amount": 1}], n=1)
    return at


def test_requests_side_by_side_have_each_their_own(at: NodeAtHand) -> None:
    one, two = at.visit(version=2), at.visit(version=2)
    one.session["cart"][0]["amount"] = 2
    assert two.session["cart"] == [{"amount": 1}]
    assert b"limpet-state" not in finish(two)
    assert finish(one)[b"limpet-version"] == b"3"
    assert at.visit(version=3).session["cart"] == [{"amount": 2}]
    two.session["cart"][0]["amount"] = 9  # it still holds what it was given
    assert at.visit(version=3).session["cart"] == [{"amount": 2}]


def test_what_was_changed_inside_and_not_saved_is_nobodys(at: NodeAtHand) -> None:
    failed = at.visit(version=2)
    failed.session["cart"][0]["amount"] = 5
    failed.abandon()
    failed.leave()
    again = at.visit(version=2)
    assert again.session["cart"] == [{"amount": 1}]
    finish(again)
    again.session["cart"].append("after the head")
    assert at.visit(version=2).session["cart"] == [{"amount": 1}]


def test_what_was_written_into_is_told_from_what_was_read_also_from_a_snapshot(at: NodeAtHand) -> None:
    for amount in range(2, 6):
        version = at.held()[0]
        for _ in range(2):  # the second time from what was kept
            reading = at.visit(version=version)
            assert reading.session["cart"][0]["amount"] == amount - 1
            assert finish(reading)[b"limpet-version"] == b"%d" % version
        writing = at.visit(version=version)
        writing.session["cart"][0]["amount"] = amount
        assert finish(writing)[b"limpet-version"] == b"%d" % (version + 1)
    assert at.held() == (6, {"cart": [{"amount": 5}], "n": 1}, True)
