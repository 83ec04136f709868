"""What is kept of states: every request has values of its own, and what it does to them nobody else sees."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
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


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(KEYS, VALUES, max_size=4))
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
        assert (dict(one), one.inside) == ({"a": 1, "b": "x"}, b"")
        one["a"] = 2
        del one["b"]


def test_only_so_much_is_kept_and_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST_BYTES", 3000)
    counted = Counted()
    kept = Snapshots(counted.loads)
    states = [b'{"a":["%d%b"]}' % (number, b"x" * 400) for number in range(10)]
    for state in states:
        kept.read(state)
        assert kept._size == sum(len(s) + len(i) for s, i in kept._kept.items()) <= 3000
    assert list(kept._kept) == states[-3:]
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
