"""The load counts whole answers only, and calls a wrong one wrong."""

from collections.abc import Sequence
from contextlib import closing

import pytest

from bench.answers import body
from bench.client import WrongAnswer
from bench.load import Load
from bench.work import Work
from tests.bench.scripted import scripted

ONE = Work("one client", b"/64", 1)
VARIED = Work("one client, varied", b"/varied?00000000", 1, varied=True)
FRESH = Work("one client, new connections", b"/64", 1, fresh=True)


def answer(node: str, fields: bytes = b"", length: int = 64, content: bytes | None = None) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%b\r\n" % (length, fields)
    return head + (body(node, b"/64") if content is None else content)


def load(pieces: Sequence[bytes], most: int, work: Work = ONE) -> tuple[int, Load]:
    with scripted(pieces) as port, closing(Load(port, work)) as one:
        return one.saturate(5, most), one


def test_whole_answers_are_counted_however_they_arrive() -> None:
    done, one = load([answer("n1")] * 4, 3)
    assert (done, one.moved) == (3, 0)


def test_an_answer_from_another_node_is_counted_as_moved() -> None:
    _, one = load([answer("n1"), answer("n2"), answer("n2"), answer("n1"), answer("n1")], 4)
    assert one.moved == 2


def test_a_cookie_is_kept_and_sent() -> None:
    _, one = load([answer("n1", b"Set-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\n"), answer("n1")], 1)
    (client,) = one.clients.values()
    assert b"\r\nCookie: a=1; b=2\r\n" in bytes(client.request)


@pytest.mark.parametrize(
    "piece",
    [
        answer("n1").replace(b"200 OK", b"503 No"),
        answer("n1", content=b"x" * 64),
        answer("n1").replace(b"Content-Length: 64\r\n", b""),
        answer("n1", length=40),
    ],
    ids=["status", "not of a node", "no length", "too long"],
)
def test_a_wrong_answer_ends_the_run(piece: bytes) -> None:
    with pytest.raises(WrongAnswer):
        load([piece, answer("n1")], 2)


def test_an_answer_cut_short_ends_the_run() -> None:
    with pytest.raises(WrongAnswer, match="before the answer was whole"):
        load([answer("n1")[:-1]], 1, FRESH)


def test_a_connection_closed_that_should_be_kept_ends_the_run() -> None:
    closing_work = Work("one client", b"/64 HTTP/1.1\r\nConnection: close\r\nX: ", 1)
    with pytest.raises(WrongAnswer, match="before the answer was whole"):
        load([answer("n1")], 2, closing_work)


def test_each_request_can_have_a_connection_of_its_own() -> None:
    done, one = load([answer("n1", b"Set-Cookie: a=1\r\n"), answer("n1"), answer("n1")], 2, FRESH)
    (client,) = one.clients.values()
    assert (done, one.moved, client.cookie) == (2, 0, b"a=1")


def test_a_paced_run_has_the_same_times_for_everybody() -> None:
    counts = []
    for _ in range(2):
        with scripted([answer("n1")] * 100) as port, closing(Load(port, ONE)) as one:
            counts.append(len(one.pace(rate=200, seconds=0.1)))
    assert counts[0] == counts[1] > 5


def test_a_stall_is_paid_for_by_all_that_were_due() -> None:
    with scripted([answer("n1")] * 100) as port, closing(Load(port, ONE)) as one:
        latencies = one.pace(rate=100_000, seconds=0.0005)  # far more than one client can send
    assert latencies == sorted(latencies)
    assert latencies[-1] > latencies[0]


def test_varied_work_never_sends_the_same_head_twice() -> None:
    with scripted([answer("n1")] * 5) as port, closing(Load(port, VARIED)) as one:
        (client,) = one.clients.values()
        sent = set()
        for _ in range(3):
            one.saturate(5, 1)
            sent.add(bytes(client.request))
    assert len(sent) == 3
