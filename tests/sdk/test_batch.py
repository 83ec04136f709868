"""The lines of a batch: the short way through the usual one says what JSON's parser would."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limpet_session import batch
from limpet_session.operations import Put

ID = "AAAAAAAAAAAAAAAAAAAAAA"
LINE = b'{"id":"%b","version":7,"ttl":60,"state":"%b"}' % (ID.encode(), base64.b64encode(b"abcd"))

_PUT_IN = [b'","state":"', b"\\u0041" * 4, b'"', b"=", b"0"]


def usual(raw: bytes) -> Put | None:
    """The short way, from the middle of a body."""
    read = batch._read_usual(LINE + raw + LINE, len(LINE), len(LINE + raw))
    assert read == batch._read_usual(raw, 0, len(raw))
    return read


def test_a_copy_as_limpet_writes_it_takes_the_short_way() -> None:
    assert usual(LINE) == Put(ID, 7, b"abcd", 60) == batch._read_line(LINE)
    for body in (
        LINE + b"\n" + LINE,
        b"\n" + LINE + b"\n \n" + LINE + b"\n",
        LINE + b" \r\n" + LINE + b"\n\n",
    ):
        assert batch.read_lines(body) == [Put(ID, 7, b"abcd", 60)] * 2


@given(st.binary(max_size=40), st.integers(1, 10**15 - 1), st.integers(1, 10**8 - 1))
def test_every_copy_takes_it(state: bytes, version: int, ttl: int) -> None:
    line = {"id": ID, "version": version, "ttl": ttl, "state": base64.b64encode(state).decode()}
    raw = json.dumps(line, separators=(",", ":")).encode()
    assert usual(raw) == Put(ID, version, state, ttl) == batch._read_line(raw)


@given(st.data())
def test_what_is_anything_else_is_never_taken_for_a_copy(data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(LINE)))
    cut = data.draw(st.integers(0, 4))
    put = data.draw(st.binary(max_size=4) | st.sampled_from(_PUT_IN))
    raw = LINE[:at] + put + LINE[at + cut :]
    read = usual(raw)
    assert read is None or read == batch._read_line(raw)


@pytest.mark.parametrize(
    "raw",
    [
        LINE.replace(b'"version":7', b'"version":9007199254740992'),
        LINE.replace(b'"version":7', b'"version":0'),
        LINE.replace(b'"version":7', b'"version":07'),
        LINE.replace(b'"ttl":60', b'"ttl":316224001'),
        LINE.replace(b'"ttl":60', b'"ttl":60,"fence":9'),
        LINE.replace(b"AAAA", b"AAA!", 1),
        LINE[:-1] + b',"end":true}',
        LINE[:-2],
        LINE + b" ",
    ],
)
def test_what_limits_forbid_goes_the_long_way(raw: bytes) -> None:
    assert usual(raw) is None
