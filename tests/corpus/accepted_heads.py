"""Valid request heads, however odd: each must arrive as understood, and be answered."""

from tests.corpus.case import Accepted, Seen, request, shown

LINE = "RFC 9112 3"
METHOD = "RFC 9110 9.1: a method is any token"
PATH = "RFC 3986 3.3: pchar"
QUERY = "RFC 3986 3.4; URL Standard: what browsers leave unencoded in a query"
ABSOLUTE = "RFC 9112 3.2.2: absolute-form must be accepted; its authority replaces Host"
HOST = "RFC 9110 7.2, RFC 3986 3.2.2"
NAME = "RFC 9110 5.1: a field-name is any token"
VALUE = "RFC 9110 5.5: field-value"
SPACE = "RFC 9112 5.1: OWS round a value is not part of it"
CONNECTION = "RFC 9110 7.6.1: fields that Connection names are for this hop"
FORGED = "names that WSGI and CGI read as Limpet's or the proxy's own"
COOKIE = "RFC 6265 5.4: what browsers send, not only cookie-string"

METHODS = (
    b"GET",
    b"DELETE",
    b"PUT",
    b"PATCH",
    b"OPTIONS",
    b"PROPFIND",
    b"M-SEARCH",
    b"get",
    b"Get",
    b"X",
    b"!#$%&'*+-.^_`|~",
    b"GET1",
    b"M" * 32,
)

PATHS = (
    b"//",
    b"//a",
    b"/a//b",
    b"/.",
    b"/..a",
    b"/a;b=c",
    b"/a,b",
    b"/a:b@c",
    b"/~user",
    b"/-._~!$&'()*+,;=:@",
    b"/%20",
    b"/%C3%A4",
    b"/%c3%a4",
    b"/%2F",
    b"/%25",
    b"/a%0d%0ab",
    b"/a|b",
    b"/a[1]",
    b"/*",
    b"/http://b.example/",
    b"/?",
    b"/?" + b"a" * 7000,
)

QUERIES = (
    b"a=b",
    b"a=b&c=d;e=f",
    b"a?b?c",
    b"/path/like",
    b"q=%C3%A4",
    b"q=a+b",
    b"x[]=1&x[]=2",
    b"x={1}",
    b"a|b",
    b"a^b",
    b"a`b",
    b"a\\b",
    b"{\\}|^`[]",
    b"=&=&",
    b"http://b.example/?x",
    b"a='b'",
    b"a=(b)!*,;:@$",
)

# The target as sent, the node's target, and its Host.
ABSOLUTES = {
    "http": (b"http://b.example/", b"/", b"b.example"),
    "https": (b"https://b.example/", b"/", b"b.example"),
    "no path": (b"http://b.example", b"/", b"b.example"),
    "port": (b"http://b.example:8080/x", b"/x", b"b.example:8080"),
    "empty port": (b"http://b.example:/x", b"/x", None),
    "path and query": (b"http://b.example/x?y=z", b"/x?y=z", b"b.example"),
    "query, no path": (b"http://b.example?y=z", b"/?y=z", b"b.example"),
    "scheme in capitals": (b"HTTP://b.example/", b"/", b"b.example"),
    "IPv4": (b"http://192.0.2.1/", b"/", b"192.0.2.1"),
    "IPv6": (b"http://[2001:db8::1]:80/", b"/", b"[2001:db8::1]:80"),
    "an at sign in the path": (b"http://b.example/@x", b"/@x", b"b.example"),
}

HOSTS = (
    b"a",
    b"localhost",
    b"a.example",
    b"A.EXAMPLE",
    b"a.example.",
    b"a.example:80",
    b"a.example:1",
    b"a.example:65535",
    b"a.example:",
    b"a_b.example",
    b"_a.example",
    b"xn--mnchen-3ya.example",
    b"1",
    b"192.0.2.1",
    b"192.0.2.1:8080",
    b"[::1]",
    b"[::1]:80",
    b"[2001:DB8::1]",
    b"[::ffff:192.0.2.1]",
    b"[::]",
    b"a-b.c~d",
    b"a%20b",
    b"!$&'()*+,;=",
    b"a" * 255,
)

NAMES = (
    b"X",
    b"x",
    b"1",
    b"-",
    b"_",
    b"--",
    b"X_Y",
    b"x.y",
    b"!#$%&'*+-.^`|~",
    b"X-" + b"y" * 200,
    b"Content-Lengt",
    b"Content-Length2",
    b"Xcontent-length",
    b"Transfer-Encodin",
    b"X-Transfer-Encoding",
    b"Hosts",
    b"GET",
)

# A value as sent, and as the node has it.
VALUES = (
    (b" y", b"y"),
    (b"y", b"y"),
    (b"", b""),
    (b" ", b""),
    (b"\t", b""),
    (b" \t \t", b""),
    (b"\ty", b"y"),
    (b"  y  ", b"y"),
    (b" y\t", b"y"),
    (b" \t y \t ", b"y"),
    (b" a b", b"a b"),
    (b" a\tb", b"a\tb"),
    (b" a  \t b", b"a  \t b"),
    (b" \xe4", b"\xe4"),
    (b" \xc3\xa4", b"\xc3\xa4"),
    (b" \x80\x85\xa0\xff", b"\x80\x85\xa0\xff"),
    (b' "a, b"', b'"a, b"'),
    (b' "unclosed', b'"unclosed'),
    (b" a, b,, c,", b"a, b,, c,"),
    (b" ,", b","),
    (b" :", b":"),
    (b": y", b": y"),
    (b" a: b", b"a: b"),
    (b" !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", b"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"),
    (b" HTTP/1.1", b"HTTP/1.1"),
    (b" " + b"y" * 7000, b"y" * 7000),
)

# Fields as sent, and names that the node has nothing for.
TAKEN_OUT = {
    "Limpet-Key": ((b"Limpet-Key: x",), (b"limpet-key",)),
    "limpet_key": ((b"limpet_key: x",), (b"limpet_key", b"limpet-key")),
    "LIMPET-Anything": ((b"LIMPET-Anything: x",), (b"limpet-anything",)),
    "Limpet_State-x": ((b"Limpet_State-x: x",), (b"limpet_state-x",)),
    "X_Forwarded_For": ((b"X_Forwarded_For: x",), (b"x_forwarded_for",)),
    "X-Forwarded_Proto": ((b"X-Forwarded_Proto: https",), (b"x-forwarded_proto",)),
    "Content_Length": ((b"Content_Length: 5",), (b"content_length", b"content-length")),
    "Transfer_Encoding": ((b"Transfer_Encoding: chunked",), (b"transfer_encoding", b"transfer-encoding")),
    "Proxy (CVE-2016-5385)": ((b"Proxy: http://b.example/",), (b"proxy",)),
    "Proxy-Connection": ((b"Proxy-Connection: keep-alive",), (b"proxy-connection",)),
    "Keep-Alive": ((b"Keep-Alive: timeout=5",), (b"keep-alive",)),
    "TE": ((b"Connection: TE", b"TE: trailers"), (b"te", b"connection")),
    "a named field": ((b"Connection: X", b"X: y"), (b"x", b"connection")),
    "named fields, any case": ((b"Connection: x-a , X-B", b"X-A: 1", b"x-b: 2"), (b"x-a", b"x-b")),
    "named twice": ((b"Connection: X-A", b"Connection: X-B", b"X-A: 1", b"X-B: 2"), (b"x-a", b"x-b")),
    "an Upgrade that Connection does not name": ((b"Upgrade: websocket",), (b"upgrade",)),
    "HTTP2-Settings": ((b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",), (b"http2-settings",)),
}

# What Connection names but nobody can have dropped: fields as sent, and what the node has.
PROTECTED = {
    "Host": ((b"Connection: Host",), (b"host", b"a.example")),
    "Cookie": ((b"Connection: Cookie", b"Cookie: a=b"), (b"cookie", b"a=b")),
    "X-Forwarded-For": ((b"Connection: X-Forwarded-For",), (b"x-forwarded-for", b"127.0.0.1")),
    "X-Forwarded-Host": ((b"Connection: X-Forwarded-Host",), (b"x-forwarded-host", b"a.example")),
    "X-Forwarded-Proto": ((b"Connection: X-Forwarded-Proto",), (b"x-forwarded-proto", b"http")),
    "Content-Length": ((b"Connection: Content-Length", b"Content-Length: 0"), (b"content-length", b"0")),
}

COOKIES = (
    b"a=b",
    b"a=b; c=d",
    b"a=b;c=d",
    b"a",
    b"=b",
    b"a=",
    b"a==b",
    b'a="b c"',
    b"a=b; a=c",
    b"a=\xc3\xa4",
    b"a=b;",
    b"; a=b",
    b"a={}[]<>@,",
)


CASES = (
    *(
        Accepted(f"method {shown(method)}", request(method=method), METHOD, (Seen(method=method),))
        for method in METHODS
    ),
    *(Accepted(f"path {shown(path)}", request(target=path), PATH, (Seen(target=path),)) for path in PATHS),
    *(
        Accepted(f"query {shown(query)}", request(target=b"/?" + query), QUERY, (Seen(target=b"/?" + query),))
        for query in QUERIES
    ),
    *(
        Accepted(f"absolute-form: {name}", request(target=target), ABSOLUTE, (Seen(target=path, host=host),))
        for name, (target, path, host) in ABSOLUTES.items()
    ),
    Accepted(
        "OPTIONS *", request(method=b"OPTIONS", target=b"*"), LINE, (Seen(method=b"OPTIONS", target=b"*"),)
    ),
    Accepted(
        "OPTIONS * in absolute-form",
        request(method=b"OPTIONS", target=b"http://b.example"),
        "RFC 9112 3.2.4",
        (Seen(method=b"OPTIONS", target=b"*", host=b"b.example"),),
    ),
    *(Accepted(f"Host {shown(host)}", request(host=host), HOST, (Seen(host=host),)) for host in HOSTS),
    *(
        Accepted(f"name {shown(name)}", request(name + b": y"), NAME, (Seen(fields=((name.lower(), b"y"),)),))
        for name in NAMES
    ),
    *(
        Accepted(f"value {shown(sent)}", request(b"X:" + sent), SPACE, (Seen(fields=((b"x", value),)),))
        for sent, value in VALUES
    ),
    Accepted(
        "the same field twice", request(b"X: a", b"X: b"), VALUE, (Seen(fields=((b"x", b"a"), (b"x", b"b"))),)
    ),
    Accepted("100 fields", request(*[b"X: y"] * 99), "limits.headers", (Seen(fields=((b"x", b"y"),) * 99),)),
    Accepted("names in lower case", b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n", NAME),
    Accepted("names in capitals", b"GET / HTTP/1.1\r\nHOST:a.example\r\n\r\n", NAME),
    Accepted(
        "Host last",
        b"GET / HTTP/1.1\r\nX: y\r\nHost: a.example\r\n\r\n",
        NAME,
        (Seen(fields=((b"x", b"y"),)),),
    ),
    *(
        Accepted(
            f"taken out: {name}",
            request(*lines),
            FORGED if b"_" in lines[0] else CONNECTION,
            (Seen(absent=absent),),
        )
        for name, (lines, absent) in TAKEN_OUT.items()
    ),
    *(
        Accepted(
            f"Connection cannot take out {name}", request(*lines), "CVE-2024-45410", (Seen(fields=(kept,)),)
        )
        for name, (lines, kept) in PROTECTED.items()
    ),
    *(Accepted(f"Cookie {shown(value)}", request(b"Cookie: " + value), COOKIE) for value in COOKIES),
)
