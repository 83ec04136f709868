"""ChunkedBody: any split gives the same, a slow reader agrees, garbage is Malformed and nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.body import Body, ChunkedBody, LengthBody
from proxy.faults import Malformed
from tests.fuzz.reference import Unfinished, Wrong, read_chunked
from tests.fuzz.strategies import NASTY, SPACES, TOKENS, VALUES, garbled, in_pieces

Trailers = list[tuple[bytes, bytes]]
Result = tuple[bytes, Trailers, bytes] | str

PAYLOADS = st.lists(st.binary(min_size=1, max_size=40), max_size=6)
TRAILERS = st.lists(st.tuples(TOKENS, VALUES), max_size=4)


def quoted(text: bytes) -> bytes:
    return b'"' + text.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


@st.composite
def extensions(draw: st.DrawFn) -> bytes:
    names = draw(st.lists(TOKENS, max_size=2))
    values = [
        draw(st.just(b"") | (TOKENS | VALUES.map(quoted)).map(lambda value: b"=" + value)) for _ in names
    ]
    return b"".join(
        draw(SPACES) + b";" + draw(SPACES) + name + value for name, value in zip(names, values, strict=True)
    )


@st.composite
def encoded(draw: st.DrawFn, parts: list[bytes], trailers: Trailers) -> bytes:
    """The chunks on the wire: sizes in either case, with zeros before them, with extensions."""
    wire = b""
    for part in [*parts, b""]:
        digits = draw(st.sampled_from([b"%x", b"%X", b"0%x", b"000%X"])) % len(part)
        wire += digits + draw(extensions()) + b"\r\n"
        wire += part + b"\r\n" if part else b""
    return wire + b"".join(b"%b: %b\r\n" % field for field in trailers) + b"\r\n"


WIRES = st.tuples(PAYLOADS, TRAILERS).flatmap(lambda made: encoded(*made))


def fed(body: Body, pieces: list[bytes]) -> tuple[bytes, bytes]:
    """Payload and rest."""
    payload = b""
    for index, piece in enumerate(pieces):
        payload += body.feed(piece)
        if body.done:
            return payload, body.rest + b"".join(pieces[index + 1 :])
    return payload, b""


def result(pieces: list[bytes]) -> Result:
    body = ChunkedBody(line_limit=10_000, trailer_limit=10_000)
    try:
        payload, rest = fed(body, pieces)
    except Malformed as fault:
        assert fault.status in (400, 431)
        return "wrong"
    return (payload, body.trailers, rest) if body.done else "unfinished"


def expected(wire: bytes) -> Result:
    try:
        return read_chunked(wire)
    except Wrong:
        return "wrong"
    except Unfinished:
        return "unfinished"


def bytewise(wire: bytes) -> list[bytes]:
    return [wire[index : index + 1] for index in range(len(wire))]


@settings(max_examples=150, deadline=None)
@given(st.data(), PAYLOADS, TRAILERS, st.binary(max_size=10))
def test_what_is_encoded_is_decoded(
    data: st.DataObject, parts: list[bytes], trailers: Trailers, rest: bytes
) -> None:
    wire = data.draw(encoded(parts, trailers)) + rest
    whole = (b"".join(parts), trailers, rest)
    assert result([wire]) == whole
    assert result(bytewise(wire)) == whole
    assert result(data.draw(in_pieces(wire))) == whole


@settings(max_examples=400, deadline=None)
@given(st.data(), garbled(WIRES))
def test_agrees_with_a_slow_reader_however_it_is_split(data: st.DataObject, wire: bytes) -> None:
    wire += b"\r\n"  # no line is left open, of which the slow reader may know more
    wanted = expected(wire)
    whole = result([wire])
    assert result(bytewise(wire)) == result(data.draw(in_pieces(wire))) == whole
    # What cannot be repaired by any end may be refused before that end is there.
    assert whole == wanted or (whole, wanted) == ("wrong", "unfinished")


@settings(max_examples=500, deadline=None)
@given(st.lists(NASTY, max_size=12).map(b"".join) | st.binary(max_size=60))
def test_garbage_is_malformed_and_nothing_else(wire: bytes) -> None:
    assert result([wire]) == result(bytewise(wire))


@settings(max_examples=100, deadline=None)
@given(garbled(WIRES), st.integers(1, 30))
def test_no_more_payload_than_was_sent(wire: bytes, size: int) -> None:
    """Nothing is kept, repeated or made up, whatever the pieces."""
    body, sent, got = ChunkedBody(), 0, 0
    try:
        for start in range(0, len(wire), size):
            sent += len(wire[start : start + size])
            got += len(body.feed(wire[start : start + size]))
            assert got <= sent
            if body.done:
                break
    except Malformed:
        pass


@given(st.data(), st.binary(max_size=60), st.integers(1, 60))
def test_a_length_is_exact(data: st.DataObject, wire: bytes, length: int) -> None:
    body = LengthBody(length)
    payload, rest = fed(body, data.draw(in_pieces(wire)))
    assert (payload, rest) == (wire[:length], wire[length:])
    assert body.done == (len(wire) >= length)
