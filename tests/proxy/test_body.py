"""Body framings: what is payload, where a body ends, and what is refused."""

import time
from collections.abc import Iterable

import pytest

from proxy.body import CRLF, EXTENSION_ALLOWANCE, Body, ChunkedBody, CloseBody, LengthBody
from proxy.faults import Malformed


def fed(body: Body, pieces: Iterable[bytes]) -> bytes:
    """The payload of all pieces."""
    payload = b""
    for piece in pieces:
        payload += body.feed(piece)
    return payload


def bytewise(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def read(wire: bytes, body: ChunkedBody | None = None) -> tuple[bytes, list[tuple[bytes, bytes]], bytes]:
    """Payload, trailers and rest of one whole chunked body."""
    reader = body or ChunkedBody()
    payload = reader.feed(wire)
    assert reader.done
    return payload, reader.trailers, reader.rest


class TestLengthBody:
    def test_ends_at_its_length(self) -> None:
        body = LengthBody(5)
        assert (body.feed(b"he"), body.done, body.left) == (b"he", False, 3)
        assert (body.feed(b"lloGET /"), body.done, body.rest, body.left) == (b"llo", True, b"GET /", 0)

    def test_ends_with_its_data(self) -> None:
        body = LengthBody(5)
        assert (body.feed(b"hello"), body.done, body.rest) == (b"hello", True, b"")

    def test_nothing_is_done_at_once(self) -> None:
        assert LengthBody(0).done
        assert not LengthBody(1).done

    def test_data_in_the_middle_is_not_copied(self) -> None:
        data = b"x" * 1000
        assert LengthBody(5000).feed(data) is data


def test_a_body_until_close_is_never_done() -> None:
    body = CloseBody()
    assert fed(body, [b"a", b"bc"]) == b"abc"
    assert not body.done


GOOD: dict[str, tuple[bytes, bytes, list[tuple[bytes, bytes]], bytes]] = {
    "empty": (b"0\r\n\r\n", b"", [], b""),
    "one chunk": (b"5\r\nhello\r\n0\r\n\r\n", b"hello", [], b""),
    "two chunks, and the next request": (b"3\r\nfoo\r\n3\r\nbar\r\n0\r\n\r\nGET /", b"foobar", [], b"GET /"),
    "upper and lower case": (
        b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
        b"01234567890123456789",
        [],
        b"",
    ),
    "leading zeros": (b"00000\x35\r\nhello\r\n000\r\n\r\n", b"hello", [], b""),
    "payload that looks like framing": (b"7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n\r\n", [], b""),
    "extension": (b"5;a\r\nhello\r\n0;b=c\r\n\r\n", b"hello", [], b""),
    "extension with bad whitespace": (b"5 \t;\ta\t =\t b \t; c\r\nhello\r\n0\r\n\r\n", b"hello", [], b""),
    "quoted extension": (
        b'5;a="x;\\"\r y'.replace(b"\r", b"\t") + b'"\r\nhello\r\n0\r\n\r\n',
        b"hello",
        [],
        b"",
    ),
    "trailer": (b"0\r\nX-Sum: 1\r\n\r\nrest", b"", [(b"X-Sum", b"1")], b"rest"),
    "trailers": (b"0\r\na:\r\nb: \t x y\t \r\n\r\n", b"", [(b"a", b""), (b"b", b"x y")], b""),
    "trailer with text beyond ASCII": (b"0\r\na: \xe4\r\n\r\n", b"", [(b"a", b"\xe4")], b""),
}

BAD = {
    "no size": b"\r\nhello\r\n0\r\n\r\n",
    "not hexadecimal": b"g\r\n",
    "0x": b"0x5\r\nhello\r\n",
    "plus": b"+5\r\nhello\r\n",
    "minus": b"-5\r\nhello\r\n",
    "underscore": b"1_0\r\n",
    "space before": b" 5\r\nhello\r\n",
    "space after": b"5 \r\nhello\r\n",
    "tab after": b"5\t\r\nhello\r\n",
    "form feed after": b"5\x0c\r\nhello\r\n",
    "sixteen digits": b"0000000000000005\r\nhello\r\n",
    "overflow": b"FFFFFFFFFFFFFFFFF\r\n",
    "bare LF after the size": b"5\nhello\r\n",
    "bare CR after the size": b"5\rhello\r\n",
    "CR CR LF": b"5\r\r\nhello\r\n",
    "NUL": b"5\x00\r\nhello\r\n",
    "comma": b"5,5\r\nhello\r\n",
    "point": b"5.0\r\nhello\r\n",
    "digits of another script": "٥\r\nhello\r\n".encode(),
    "data too short for its size": b"6\r\nhello\r\n0\r\n\r\n",
    "data too long for its size": b"4\r\nhello\r\n0\r\n\r\n",
    "bare LF after the data": b"5\r\nhello\n0\r\n\r\n",
    "bare CR after the data": b"5\r\nhello\r0\r\n\r\n",
    "nothing after the data": b"5\r\nhello0\r\n\r\n",
    "extension without a name": b"5;\r\nhello\r\n",
    "extension without a value": b"5;a=\r\nhello\r\n",
    "extension with a bare LF": b"5;a\nhello\r\n",
    "extension with a bare CR": b"5;a\rb\r\nhello\r\n",
    "extension with a control character": b"5;a\x01\r\nhello\r\n",
    "extension with LF in quotes": b'5;a="\n"\r\nhello\r\n',
    "extension with an open quote": b'5;a="b\r\nhello\r\n',
    "extension with an escaped CR": b'5;a="\\\r\n"\r\nhello\r\n',
    "extension with text after quotes": b'5;a="b"c\r\nhello\r\n',
    "extension without its semicolon": b"5 a=b\r\nhello\r\n",
    "extension that ends in a space": b"5;a \r\nhello\r\n",
    "bare LF after the last chunk": b"0\n\r\n",
    "bare LF at the end": b"0\r\n\n",
    "bare CR at the end": b"0\r\n\rX",
    "trailer without a colon": b"0\r\nabc\r\n\r\n",
    "trailer without a name": b"0\r\n: x\r\n\r\n",
    "trailer with a space before the colon": b"0\r\na : x\r\n\r\n",
    "trailer with a space before the name": b"0\r\n a: x\r\n\r\n",
    "trailer folded": b"0\r\na: x\r\n b\r\n\r\n",
    "trailer with a bare LF": b"0\r\na: x\n\r\n",
    "trailer with a bare CR": b"0\r\na: x\ry\r\n\r\n",
    "trailer with NUL": b"0\r\na: \x00\r\n\r\n",
    "trailer with DEL": b"0\r\na: \x7f\r\n\r\n",
    "trailer with a bad name": b"0\r\na(b): x\r\n\r\n",
}


class TestChunkedBody:
    @pytest.mark.parametrize("name", GOOD)
    def test_reads(self, name: str) -> None:
        wire, *expected = GOOD[name]
        assert read(wire) == tuple(expected)

    @pytest.mark.parametrize("name", GOOD)
    def test_reads_byte_by_byte_and_in_every_two_parts(self, name: str) -> None:
        wire, payload, trailers, rest = GOOD[name]
        end = len(wire) - len(rest)
        for pieces in [bytewise(wire[:end]), *([wire[:cut], wire[cut:end]] for cut in range(1, end))]:
            body = ChunkedBody()
            assert fed(body, pieces) == payload
            assert (body.done, body.trailers, body.rest) == (True, trailers, b"")

    @pytest.mark.parametrize("name", GOOD)
    def test_is_not_done_early(self, name: str) -> None:
        wire, _, _, rest = GOOD[name]
        for cut in range(len(wire) - len(rest)):
            body = ChunkedBody()
            body.feed(wire[:cut])
            assert not body.done

    @pytest.mark.parametrize("name", BAD)
    def test_refuses(self, name: str) -> None:
        with pytest.raises(Malformed) as refused:
            ChunkedBody().feed(BAD[name])
        assert refused.value.status == 400

    @pytest.mark.parametrize("name", BAD)
    def test_refuses_byte_by_byte(self, name: str) -> None:
        with pytest.raises(Malformed):
            fed(ChunkedBody(), bytewise(BAD[name]))

    def test_many_tiny_chunks_are_one_object(self) -> None:
        assert ChunkedBody().feed(b"1\r\nx\r\n" * 1000) == b"x" * 1000

    def test_the_middle_of_a_large_chunk_is_not_copied(self) -> None:
        body, data = ChunkedBody(), b"x" * 1000
        body.feed(b"ffff\r\n")
        assert body.feed(data) is data

    def test_tiny_chunks_cost_linear_time(self) -> None:
        def seconds(count: int) -> float:
            wire = b"1\r\nx\r\n" * count
            body, begun = ChunkedBody(), time.process_time()
            body.feed(wire)
            return time.process_time() - begun

        few = min(seconds(5_000) for _ in range(5))
        many = min(seconds(50_000) for _ in range(3))
        assert many < 30 * few  # ten times the chunks; 100 times if anything were quadratic

    def test_a_line_may_be_as_long_as_its_limit(self) -> None:
        line = b"5;" + b"a" * 10 + CRLF
        assert ChunkedBody(line_limit=len(line)).feed(line + b"hello") == b"hello"
        for pieces in ([line], bytewise(line)):
            with pytest.raises(Malformed) as refused:
                fed(ChunkedBody(line_limit=len(line) - 1), pieces)
            assert refused.value.status == 400

    def test_extensions_may_not_outweigh_the_payload(self) -> None:
        chunk = b"1;" + b"a" * 100 + b"\r\nx\r\n"
        count = EXTENSION_ALLOWANCE // 83 + 2
        ChunkedBody().feed(chunk * (count - 10))
        with pytest.raises(Malformed) as refused:
            ChunkedBody().feed(chunk * count)
        assert refused.value.reason == "chunk_extensions"

    def test_extensions_that_a_payload_pays_for_are_fine(self) -> None:
        chunk = b"64;" + b"a" * 100 + b"\r\n" + b"x" * 100 + b"\r\n"
        assert ChunkedBody().feed(chunk * 1000) == b"x" * 100_000

    def test_trailers_are_bounded_in_bytes(self) -> None:
        line = b"a: " + b"x" * 95 + CRLF
        body = ChunkedBody(trailer_limit=len(line))
        body.feed(b"0\r\n" + line + CRLF)
        assert body.done
        for pieces in (
            [line + line],
            [line + line + CRLF],
            [line, b"b"],
            bytewise(line + line),
            [b"a: " + b"x" * 200],
        ):
            with pytest.raises(Malformed) as refused:
                fed(ChunkedBody(trailer_limit=len(line)), [b"0\r\n", *pieces])
            assert (refused.value.status, refused.value.reason) == (431, "trailers_too_large")

    def test_trailers_are_bounded_in_number(self) -> None:
        assert len(read(b"0\r\n" + b"a: b\r\n" * 3 + CRLF, ChunkedBody(headers=3))[1]) == 3
        with pytest.raises(Malformed) as refused:
            ChunkedBody(headers=3).feed(b"0\r\n" + b"a: b\r\n" * 4 + CRLF)
        assert refused.value.status == 431
