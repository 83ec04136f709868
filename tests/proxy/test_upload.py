"""A request's body: bounded, framed anew, kept as long as it may be sent again."""

import pytest

from proxy.faults import Malformed
from proxy.fields import request_kinds
from proxy.options import Limits
from proxy.request import read_fields
from proxy.upload import Upload, begin_upload

KINDS = request_kinds()
LIMITS = Limits(body=20)


def upload_of(*lines: bytes) -> Upload:
    section = b"".join(line + b"\r\n" for line in (b"Host: h", *lines)) + b"\r\n"
    return begin_upload(read_fields(section, 1, KINDS, LIMITS), LIMITS, KINDS)


def test_a_length_is_counted_and_what_follows_is_the_next_requests() -> None:
    upload = upload_of(b"Content-Length: 5")
    assert (upload.feed(b"ab"), upload.whole) == (b"ab", False)
    assert (upload.feed(b"cdeGET"), upload.whole, upload.rest) == (b"cde", True, b"GET")
    assert upload.replay == b"abcde"
    upload.forget()
    assert upload.replay is None


def test_chunks_are_written_anew_without_extensions_and_forbidden_trailers() -> None:
    upload = upload_of(b"Transfer-Encoding: chunked")
    trailers = b"A: b\r\nHost: evil\r\nLimpet-Session: x\r\nX_Forwarded_For: y\r\n\r\n"
    wire = b"1;x=y\r\na\r\n001\r\nb\r\n0\r\n" + trailers + b"rest"
    assert upload.feed(wire) == b"2\r\nab\r\n0\r\nA: b\r\n\r\n"
    assert (upload.whole, upload.rest, upload.received) == (True, b"rest", 2)


@pytest.mark.parametrize(
    ("line", "wire"),
    [(b"Content-Length: 21", b""), (b"Transfer-Encoding: chunked", b"15\r\n" + b"x" * 21 + b"\r\n")],
)
def test_a_body_above_the_limit_is_413(line: bytes, wire: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        upload_of(line).feed(wire)
    assert caught.value.status == 413
