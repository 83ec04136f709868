"""Names, hosts, paths and header values."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.names import StatusRange, parse_domain, parse_host_pattern, parse_route_path
from config.values import Refused
from routing.paths import canonical, readings
from routing.table import RouteTable, Rule
from tests.config.test_units import GARBAGE


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("*", "*"),
        ("*.example.com", "*.example.com"),
        ("Shop.Example.com.", "shop.example.com"),
        ("localhost", "localhost"),
        ("my_shop.local", "my_shop.local"),
        ("127.0.0.1", "127.0.0.1"),
        ("[::1]", "[::1]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
    ],
)
def test_hosts(written: str, host: str) -> None:
    assert parse_host_pattern(written) == host


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("", "must be a host such as"),
        ("*.", "must be a host such as"),
        ("a*.example.com", "a whole first label"),
        ("a.*.example.com", "must be a host such as"),
        ("**.example.com", "must be a host such as"),
        (".example.com", "must be a host such as"),
        ("a..b", "must be a host such as"),
        ("a/b", "must be a host such as"),
        ("[::g]", "must be a host such as"),
        ("[127.0.0.1]", "must be a host such as"),
        ("shop.example.com:8080", "must be a host without a port"),
        ("[::1]:8080", "must be a host such as"),
        ("müller.example", "must be written in ASCII, as browsers send it: `xn--mller-kva.example`"),
        (80, "must be a host such as"),
    ],
)
def test_what_is_no_host_is_refused(written: object, message: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_host_pattern(written)
    assert message in refusal.value.allowed


@pytest.mark.parametrize(
    "path", ["/", "/app", "/app/", "/a/b.c/~x", "/.well-known", "/caf%C3%A9", "/a:b@c=1,2", "/a%3Bb"]
)
def test_paths(path: str) -> None:
    assert parse_route_path(path) == path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "begins with `/`"),
        ("app", "begins with `/`"),
        ("/a?b", "begins with `/`"),
        ("/a#b", "begins with `/`"),
        ("/a b", "begins with `/`"),
        ("/é", "begins with `/`"),
        ("/caf%c3%a9", "`%` as `%C3%A9`"),
        ("/a;b", "without `?`, `#`, `;`"),
        ("/a%2Fb", "some servers take it for a `/`"),
        ("/a%5Cb", "some servers take it for a `/`"),
        ("/a%24b", "write `$` for `%24`"),
        ("/a%", "begins with `/`"),
        ("/a//b", "must not hold empty"),
        ("/a/./b", "must not hold empty"),
        ("/a/..", "must not hold empty"),
        ("/%61pp", "write `a` for `%61`"),
        (3, "begins with `/`"),
    ],
)
def test_what_is_no_path_is_refused(path: object, message: str) -> None:
    with pytest.raises(Refused) as refusal:
        parse_route_path(path)
    assert message in refusal.value.allowed


ROUTE_PATHS = st.from_regex(r"\A(?:/(?:[ab.$;]|%(?:2F|24|41|C3|3B|00)){0,4}){1,3}\Z")


@given(ROUTE_PATHS, ROUTE_PATHS)
def test_paths_that_differ_are_different_rules(one: str, other: str) -> None:
    for path in (one, other):
        try:
            parse_route_path(path)
        except Refused:
            return
        assert readings(path.encode()) == {canonical_but_slash(path)}
    if one.rstrip("/") != other.rstrip("/"):
        RouteTable([Rule("*", one, 1), Rule("*", other, 2)])  # raises ValueError for two of one path


def canonical_but_slash(path: str) -> bytes:
    return canonical(path.encode()).rstrip(b"/") + (b"/" if path.endswith("/") else b"")


def test_domains() -> None:
    assert parse_domain(".Example.COM") == "example.com"
    for written in ("com", "", "127.0.0.1", "a b.c", "example.com:80", 3, "[::1]"):
        with pytest.raises(Refused, match=r"must be a domain such as example\.com"):
            parse_domain(written)


@pytest.mark.parametrize(
    ("written", "first", "last"),
    [(200, 200, 200), ("204", 204, 204), ("200-399", 200, 399), ("100-599", 100, 599)],
)
def test_status_ranges(written: object, first: int, last: int) -> None:
    found = StatusRange.parse(written)
    assert (found.first, found.last) == (first, last)
    assert StatusRange.parse(str(found)) == found


@pytest.mark.parametrize("written", [99, 600, "2xx", "200-", "399-200", "200 - 300", True, None, 200.0])
def test_what_is_no_status_is_refused(written: object) -> None:
    with pytest.raises(Refused, match="must be a status code from 100 to 599"):
        StatusRange.parse(written)


@given(GARBAGE)
def test_garbage_is_refused_and_nothing_else(value: object) -> None:
    for parse in (parse_host_pattern, parse_route_path, parse_domain, StatusRange.parse):
        with contextlib.suppress(Refused):
            parse(value)
