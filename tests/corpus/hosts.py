"""Host and authorities that must be refused."""

from tests.corpus.case import CONTROLS, Refused, request, shown

ONE = "RFC 9112 3.2: exactly one Host in HTTP/1.1, else 400"
VALID = "RFC 9112 3.2 and RFC 9110 7.2: Host = uri-host [ ':' port ], else 400"
EMPTY = "RFC 9110 4.2.1: an http URI with an empty host is invalid"
ABSOLUTE = "RFC 9112 3.2.2 and RFC 9110 4.2: absolute-form of an http or https URI, without userinfo"

INVALID = (
    b"a b",
    b"a\tb",
    b"a.example, b.example",
    b"a/b",
    b"a.example/",
    b"/a",
    b"a?b",
    b"a#b",
    b"a@b",
    b"user@a.example",
    b"user:pass@a.example",
    b"@a.example",
    b"a:b",
    b"a.example:80:80",
    b"a.example:-1",
    b"a.example:+80",
    b"a.example:0x50",
    b"a.example:80a",
    b"a.example: 80",
    b"a.example :80",
    b"a.example:65536",
    b"a.example:99999",
    b"a.example:100000000000",
    b"a.example:80,81",
    b"::1",
    b"fe80::1:80",
    b"[::1",
    b"::1]",
    b"[]",
    b"[]:80",
    b"[::1]x",
    b"[::1]80",
    b"[::1]:x",
    b"[::1]:65536",
    b"[::g]",
    b"[:::]",
    b"[1::2::3]",
    b"[1:2:3:4:5:6:7:8:9]",
    b"[12345::]",
    b"[127.0.0.1]",
    b"[a.example]",
    b"[[::1]]",
    b"[::1][::1]",
    b"http://a.example",
    b"a%zz",
    b"a%",
    b"a%4",
    b"<a>",
    b"a\\b",
    b"a|b",
    b"a^b",
    b"a`b",
    b"{a}",
    b'"a"',
    b"a\x80",
    b"a\xff",
    b"m\xc3\xbcnchen.example",
    b"a\x00.example",
    b"a.example\x00",
    *(b"a" + control + b".example" for control in CONTROLS[1:]),
)

ABSOLUTE_TARGETS = (
    b"http://",
    b"http:///",
    b"http:///path",
    b"http://?q",
    b"http:/a.example/",
    b"http:a.example/",
    b"http//a.example/",
    b"http:",
    b"://a.example/",
    b"http://u@a.example/",
    b"http://u:p@a.example/",
    b"http://@a.example/",
    b"http://a.example@b.example/",
    b"http://a.example:b/",
    b"http://a.example:65536/",
    b"http://a.example:80:80/",
    b"http://:80/",
    b"http://[::1/",
    b"http://[::g]/",
    b"http://::1/",
    b"http://a b/",
    b"http://a%zz/",
    b"http://a\\b/",
    b"http://a\x80/",
    b"http://a.example#f",
    b"http://a.example/#f",
    b"http://a.example/%zz",
    b"http://a.example/\xff",
    b"http://a.example/<",
    b"http://a,b c/",
    b"http ://a.example/",
    b"ftp://a.example/",
    b"file:///etc/passwd",
    b"ws://a.example/",
    b"httpx://a.example/",
    b"htp://a.example/",
    b"h://a.example/",
    b"javascript:alert(1)",
    b"urn:a:b",
    b"mailto:a@b.example",
    b"about:blank",
)

MISSING = {
    "none": request(host=None),
    "none, another field": request(b"X: y", host=None),
    "none, absolute-form": request(target=b"http://a.example/", host=None),
    "none, OPTIONS *": request(method=b"OPTIONS", target=b"*", host=None),
    "only X-Host": request(b"X-Host: a.example", host=None),
    "only X-Forwarded-Host": request(b"X-Forwarded-Host: a.example", host=None),
    "name without colon": request(b"Host a.example", host=None),
    "two the same": request(b"Host: a.example"),
    "two that differ": request(b"Host: b.example"),
    "two, cases differ": request(b"hOST: b.example"),
    "two, second empty": request(b"Host:"),
    "two, first empty": request(b"Host: a.example", host=b""),
    "two, apart": request(b"X: y", b"Host: b.example"),
    "two, absolute-form": request(b"Host: b.example", target=b"http://a.example/"),
    "two in HTTP/1.0": request(b"Host: b.example", version=b"HTTP/1.0"),
    "three": request(b"Host: b.example", b"Host: c.example"),
    "two, one named by Connection": request(b"Connection: Host", b"Host: b.example"),
}

NO_NAME = {
    "empty": request(host=b""),
    "spaces": request(host=b"   "),
    "only a port": request(host=b":80"),
    "only a colon": request(host=b":"),
}


def absolute(target: bytes) -> bytes:
    return request(target=target)


CASES = (
    *(Refused(f"Host: {name}", wire, ONE) for name, wire in MISSING.items()),
    *(Refused(f"Host: {name}", wire, EMPTY) for name, wire in NO_NAME.items()),
    *(Refused(f"Host {shown(value)}", request(host=value), VALID) for value in INVALID),
    *(
        Refused(f"Host {shown(value)}, HTTP/1.0", request(host=value, version=b"HTTP/1.0"), VALID)
        for value in INVALID[:8]
    ),
    *(Refused(f"target {shown(value)}", absolute(value), ABSOLUTE) for value in ABSOLUTE_TARGETS),
    Refused("absolute-form with an invalid Host", request(target=b"http://a.example/", host=b"a b"), VALID),
)
