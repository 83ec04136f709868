"""A response is read however its bytes come; what is none is refused."""

import pytest

from sessions.keeping.replies import MOST_HEAD, Garbled, Reply, ReplyReader

WHOLE = {
    b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n": Reply(204, b"", 0, False, True),
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello": Reply(200, b"hello", 0, False, True),
    b"HTTP/1.1 200\r\nCONTENT-LENGTH:5\r\n\r\nhello": Reply(200, b"hello", 0, False, True),
    b"HTTP/1.1 200 OK\r\nLimpet-Version: 7\r\nlimpet-serving: 1\r\nContent-Length: 0\r\n\r\n": Reply(
        200, b"", 7, True, True
    ),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n4;x=y\r\n you\r\n0\r\n\r\n": Reply(
        200, b"hello you", 0, False, True
    ),
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 409 \r\nLimpet-Version: 9\r\nContent-Length: 0\r\n\r\n": Reply(
        409, b"", 9, False, True
    ),
    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok": Reply(
        200, b"ok", 0, False, False
    ),
    b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok": Reply(200, b"ok", 0, False, False),
}


@pytest.mark.parametrize(("data", "reply"), WHOLE.items(), ids=range(len(WHOLE)))
def test_a_response_is_read_at_once_and_a_byte_at_a_time(data: bytes, reply: Reply) -> None:
    assert ReplyReader().feed(data) == reply
    reader = ReplyReader()
    for at in range(len(data) - 1):
        assert reader.feed(data[at : at + 1]) is None
    assert reader.feed(data[-1:]) == reply


@pytest.mark.parametrize("data", WHOLE, ids=range(len(WHOLE)))
def test_one_that_is_cut_is_none(data: bytes) -> None:
    for at in range(len(data)):
        reader = ReplyReader()
        reader.feed(data[:at])
        with pytest.raises(Garbled):
            reader.end()


@pytest.mark.parametrize("data", WHOLE, ids=range(len(WHOLE)))
def test_bytes_behind_it_end_the_connection(data: bytes) -> None:
    reply = ReplyReader().feed(data + b"HTTP/1.1 204 No Content\r\n\r\n")
    assert reply is not None and not reply.kept


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    reader = ReplyReader()
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nto the") is None
    assert reader.feed(b" end") is None
    assert reader.end() == Reply(200, b"to the end", 0, False, False)


GARBLED = [
    b"SSH-2.0-OpenSSH\r\n\r\n",
    b"HTTP/2 200 OK\r\n\r\n",
    b"HTTP/1.1 20 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n folded: 1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTrailer: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 300,
    b"HTTP/1.1 200 OK\r\nLimpet-Version: 9007199254740992\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nLimpet-Version: one\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"y" * MOST_HEAD + b"\r\n\r\n",
    b"x" * (MOST_HEAD + 1),
]


@pytest.mark.parametrize("data", GARBLED, ids=range(len(GARBLED)))
def test_what_is_no_response_is_refused(data: bytes) -> None:
    with pytest.raises(Garbled):
        ReplyReader().feed(data)
