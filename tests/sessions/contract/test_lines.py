"""Batches and lists, against the node's side of the SDK."""

import json

import pytest

from limpet_session.endpoint import Call as EndpointCall
from limpet_session.endpoint import Endpoint
from limpet_session.node import Node
from sessions.contract.headers import ContractFault
from sessions.contract.homes import Entry
from sessions.contract.lines import read_entries, read_line, write_line
from sessions.contract.messages import ENDED, TAKEN, UNKNOWN, Action, Answer, Call, Kind

ID, OTHER = "A" * 22, "B" * 21 + "A"


def batch(node: Endpoint, *actions: Action) -> list[Answer | None]:
    body = b"".join(write_line(ID, action, 60) for action in actions)
    reply = node.plan(EndpointCall("POST", "/", b"", {}, body)).run()
    lines = reply.body.splitlines()
    return [read_line(line, ID, action.call) for line, action in zip(lines, actions, strict=True)]


def test_a_node_of_the_sdk_understands_and_is_understood() -> None:
    node = Endpoint(Node(["key"], clock=lambda: 0.0))
    highest = 2**53 - 1
    answers = batch(
        node,
        Action(Call.GET, 0),
        Action(Call.TOUCH, 0, 3),
        Action(Call.PUT, 0, 3, b"\x00state\xff"),
        Action(Call.PUT, 0, 2, b"older"),
        Action(Call.TOUCH, 0, 3),
        Action(Call.GET, 0),
        Action(Call.FENCE, 0, 1 << 32),
        Action(Call.FENCE, 0, 1 << 32),
        Action(Call.PUT, 0, 4, b"below the fence"),
        Action(Call.PUT, 0, highest, b""),
        Action(Call.GET, 0),
        Action(Call.END, 0),
        Action(Call.GET, 0),
        Action(Call.PUT, 0, highest, b""),
    )
    held = Answer(Kind.HELD, 3, b"\x00state\xff")
    fenced = Answer(Kind.REFUSED, 1 << 32)
    assert answers == [
        UNKNOWN,
        UNKNOWN,
        TAKEN,
        Answer(Kind.REFUSED, 3),
        TAKEN,
        held,
        held,
        fenced,
        fenced,
        TAKEN,
        Answer(Kind.HELD, highest),
        TAKEN,
        ENDED,
        ENDED,
    ]
    body = node.plan(EndpointCall("GET", "/", b"", {}, b"")).run().body
    assert read_entries(body) == [Entry(ID, highest, 60, False, True)]


def test_what_a_node_cannot_do_is_no_answer() -> None:
    for status in (413, 500, 503):
        assert read_line(json.dumps({"id": ID, "status": status}).encode(), ID, Call.GET) is None


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"nonsense",
        b"[" * 100_000,
        b"[]",
        b'{"status":404}',
        b'{"id":"%b","status":404}' % OTHER.encode(),
        b'{"id":"%b"}' % ID.encode(),
        b'{"id":"%b","status":true}' % ID.encode(),
        b'{"id":"%b","status":"404"}' % ID.encode(),
        b'{"id":"%b","status":204}' % ID.encode(),
        b'{"id":"%b","status":200,"version":3}' % ID.encode(),
        b'{"id":"%b","status":200,"version":3,"state":"e30"}' % ID.encode(),
        b'{"id":"%b","status":200,"version":0,"state":""}' % ID.encode(),
        b'{"id":"%b","status":200,"version":9007199254740992,"state":""}' % ID.encode(),
        b'{"id":"%b","status":200,"version":1.0,"state":""}' % ID.encode(),
    ],
)
def test_anything_else_is_the_nodes_fault(line: bytes) -> None:
    with pytest.raises(ContractFault):
        read_line(line, ID, Call.GET)


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"b","version":1,"ttl":1}\n{"id":"a","version":1,"ttl":1}\n',
        b'{"id":"a","version":1,"ttl":1}\n{"id":"a","version":1,"ttl":1}\n',
        b'{"id":"","version":1,"ttl":1}\n',
        b'{"id":"a","version":-1,"ttl":1}\n',
        b'{"id":"a","version":1}\n',
    ],
)
def test_so_is_a_list_that_is_none(body: bytes) -> None:
    with pytest.raises(ContractFault):
        read_entries(body)
