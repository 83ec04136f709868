"""The session as an app sees it."""

import copy
import json
from collections.abc import Callable
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


@pytest.mark.parametrize("name", [name for name in READS if not name.startswith("pop")])
def test_whoever_has_read_a_list_may_have_written_in_it(name: str) -> None:
    session = Session({"a": [1]})
    assert not session.suspect
    READS[name](session)
    assert session.suspect


def test_what_holds_only_plain_values_cannot_change_unseen() -> None:
    session = Session({"a": "x", "b": 1, "c": None, "d": True, "e": 1.5})
    assert session["a"] == "x" and not session.suspect
    session["f"] = {}
    assert session.nested


def test_a_copy_is_a_plain_dict() -> None:
    session = Session({"a": [1]})
    copied = copy.deepcopy(session)
    copied["a"].append(2)
    assert type(copied) is dict and session == {"a": [1]}
    assert type(session.copy()) is dict
