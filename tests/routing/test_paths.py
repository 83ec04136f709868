"""How a path may be read: one reading for the plain ones, all that matter for the others."""

from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.paths import canonical, plain, readings

TRICKY = st.lists(
    st.sampled_from([b"/", b"a", b".", b"..", b"%2e", b"%2F", b"%5c", b"\\", b";x", b"%61", b"%", b"?"]),
    max_size=12,
).map(b"".join)


@pytest.mark.parametrize(
    "path", [b"/", b"/app", b"/app/", b"/a/b.html", b"/a.b/c...d", b"/~u/@x,y:z=1+2", b""]
)
def test_plain_paths_are_read_in_one_way(path: bytes) -> None:
    assert readings(path) == {path or b"/"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/%61pp", {b"/app"}),
        (b"/%41%7e%2D%2e%5F", {b"/A~-._"}),
        (b"/a%20b%3B%C3%A9", {b"/a b;\xc3\xa9"}),
        (b"/.well-known/x", {b"/.well-known/x"}),
        (b"/%2561", {b"/%61"}),  # decoded once
        (b"/100%", {b"/100%"}),
        (b"/a%2gb", {b"/a%2gb"}),
        (b"/app;v=1/x;y", {b"/app/x"}),
        (b"/app?/../x", {b"/app"}),
        (b"*", {b"/"}),
        (b"app", {b"/"}),
        (b"/a/./b", {b"/a/./b", b"/a/b"}),
        (b"/a/../b", {b"/a/../b", b"/b"}),
        (b"/a/%2E%2e/b", {b"/a/../b", b"/b"}),
        (b"/a/..;x/b", {b"/a/../b", b"/b"}),
        (b"/../../a", {b"/../../a", b"/a"}),
        (b"/a/..", {b"/a/..", b"/"}),
        (b"/a/b/.", {b"/a/b/.", b"/a/b/"}),
        (b"//a", {b"//a", b"/a"}),
        (b"/a%2Fb", {b"/a%2Fb", b"/a/b"}),
        (b"/a\\b", {b"/a\\b", b"/a/b"}),
        (b"/a%5cb", {b"/a%5cb", b"/a/b"}),
        (b"/a//../b", {b"/a//../b", b"/a/b", b"/a/../b", b"/b"}),
        (b"/x%2fy/../b", {b"/x%2fy/../b", b"/b", b"/x/y/../b", b"/x/b"}),
        (b"/a//b//..", {b"/a//b//..", b"/a//b/", b"/a/b/", b"/a/b/..", b"/a/"}),
        (b"/a/..//b", {b"/a/..//b", b"/a/../b", b"/b", b"//b"}),
    ],
)
def test_readings(path: bytes, expected: set[bytes]) -> None:
    assert readings(path) == expected


@given(TRICKY)
def test_readings_are_few_and_none_is_left_encoded(path: bytes) -> None:
    found = readings(b"/" + path)
    assert 1 <= len(found) <= 10
    for reading in found:
        assert reading.startswith(b"/")
        assert b"%61" not in reading and b"%2e" not in reading


@given(TRICKY)
def test_what_the_usual_servers_see_is_among_them(path: bytes) -> None:
    """WSGI decodes everything and keeps dots; nginx decodes everything, merges slashes and removes dots."""
    target = b"/" + path.replace(b";x", b"").replace(b"?", b"").replace(b"%5c", b"").replace(b"\\", b"")
    decoded = unquote_to_bytes(target)
    merged = b"/" + b"/".join(segment for segment in decoded.split(b"/") if segment)
    assert {reading.rstrip(b"/") for reading in readings(target)} >= {
        decoded.rstrip(b"/"),
        merged.rstrip(b"/"),
        _resolved(merged).rstrip(b"/"),
    }


def _resolved(path: bytes) -> bytes:
    kept: list[bytes] = []
    for segment in path.split(b"/")[1:]:
        if segment == b"..":
            kept = kept[:-1]
        elif segment != b".":
            kept = [*kept, segment]
    return b"/" + b"/".join(kept)


@given(st.binary(max_size=20))
def test_a_plain_path_is_one_that_has_nothing_to_decode_or_resolve(path: bytes) -> None:
    if plain(path):
        assert not set(path) & set(b"%;?\\#")
        assert b"//" not in path and b"/." not in path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/", b"/"),
        (b"", b"/"),
        (b"/app/", b"/app"),
        (b"/app//x/", b"/app/x"),
        (b"/%61pp", b"/app"),
        (b"/a/../app", b"/app"),
        (b"/caf%C3%A9", b"/caf\xc3\xa9"),
        (b"/..", b"/"),
    ],
)
def test_a_rules_path(path: bytes, expected: bytes) -> None:
    assert canonical(path) == expected
