"""What is kept of states: every request has values of its own, and what it does to them nobody else sees."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from limpet_session import snapshots
from limpet_session.serializer import Format, JsonSerializer
from limpet_session.session import Session
from limpet_session.snapshots import Known, Snapshots, look
from tests.sdk.nodes import NodeAtHand, finish

STATE = b'{"cart":[{"sku":"a","tags":["x"]}],"n":1}'
# Infinity is one object in all that json reads, so it looks different; such a state is packed to be compared.
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
LEAVES = st.none() | st.booleans() | st.integers() | FLOATS | st.text(max_size=5)
KEYS = st.text(max_size=3)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2)
)


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
    first = kept.read(state)
    for again in (kept.read(state), kept.read(state)):
        assert repr(again) == repr(first) == repr(JsonSerializer().loads(state))
        session = Session(again)
        assert look(session) == again.inside, "each read would be written to see that it has changed nothing"


def test_whatever_is_done_to_one_is_not_done_to_another() -> None:
    kept = Snapshots(JsonSerializer().loads)
    held = [kept.read(STATE) for _ in range(3)]
    for one in held:
        one["cart"][0]["tags"].append("y")
        one["cart"].append("z")
        one["n"] = 2
        assert dict(kept.read(STATE)) == json.loads(STATE)
    assert all(one == held[0] for one in held)


def test_what_has_only_plain_values_is_no_ones_either() -> None:
    kept = Snapshots(JsonSerializer().loads)
    for _ in range(3):
        one = kept.read(b'{"a":1,"b":"x"}')
        assert (dict(one), one.inside) == ({"a": 1, "b": "x"}, {})
        one["a"] = 2
        del one["b"]


def test_only_so_much_is_kept_and_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_BYTES", 3000)
    counted = Counted()
    kept = Snapshots(counted.loads)
    states = [b'{"a":["%d%b"]}' % (number, b"x" * 400) for number in range(10)]
    for state in states:
        kept.read(state)
        assert kept._size == sum(each.size for each in kept._kept.values()) <= 3000
        assert all(each.size >= 2 * len(state) + 400 for state, each in kept._kept.items())
    assert list(kept._kept) == states[-2:]
    for state in [*states, *states]:
        kept.forget(state)
    assert (kept._size, len(kept._kept)) == (0, 0)


def test_a_state_above_all_that_may_be_kept_is_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_BYTES", 10)
    kept = Snapshots(JsonSerializer().loads)
    assert [dict(kept.read(STATE)) for _ in range(2)] == [json.loads(STATE)] * 2
    assert kept._size == 0


def test_formats_that_do_not_say_so_are_asked_each_time() -> None:
    class Child(Counted):
        """Might make anything of what its parent reads."""

    for serializer, times in ((Counted(), 1), (Child(), 2)):
        format_ = Format(serializer)
        opened = [format_.open(STATE) for _ in range(2)]
        assert opened[0] == opened[1] and opened[0] is not opened[1]
        assert serializer.read == times
        assert isinstance(opened[0], Known) == (times == 1)


def test_values_of_classes_of_their_own_are_read_each_time() -> None:
    kept = Snapshots(lambda state: {"a": [complex(1, 2)], "b": object()})
    assert kept.read(b"x")["b"] is not kept.read(b"x")["b"]
    assert kept.read(b"x").inside is None


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(KEYS, VALUES, max_size=4), st.dictionaries(KEYS, VALUES, max_size=3), st.booleans())
def test_what_is_written_by_its_parts_is_what_is_written_whole(
    before: dict[str, Any], changes: dict[str, Any], opened: bool
) -> None:
    """`opened`: the state before came from elsewhere, else it was written here."""
    dumps, format_ = JsonSerializer().dumps, Format(JsonSerializer())
    base = dumps(before) if before else b""
    assert opened or format_.seal(before, b"") == base
    for _ in range(3):
        session = Session(format_.open(base))
        session.update(changes)
        changes = {key: [value] for key, value in changes.items()}
        state = format_.seal(session, base)
        assert state == (dumps(dict(session)) if session else b"")
        again = format_.open(state)
        assert repr(dict(again)) == repr(format_.unpack(state))
        base = state


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
    base = format_.seal({"cart": [{"n": 1}], "user": "u", "n": 1}, b"")
    assert written == ["cart", "user", "n"]
    for n in range(2, 5):
        written.clear()
        session = Session(format_.open(base))
        session["n"] = n
        base = format_.seal(session, base)
        assert written == ["n"]
    session = Session(format_.open(base))
    session["cart"][0]["n"] = 2
    written.clear()
    assert format_.seal(session, base) == b'{"cart":[{"n":2}],"user":"u","n":4}'
    assert written == ["cart"]


def test_sessions_that_are_alike_are_kept_for_each_other() -> None:
    counted = Counted()
    format_ = Format(counted)
    bases = [format_.seal({"cart": [1], "n": 0}, b"") for _ in range(3)]
    for n in range(1, 4):
        for number, base in enumerate(bases):
            session = Session(format_.open(base))
            session["n"] = n
            bases[number] = format_.seal(session, base)
            format_.forget(base)
    assert counted.read == 1, "of the cart: else the first one to go takes it from all others"
    assert format_._snapshots is not None
    assert list(format_._snapshots._kept) == [bases[0]]


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
    state = format_.seal(data, b"")
    for _ in range(2):
        assert dict(format_.open(state)) == (data if read is None else read)


def test_a_format_made_of_another_one_writes_as_it_says_itself() -> None:
    class Shouting(JsonSerializer):
        plain = True

        def dumps(self, data: dict[str, Any]) -> bytes:
            return super().dumps({key.upper(): value for key, value in data.items()})

    assert Format(Shouting()).seal({"a": 1}, b"") == b'{"A":1}'


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
