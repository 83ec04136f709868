"""A connection to the endpoint, without any: every way in which bytes may come, and what is garbage."""

from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limpet_session.conversation import HEAD_LIMIT, Conversation
from limpet_session.endpoint import Call, Reply, say

BODY = bytes(range(256)) + b"\r\n\r\nGET / HTTP/1.1\r\n\r\n"
PUT = b"PUT /sessions/a?q HTTP/1.1\r\nHost: h\r\nLimpet-Key: k\r\nContent-Length: %d\r\n\r\n%b" % (
    len(BODY),
    BODY,
)
GET = b"GET /sessions HTTP/1.1\r\nHost: h\r\nLimpet-Key: k\r\n\r\n"
LAST = b"HEAD /sessions/b HTTP/1.1\r\nHost: h\r\nLimpet-Key: k\r\nConnection: close\r\n\r\n"
SEEN = [("PUT", "/a", b"q", BODY), ("GET", "", b"", b""), ("HEAD", "/b", b"", b"")]


class Desk:
    """Serves `/sessions` to whoever says `k`."""

    max_body = 1000

    def rest(self, path: str) -> str | None:
        return path.removeprefix("/sessions") if path.startswith("/sessions") else None

    def trusts(self, ours: Mapping[bytes, bytes]) -> bool:
        return ours.get(b"limpet-key") == b"k"


class Client:
    """Sends bytes, and notes what came of them."""

    def __init__(self) -> None:
        self.conversation = Conversation(Desk())
        self.calls: list[Call] = []
        self.refusals: list[Reply] = []
        self.answers = b""

    def send(self, data: bytes) -> None:
        if self.conversation.over:
            return
        self.conversation.feed(data)
        while (said := self.conversation.next()) is not None:
            if isinstance(said, Reply):
                self.refusals.append(said)
            else:
                self.calls.append(said)
            reply = said if isinstance(said, Reply) else Reply(200, [], b"fine")
            self.answers += self.conversation.answer(reply)
            if self.conversation.over:
                return

    def seen(self) -> list[tuple[str, str, bytes, bytes]]:
        return [(call.method, call.path, call.query, call.body) for call in self.calls]


@pytest.fixture
def client() -> Client:
    return Client()


def test_calls_that_come_at_once_are_taken_one_after_the_other(client: Client) -> None:
    client.send(PUT + GET + LAST + GET)
    assert client.seen() == SEEN
    assert client.conversation.over and not client.refusals


def test_it_is_the_same_wherever_the_bytes_are_split() -> None:
    stream = PUT + GET + LAST
    for at in range(len(stream)):
        client = Client()
        client.send(stream[:at])
        client.send(stream[at:])
        assert client.seen() == SEEN, at


def test_it_is_the_same_one_byte_at_a_time(client: Client) -> None:
    whole = Client()
    whole.send(PUT + GET + LAST)
    for byte in PUT + GET + LAST:
        client.send(bytes([byte]))
    assert (client.seen(), client.answers) == (SEEN, whole.answers)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, len(PUT + GET + LAST)), max_size=8))
def test_it_is_the_same_in_any_pieces(cuts: list[int]) -> None:
    stream, client = PUT + GET + LAST, Client()
    edges = [0, *sorted(cuts), len(stream)]
    for begin, end in pairwise(edges):
        client.send(stream[begin:end])
    assert client.seen() == SEEN


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200), st.binary(max_size=200))
def test_garbage_is_refused_or_waited_for_and_never_a_call(before: bytes, after: bytes) -> None:
    client = Client()
    client.send(before + b"\r\n\r\n" + after)
    assert not client.calls and len(client.refusals) <= 1
    assert client.conversation.over == bool(client.refusals)
    assert client.refusals, "there was the end of a head"


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(PUT) - len(BODY) - 1), st.integers(0, 255))
def test_a_byte_that_is_another_one_never_makes_two_calls_of_one(at: int, byte: int) -> None:
    client = Client()
    client.send(PUT[:at] + bytes([byte]) + PUT[at + 1 :])
    assert len(client.calls) <= 1 and len(client.refusals) <= 1
    if client.calls and not client.refusals:
        assert client.calls[0].body == BODY[: len(client.calls[0].body)]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /other HTTP/1.1\r\nHost: h\r\nLimpet-Key: k\r\n\r\n", 404),
        (GET.replace(b": k", b": guessed"), 403),
        (GET.replace(b"Limpet-Key: k\r\n", b"Limpet-Key: k\r\nLimpet-Key: k\r\n"), 403),
        (PUT.replace(b": k", b": guessed"), 403),
        (b"PUT /sessions/a HTTP/1.1\r\nHost: h\r\nLimpet-Key: k\r\nContent-Length: 1001\r\n\r\n", 413),
        (b"rubbish\r\n\r\n", 400),
        (b"GET /sessions HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * HEAD_LIMIT, 431),
        (b"x" * HEAD_LIMIT, 431),
    ],
)
def test_a_refusal_ends_it_and_what_follows_is_no_call(client: Client, request_: bytes, status: int) -> None:
    client.send(request_ + GET)
    client.send(GET)
    assert [reply.status for reply in client.refusals] == [status] and not client.calls
    assert client.answers.startswith(b"HTTP/1.1 %d " % status)
    assert b"\r\nconnection: close\r\n" in client.answers


def test_a_head_that_just_fits_does(client: Client) -> None:
    room = HEAD_LIMIT - len(GET)
    client.send(GET[:-2] + b"a: %b\r\n\r\n" % (b"x" * (room - 5)))
    assert len(client.calls) == 1
    client.send(GET[:-2] + b"a: %b\r\n\r\n" % (b"x" * (room - 4)))
    assert [reply.status for reply in client.refusals] == [431]


def test_answers_are_framed() -> None:
    conversation = Conversation(Desk())
    conversation.feed(GET + LAST)
    assert isinstance(conversation.next(), Call)
    whole = b"HTTP/1.1 409 Conflict\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 3\r\n"
    assert conversation.answer(say(409, "no")) == whole + b"\r\nno\n"
    assert isinstance(conversation.next(), Call)
    head = conversation.answer(say(409, "no"))
    assert head == whole + b"connection: close\r\n\r\n", "a HEAD is answered without the body"
