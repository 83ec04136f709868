"""httpbin behind Limpet answers as it does directly, compared field by field over all its endpoints."""

import gzip
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import httpx
import pytest

from tests.examples.running import free_port, limpet, running

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # httpbin's own imports are not ours to judge
    import httpbin

CONFIG = """
listen: 127.0.0.1:8080
admin: {{listen: 127.0.0.1:9900}}
services:
  httpbin:
    nodes:
      - {{name: a, url: "http://127.0.0.1:{port}"}}
access_log: {{format: "off"}}
"""
HOST = "httpbin.test"
BASIC = "Basic dXNlcjpwYXNz"  # user:pass
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# Said of one connection, or made anew by each server; body and framing are compared by themselves.
NOT_COMPARED = {"connection", "keep-alive", "transfer-encoding", "date"}
# What httpbin makes up anew for each request.
RANDOM = [
    re.compile(rb'(?<="uuid": ")[0-9a-f-]{36}'),
    re.compile(rb'(?:nonce|opaque)="[0-9a-f]+"'),
]


class Ask(NamedTuple):
    path: str
    method: str = "GET"
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes = b""


def each_method(path: str) -> list[Ask]:
    """The path with every method that httpbin has there; those that usually have a body with one."""
    bare = [Ask(path, method) for method in ("GET", "DELETE", "TRACE")]
    return bare + [Ask(path, method, FORM, b"a=1&b=%20x") for method in ("POST", "PUT", "PATCH")]


# Each rule of httpbin's URL map, and what is asked of it.
SAMPLES: dict[str, list[Ask]] = {
    "/": [Ask("/")],
    "/absolute-redirect/<int:n>": [Ask("/absolute-redirect/2"), Ask("/absolute-redirect/1")],
    "/anything": [*each_method("/anything?b=2&a=%C3%A9&a=1"), Ask("/anything", headers={"Cookie": "mine=1"})],
    "/anything/<path:anything>": each_method("/anything/a/b//c%2Fd/../e;x=1?y"),
    "/base64/<value>": [Ask("/base64/SFRUUEJJTiBpcyBhd2Vzb21l"), Ask("/base64/%C3%A9")],
    "/basic-auth/<user>/<passwd>": [
        Ask("/basic-auth/user/pass"),
        Ask("/basic-auth/user/pass", headers={"Authorization": BASIC}),
    ],
    "/bearer": [Ask("/bearer"), Ask("/bearer", headers={"Authorization": "Bearer abc"})],
    "/brotli": [Ask("/brotli", headers={"Accept-Encoding": "br"})],
    "/bytes/<int:n>": [Ask("/bytes/5000?seed=1"), Ask("/bytes/0?seed=1")],
    "/cache": [
        Ask("/cache", headers={"If-None-Match": '"x"'}),
        Ask("/cache", headers={"If-Modified-Since": "Sat, 29 Oct 1994 19:43:31 GMT"}),
    ],
    "/cache/<int:value>": [Ask("/cache/60")],
    "/cookies": [Ask("/cookies"), Ask("/cookies", headers={"Cookie": 'mine=1; other="a b"; mine=2'})],
    "/cookies/delete": [Ask("/cookies/delete?mine=&other=")],
    "/cookies/set": [Ask("/cookies/set?mine=1&other=a%20b")],
    "/cookies/set/<name>/<value>": [Ask("/cookies/set/mine/1")],
    "/deflate": [Ask("/deflate", headers={"Accept-Encoding": "deflate"})],
    "/delay/<delay>": each_method("/delay/0"),
    "/delete": [Ask("/delete", "DELETE"), Ask("/delete", "DELETE", FORM, b"a=1")],
    "/deny": [Ask("/deny")],
    "/digest-auth/<qop>/<user>/<passwd>": [Ask("/digest-auth/auth/user/pass")],
    "/digest-auth/<qop>/<user>/<passwd>/<algorithm>": [Ask("/digest-auth/auth/user/pass/SHA-256")],
    "/digest-auth/<qop>/<user>/<passwd>/<algorithm>/<stale_after>": [
        Ask("/digest-auth/auth-int/user/pass/MD5/5")
    ],
    "/drip": [Ask("/drip?duration=0.2&numbytes=7&code=206"), Ask("/drip?numbytes=0")],
    "/encoding/utf8": [Ask("/encoding/utf8")],
    "/etag/<etag>": [
        Ask("/etag/abc"),
        Ask("/etag/abc", headers={"If-None-Match": "abc"}),
        Ask("/etag/abc", headers={"If-Match": "xyz"}),
    ],
    "/forms/post": [Ask("/forms/post")],
    "/get": [Ask("/get"), Ask("/get?x=1&x=2&empty=&plus=a+b", headers={"X-Many": "1, 2"})],
    "/gzip": [Ask("/gzip", headers={"Accept-Encoding": "gzip"})],
    "/headers": [Ask("/headers", headers={"X-Empty": "", "X-Long": "x" * 4000, "Accept-Language": "de"})],
    "/hidden-basic-auth/<user>/<passwd>": [
        Ask("/hidden-basic-auth/user/pass"),
        Ask("/hidden-basic-auth/user/pass", headers={"Authorization": BASIC}),
    ],
    "/html": [Ask("/html")],
    "/image": [
        Ask("/image", headers={"Accept": "image/webp"}),
        Ask("/image", headers={"Accept": "image/*"}),
        Ask("/image", headers={"Accept": "text/plain"}),
    ],
    "/image/jpeg": [Ask("/image/jpeg")],
    "/image/png": [Ask("/image/png")],
    "/image/svg": [Ask("/image/svg")],
    "/image/webp": [Ask("/image/webp")],
    "/ip": [Ask("/ip")],
    "/json": [Ask("/json")],
    "/links/<int:n>": [Ask("/links/5")],
    "/links/<int:n>/<int:offset>": [Ask("/links/5/2")],
    "/patch": [Ask("/patch", "PATCH", {"Content-Type": "application/json"}, b'{"a": [1, 2]}')],
    "/post": [
        Ask("/post", "POST", FORM, b"a=1&b=2"),
        Ask("/post", "POST", {"Content-Type": "application/octet-stream"}, bytes(range(256)) * 300),
        Ask("/post", "POST"),
    ],
    "/put": [Ask("/put", "PUT", {"Content-Type": "text/plain"}, "é".encode())],
    "/range/<int:numbytes>": [
        Ask("/range/1024"),
        Ask("/range/1024", headers={"Range": "bytes=10-19"}),
        Ask("/range/1024", headers={"Range": "bytes=2000-"}),
        Ask("/range/50000?chunk_size=700"),
    ],
    "/redirect-to": each_method("/redirect-to?url=http%3A%2F%2Fexample.com%2F&status_code=307"),
    "/redirect/<int:n>": [Ask("/redirect/3"), Ask("/redirect/3?absolute=true")],
    "/relative-redirect/<int:n>": [Ask("/relative-redirect/2"), Ask("/relative-redirect/1")],
    "/response-headers": [
        Ask("/response-headers?X-One=1&X-Two=2&X-Two=3&Cache-Control=no-store"),
        Ask("/response-headers?Set-Cookie=a%3D1&Set-Cookie=b%3D2%3B%20Path%3D%2Fx", "POST"),
    ],
    "/robots.txt": [Ask("/robots.txt")],
    "/static/<path:filename>": [
        Ask("/static/favicon.ico"),
        Ask("/static/favicon.ico", headers={"Range": "bytes=0-9"}),
    ],
    "/status/<codes>": [
        *each_method("/status/418"),
        *(
            Ask(f"/status/{code}")
            for code in (200, 201, 202, 204, 205, 206, 300, 301, 302, 303, 304, 305, 307, 400, 401, 402)
        ),
        *(
            Ask(f"/status/{code}")
            for code in (403, 404, 406, 407, 409, 410, 412, 429, 451, 500, 501, 505, 599)
        ),
    ],
    "/stream-bytes/<int:n>": [Ask("/stream-bytes/30000?seed=3&chunk_size=1000"), Ask("/stream-bytes/0")],
    "/stream/<int:n>": [Ask("/stream/10"), Ask("/stream/1")],
    "/user-agent": [Ask("/user-agent", headers={"User-Agent": "limpet-test/1"})],
    "/uuid": [Ask("/uuid")],
    "/xml": [Ask("/xml")],
}
LEFT_OUT = {
    "/cache without a condition": "its ETag and Last-Modified are new with each request, by design",
    "/status/100 to 199": "a final answer cannot have such a status: gunicorn breaks HTTP, Limpet says 502",
    "/status/502, 503, 504": "the same answers; but they count against the node, and it is the only one",
    "/bytes and /stream-bytes without a seed": "other bytes each time, by design",
}


class Answer(NamedTuple):
    """What is compared."""

    status: int
    reason: bytes
    headers: list[tuple[str, str]]
    body: bytes


class Browsers(NamedTuple):
    direct: httpx.Client
    through: httpx.Client


def browser(base: str, told: dict[str, str]) -> httpx.Client:
    """A client that says nothing but what the test says."""
    client = httpx.Client(base_url=base, timeout=60)
    client.headers = httpx.Headers({"Host": HOST, **told})
    del client.headers["Connection"]  # of one connection: httpbin would show the one, and not the other
    return client


@pytest.fixture(scope="module")
def browsers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browsers]:
    directory: Path = tmp_path_factory.mktemp("httpbin")
    port = free_port()
    command = [
        "gunicorn",
        "--no-control-socket",
        "--bind",
        f"127.0.0.1:{port}",
        "--threads",
        "4",
        "httpbin:app",
    ]
    with running(command, directory / "httpbin.log") as process:
        process.serves(f"http://127.0.0.1:{port}/get")
        with limpet(CONFIG.format(port=port), directory) as proxy:
            # What Limpet tells a node, told to httpbin directly too: only then can its echoes be equal.
            told = {
                "X-Forwarded-For": "127.0.0.1",
                "X-Forwarded-Proto": "http",
                "X-Forwarded-Host": HOST,
            }
            with browser(f"http://127.0.0.1:{port}", told) as direct, browser(proxy.url, {}) as through:
                yield Browsers(direct, through)


@pytest.fixture(scope="module")
def token(browsers: Browsers) -> str:
    """Limpet's cookie: sent along with each request, it must change nothing of the answers."""
    first = browsers.through.get("/get")
    browsers.through.cookies.clear()
    return first.headers["set-cookie"].partition(";")[0]


def ask_of(client: httpx.Client, ask: Ask, cookie: str) -> Answer:
    headers = dict(ask.headers)
    if cookies := "; ".join(part for part in (cookie, headers.pop("Cookie", "")) if part):
        headers["Cookie"] = cookies
    request = client.build_request(ask.method, ask.path, headers=headers, content=ask.body or None)
    answer = client.send(request, stream=True)
    try:
        raw = b"".join(answer.iter_raw())
    finally:
        answer.close()
    client.cookies.clear()
    length = answer.headers.get("content-length")
    assert length is None or ask.method == "HEAD" or answer.status_code == 304 or int(length) == len(raw)
    return Answer(answer.status_code, answer.extensions["reason_phrase"], fields(answer), body(answer, raw))


def fields(answer: httpx.Response) -> list[tuple[str, str]]:
    """The header's fields in order of name, those of one name in their own order."""
    compared = [
        (name.lower(), anonymous(value.encode()).decode())
        for name, value in answer.headers.multi_items()
        if name.lower() not in NOT_COMPARED
    ]
    return sorted(compared, key=lambda field: field[0])


def body(answer: httpx.Response, raw: bytes) -> bytes:
    if answer.headers.get("content-encoding") == "gzip" and raw:
        raw = gzip.decompress(raw)  # its own header holds the time
    return anonymous(raw)


def anonymous(text: bytes) -> bytes:
    for pattern in RANDOM:
        text = pattern.sub(b"RANDOM", text)
    return text


def same(browsers: Browsers, ask: Ask, token: str) -> None:
    assert ask_of(browsers.through, ask, token) == ask_of(browsers.direct, ask, "")


@pytest.mark.parametrize(
    "ask",
    [pytest.param(ask, id=f"{ask.method} {ask.path[:60]}") for asks in SAMPLES.values() for ask in asks],
)
def test_the_answer_is_the_same(browsers: Browsers, token: str, ask: Ask) -> None:
    same(browsers, ask, token)


@pytest.mark.parametrize("rule", SAMPLES)
def test_head_and_options_are_the_same(browsers: Browsers, token: str, rule: str) -> None:
    path = SAMPLES[rule][0].path
    for method in ("HEAD", "OPTIONS"):
        same(browsers, Ask(path, method, SAMPLES[rule][0].headers), token)


def test_an_unknown_path_and_a_wrong_method_are_the_same(browsers: Browsers, token: str) -> None:
    same(browsers, Ask("/no/such/page"), token)
    same(browsers, Ask("/get", "POST", FORM, b"a=1"), token)


def test_every_endpoint_is_asked() -> None:
    rules = {rule.rule for rule in httpbin.app.url_map.iter_rules()}
    assert rules == set(SAMPLES)
    assert all(LEFT_OUT.values())
