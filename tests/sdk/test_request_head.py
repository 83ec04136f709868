"""The head of a request to the endpoint: what is read of it, and what is not guessed at."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet_session.request_head import Head, HeadReader, Unreadable, read_head

START = b"POST /.limpet/sessions/?a=b HTTP/1.1\r\n"


def test_a_head_is_read() -> None:
    raw = (
        START
        + b"Host: a\r\nlimpet-Key:  k \t\r\nContent-Length: 12\r\n"
        + b"X-Empty:\r\nX-Twice: a b\r\nx-twice: \xff\r\n"
    )
    fields = {
        b"host": b"a",
        b"limpet-key": b"k",
        b"x-empty": b"",
        b"x-twice": b"a b,\xff",
    }
    assert read_head(raw) == Head("POST", "/.limpet/sessions/", b"a=b", fields, 12, False)


@pytest.mark.parametrize("value", [b"close", b"keep-alive, Close", b"a,close , b"])
def test_a_connection_that_is_to_end(value: bytes) -> None:
    assert read_head(START + b"Host: a\r\nConnection: %b\r\n" % value).last


@pytest.mark.parametrize("value", [b"keep-alive", b"closed", b""])
def test_a_connection_that_is_not(value: bytes) -> None:
    assert not read_head(START + b"Host: a\r\nConnection: %b\r\n" % value).last


@pytest.mark.parametrize(
    "start",
    [
        *(b"", b"rubbish\r\n", b"GET /\r\n", b"GET / HTTP/1.0\r\n", b"GET / HTTP/2\r\n", b"GET / HTTP/1.1\n"),
        *(b"GET  / HTTP/1.1\r\n", b" GET / HTTP/1.1\r\n", b"\r\nGET / HTTP/1.1\r\n", b"G(T / HTTP/1.1\r\n"),
        *(
            b"GET http://a/ HTTP/1.1\r\n",
            b"OPTIONS * HTTP/1.1\r\n",
            b"GET /\xff HTTP/1.1\r\n",
            b"GET /a b HTTP/1.1\r\n",
        ),
    ],
)
def test_a_line_that_is_no_request_line(start: bytes) -> None:
    with pytest.raises(Unreadable) as raised:
        read_head(start + b"Host: a\r\n")
    assert raised.value.status == 400


@pytest.mark.parametrize(
    ("field", "status"),
    [
        *((b"no colon\r\n", 400), (b": x\r\n", 400), (b"a b: x\r\n", 400), (b"a : x\r\n", 400)),
        *((b" folded: x\r\n", 400), (b"a: x\r\n\ty\r\n", 400), (b"a: x\n", 400), (b"a: x\rb: y\r\n", 400)),
        *((b"a: \0\r\n", 400), (b"a: \x7f\r\n", 400), (b"a: x", 400), (b"\xe4: x\r\n", 400)),
        *((b"Host: b\r\n", 400), (b"Host: a\r\n", 400)),
        *(
            (b"Content-Length: %b\r\n" % bad, 400)
            for bad in (b"x", b"-5", b"+5", b"5 5", b"", b"1_0", b"9" * 16)
        ),
        *((b"Content-Length: 5\r\nContent-Length: %b\r\n" % other, 400) for other in (b"5", b"6")),
        *(
            (b"Transfer-Encoding: %b\r\n" % coding, 411)
            for coding in (b"chunked", b"identity", b"gzip, chunked")
        ),
        (b"Expect: 100-continue\r\n", 417),
    ],
)
def test_a_field_that_is_none_or_that_is_not_understood(field: bytes, status: int) -> None:
    for raw in (START + b"Host: a\r\n" + field, START + field + b"Host: a\r\n"):
        with pytest.raises(Unreadable) as raised:
            read_head(raw)
        assert raised.value.status == status


def read(reader: HeadReader, raw: bytes) -> Head | int:
    """What comes of a head: its refusal as a status."""
    try:
        return reader.read(raw)
    except Unreadable as error:
        return error.status


FIELDS = st.sampled_from(
    [
        *(b"Host: a\r\n", b"Content-Length: 5\r\n", b"Content-Length: 17\r\n", b"Content-Length: x\r\n"),
        *(b"content-length: 6\r\n", b"Limpet-Key: k\r\n", b"Transfer-Encoding: chunked\r\n", b"rubbish"),
    ]
)
HEADS = st.builds(lambda fields: START + b"".join(fields), st.lists(FIELDS, max_size=4))


@given(st.lists(HEADS, max_size=6))
def test_what_a_connection_has_read_before_changes_nothing(heads: list[bytes]) -> None:
    reader = HeadReader()
    for raw in heads:
        assert read(reader, raw) == read(HeadReader(), raw)


def test_of_a_head_that_comes_again_only_the_length_is_read() -> None:
    reader, head = HeadReader(), START + b"Host: a\r\nContent-Length: %d\r\n"
    first, again = reader.read(head % 5), reader.read(head % 678)
    assert (first.length, again.length) == (5, 678)
    assert again.fields is first.fields


@pytest.mark.parametrize(
    "field", [b"rubbish\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 5\r\n"]
)
def test_one_that_only_ends_like_the_last_one_is_read(field: bytes) -> None:
    reader, head = HeadReader(), START + b"Host: a\r\n%bContent-Length: 5\r\n"
    reader.read(head % b"")
    with pytest.raises(Unreadable):
        reader.read(head % field)


def test_there_has_to_be_a_host() -> None:
    with pytest.raises(Unreadable):
        read_head(START)
