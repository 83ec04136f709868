"""Valid messages: bodies, trailers, and what follows on the same connection."""

from tests.corpus.case import Accepted, Fields, Seen, chunked, post, request, shown

LINE = "RFC 9112 3"
LENGTH = "RFC 9110 8.6: 1*DIGIT"
CODING = "RFC 9112 7: transfer coding names are case-insensitive"
CHUNK = "RFC 9112 7.1"
TRAILER = "RFC 9112 7.1.2"
EMPTY_LINE = "RFC 9112 2.2: at least one empty line before a request-line is ignored"
PIPELINE = "RFC 9112 9.3.2"
PERSISTENCE = "RFC 9112 9.3"
CONNECTION = "RFC 9110 7.6.1 and 5.6.1: a list may be empty"
EXPECT = "RFC 9110 10.1.1"

LENGTHS = (
    (b"5", b"hello"),
    (b"005", b"hello"),
    (b"000000000000005", b"hello"),
    (b" 5 ", b"hello"),
    (b"\t5\t", b"hello"),
    (b"0", b""),
    (b"00", b""),
)

CODINGS = (b"chunked", b"Chunked", b"CHUNKED", b"cHuNkEd", b"  chunked", b"\tchunked", b"chunked \t")

END = b"0\r\n\r\n"

# The chunks as sent; the payload is always `hello`.
CHUNKS = {
    "one chunk": b"5\r\nhello\r\n" + END,
    "chunks of one byte": b"1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n" + END,
    "leading zeros": b"0005\r\nhello\r\n" + END,
    "many zeros for the last": b"5\r\nhello\r\n000000000000\r\n\r\n",
    "extension without a value": b"5;a\r\nhello\r\n" + END,
    "extension with a value": b"5;a=b\r\nhello\r\n" + END,
    "extension with a quoted value": b'5;a="b c;d=\\"e\\""\r\nhello\r\n' + END,
    "extension with an empty quoted value": b'5;a=""\r\nhello\r\n' + END,
    "extension with bad white space": b"5 ; a = b\t;\tc\r\nhello\r\n" + END,
    "extension with text beyond ASCII": b'5;a="\xc3\xa4"\r\nhello\r\n' + END,
    "several extensions": b"5;a;b;c=d\r\nhello\r\n" + END,
    "extension of the last chunk": b"5\r\nhello\r\n0;a=b\r\n\r\n",
    "extension that looks like a size": b"5;a=5\r\nhello\r\n" + END,
}

# The trailer section as sent, and what the node has of it.
TRAILERS: dict[str, tuple[bytes, Fields]] = {
    "one": (b"X-Sum: abc\r\n", ((b"x-sum", b"abc"),)),
    "two": (b"A: b\r\nC: d\r\n", ((b"a", b"b"), (b"c", b"d"))),
    "empty value": (b"A:\r\n", ((b"a", b""),)),
    "white space": (b"A: \t b c \t\r\n", ((b"a", b"b c"),)),
    "text beyond ASCII": (b"A: \xc3\xa4\r\n", ((b"a", b"\xc3\xa4"),)),
    "framing is taken out": (b"Content-Length: 7\r\nTransfer-Encoding: x\r\nA: b\r\n", ((b"a", b"b"),)),
    "Host is taken out": (b"Host: b.example\r\n", ()),
    "Cookie is taken out": (b"Cookie: a=b\r\n", ()),
    "Limpet's own are taken out": (b"Limpet-Key: x\r\nlimpet_key: y\r\nLIMPET-x: z\r\n", ()),
    "the proxy's own are taken out": (
        b"X-Forwarded-For: x\r\nX_Forwarded_For: y\r\nConnection: close\r\n",
        (),
    ),
}

NEXT_ONE = request(target=b"/next")

NEXT_SEEN = Seen(target=b"/next")

BODY_5 = post(b"Content-Length: 5", body=b"hello")

POSTED = Seen(method=b"POST", body=b"hello")


CASES = (
    Accepted("one empty line first", b"\r\n" + request(), EMPTY_LINE),
    Accepted("an empty line after a body", BODY_5 + b"\r\n" + NEXT_ONE, EMPTY_LINE, (POSTED, NEXT_SEEN)),
    Accepted("HTTP/1.0", request(version=b"HTTP/1.0"), LINE, kept=False),
    Accepted(
        "HTTP/1.0 without Host", request(version=b"HTTP/1.0", host=None), LINE, (Seen(host=None),), kept=False
    ),
    Accepted("HTTP/1.0, keep-alive", request(b"Connection: keep-alive", version=b"HTTP/1.0"), PERSISTENCE),
    Accepted(
        "HTTP/1.0 with a body",
        post(b"Content-Length: 5", body=b"hello", version=b"HTTP/1.0"),
        LENGTH,
        (POSTED,),
        kept=False,
    ),
    *(
        Accepted(
            f"length {shown(value)}",
            post(b"Content-Length:" + value, body=body),
            LENGTH,
            (Seen(b"POST", body=body),),
        )
        for value, body in LENGTHS
    ),
    Accepted(
        "POST without a length", post(), "RFC 9112 6.3: no length and no coding: no body", (Seen(b"POST"),)
    ),
    Accepted(
        "GET with a body",
        request(b"Content-Length: 5", body=b"hello"),
        "RFC 9110 9.3.1",
        (Seen(body=b"hello"),),
    ),
    Accepted(
        "a body that looks like a request",
        post(b"Content-Length: 27", body=NEXT_ONE[:27]),
        LENGTH,
        (Seen(b"POST", body=NEXT_ONE[:27]),),
    ),
    *(
        Accepted(
            f"coding {shown(value)}",
            post(b"Transfer-Encoding:" + value, body=CHUNKS["one chunk"]),
            CODING,
            (POSTED,),
        )
        for value in CODINGS
    ),
    *(Accepted(f"chunk: {name}", chunked(body), CHUNK, (POSTED,)) for name, body in CHUNKS.items()),
    Accepted(
        "chunk size in capitals",
        chunked(b"A\r\n0123456789\r\n" + END),
        CHUNK,
        (Seen(b"POST", body=b"0123456789"),),
    ),
    Accepted(
        "chunk size of 15 digits",
        chunked(b"00000000000000a\r\n0123456789\r\n" + END),
        CHUNK,
        (Seen(b"POST", body=b"0123456789"),),
    ),
    Accepted("chunked, empty", chunked(END), CHUNK, (Seen(b"POST"),)),
    Accepted(
        "chunked GET",
        request(b"Transfer-Encoding: chunked", body=CHUNKS["one chunk"]),
        CHUNK,
        (Seen(body=b"hello"),),
    ),
    Accepted(
        "payload of CRLFs",
        chunked(b"7\r\n0\r\n\r\n\r\n\r\n" + END),
        CHUNK,
        (Seen(b"POST", body=b"0\r\n\r\n\r\n"),),
    ),
    *(
        Accepted(
            f"trailer: {name}",
            chunked(b"5\r\nhello\r\n0\r\n" + sent + b"\r\n"),
            TRAILER,
            (Seen(b"POST", body=b"hello", trailers=kept),),
        )
        for name, (sent, kept) in TRAILERS.items()
    ),
    Accepted("Connection: close", request(b"Connection: close"), PERSISTENCE, kept=False),
    Accepted("Connection: Close, among others", request(b"Connection: x, Close"), PERSISTENCE, kept=False),
    Accepted(
        "Connection: close, bytes after it", request(b"Connection: close") + NEXT_ONE, PERSISTENCE, kept=False
    ),
    Accepted(
        "Connection: close, garbage after it",
        request(b"Connection: close") + b"\x00\x00",
        PERSISTENCE,
        kept=False,
    ),
    Accepted("empty Connection", request(b"Connection:"), CONNECTION),
    Accepted("Connection of commas", request(b"Connection: ,, ,"), CONNECTION),
    Accepted(
        "Expect: 100-continue, body at once",
        post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"),
        EXPECT,
        (POSTED,),
    ),
    Accepted(
        "Expect in capitals",
        post(b"Expect: 100-CONTINUE", b"Content-Length: 5", body=b"hello"),
        EXPECT,
        (POSTED,),
    ),
    Accepted("two pipelined", request() + NEXT_ONE, PIPELINE, (Seen(), NEXT_SEEN)),
    Accepted("a body, then the next", BODY_5 + NEXT_ONE, PIPELINE, (POSTED, NEXT_SEEN)),
    Accepted("chunks, then the next", chunked(CHUNKS["one chunk"]) + NEXT_ONE, PIPELINE, (POSTED, NEXT_SEEN)),
    Accepted(
        "ten pipelined",
        b"".join(request(target=b"/%d" % index) for index in range(10)),
        PIPELINE,
        tuple(Seen(target=b"/%d" % index) for index in range(10)),
    ),
    Accepted(
        "two pipelined, the first closes",
        request(b"Connection: close") + NEXT_ONE,
        PERSISTENCE,
        (Seen(),),
        kept=False,
    ),
)
