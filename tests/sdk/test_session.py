"""The session as an app sees it."""

import copy
import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from limpet_session import Session, SessionClosed

WRITES: dict[str, Callable[[Session], Any]] = {
    "set": lambda session: session.__setitem__("new", 1),
    "delete": lambda session: session.__delitem__("a"),
    "pop": lambda session: session.pop("a"),
    "popitem": lambda session: session.popitem(),
    "setdefault": lambda session: session.setdefault("new", 1),
    "update": lambda session: session.update(new=1),
    "merge in place": lambda session: session.__ior__({"new": 1}),
    "clear": lambda session: session.clear(),
    "end": lambda session: session.end(),
    "renew": lambda session: session.renew(),
}
READS: dict[str, Callable[[Session], Any]] = {
    "subscript": lambda session: session["a"],
    "get": lambda session: session.get("a"),
    "iterate": list,
    "keys": lambda session: session.keys(),
    "values": lambda session: session.values(),
    "items": lambda session: session.items(),
    "setdefault of what is there": lambda session: session.setdefault("a"),
    "dict": dict,
    "copy": lambda session: session.copy(),
    "shallow copy": copy.copy,
    "unpack": lambda session: {**session},
    "or": lambda session: session | {"b": 2},
    "or from the right": lambda session: {"b": 2} | session,
    "pop of what is not there": lambda session: session.pop("b", None),
    "starlette": lambda session: session.mark_accessed(),
    "json": json.dumps,
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_every_write_is_noticed(write: Callable[[Session], Any]) -> None:
    session = Session({"a": 1})
    write(session)
    assert session.modified and session.accessed and session.suspect


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_every_write_after_the_head_raises_and_changes_nothing(write: Callable[[Session], Any]) -> None:
    session = Session({"a": 1}, new_id=lambda: "new")
    session.close()
    with pytest.raises(SessionClosed, match="until the response head is sent"):
        write(session)
    assert (dict(session), session.ended, session.renewed, session.id) == ({"a": 1}, False, False, "")


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_reads_are_allowed_at_any_time_and_are_no_writes(read: Callable[[Session], Any]) -> None:
    session = Session({"a": [1]})
    session.close()
    read(session)
    assert not session.modified


GIVE_NO_VALUE = ("iterate", "keys", "pop of what is not there", "starlette")


@pytest.mark.parametrize("name", [name for name in READS if name not in GIVE_NO_VALUE])
def test_what_is_written_into_a_value_is_noticed_when_somebody_looks(name: str) -> None:
    values = [1]
    session = Session({"a": values})
    READS[name](session)
    assert not session.suspect and not session.modified
    values.append(2)
    assert session.suspect
    assert session.suspect, "and again"


@pytest.mark.parametrize(
    ("before", "after"),
    [(1, True), (1, 1.0), (0.0, -0.0), ([], ()), ("a", b"a"), ({"a": 1, "b": 2}, {"b": 2, "a": 1})],
    ids=repr,
)
def test_values_that_python_calls_equal_may_differ(before: object, after: object) -> None:
    inside = [before]
    session = Session({"a": inside})
    session["a"][0] = after
    assert session.suspect


def test_a_value_of_another_class_may_always_have_changed() -> None:
    session = Session({"a": [Fraction(1, 2)]})
    session.mark_accessed()
    assert not session.suspect, "nobody has seen it"
    assert session["a"] and session.suspect


def test_what_holds_only_plain_values_cannot_change_unseen() -> None:
    session = Session({"a": "x", "b": 1, "c": None, "d": True, "e": 1.5})
    assert session["a"] == "x" and not session.suspect


def test_what_is_written_into_a_value_after_the_head_is_noticed() -> None:
    for begin in ({"a": [1]}, {}):
        session = Session(begin)
        session["b"] = inside = [1]
        session.close()
        assert not session.written_inside()
        inside.append(2)
        assert session.written_inside()


def test_a_copy_is_a_plain_dict() -> None:
    session = Session({"a": [1]})
    copied = copy.deepcopy(session)
    copied["a"].append(2)
    assert type(copied) is dict and session == {"a": [1]}
    assert type(session.copy()) is dict
