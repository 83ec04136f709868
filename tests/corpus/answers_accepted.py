"""Valid answers of a node, however odd, and answers that end too early."""

from tests.corpus.case import CutAnswer, Fields, GoodAnswer, answer, request, shown

LINE = "RFC 9112 4: the reason phrase may be empty, and hold any text"
STATUS = "RFC 9110 15: an unknown status is treated as the x00 of its class"
LENGTH = "RFC 9112 6.3, rule 6"
CHUNK = "RFC 9112 7.1"
TRAILER = "RFC 9112 7.1.2"
CLOSE = "RFC 9112 6.3, rule 8: until the connection closes"
NO_BODY = "RFC 9112 6.3, rule 1: no body to HEAD, 1xx, 204, 304"
OLD = "RFC 9112 6.1 and 7: no coding to an HTTP/1.0 client"
INTERIM = "RFC 9110 15.2: 1xx go before the final answer"
HOP = "RFC 9110 7.6.1: fields of this hop are not passed on"
SURPLUS = "RFC 9112 9.2: bytes that no request asked for are not an answer"
COOKIE = "RFC 6265 3: Set-Cookie fields are not folded into one"
FIELD = "RFC 9110 5.5, RFC 9112 5.1"
OWN = "what only Limpet may say to a client, or a node to Limpet"
SHORT = "RFC 9112 8: an incomplete message must not look complete"

HEAD = request(method=b"HEAD")
OLD_GET = request(version=b"HTTP/1.0")
OLD_KEPT = request(b"Connection: keep-alive", version=b"HTTP/1.0")
FIVE = b"Content-Length: 5"
CODED = b"Transfer-Encoding: chunked"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
LARGE = bytes(range(256)) * 1000

STATUSES = (
    b"200",
    b"201",
    b"203",
    b"206",
    b"299",
    b"300",
    b"302",
    b"308",
    b"399",
    b"400",
    b"404",
    b"418",
    b"451",
    b"499",
    b"500",
    b"511",
    b"599",
)

REASONS = (
    b" ",
    b"",
    b" OK",
    b" O K",
    b" \t",
    b" \xc3\xa4",
    b" \xff",
    b" a:b",
    b" HTTP/1.1 500",
    b" " + b"O" * 2000,
)

NO_BODY_STATUSES = (b"204 No Content", b"304 Not Modified")

# A field's value as the node sends it, and as the client has it.
VALUES = (
    (b" y", b"y"),
    (b"y", b"y"),
    (b"", b""),
    (b" ", b""),
    (b"\ty\t", b"y"),
    (b" a  b", b"a  b"),
    (b" a\tb", b"a\tb"),
    (b" \xe4\xff\x80", b"\xe4\xff\x80"),
    (b' "a, b"', b'"a, b"'),
    (b" a, , b", b"a, , b"),
    (b":", b":"),
)

BODIES: dict[str, tuple[bytes, bytes, Fields]] = {
    "one chunk": (CHUNKS, b"hello", ()),
    "chunks of one byte": (b"".join(b"1\r\n%c\r\n" % byte for byte in b"hello") + b"0\r\n\r\n", b"hello", ()),
    "no chunk": (b"0\r\n\r\n", b"", ()),
    "capitals": (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789", ()),
    "leading zeros": (b"0005\r\nhello\r\n000\r\n\r\n", b"hello", ()),
    "extensions": (b'5;a=b;c="d e"\r\nhello\r\n0;f\r\n\r\n', b"hello", ()),
    "payload of CRLFs": (b"7\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n", b"0\r\n\r\n\r\n", ()),
    "a trailer": (b"5\r\nhello\r\n0\r\nX-Sum: abc\r\n\r\n", b"hello", ((b"x-sum", b"abc"),)),
    "trailers": (b"5\r\nhello\r\n0\r\nA: b\r\nC:\r\n\r\n", b"hello", ((b"a", b"b"), (b"c", b""))),
    "a trailer that is a framing field": (b"5\r\nhello\r\n0\r\nContent-Length: 9\r\n\r\n", b"hello", ()),
    "a trailer of Limpet's": (b"5\r\nhello\r\n0\r\nLimpet-Version: 9\r\n\r\n", b"hello", ()),
    "a trailer that sets a cookie": (b"5\r\nhello\r\n0\r\nSet-Cookie: limpet_app=x\r\n\r\n", b"hello", ()),
    "large": (b"%x\r\n%b\r\n0\r\n\r\n" % (len(LARGE), LARGE), LARGE, ()),
}

HOPS = {
    "Connection: close": ((b"Connection: close",), (), False),
    "Connection: keep-alive": ((b"Connection: keep-alive",), (b"connection",), True),
    "Keep-Alive": ((b"Keep-Alive: timeout=5, max=100",), (b"keep-alive",), True),
    "a named field": ((b"Connection: X", b"X: y"), (b"x",), True),
    "Proxy-Connection": ((b"Proxy-Connection: keep-alive",), (b"proxy-connection",), True),
    "Upgrade that nobody asked for": ((b"Upgrade: h2c",), (b"upgrade",), True),
}

FINAL = answer(FIVE, body=b"hello")
INTERIMS = {
    "100": (b"HTTP/1.1 100 Continue\r\n\r\n", ()),
    "100 with fields": (b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n", ()),
    "102": (b"HTTP/1.1 102 Processing\r\n\r\n", (102,)),
    "103": (b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n", (103,)),
    "an unknown one": (b"HTTP/1.1 199 X\r\n\r\n", (199,)),
    "several": (b"HTTP/1.1 102 P\r\n\r\nHTTP/1.1 103 E\r\nLink: x\r\n\r\n", (102, 103)),
}


def good(name: str, wire: bytes, source: str, body: bytes = b"hello", **more: object) -> GoodAnswer:
    return GoodAnswer(name, wire, source, body=body, **more)  # type: ignore[arg-type]


ACCEPTED = (
    good("a length", FINAL, LENGTH),
    good("a length of nothing", answer(b"Content-Length: 0"), LENGTH, b""),
    good("a length with zeros", answer(b"Content-Length: 0005", body=b"hello"), LENGTH),
    good("a length in white space", answer(b"Content-Length: \t5 ", body=b"hello"), LENGTH),
    good("a large body", answer(b"Content-Length: %d" % len(LARGE), body=LARGE), LENGTH, LARGE),
    good("until close", answer(body=b"hello"), CLOSE, closes=True, reusable=False),
    good("until close, nothing", answer(), CLOSE, b"", closes=True, reusable=False),
    good("until close, large", answer(body=LARGE), CLOSE, LARGE, closes=True, reusable=False),
    good(
        "until close, HTTP/1.0",
        answer(version=b"HTTP/1.0", body=b"hello"),
        CLOSE,
        closes=True,
        reusable=False,
    ),
    good(
        "a length, HTTP/1.0",
        answer(FIVE, version=b"HTTP/1.0", body=b"hello"),
        LENGTH,
        closes=True,
        reusable=False,
    ),
    good(
        "a length, HTTP/1.0, kept",
        answer(FIVE, b"Connection: keep-alive", version=b"HTTP/1.0", body=b"hello"),
        LENGTH,
    ),
    *(
        good(f"chunked: {name}", answer(CODED, body=wire), CHUNK, body, trailers=trailers)
        for name, (wire, body, trailers) in BODIES.items()
    ),
    *(
        good(f"coding {shown(value)}", answer(b"Transfer-Encoding:" + value, body=CHUNKS), CHUNK)
        for value in (b"chunked", b" Chunked", b" CHUNKED", b"\tchunked ")
    ),
    *(
        good(
            f"status {shown(status)}",
            answer(FIVE, status=status + b" X", body=b"hello"),
            STATUS,
            status=int(status),
        )
        for status in STATUSES
    ),
    *(
        good(f"reason {shown(reason)}", answer(FIVE, status=b"200" + reason, body=b"hello"), LINE)
        for reason in REASONS
    ),
    *(
        good(f"{shown(status)}{name}", answer(*lines, status=status), NO_BODY, b"", status=int(status[:3]))
        for status in NO_BODY_STATUSES
        for name, lines in (("", ()), (", an entity tag", (b'ETag: "x"',)))
    ),
    good(
        "304 with the length of what it stands for", answer(FIVE, status=b"304 X"), NO_BODY, b"", status=304
    ),
    good("205 without a body", answer(b"Content-Length: 0", status=b"205 X"), STATUS, b"", status=205),
    good("HEAD with a length", answer(FIVE), NO_BODY, b"", asked=HEAD, fields=((b"content-length", b"5"),)),
    good("HEAD with a coding", answer(CODED), NO_BODY, b"", asked=HEAD),
    good("HEAD with neither", answer(), NO_BODY, b"", asked=HEAD),
    good("HEAD of an error", answer(FIVE, status=b"404 X"), NO_BODY, b"", asked=HEAD, status=404),
    *(
        good(f"interim: {name}", wire + FINAL, INTERIM, interim=statuses)
        for name, (wire, statuses) in INTERIMS.items()
    ),
    good("interim to an HTTP/1.0 client", INTERIMS["103"][0] + FINAL, INTERIM, asked=OLD_GET, kept=False),
    good("a length to HTTP/1.0", FINAL, OLD, asked=OLD_GET, kept=False),
    good("a length to HTTP/1.0, kept", FINAL, OLD, asked=OLD_KEPT),
    good(
        "chunks to HTTP/1.0",
        answer(CODED, body=CHUNKS),
        OLD,
        asked=OLD_GET,
        kept=False,
        absent=(b"transfer-encoding",),
    ),
    good(
        "chunks to HTTP/1.0 that would be kept",
        answer(CODED, body=CHUNKS),
        OLD,
        asked=OLD_KEPT,
        kept=False,
        absent=(b"transfer-encoding",),
    ),
    good(
        "until close to HTTP/1.0",
        answer(body=b"hello"),
        OLD,
        asked=OLD_GET,
        kept=False,
        closes=True,
        reusable=False,
    ),
    *(
        good(
            f"field {shown(sent)}", answer(b"X:" + sent, FIVE, body=b"hello"), FIELD, fields=((b"x", value),)
        )
        for sent, value in VALUES
    ),
    good(
        "the same field twice",
        answer(b"X: a", b"X: b", FIVE, body=b"hello"),
        FIELD,
        fields=((b"x", b"a"), (b"x", b"b")),
    ),
    good(
        "odd field names",
        answer(b"!#$%&'*+-.^_`|~: y", FIVE, body=b"hello"),
        FIELD,
        fields=((b"!#$%&'*+-.^_`|~", b"y"),),
    ),
    good(
        "two cookies",
        answer(b"Set-Cookie: a=b, c; Path=/", b"Set-Cookie: d=e", FIVE, body=b"hello"),
        COOKIE,
        fields=((b"set-cookie", b"a=b, c; Path=/"), (b"set-cookie", b"d=e")),
    ),
    good("an underscore", answer(b"X_Y: z", FIVE, body=b"hello"), FIELD, fields=((b"x_y", b"z"),)),
    *(
        good(
            f"this hop's: {name}", answer(*lines, FIVE, body=b"hello"), HOP, absent=absent, reusable=reusable
        )
        for name, (lines, absent, reusable) in HOPS.items()
    ),
    good(
        "Limpet-Version", answer(b"Limpet-Version: 5", FIVE, body=b"hello"), OWN, absent=(b"limpet-version",)
    ),
    good("LIMPET_STATE", answer(b"LIMPET_STATE: 5", FIVE, body=b"hello"), OWN, absent=(b"limpet_state",)),
    good("bytes after a length", FINAL + FINAL, SURPLUS, reusable=False),
    good("bytes after the chunks", answer(CODED, body=CHUNKS) + FINAL, SURPLUS, reusable=False),
    good("a body to HEAD", FINAL, SURPLUS, b"", asked=HEAD, reusable=False),
    good(
        "a body after 204", answer(status=b"204 X", body=b"hello"), SURPLUS, b"", status=204, reusable=False
    ),
    good(
        "a body after 304",
        answer(FIVE, status=b"304 X", body=b"hello"),
        SURPLUS,
        b"",
        status=304,
        reusable=False,
    ),
    good("CRLF after a length", FINAL + b"\r\n", SURPLUS, reusable=False),
)

CUT = (
    CutAnswer("nothing at all", b"", SHORT),
    CutAnswer("half a status line", b"HTTP/1.", SHORT),
    CutAnswer("a status line without its end", b"HTTP/1.1 200 OK", SHORT),
    CutAnswer("half a head", b"HTTP/1.1 200 OK\r\nX: y\r\n", SHORT),
    CutAnswer("a head without its last LF", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r", SHORT),
    CutAnswer("only a 100", b"HTTP/1.1 100 Continue\r\n\r\n", SHORT),
    CutAnswer("only a 103", b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", SHORT),
    CutAnswer("a length, no body", answer(FIVE), SHORT),
    CutAnswer("a length, half a body", answer(FIVE, body=b"he"), SHORT),
    CutAnswer("a length, one byte less", answer(b"Content-Length: 100000", body=b"x" * 99_999), SHORT),
    CutAnswer("a length, half a body, HTTP/1.0", answer(FIVE, version=b"HTTP/1.0", body=b"he"), SHORT),
    CutAnswer("chunked, no chunk", answer(CODED), SHORT),
    CutAnswer("chunked, half a size", answer(CODED, body=b"5"), SHORT),
    CutAnswer("chunked, a size", answer(CODED, body=b"5\r\n"), SHORT),
    CutAnswer("chunked, half a chunk", answer(CODED, body=b"5\r\nhe"), SHORT),
    CutAnswer("chunked, a chunk without its CRLF", answer(CODED, body=b"5\r\nhello"), SHORT),
    CutAnswer("chunked, a whole chunk", answer(CODED, body=b"5\r\nhello\r\n"), SHORT),
    CutAnswer("chunked, half the last one", answer(CODED, body=b"5\r\nhello\r\n0"), SHORT),
    CutAnswer("chunked, no final CRLF", answer(CODED, body=b"5\r\nhello\r\n0\r\n"), SHORT),
    CutAnswer("chunked, half a final CRLF", answer(CODED, body=b"5\r\nhello\r\n0\r\n\r"), SHORT),
    CutAnswer("chunked, half a trailer", answer(CODED, body=b"5\r\nhello\r\n0\r\nX: "), SHORT),
    CutAnswer("chunked, a trailer without an end", answer(CODED, body=b"5\r\nhello\r\n0\r\nX: y\r\n"), SHORT),
    CutAnswer("a length, to HTTP/1.0", answer(FIVE, body=b"he"), SHORT, OLD_GET),
    CutAnswer("chunked, to HTTP/1.0", answer(CODED, body=b"5\r\nhello\r\n"), SHORT, OLD_GET),
    CutAnswer("until close, reset", answer(body=b"hello"), SHORT, reset=True),
    CutAnswer("until close, reset, to HTTP/1.0", answer(body=b"hello"), SHORT, OLD_GET, reset=True),
    CutAnswer("a length, reset", answer(FIVE, body=b"he"), SHORT, reset=True),
    CutAnswer("chunked, reset", answer(CODED, body=b"5\r\nhello\r\n"), SHORT, reset=True),
    CutAnswer("half a head, reset", b"HTTP/1.1 200 OK\r\nX: y\r\n", SHORT, reset=True),
    CutAnswer("nothing, reset", b"", SHORT, reset=True),
)
