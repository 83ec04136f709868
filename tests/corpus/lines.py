"""Request lines that must be refused: methods, targets, versions, and what stands between them."""

from tests.corpus.case import CONTROLS, Refused, chunked, post, request, shown

LINE = "RFC 9112 3: method SP request-target SP HTTP-version"
METHOD = "RFC 9110 9.1: method = token"
TARGET = "RFC 9112 3.2: no white space or character outside the URI grammar in a target, 400"
FORM = "RFC 9112 3.2: origin-form, absolute-form; authority-form for CONNECT, asterisk-form for OPTIONS only"
VERSION = "RFC 9112 2.3: HTTP-version = 'HTTP/' DIGIT '.' DIGIT, case-sensitive; RFC 9110 15.6.6: 505"
LONG = "RFC 9112 3: a target too long 414, a method too long 501"
CONNECT = "RFC 9110 9.3.6: CONNECT is for proxies chosen by the client; not served, 501"
SECOND = "RFC 9112 9.3.2 and 2.2: what follows a message is the next one, or nothing"

CONNECT_REFUSED = frozenset({400, 405, 501})
BAD_METHOD = frozenset({400, 501})
TOO_LONG = frozenset({414})
VERSION_REFUSED = frozenset({400, 505})

METHODS = (
    b"G@T",
    b"(GET)",
    b"GET:",
    b'"GET"',
    b"GE/T",
    b"GET,",
    b"GET=",
    b"{GET}",
    b"[GET]",
    b"GET;",
    b"<GET>",
    b"GE?T",
    b"GE\\T",
    b"G\xc3\x89T",
    b"\xffGET",
    b"\x80",
    b"\xef\xbb\xbfGET",
    b"",
    *(b"GE" + control + b"T" for control in CONTROLS),
)

TARGETS = (
    b"/#f",
    b"/a#b",
    b"/a?b#c",
    b"#",
    b"/%",
    b"/%4",
    b"/%zz",
    b"/%4g",
    b"/%g4",
    b"/%%41",
    b"/% 41",
    b"/a%",
    b"/?%",
    b"/?a=%",
    b"/?a=%z1",
    b"/?a=%1",
    b"/\x80",
    b"/\xff",
    b"/\xc3\xa4",
    b"/\xe2\x80\xae",
    b"/?\x80",
    b"/?q=\xc3\xa4",
    b"/<x>",
    b'/a"b',
    b"/a\\b",
    b"/\\",
    b"\\",
    b'/?"',
    b"/?<",
    b"/?a>b",
    *(b"/a" + control + b"b" for control in CONTROLS),
    *(b"/?a" + control + b"b" for control in (b"\x00", b"\x01", b"\x0b", b"\x1b", b"\x1f", b"\x7f")),
)

SPACED_TARGETS = (
    b"/a b",
    b"/a b c",
    b"/a\tb",
    b"/?a b",
    b"/ HTTP/1.1 /",
    b"/ x",
    b"x /",
)

FORMS = (
    b"*",
    b"**",
    b"*/",
    b"/*\xff",
    b"*?a",
    b"a.example",
    b"a.example:80",
    b"a.example/",
    b"foo",
    b"?a=b",
    b"..",
    b"./a",
    b"%2Fa",
    b";a",
    b":80",
    b"@a.example",
    b"[::1]:80",
)

SPACES = {
    "two spaces before the target": b"GET  / HTTP/1.1",
    "two spaces after the target": b"GET /  HTTP/1.1",
    "a space before": b" GET / HTTP/1.1",
    "a tab before": b"\tGET / HTTP/1.1",
    "a space after": b"GET / HTTP/1.1 ",
    "a tab after": b"GET / HTTP/1.1\t",
    "tabs": b"GET\t/\tHTTP/1.1",
    "a tab before the version": b"GET /\tHTTP/1.1",
    "a tab before the target": b"GET\t/ HTTP/1.1",
    "space and tab": b"GET \t/ HTTP/1.1",
    "vertical tabs": b"GET\x0b/\x0bHTTP/1.1",
    "form feeds": b"GET\x0c/\x0cHTTP/1.1",
    "no-break spaces": b"GET\xa0/\xa0HTTP/1.1",
    "NUL": b"GET\x00/\x00HTTP/1.1",
    "bare CR": b"GET\r/\rHTTP/1.1",
    "bare LF": b"GET\n/\nHTTP/1.1",
    "bare CR before the version": b"GET /\rHTTP/1.1",
    "bare LF before the version": b"GET /\nHTTP/1.1",
    "none before the version": b"GET /HTTP/1.1",
    "none after the method": b"GET/ HTTP/1.1",
    "no target": b"GET HTTP/1.1",
    "no target, two spaces": b"GET  HTTP/1.1",
    "no method": b"/ HTTP/1.1",
    "only a version": b"HTTP/1.1",
    "only a method": b"GET",
    "only spaces": b"   ",
    "a status line": b"HTTP/1.1 200 OK",
    "a header field": b"Host: b.example",
    "something after the version": b"GET / HTTP/1.1 x",
    "two versions": b"GET / HTTP/1.1 HTTP/1.1",
    "a TLS ClientHello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "an SSH banner": b"SSH-2.0-OpenSSH_9.2",
    "a PROXY line": b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2",
}

VERSIONS = (
    b"HTTP/0.9",
    b"HTTP/1.2",
    b"HTTP/1.9",
    b"HTTP/2",
    b"HTTP/2.0",
    b"HTTP/2.1",
    b"HTTP/3.0",
    b"HTTP/9.9",
    b"HTTP/0.0",
    b"HTTP/1",
    b"HTTP/1.",
    b"HTTP/.1",
    b"HTTP/",
    b"HTTP",
    b"HTTP/1.1.1",
    b"HTTP/01.1",
    b"HTTP/1.01",
    b"HTTP/1.10",
    b"HTTP/11.1",
    b"HTTP/1.1x",
    b"HTTP/1.x",
    b"HTTP/x.1",
    b"HTTP/1,1",
    b"HTTP/1:1",
    b"HTTP/-1.1",
    b"HTTP/+1.1",
    b"HTTP/1.-1",
    b"HTTP\\1.1",
    b"HTTP1.1",
    b"HTTP-1.1",
    b"HTTP /1.1",
    b"HTTP/ 1.1",
    b"HTTP/1. 1",
    b"HTTP/1 .1",
    b"HTTP//1.1",
    b"http/1.1",
    b"Http/1.1",
    b"hTTP/1.1",
    b"HTTPS/1.1",
    b"HTP/1.1",
    b"XHTTP/1.1",
    b"ICY/1.1",
    b"SIP/2.0",
    b"RTSP/1.0",
    b"1.1",
    b"HTTP/1.\xd9\xa1",
    b"HTTP/\xef\xbc\x91.1",
    b"HTTP/1.1\x00",
    b"HTTP/1.1\x0b",
    b"\x00HTTP/1.1",
)

CONNECTS = {
    "authority-form": request(method=b"CONNECT", target=b"a.example:443"),
    "authority without a port": request(method=b"CONNECT", target=b"a.example"),
    "origin-form": request(method=b"CONNECT", target=b"/"),
    "absolute-form": request(method=b"CONNECT", target=b"http://a.example/"),
    "asterisk-form": request(method=b"CONNECT", target=b"*"),
    "IPv6": request(method=b"CONNECT", target=b"[::1]:22"),
    "to the node itself": request(method=b"CONNECT", target=b"127.0.0.1:80"),
    "with a length": request(b"Content-Length: 0", method=b"CONNECT", target=b"a.example:443"),
    "HTTP/1.0": request(method=b"CONNECT", target=b"a.example:443", version=b"HTTP/1.0"),
}

GOOD = request()
SECONDS = {
    "garbage": b"garbage\r\n\r\n",
    "a bare LF": b"\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "a space": b" " + GOOD,
    "a bad method": b"G@T / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "no Host": b"GET / HTTP/1.1\r\n\r\n",
    "two lengths": post(b"Content-Length: 1", b"Content-Length: 2", body=b"xx"),
    "both lengths": chunked(b"0\r\n\r\n", b"Content-Length: 5"),
    "a body that was not announced": b"hello world",
    "NUL": b"\x00",
    "a chunked body that was not announced": b"5\r\nhello\r\n0\r\n\r\n",
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}
FIRSTS = {
    "a GET": GOOD,
    "a POST": post(b"Content-Length: 5", body=b"hello"),
    "a chunked POST": chunked(b"0\r\n\r\n"),
}
SECOND_REFUSED = frozenset({400, 505})


def with_line(line: bytes) -> bytes:
    return line + b"\r\nHost: a.example\r\n\r\n"


CASES = (
    *(Refused(f"method {shown(method)}", request(method=method), METHOD) for method in METHODS),
    Refused("a method of 33 bytes", request(method=b"M" * 33), LONG, BAD_METHOD),
    Refused("a method of 10000 bytes", request(method=b"M" * 10_000), LONG, BAD_METHOD | TOO_LONG),
    Refused("a target of 9000 bytes", request(target=b"/" + b"a" * 9000), LONG, TOO_LONG),
    Refused("a query of 9000 bytes", request(target=b"/?" + b"a" * 9000), LONG, TOO_LONG),
    Refused("a target of 100000 bytes", request(target=b"/" + b"a" * 100_000), LONG, TOO_LONG),
    Refused("a target without end", b"GET /" + b"a" * 70_000, LONG, TOO_LONG, alone=True),
    Refused(
        "an absolute-form of 9000 bytes", request(target=b"http://a.example/" + b"a" * 9000), LONG, TOO_LONG
    ),
    *(Refused(f"target {shown(target)}", request(target=target), TARGET) for target in TARGETS),
    *(
        Refused(f"target {shown(target)}", request(target=target), LINE, VERSION_REFUSED)
        for target in SPACED_TARGETS
    ),
    *(Refused(f"target {shown(target)}", request(target=target), FORM) for target in FORMS),
    *(
        Refused(f"OPTIONS {shown(target)}", request(method=b"OPTIONS", target=target), FORM)
        for target in (b"**", b"*/", b"*?", b"* ", b"/*\xff")
    ),
    *(Refused(f"line: {name}", with_line(line), LINE, VERSION_REFUSED) for name, line in SPACES.items()),
    *(
        Refused(f"version {shown(text)}", request(version=text), VERSION, VERSION_REFUSED)
        for text in VERSIONS
    ),
    Refused("HTTP/0.9", b"GET /\r\n", VERSION, VERSION_REFUSED),
    Refused("HTTP/0.9 with a space", b"GET / \r\n", VERSION, VERSION_REFUSED),
    Refused("HTTP/0.9 with bare LF", b"GET /\n", VERSION, VERSION_REFUSED),
    Refused("the HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VERSION, VERSION_REFUSED),
    *(Refused(f"CONNECT: {name}", wire, CONNECT, CONNECT_REFUSED) for name, wire in CONNECTS.items()),
    *(
        Refused(f"{second} after {first}", good + bad, SECOND, SECOND_REFUSED, answered=1)
        for first, good in FIRSTS.items()
        for second, bad in SECONDS.items()
    ),
)
