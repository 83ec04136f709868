"""Answers of a node that must not be believed: 502, and the connection to the node closed."""

from tests.corpus import chunks, codings
from tests.corpus.case import CONTROLS, BadAnswer, answer, shown

VERSION = "RFC 9112 2.3 and 4"
STATUS = "RFC 9112 4: status-code = 3DIGIT; RFC 9110 15: 100 to 599"
LINE = "RFC 9112 4: HTTP-version SP status-code SP [ reason-phrase ] CRLF"
NAME = "RFC 9110 5.1: field-name = token"
VALUE = "RFC 9110 5.5: no NUL, CR, LF or control character in a value"
COLON = "RFC 9112 5.1: white space before the colon"
FOLD = "RFC 9112 5.2: obs-fold in a response: 502"
LINE_END = "RFC 9112 2.2: a bare CR is invalid; a bare LF need not be taken for a line's end"
LENGTH = "RFC 9112 6.3, rule 5: an invalid Content-Length in a response: 502"
BOTH = "RFC 9112 6.3, rule 3: both lengths are an attempt to split responses"
CODING = "RFC 9112 6.1: only chunked, once, in HTTP/1.1"
SWITCH = "RFC 9110 15.2.2: 101 only where the request asked for it"
LIMIT = "RFC 9110 5.4: limits are ours to set"
CHUNK = "RFC 9112 7.1"

VERSIONS = (
    b"HTTP/0.9",
    b"HTTP/1.2",
    b"HTTP/2",
    b"HTTP/2.0",
    b"HTTP/3.0",
    b"HTTP/1",
    b"HTTP/1.",
    b"HTTP/1.1.1",
    b"HTTP/01.1",
    b"HTTP/1.01",
    b"HTTP/1.10",
    b"HTTP/11.1",
    b"HTTP/1,1",
    b"HTTP 1.1",
    b"HTTP /1.1",
    b"HTTP/ 1.1",
    b"http/1.1",
    b"Http/1.1",
    b"HTTPS/1.1",
    b"ICY",
    b"RTSP/1.0",
    b"SIP/2.0",
    b"XHTTP/1.1",
    b"\x00HTTP/1.1",
    b"\xef\xbb\xbfHTTP/1.1",
    b" HTTP/1.1",
    b"\r\nHTTP/1.1",
    b"\nHTTP/1.1",
)

STATUSES = (
    b"000",
    b"001",
    b"099",
    b"600",
    b"999",
    b"2",
    b"20",
    b"2000",
    b"0200",
    b"-200",
    b"+200",
    b"0x200",
    b"2x0",
    b"abc",
    b"2 00",
    b" 200",
    b"200.0",
    b"2e2",
    b"200,",
    b"'200'",
    b"\xd9\xa2\xd9\xa0\xd9\xa0",
    b"\xef\xbc\x92\xef\xbc\x90\xef\xbc\x90",
    b"\xc2\xb2\xc2\xb2\xc2\xb2",
)

LINES = {
    "only a version": b"HTTP/1.1",
    "only a version and a space": b"HTTP/1.1 ",
    "no version": b"200 OK",
    "tabs": b"HTTP/1.1\t200\tOK",
    "a tab before the reason": b"HTTP/1.1 200\tOK",
    "a tab before the status": b"HTTP/1.1\t200 OK",
    "two spaces before the status": b"HTTP/1.1  200 OK",
    "no space before the reason": b"HTTP/1.1 200OK",
    "no space before the status": b"HTTP/1.1200 OK",
    "a request line": b"GET / HTTP/1.1",
    "a header field": b"Content-Type: text/html",
    "HTML": b"<html><body>hello</body></html>",
    "text": b"hello world",
    "JSON": b'{"error": "no"}',
    "TLS": b"\x15\x03\x03\x00\x02\x02\x28",
    "an SSH banner": b"SSH-2.0-OpenSSH_9.2",
    "an SMTP greeting": b"220 mail.example ESMTP",
    "a Redis error": b"-ERR unknown command 'GET'",
    "HTTP/2 frames": b"\x00\x00\x12\x04\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x80",
    "nothing": b"",
    "a bare CR in the reason": b"HTTP/1.1 200 O\rK",
    "a bare LF in the reason": b"HTTP/1.1 200 O\nK",
    "a field after a bare LF": b"HTTP/1.1 200 OK\nX: y",
    **{f"{shown(control)} in the reason": b"HTTP/1.1 200 O" + control + b"K" for control in CONTROLS},
}

FIELDS = {
    "no colon": (NAME, b"X"),
    "no colon, with a value": (NAME, b"X y"),
    "no name": (NAME, b": y"),
    "space in the name": (NAME, b"X Y: z"),
    "space before the colon": (COLON, b"X : y"),
    "tab before the colon": (COLON, b"X\t: y"),
    "space before the colon of the length": (COLON, b"Content-Length : 5"),
    "space before the name": (FOLD, b" X: y"),
    "folded with a space": (FOLD, b"X: y\r\n z"),
    "folded with a tab": (FOLD, b"X: y\r\n\tz"),
    "folded Set-Cookie": (FOLD, b"Set-Cookie: a=b;\r\n Path=/"),
    "folded to nothing": (FOLD, b"X: y\r\n "),
    "bare LF at the end": (LINE_END, b"X: y\nA: b"),
    "bare CR at the end": (LINE_END, b"X: y\rA: b"),
    "CR CR LF": (LINE_END, b"X: y\r"),
    "bare CR in Location": (LINE_END, b"Location: /\rSet-Cookie: a=b"),
    "bare LF in Location": (LINE_END, b"Location: /\nSet-Cookie: a=b"),
    "LF LF": (LINE_END, b"X: y\n\nHTTP/1.1 200 OK"),
    **{f"{shown(bad)} in a value": (VALUE, b"X: a" + bad + b"b") for bad in CONTROLS},
    **{f"{shown(bad)} in a name": (NAME, b"X" + bad + b"Y: z") for bad in CONTROLS},
    **{
        f"{shown(bytes([bad]))} in a name": (NAME, b"X" + bytes([bad]) + b": z")
        for bad in b'"(),/;<=>?@[]{}\x80\xff'
    },
}

LENGTHS = (
    b"+5",
    b"-5",
    b"-1",
    b"0x5",
    b"5.0",
    b"5 5",
    b"5,5",
    b"5, 5",
    b"5,6",
    b"5,",
    b"5;",
    b"",
    b'"5"',
    b"five",
    b"5a",
    b"1_0",
    b"\xa05",
    b"\xd9\xa5",
    b"\xef\xbc\x95",
    b"99999999999999999999",
    b"18446744073709551621",
    b"9" * 400,
)

FRAMING = {
    "two lengths, the same": (LENGTH, (b"Content-Length: 5", b"Content-Length: 5")),
    "two lengths that differ": (LENGTH, (b"Content-Length: 5", b"Content-Length: 6")),
    "two lengths, one empty": (LENGTH, (b"Content-Length: 5", b"Content-Length:")),
    "two lengths, cases differ": (LENGTH, (b"content-length: 5", b"CONTENT-LENGTH: 0")),
    "length, then coding": (BOTH, (b"Content-Length: 5", b"Transfer-Encoding: chunked")),
    "coding, then length": (BOTH, (b"Transfer-Encoding: chunked", b"Content-Length: 5")),
    "no length, then coding": (BOTH, (b"Content-Length: 0", b"Transfer-Encoding: chunked")),
    "coding twice": (CODING, (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked")),
    "chunked, then identity": (CODING, (b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity")),
    "length and identity": (BOTH, (b"Content-Length: 5", b"Transfer-Encoding: identity")),
}

LARGE = {
    "a value of 100000 bytes": answer(b"X: " + b"y" * 100_000),
    "100000 bytes of fields": answer(*[b"X: " + b"y" * 1000] * 100),
    "1000 fields": answer(*[b"X: y"] * 1000),
    "a reason of 100000 bytes": b"HTTP/1.1 200 " + b"O" * 100_000 + b"\r\n\r\n",
    "a status line without end": b"HTTP/1.1 200 " + b"O" * 100_000,
    "fields without end": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000,
}

CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
TE = b"Transfer-Encoding: "


def lined(line: bytes) -> bytes:
    return line + b"\r\nContent-Length: 5\r\n\r\nhello"


def chunked(body: bytes) -> bytes:
    return answer(TE + b"chunked", body=body)


CASES = (
    *(BadAnswer(f"version {shown(text)}", lined(text + b" 200 OK"), VERSION) for text in VERSIONS),
    *(BadAnswer(f"status {shown(text)}", lined(b"HTTP/1.1 " + text + b" OK"), STATUS) for text in STATUSES),
    *(BadAnswer(f"line: {name}", lined(line), LINE) for name, line in LINES.items()),
    *(
        BadAnswer(f"field: {name}", answer(line, b"Content-Length: 5", body=b"hello"), source)
        for name, (source, line) in FIELDS.items()
    ),
    *(
        BadAnswer(f"length {shown(value)}", answer(b"Content-Length: " + value, body=b"hello"), LENGTH)
        for value in LENGTHS
    ),
    *(
        BadAnswer(f"framing: {name}", answer(*lines, body=CHUNKS), source)
        for name, (source, lines) in FRAMING.items()
    ),
    *(
        BadAnswer(f"coding {shown(value)}", answer(TE + value, body=CHUNKS), CODING)
        for value in (*codings.UNKNOWN_VALUES, *codings.MISPLACED_VALUES, *codings.WRONG_VALUES)
    ),
    BadAnswer("coding in HTTP/1.0", answer(TE + b"chunked", version=b"HTTP/1.0", body=CHUNKS), CODING),
    *(BadAnswer(f"limit: {name}", wire, LIMIT) for name, wire in LARGE.items()),
    BadAnswer(
        "101 that nobody asked for",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        SWITCH,
    ),
    BadAnswer("a bad answer after a 100", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2000 OK\r\n\r\n", STATUS),
    BadAnswer(
        "a bad 1xx", b"HTTP/1.1 103 Early Hints\r\nLink : x\r\n\r\n" + answer(b"Content-Length: 0"), COLON
    ),
    BadAnswer("head ended by LF LF", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", LINE_END),
    BadAnswer("head ended by CRLF LF", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello", LINE_END),
    *(
        BadAnswer(f"chunk size {shown(size)}", chunked(size + b"\r\nhello\r\n0\r\n\r\n"), CHUNK, in_body=True)
        for size in (*chunks.SIZES, *chunks.LARGE_SIZES)
    ),
    *(
        BadAnswer(f"chunk: {name}", chunked(body), CHUNK, in_body=True)
        for name, body in chunks.FRAMES.items()
    ),
    *(
        BadAnswer(
            f"extension {shown(text)}", chunked(b"5" + text + b"\r\nhello\r\n0\r\n\r\n"), CHUNK, in_body=True
        )
        for text in chunks.EXTENSIONS[:44]
    ),
    *(
        BadAnswer(f"trailer: {name}", chunked(b"5\r\nhello\r\n0\r\n" + lines + b"\r\n"), CHUNK, in_body=True)
        for name, lines in chunks.TRAILERS.items()
    ),
)
