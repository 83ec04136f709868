"""The lines of a batch say what the calls of the machines say, and nothing else is believed."""

import json

import pytest

from sessions.contract.homes import Entry
from sessions.contract.messages import ENDED, TAKEN, UNKNOWN, Action, Answer, Call, Kind
from sessions.keeping.lines import Fault, read_answers, read_list, write_call, write_touch

ID, OTHER = "a" * 21 + "A", "b" * 21 + "A"
PUT = write_call(ID, Action(Call.PUT, 0, 7, b"\xffstate"), 60)
GET = write_call(ID, Action(Call.GET, 0), 60)
FENCE = write_call(ID, Action(Call.FENCE, 0, 1 << 32), 60)
END = write_call(ID, Action(Call.END, 0), 60)
TOUCH = write_touch(ID, 7, 60)


def test_each_call_is_a_line() -> None:
    said = [json.loads(line.body) for line in (PUT, GET, FENCE, END, TOUCH)]
    assert said == [
        {"id": ID, "version": 7, "ttl": 60, "state": "/3N0YXRl"},
        {"id": ID, "get": True},
        {"id": ID, "fence": 1 << 32, "ttl": 60},
        {"id": ID, "end": True, "ttl": 60},
        {"id": ID, "version": 7, "ttl": 60},
    ]
    assert all(line.body.endswith(b"\n") and line.body.count(b"\n") == 1 for line in (PUT, GET, FENCE, END))


ANSWERS = [
    (PUT, {"status": 204}, TAKEN),
    (PUT, {"status": 204, "more": 1}, TAKEN),
    (PUT, {"status": 409, "version": 9}, Answer(Kind.REFUSED, 9)),
    (PUT, {"status": 409}, Fault.GARBAGE),
    (PUT, {"status": 410}, ENDED),
    (PUT, {"status": 404}, Fault.GARBAGE),
    (PUT, {"status": 413}, Fault.GARBAGE),
    (PUT, {"status": 400, "error": "no"}, Fault.GARBAGE),
    (TOUCH, {"status": 204}, TAKEN),
    (TOUCH, {"status": 404}, UNKNOWN),
    (END, {"status": 204}, TAKEN),
    (GET, {"status": 204}, Fault.GARBAGE),
    (GET, {"status": 404}, UNKNOWN),
    (GET, {"status": 404, "version": 5}, Answer(Kind.UNKNOWN, 5)),
    (GET, {"status": 200, "version": 3, "serving": True, "state": "/3N0YXRl"}, None),
    (GET, {"status": 200, "serving": True, "state": ""}, Fault.GARBAGE),
    (GET, {"status": 200, "version": 3, "state": "?"}, Fault.GARBAGE),
    (GET, {"status": 200, "version": 3, "state": 1}, Fault.GARBAGE),
    (GET, {"status": 200, "version": 3, "serving": 1}, Fault.GARBAGE),
    (GET, {"status": 200, "version": True}, Fault.GARBAGE),
    (GET, {"status": 200, "version": 1 << 53}, Fault.GARBAGE),
    (GET, {"status": 200, "version": -1}, Fault.GARBAGE),
    (GET, {"status": "200", "version": 1}, Fault.GARBAGE),
    (GET, {"status": 409, "version": 9}, Fault.GARBAGE),
    (GET, {"status": 413}, Fault.TOO_LARGE),
    (FENCE, {"status": 409, "version": 9}, Answer(Kind.REFUSED, 9)),
    (FENCE, {"status": 413}, Fault.TOO_LARGE),
]


@pytest.mark.parametrize(("line", "said", "answer"), ANSWERS, ids=range(len(ANSWERS)))
def test_what_an_answer_says(line: object, said: dict[str, object], answer: object) -> None:
    expected = Answer(Kind.HELD, 3, b"\xffstate", True) if answer is None else answer
    for separators in ((",", ":"), (", ", ": ")):
        body = json.dumps({"id": ID, **said}, separators=separators).encode()
        assert read_answers([line], body) == [expected]  # type: ignore[list-item]
        assert read_answers([line], body + b"\n") == [expected]  # type: ignore[list-item]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null\n",
        b"{",
        b"[" * 100_000,
        b'{"status":204}',
        b'{"id":"%b","status":204}' % OTHER.encode(),
        b'{"id":"%b","status":204}\n{"id":"%b","status":204}' % (ID.encode(), ID.encode()),
        b"\xff\xfe",
    ],
    ids=range(9),
)
def test_what_is_no_answer_is_garbage(body: bytes) -> None:
    assert read_answers([PUT], body) == [Fault.GARBAGE]


def test_a_bad_line_leaves_the_others_alone() -> None:
    good = b'{"id":"%b","status":204}\n' % ID.encode()
    assert read_answers([PUT, PUT, PUT], good + b"what\n" + good) == [TAKEN, Fault.GARBAGE, TAKEN]


def listed(**changed: object) -> bytes:
    line = {"id": ID, "version": 3, "ttl": 60, "serving": True, "ended": False} | changed
    return json.dumps(line).encode() + b"\n"


def test_a_list_is_read() -> None:
    assert read_list(b"") == []
    entries = [Entry(ID, 3, 60, True, False), Entry(OTHER, 0, 1, False, True)]
    assert read_list(listed() + listed(id=OTHER, version=0, ttl=0, serving=False, ended=True)) == entries


@pytest.mark.parametrize(
    "body",
    [
        b"[]\n",
        listed(id="x"),
        listed(id="a" * 21 + "B"),
        listed(id=7),
        listed(version=-1),
        listed(version="3"),
        listed(ttl=-1),
        listed(serving=1),
        listed(ended=None),
        listed(id=OTHER) + listed(id=ID),
        listed() + listed(),
    ],
    ids=range(11),
)
def test_what_is_no_list_is_none(body: bytes) -> None:
    assert read_list(body) is None
