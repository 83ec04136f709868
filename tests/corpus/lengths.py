"""Content-Length that must be refused."""

from tests.corpus.case import Refused, post, shown

SYNTAX = "RFC 9110 8.6: Content-Length = 1*DIGIT"
SEVERAL = "RFC 9112 6.3: several lengths are an unrecoverable error"
HUGE = "RFC 9110 8.6: anticipate large numerals, prevent overflow"
FIELD = "RFC 9112 5.1: no white space before the colon"
BOTH = "RFC 9112 6.1: both lengths are an attempt to smuggle"

TOO_LARGE = frozenset({400, 413})

VALUES = (
    b"+5",
    b"-5",
    b"+0",
    b"-0",
    b"--5",
    b"5-",
    b"0x5",
    b"0X5",
    b"5h",
    b"#5",
    b"0b101",
    b"0o5",
    b"5 ;",
    b"5;",
    b"5;a=b",
    b"5.0",
    b"5.",
    b".5",
    b"5e0",
    b"0_5",
    b"5 0",
    b"5\t0",
    b"5 5",
    b"5,",
    b",5",
    b"5,5",
    b"5, 5",
    b"5,6",
    b"5, 0",
    b"0, 5",
    b"5,5,5",
    b"",
    b" ",
    b"\t",
    b'"5"',
    b"'5'",
    b"(5)",
    b"five",
    b"NaN",
    b"inf",
    b"Infinity",
    b"1e3",
    b"5a",
    b"a5",
    b"%35",
    b"\\5",
    b"5\x00",
    b"\x005",
    b"\x0b5",
    b"5\x0b",
    b"\x0c5",
    b"5\x0c",
    b"5\x1f",
    b"5\x7f",
    b"\xa05",
    b"5\xa0",
    b"\x855",
    b"\xd9\xa5",  # an Arabic digit five
    b"\xef\xbc\x95",  # a full-width digit five
    b"\xc2\xb2",  # superscript two: str.isdigit says yes
    b"chunked",
)

NUMBERS_TOO_LARGE = (
    b"99999999999",
    b"4294967301",  # 2^32 + 5
    b"9223372036854775807",
    b"9223372036854775808",
    b"18446744073709551615",
    b"18446744073709551616",
    b"18446744073709551621",  # 2^64 + 5
    b"340282366920938463463374607431768211461",  # 2^128 + 5
    b"9" * 100,
    b"9" * 5000,
    b"1" + b"0" * 400,
)

LINES = {
    "space before the colon": (b"Content-Length : 5",),
    "tab before the colon": (b"Content-Length\t: 5",),
    "space inside the name": (b"Content Length: 5",),
    "NUL after the name": (b"Content-Length\x00: 5",),
    "vertical tab after the name": (b"Content-Length\x0b: 5",),
    "NUL before the name": (b"\x00Content-Length: 5",),
    "CR before the colon": (b"Content-Length\r: 5",),
    "no-break space after the name": (b"Content-Length\xa0: 5",),
    "no colon": (b"Content-Length 5",),
    "equals sign instead of a colon": (b"Content-Length= 5",),
    "quoted name": (b'"Content-Length": 5',),
    "value on a folded line": (b"Content-Length:", b" 5"),
    "value continued on a folded line": (b"Content-Length: 5", b" 5"),
    "as a folded line of another field": (b"X: y", b" Content-Length: 5"),
    "after a bare LF": (b"X: y\nContent-Length: 5",),
    "after a bare CR": (b"X: y\rContent-Length: 5",),
    "ended by a bare LF": (b"Content-Length: 5\nX: y",),
    "ended by a bare CR": (b"Content-Length: 5\rX: y",),
    "ended by CR CR LF": (b"Content-Length: 5\r",),
}

REPEATED = {
    "the same twice": (b"Content-Length: 5", b"Content-Length: 5"),
    "two that differ": (b"Content-Length: 5", b"Content-Length: 6"),
    "two that differ, the first none": (b"Content-Length: 0", b"Content-Length: 5"),
    "two that differ, the last none": (b"Content-Length: 5", b"Content-Length: 0"),
    "twice, names in different case": (b"content-length: 5", b"CONTENT-LENGTH: 6"),
    "twice, one empty": (b"Content-Length: 5", b"Content-Length:"),
    "twice, first empty": (b"Content-Length:", b"Content-Length: 5"),
    "twice, apart": (b"Content-Length: 5", b"X: y", b"Content-Length: 6"),
    "twice, one signed": (b"Content-Length: 5", b"Content-Length: +5"),
    "twice, leading zero": (b"Content-Length: 5", b"Content-Length: 05"),
    "three times": (b"Content-Length: 5",) * 3,
    "a hundred times": (b"Content-Length: 5",) * 90,
}

WITH_CODING = {
    "length, then coding": (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "coding, then length": (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
    "length of nothing, then coding": (b"Content-Length: 0", b"Transfer-Encoding: chunked"),
    "coding, then length of nothing": (b"Transfer-Encoding: chunked", b"Content-Length: 0"),
    "length that fits the chunks, then coding": (b"Content-Length: 15", b"Transfer-Encoding: chunked"),
    "length, two codings": (
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: identity",
    ),
    "two lengths and coding": (b"Content-Length: 5", b"Content-Length: 5", b"Transfer-Encoding: chunked"),
    "names in lower case": (b"content-length: 5", b"transfer-encoding: chunked"),
    "length named by Connection": (
        b"Connection: Content-Length",
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
    ),
    "coding named by Connection": (
        b"Connection: Transfer-Encoding",
        b"Content-Length: 5",
        b"Transfer-Encoding: chunked",
    ),
    "length and identity": (b"Content-Length: 5", b"Transfer-Encoding: identity"),
    "length and an empty coding": (b"Content-Length: 5", b"Transfer-Encoding:"),
    "both, apart": (b"Content-Length: 5", b"A: b", b"C: d", b"Transfer-Encoding: chunked"),
}

CODED = frozenset({400, 501})
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"

CASES = (
    *(
        Refused(f"length {shown(value)}", post(b"Content-Length: " + value, body=b"hello"), SYNTAX)
        for value in VALUES
    ),
    *(
        Refused(f"length {shown(value)}", post(b"Content-Length: " + value, body=b"hello"), HUGE, TOO_LARGE)
        for value in NUMBERS_TOO_LARGE
    ),
    *(Refused(f"length: {name}", post(*lines, body=b"hello"), FIELD) for name, lines in LINES.items()),
    *(Refused(f"length: {name}", post(*lines, body=b"hello"), SEVERAL) for name, lines in REPEATED.items()),
    *(
        Refused(f"both: {name}", post(*lines, body=CHUNKS), BOTH, CODED)
        for name, lines in WITH_CODING.items()
    ),
    *(
        Refused(f"both, HTTP/1.0: {name}", post(*lines, body=CHUNKS, version=b"HTTP/1.0"), BOTH, CODED)
        for name, lines in WITH_CODING.items()
    ),
)
