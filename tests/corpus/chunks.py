"""Chunked bodies that must be refused: a node may see the head, which is fine, but never a whole request."""

from tests.corpus.case import CONTROLS, Refused, chunked, shown

SIZE = "RFC 9112 7.1: chunk-size = 1*HEXDIG"
OVERFLOW = "RFC 9112 7.1: anticipate large sizes, prevent overflow"
CRLF_ONLY = (
    "RFC 9112 7.1: CRLF after size and data; a bare LF is smuggling research's 'TERM.EXT' and 'EXT.TERM'"
)
EXTENSION = "RFC 9112 7.1.1: chunk-ext = *( BWS ';' BWS token [ BWS '=' BWS ( token / quoted-string ) ] )"
COST = "RFC 9112 7.1.1: limit the total of extensions (CVE-2023-39326)"
TRAILER = "RFC 9112 7.1.2: trailer-section = *( field-line CRLF )"
LIMIT = "RFC 9110 5.4: a server may limit fields"

TOO_LARGE = frozenset({400, 413})
TOO_MANY = frozenset({400, 431})
END = b"0\r\n\r\n"

# Each stands where a first chunk's size is, with `hello` behind it.
SIZES = (
    b"",
    b" ",
    b" 5",
    b"\t5",
    b"5 ",
    b"5\t",
    b"5  ",
    b"\x0b5",
    b"5\x0b",
    b"5\x0c",
    b"5\x00",
    b"\x005",
    b"5\xa0",
    b"5\x85",
    b"0x5",
    b"0X5",
    b"x5",
    b"5h",
    b"#5",
    b"$5",
    b"%35",
    b"\\x5",
    b"+5",
    b"-5",
    b"+0",
    b"-0",
    b"--5",
    b"-1",
    b"-ffffffffffffffff",
    b"0_5",
    b"5_",
    b"5,",
    b"5,5",
    b"5.0",
    b"5 5",
    b"5\t5",
    b"g",
    b"G",
    b"5g",
    b"0g",
    b'"5"',
    b"'5'",
    b"(5)",
    b"five",
    b":5",
    b"5:",
    b"5=",
    b"5 a",
    b"5 a=b",
    b"5/",
    b"\xd9\xa5",
    b"\xef\xbc\x95",
    b"\xff",
    b"NaN",
    b"Content-Length: 5",
)

LARGE_SIZES = (
    b"FFFFFFFFFFFFFFFF",
    b"10000000000000000",
    b"10000000000000005",  # 2^64 + 5
    b"100000000000000005",
    b"fffffffffffffffff",
    b"8000000000000000",
    b"7FFFFFFFFFFFFFFF",
    b"FFFFFFFFFFFFFFFB",  # -5
    b"1" + b"0" * 40,
    b"F" * 300,
)

FRAMES = {
    "size ended by a bare LF": b"5\nhello\r\n" + END,
    "size ended by a bare CR": b"5\rhello\r\n" + END,
    "size ended by CR CR LF": b"5\r\r\nhello\r\n" + END,
    "size ended by LF CR": b"5\n\rhello\r\n" + END,
    "size ended by a bare CR and a space": b"5\r hello\r\n" + END,
    "size with nothing behind it": b"5hello\r\n" + END,
    "data ended by a bare LF": b"5\r\nhello\n" + END,
    "data ended by a bare CR": b"5\r\nhello\r" + END,
    "data ended by LF CR": b"5\r\nhello\n\r" + END,
    "data ended by CR CR LF": b"5\r\nhello\r\r\n" + END,
    "data ended by a space and CRLF": b"5\r\nhello \r\n" + END,
    "data ended by NUL": b"5\r\nhello\x00\x00" + END,
    "data ended by two other bytes": b"5\r\nhelloXX" + END,
    "data not ended": b"5\r\nhello" + END,
    "data longer than its size": b"4\r\nhello\r\n" + END,
    "data shorter than its size": b"7\r\nhello\r\n" + END,
    "an empty line between chunks": b"5\r\nhello\r\n\r\n" + END,
    "an empty line before the first chunk": b"\r\n5\r\nhello\r\n" + END,
    "last chunk ended by a bare LF": b"5\r\nhello\r\n0\n\r\n",
    "last chunk and end by bare LF": b"5\r\nhello\r\n0\n\n",
    "last chunk ended by a bare CR": b"5\r\nhello\r\n0\r\r\n",
    "end by a bare LF": b"5\r\nhello\r\n0\r\n\n",
    "end by a bare CR": b"5\r\nhello\r\n0\r\n\rX",
    "last chunk 0x0": b"5\r\nhello\r\n0x0\r\n\r\n",
    "last chunk -0": b"5\r\nhello\r\n-0\r\n\r\n",
    "last chunk with a space": b"5\r\nhello\r\n0 \r\n\r\n",
    "last chunk of too many zeros": b"5\r\nhello\r\n" + b"0" * 300 + b"\r\n\r\n",
    "second size bad": b"5\r\nhello\r\nz\r\nhello\r\n" + END,
    "second size missing": b"5\r\nhello\r\n;a=b\r\nhello\r\n" + END,
    "all bare LF": b"5\nhello\n0\n\n",
    "a plain body": b"hello world, this is no chunk\r\n\r\n",
}

# Each stands between a first chunk's size and its CRLF.
EXTENSIONS = (
    b";",
    b"; ",
    b";;",
    b";a;",
    b";=b",
    b";a=",
    b";a= ",
    b"; =b",
    b";a==b",
    b";a=b=c",
    b";a b",
    b";a ",
    b";a=b ",
    b";a=b c",
    b";a=b,c",
    b";a/b",
    b";(a)",
    b";a=(b)",
    b";a=b\\",
    b';a="',
    b';a="b',
    b';a="b"c',
    b';a=b"c"',
    b';"a"=b',
    b";a='b c'",
    b';a="b\\',
    b';a="\\"',
    b";a\xff",
    b";a=\xff",
    b";a\n",
    b";a=b\n",
    b";\n",
    b";a\nxx",
    b';a="\n"',
    b';a="\\\n"',
    b";a\r",
    b";a\rb",
    b';a="\r"',
    b';a="\r\n"',
    b';a="\\\r\n"',
    b":a",
    b",a",
    b"&a=b",
    *(b";a" + control for control in CONTROLS),
    *(b';a="' + control + b'"' for control in CONTROLS),
)

# Each stands between the last chunk and the final CRLF.
TRAILERS = {
    "no colon": b"abc\r\n",
    "no name": b": b\r\n",
    "space before the colon": b"a : b\r\n",
    "tab before the colon": b"a\t: b\r\n",
    "space before the name": b" a: b\r\n",
    "tab before the name": b"\ta: b\r\n",
    "space in the name": b"a b: c\r\n",
    "folded with a space": b"a: b\r\n c\r\n",
    "folded with a tab": b"a: b\r\n\tc\r\n",
    "name in parentheses": b"(a): b\r\n",
    "name in quotes": b'"a": b\r\n',
    "name beyond ASCII": b"\xe4: b\r\n",
    "name with NUL": b"a\x00: b\r\n",
    "ended by a bare LF": b"a: b\n",
    "ended by a bare CR": b"a: b\r",
    "ended by CR CR LF": b"a: b\r\r\n",
    "bare CR in the value": b"a: b\rc\r\n",
    "bare LF in the value": b"a: b\nc: d\r\n",
    "second field bad": b"a: b\r\nc\r\n",
    "a request line": b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n",
    **{f"{shown(control)} in the value": b"a: b" + control + b"c\r\n" for control in CONTROLS},
}


def sized(size: bytes) -> bytes:
    return chunked(size + b"\r\nhello\r\n" + END)


def extended(extension: bytes) -> bytes:
    return chunked(b"5" + extension + b"\r\nhello\r\n" + END)


def trailed(trailers: bytes) -> bytes:
    return chunked(b"5\r\nhello\r\n0\r\n" + trailers + b"\r\n")


CASES = (
    *(Refused(f"chunk size {shown(size)}", sized(size), SIZE, in_body=True) for size in SIZES),
    *(
        Refused(f"chunk size {shown(size)}", sized(size), OVERFLOW, TOO_LARGE, in_body=True)
        for size in LARGE_SIZES
    ),
    *(Refused(f"chunk: {name}", chunked(body), CRLF_ONLY, in_body=True) for name, body in FRAMES.items()),
    *(Refused(f"extension {shown(text)}", extended(text), EXTENSION, in_body=True) for text in EXTENSIONS),
    *(Refused(f"trailer: {name}", trailed(lines), TRAILER, in_body=True) for name, lines in TRAILERS.items()),
    Refused("extension too long", extended(b";" + b"a" * 9000), COST, in_body=True),
    Refused(
        "many long extensions", chunked((b"1;" + b"a" * 200 + b"\r\nx\r\n") * 200 + END), COST, in_body=True
    ),
    Refused("too many trailers", trailed(b"a: b\r\n" * 200), LIMIT, TOO_MANY, in_body=True),
    Refused("a trailer too long", trailed(b"a: " + b"b" * 70_000 + b"\r\n"), LIMIT, TOO_MANY, in_body=True),
    Refused(
        "trailers too large",
        trailed(b"a: " + b"b" * 4000 + b"\r\n" * 1 + b"a: b\r\n" * 8000),
        LIMIT,
        TOO_MANY,
        in_body=True,
    ),
)
