"""Valid messages by the ABNF of RFC 9110 and 9112, and the same with a few bytes changed."""

from itertools import pairwise

from hypothesis import strategies as st

TCHARS = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PCHARS = b"ABCXYZabcxyz0129-._~!$&'()*+,;=:@"
VCHARS = bytes(range(0x21, 0x7F)) + b"\x80\xa0\xe4\xff"

# What tears messages apart: delimiters, line ends, digits, controls, and words with a meaning.
NASTY = st.sampled_from(
    [
        *(
            bytes([code])
            for code in b'\r\n\t \x00\x0b\x0c\x1f\x7f\x80\xa0\xff:;,="\\/?#%@[]{}<>|()0159aAfFgGxX+-_.'
        ),
        b"\r\n",
        b"\r\n\r\n",
        b"\n\n",
        b"\r\n ",
        b" :",
        b"0x",
        b"chunked",
        b"\r\nContent-Length: 1",
        b"\r\nTransfer-Encoding: chunked",
        b"\r\nHost: b",
        b"HTTP/1.0",
        b"0\r\n\r\n",
    ]
)


def some(alphabet: bytes, least: int = 0, most: int = 12) -> st.SearchStrategy[bytes]:
    text = st.text(alphabet.decode("latin-1"), min_size=least, max_size=most)  # faster than lists of bytes
    return text.map(lambda drawn: drawn.encode("latin-1"))


TOKENS = some(TCHARS, 1)
SPACES = some(b" \t", most=3)
VALUES = st.lists(some(VCHARS, 1, 8), max_size=3).map(b" ".join)
ESCAPES = st.integers(0, 255).map(lambda code: b"%%%02X" % code)
SEGMENTS = st.lists(some(PCHARS, 1, 6) | ESCAPES, max_size=4).map(b"".join)
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map(lambda segments: b"/" + b"/".join(segments))
TARGETS = st.builds(bytes.__add__, PATHS, st.just(b"") | SEGMENTS.map(lambda query: b"?" + query))

# Field names that mean nothing to a proxy, so that they arrive as sent.
PLAIN_NAMES = TOKENS.map(lambda name: b"X-" + name)
FIELDS = st.lists(st.tuples(PLAIN_NAMES, VALUES), max_size=5)
FRAMINGS = st.sampled_from([b"", b"Content-Length: 0", b"Content-Length: 17", b"Transfer-Encoding: Chunked"])


@st.composite
def written_fields(draw: st.DrawFn, fields: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(b"%b:%b%b%b\r\n" % (name, draw(SPACES), value, draw(SPACES)) for name, value in fields)


@st.composite
def garbled(draw: st.DrawFn, wires: st.SearchStrategy[bytes], most: int = 3) -> bytes:
    """A valid message with up to `most` places replaced, cut out or added to."""
    wire = draw(wires)
    for _ in range(draw(st.integers(1, most))):
        start = draw(st.integers(0, len(wire)))
        end = min(len(wire), start + draw(st.integers(0, 2)))
        wire = wire[:start] + draw(NASTY | st.just(b"")) + wire[end:]
    return wire


WEIGHTY_LINES = st.sampled_from(
    [
        b"Content-Length: 0",
        b"content-length:5",
        b"Content-Length: 17",
        b"Transfer-Encoding: chunked",
        b"transfer-encoding:\tCHUNKED",
        b"Transfer-Encoding: identity",
        b"Content_Length: 5",
        b"Host: b.example",
        b"host:b.example",
        b"Connection: close, Host",
    ]
)


@st.composite
def with_weighty_lines(draw: st.DrawFn, wires: st.SearchStrategy[bytes]) -> bytes:
    """A valid head with lines in it that decide where the message ends or whose it is, perhaps once more."""
    lines = draw(wires).removesuffix(b"\r\n\r\n").split(b"\r\n")
    for line in draw(st.lists(WEIGHTY_LINES, min_size=1, max_size=2)):
        lines.insert(draw(st.integers(1, len(lines))), line)
    return b"\r\n".join(lines) + b"\r\n\r\n"


@st.composite
def in_pieces(draw: st.DrawFn, wire: bytes) -> list[bytes]:
    """The same bytes as they may come off a connection; no piece is empty."""
    cuts = sorted(draw(st.sets(st.integers(1, max(1, len(wire) - 1)), max_size=8)))
    ends = [0, *cuts, len(wire)]
    return [wire[start:end] for start, end in pairwise(ends) if start < end]
