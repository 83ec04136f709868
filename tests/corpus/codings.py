"""Transfer-Encoding that must be refused: not `chunked`, or so written that not everybody reads it so."""

from tests.corpus.case import BAD_REQUEST, Refused, post, request, shown

LAST = "RFC 9112 6.3: chunked once, and last; else 400"
UNKNOWN = "RFC 9112 6.1: a coding not understood, 501"
SYNTAX = "RFC 9110 10.1.4: transfer-coding = token *( OWS ; OWS parameter )"
OLD = "RFC 9112 6.1: none in HTTP/1.0, faulty framing"
FIELD = "RFC 9112 5.1, 5.2: names are tokens, no white space before the colon, no fold"
SMUGGLING = "request smuggling research: hidden Transfer-Encoding"

NOT_DONE = frozenset({400, 501})
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"

# The codings that could be meant are known, or look so: refused, with either status.
UNKNOWN_VALUES = (
    b"identity",
    b"identity, chunked",
    b"gzip",
    b"gzip, chunked",
    b"gzip,chunked",
    b"x-gzip, chunked",
    b"deflate, chunked",
    b"compress, chunked",
    b"cow",
    b"cow, chunked",
    b"xchunked",
    b"x-chunked",
    b"chunkedx",
    b"chunked-",
    b"-chunked",
    b"chunk",
    b"chunked1",
    b"*chunked",
    b"'chunked'",
    b"chunked.",
    b"%63hunked",
    b"chunked'",
    b"nope",
    b"trailers",
)

MISPLACED_VALUES = (
    b"chunked, identity",
    b"chunked, gzip",
    b"chunked, cow",
    b"chunked, chunked",
    b"chunked,chunked",
    b"gzip, chunked, chunked",
    b"chunked, gzip, chunked",
)

WRONG_VALUES = (
    b"chunked,",
    b"chunked ,",
    b",chunked",
    b", chunked",
    b",",
    b",,",
    b"chunked;",
    b"chunked;a=b",
    b"chunked; q=0.5",
    b"chunked ; a",
    b"chunked=",
    b"chunked=1",
    b"chunked:",
    b"chunked chunked",
    b"chunked\tx",
    b"x chunked",
    b"identity chunked",
    b"chun ked",
    b"chun\tked",
    b'"chunked"',
    b'"chunked',
    b'chunked"',
    b"(chunked)",
    b"[chunked]",
    b"{chunked}",
    b"<chunked>",
    b"chunked/1",
    b"chunked\\",
    b"chunked@",
    b"",
    b" ",
    b"\x0bchunked",
    b"chunked\x0b",
    b"\x0cchunked",
    b"chunked\x0c",
    b"\x00chunked",
    b"chunked\x00",
    b"chunked\x00x",
    b"chun\x00ked",
    b"\x1fchunked",
    b"chunked\x1f",
    b"\x7fchunked",
    b"chunked\x7f",
    b"\x08chunked",
    b"\x85chunked",
    b"\xa0chunked",
    b"chunked\xa0",
    b"\xffchunked",
    b"chunked\xff",
    b"\xe2\x80\x8bchunked",  # zero width space
    b"\xef\xbb\xbfchunked",  # byte order mark
    b"chun\xe2\x84\xaaed",  # the Kelvin sign: lower-cases to k
    b"\xef\xbd\x83hunked",  # full-width c
    b"chunked\r",
    b"\rchunked",
    b"\nchunked",
    b"chunked\n",
    b"chunked\r\n identity",
    b"\r\n chunked",
    b"\r\n\tchunked",
    b"\n chunked",
)

LINES = {
    "space before the colon": (b"Transfer-Encoding : chunked",),
    "tab before the colon": (b"Transfer-Encoding\t: chunked",),
    "space inside the name": (b"Transfer Encoding: chunked",),
    "NUL before the colon": (b"Transfer-Encoding\x00: chunked",),
    "vertical tab before the colon": (b"Transfer-Encoding\x0b: chunked",),
    "form feed before the colon": (b"Transfer-Encoding\x0c: chunked",),
    "CR before the colon": (b"Transfer-Encoding\r: chunked",),
    "LF before the colon": (b"Transfer-Encoding\n: chunked",),
    "CRLF before the colon": (b"Transfer-Encoding", b": chunked"),
    "CRLF and space before the colon": (b"Transfer-Encoding", b" : chunked"),
    "NUL before the name": (b"\x00Transfer-Encoding: chunked",),
    "vertical tab before the name": (b"\x0bTransfer-Encoding: chunked",),
    "NUL inside the name": (b"Transfer\x00-Encoding: chunked",),
    "no-break space after the name": (b"Transfer-Encoding\xa0: chunked",),
    "byte order mark before the name": (b"\xef\xbb\xbfTransfer-Encoding: chunked",),
    "a dotless i in the name": (b"Transfer-Encod\xc4\xb1ng: chunked",),
    "quoted name": (b'"Transfer-Encoding": chunked',),
    "semicolon in the name": (b"Transfer-Encoding;: chunked",),
    "slash in the name": (b"Transfer/Encoding: chunked",),
    "equals sign instead of a colon": (b"Transfer-Encoding= chunked",),
    "no colon": (b"Transfer-Encoding chunked",),
    "name alone": (b"Transfer-Encoding",),
    "as a folded line": (b"X: y", b" Transfer-Encoding: chunked"),
    "as a line folded with a tab": (b"X: y", b"\tTransfer-Encoding: chunked"),
    "after a bare LF": (b"X: y\nTransfer-Encoding: chunked",),
    "after a bare CR": (b"X: y\rTransfer-Encoding: chunked",),
    "after CR CR LF": (b"X: y\r", b"Transfer-Encoding: chunked"),
    "after LF CR": (b"X: y\n\rTransfer-Encoding: chunked",),
    "after NUL": (b"X: y\x00Transfer-Encoding: chunked\x00",),
    "value with a bare CR": (b"Transfer-Encoding: chunked\rX: y",),
    "value with a bare LF": (b"Transfer-Encoding: chunked\nX: y",),
}

REPEATED = {
    "the same twice": (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "chunked, then identity": (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"),
    "identity, then chunked": (b"Transfer-Encoding: identity", b"Transfer-Encoding: chunked"),
    "chunked, then nothing": (b"Transfer-Encoding: chunked", b"Transfer-Encoding:"),
    "nothing, then chunked": (b"Transfer-Encoding:", b"Transfer-Encoding: chunked"),
    "chunked, then an unknown one": (b"Transfer-Encoding: chunked", b"Transfer-Encoding: cow"),
    "an unknown one, then chunked": (b"Transfer-Encoding: cow", b"Transfer-Encoding: chunked"),
    "gzip, then chunked": (b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked"),
    "chunked, then gzip": (b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip"),
    "twice, cases differ": (b"Transfer-Encoding: chunked", b"TRANSFER-ENCODING: Chunked"),
    "twice, apart": (b"Transfer-Encoding: chunked", b"X: y", b"Transfer-Encoding: x"),
}


def with_coding(value: bytes) -> bytes:
    return post(b"Transfer-Encoding: " + value, body=CHUNKS)


def with_both(value: bytes) -> bytes:
    return post(b"Content-Length: 5", b"Transfer-Encoding: " + value, body=CHUNKS)


def in_old_version(*lines: bytes) -> bytes:
    return post(b"Transfer-Encoding: chunked", *lines, body=CHUNKS, version=b"HTTP/1.0")


CASES = (
    *(Refused(f"coding {shown(value)}", with_coding(value), UNKNOWN, NOT_DONE) for value in UNKNOWN_VALUES),
    *(Refused(f"coding {shown(value)}", with_coding(value), LAST, NOT_DONE) for value in MISPLACED_VALUES),
    *(Refused(f"coding {shown(value)}", with_coding(value), SYNTAX, BAD_REQUEST) for value in WRONG_VALUES),
    *(
        Refused(f"length and coding {shown(value)}", with_both(value), SMUGGLING, NOT_DONE)
        for value in (*UNKNOWN_VALUES, *MISPLACED_VALUES, *WRONG_VALUES)
    ),
    *(Refused(f"coding: {name}", post(*lines, body=CHUNKS), FIELD) for name, lines in LINES.items()),
    *(
        Refused(f"coding: {name}", post(*lines, body=CHUNKS), LAST, NOT_DONE)
        for name, lines in REPEATED.items()
    ),
    Refused("coding in HTTP/1.0", in_old_version(), OLD, NOT_DONE),
    Refused("coding in HTTP/1.0, keep-alive", in_old_version(b"Connection: keep-alive"), OLD, NOT_DONE),
    Refused(
        "coding in HTTP/1.0, identity too", in_old_version(b"Transfer-Encoding: identity"), OLD, NOT_DONE
    ),
    Refused(
        "coding of a GET in HTTP/1.0",
        request(b"Transfer-Encoding: chunked", version=b"HTTP/1.0", body=CHUNKS),
        OLD,
        NOT_DONE,
    ),
)
