"""Header sections that must be refused: line ends, folds, names and values."""

from tests.corpus.case import CONTROLS, Refused, request, shown

NAME = "RFC 9110 5.1: field-name = token"
VALUE = "RFC 9110 5.5: no NUL, CR, LF or control character in a value"
COLON = "RFC 9112 5.1: no white space before the colon, 400"
FOLD = "RFC 9112 5.2: obs-fold in a request, 400"
LINE_END = "RFC 9112 2.2: a bare CR is invalid; a bare LF may, and so need not, be taken for a line's end"
START = "RFC 9112 2.2: no white space between the start-line and the first field"
LIMIT = "RFC 6585 5 and RFC 9110 5.4: too many or too large fields, 431"

TOO_LARGE = frozenset({400, 431})

NOT_IN_NAMES = (
    *(bytes([code]) for code in b'"(),/;<=>?@[\\]{}'),
    b"\x80",
    b"\xff",
    b"\xc3\xa4",
    b"\xe2\x80\x8b",
)

LINES = {
    "no colon": (b"X",),
    "no colon, with a value": (b"X y",),
    "no name": (b": y",),
    "only a colon": (b":",),
    "name of a space": (b" : y",),
    "space in the name": (b"X Y: z",),
    "tab in the name": (b"X\tY: z",),
}
SPACED = {
    "space before the colon": (b"X : y",),
    "tab before the colon": (b"X\t: y",),
    "spaces before the colon": (b"X   : y",),
    "space before the colon of an empty field": (b"X :",),
    "space before the colon, last of several": (b"A: b", b"X : y"),
    "space before the colon of Host": (b"Host : b.example",),
    "space before the colon of Connection": (b"Connection : close",),
    "space before the colon of Cookie": (b"Cookie : a=b",),
}
FOLDED = {
    "folded with a space": (b"X: y", b" z"),
    "folded with a tab": (b"X: y", b"\tz"),
    "folded with several": (b"X: y", b" \t  z"),
    "folded twice": (b"X: y", b" z", b" z"),
    "folded to nothing": (b"X: y", b" "),
    "folded with an empty first line": (b"X:", b" y"),
    "folded Cookie": (b"Cookie: a=b;", b" c=d"),
    "folded Connection": (b"Connection:", b" close"),
    "folded, hiding a field": (b"X: y", b" Content-Length: 5"),
    "Host folded": (b" b.example",),
}
STARTS = {
    "space before the first field": b"GET / HTTP/1.1\r\n Host: a.example\r\n\r\n",
    "tab before the first field": b"GET / HTTP/1.1\r\n\tHost: a.example\r\n\r\n",
    "a blank line of spaces first": b"GET / HTTP/1.1\r\n \r\nHost: a.example\r\n\r\n",
    "a field folded at the start": b"GET / HTTP/1.1\r\n X: y\r\nHost: a.example\r\n\r\n",
    "a bare CR first": b"GET / HTTP/1.1\r\n\rHost: a.example\r\n\r\n",
}
ENDS = {
    "all bare LF": b"GET / HTTP/1.1\nHost: a.example\n\n",
    "request line ended by a bare LF": b"GET / HTTP/1.1\nHost: a.example\r\n\r\n",
    "request line ended by a bare CR": b"GET / HTTP/1.1\rHost: a.example\r\n\r\n",
    "request line ended by CR CR LF": b"GET / HTTP/1.1\r\r\nHost: a.example\r\n\r\n",
    "request line ended by LF CR": b"GET / HTTP/1.1\n\rHost: a.example\r\n\r\n",
    "field ended by a bare LF": b"GET / HTTP/1.1\r\nHost: a.example\nX: y\r\n\r\n",
    "field ended by a bare CR": b"GET / HTTP/1.1\r\nHost: a.example\rX: y\r\n\r\n",
    "field ended by CR CR LF": b"GET / HTTP/1.1\r\nHost: a.example\r\r\nX: y\r\n\r\n",
    "last field ended by a bare LF": b"GET / HTTP/1.1\r\nHost: a.example\n\r\n",
    "head ended by LF LF": b"GET / HTTP/1.1\r\nHost: a.example\n\n",
    "head ended by CRLF LF": b"GET / HTTP/1.1\r\nHost: a.example\r\n\n",
    "head ended by CRLF CR": b"GET / HTTP/1.1\r\nHost: a.example\r\n\rX",
    "head ended by CR CR": b"GET / HTTP/1.1\rHost: a.example\r\r",
    "head ended by CR LF CR CR LF": b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\r\n",
    "a bare LF before the request line": b"\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "a bare CR before the request line": b"\rGET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "a space before the request line": b" GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "a line of spaces before the request line": b"  \r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "bare LF at the start of a value": request(b"X: \ny"),
    "bare LF in a value": request(b"X: y\nz"),
    "bare LF that makes a field": request(b"X: y\nA: b"),
    "bare LF that makes a request": request(b"X: y\n\nGET /smuggled HTTP/1.1\nHost: a.example"),
    "bare CR at the start of a value": request(b"X: \ry"),
    "bare CR in a value": request(b"X: y\rz"),
    "bare CR that makes a field": request(b"X: y\rA: b"),
    "bare CR that makes a request": request(b"X: y\r\rGET /smuggled HTTP/1.1\rHost: a.example"),
    "bare CR in a name": request(b"X\rY: z"),
    "bare LF in a name": request(b"X\nY: z"),
    "bare CR in Cookie": request(b"Cookie: a=b\rc=d"),
    "bare CR in Host": request(host=b"a.example\rb"),
}
LARGE = {
    "a field's value of 9000 bytes": request(b"X: " + b"y" * 9000),
    "a field's name of 9000 bytes": request(b"X" * 9000 + b": y"),
    "a cookie of 40000 bytes": request(b"Cookie: a=" + b"b" * 40_000),
    "40000 bytes of fields": request(*[b"X-%d: " % index + b"y" * 1000 for index in range(40)]),
    "101 fields and Host": request(*[b"X-%d: y" % index for index in range(101)]),
    "1000 fields": request(*[b"X: y"] * 1000),
    "10000 empty fields": request(*[b"a:"] * 10_000),
    "a value of 100000 spaces": request(b"X:" + b" " * 100_000),
}

CASES = (
    *(
        Refused(f"{shown(bad)} {where} a name", request(name + b": y"), NAME)
        for bad in (*NOT_IN_NAMES, *CONTROLS)
        for where, name in (
            ("in", b"X" + bad + b"Y"),
            ("at the start of", bad + b"X"),
            ("at the end of", b"X" + bad),
        )
    ),
    *(
        Refused(f"{shown(bad)} {where} a value", request(b"X: " + value), VALUE)
        for bad in CONTROLS
        for where, value in (
            ("in", b"a" + bad + b"b"),
            ("at the start of", bad + b"a"),
            ("at the end of", b"a" + bad),
        )
    ),
    *(Refused(f"{shown(bad)} in Cookie", request(b"Cookie: a=" + bad), VALUE) for bad in CONTROLS),
    *(Refused(f"field: {name}", request(*lines), NAME) for name, lines in LINES.items()),
    *(Refused(f"field: {name}", request(*lines), COLON) for name, lines in SPACED.items()),
    *(Refused(f"field: {name}", request(*lines), FOLD) for name, lines in FOLDED.items()),
    *(Refused(f"field: {name}", wire, START) for name, wire in STARTS.items()),
    *(Refused(f"line end: {name}", wire, LINE_END) for name, wire in ENDS.items()),
    *(Refused(f"limit: {name}", wire, LIMIT, TOO_LARGE) for name, wire in LARGE.items()),
)
