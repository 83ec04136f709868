import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.cookie_dates import LAST, write_date
from sessions.cookies import SetCookie, expiry, lasting, read_set_cookie, replace_cookie, take_cookie

NOW = 1_700_000_000
ours = st.sampled_from([b"sid=", b"sid=x", b'sid="x y"', b" sid=1", b" sid = 1 ", b"sid", b"\tsid=\xff"])
# Names that begin with another letter cannot be ours, whatever stands round them.
others = st.from_regex(rb"\A ?[a-r][^;]{0,12}\Z").filter(lambda pair: pair.strip() == pair.lstrip())


@pytest.mark.parametrize(
    ("cookie", "values", "rest"),
    [
        (b"", [], b""),
        (b"a=1; b=2", [], b"a=1; b=2"),
        (b"sid=x", [b"x"], b""),
        (b"sid=x;", [b"x"], b""),
        (b"sid=x; ;; ", [b"x"], b""),
        (b"SID=sid; a=1", [], b"SID=sid; a=1"),
        (b"sid=x; a=1", [b"x"], b"a=1"),
        (b"a=1; sid=x", [b"x"], b"a=1"),
        (b"a=1; sid=x; b=2", [b"x"], b"a=1; b=2"),
        (b"a=1;sid=x;b=2", [b"x"], b"a=1;b=2"),
        (b"a=1;sid=x", [b"x"], b"a=1"),
        (b'a=1; sid="x"; b="2"', [b"x"], b'a=1; b="2"'),
        (b"sid=x; sid=y; a=1; sid=z", [b"x", b"y", b"z"], b"a=1"),
        (b"a=1; sid = x ; b=2", [b"x"], b"a=1; b=2"),
        (b"sid=a=b==", [b"a=b=="], b""),
        (b"sid; a=1", [b""], b"a=1"),
        (b'sid="', [b'"'], b""),
        (b'sid=""', [b""], b""),
        (b'a="; sid=x; "', [b"x"], b'a="; "'),  # quotes protect nothing, as in browsers
        (b"xsid=1; sidx=2; SID=3; a=sid; b=sid=4", [], b"xsid=1; sidx=2; SID=3; a=sid; b=sid=4"),
        (b"; ;a=1;; sid=x", [b"x"], b"; ;a=1;"),
        (b"a\xff=\xfe; sid=\x80", [b"\x80"], b"a\xff=\xfe"),
    ],
)
def test_a_cookie_is_taken_out_and_the_others_stay(cookie: bytes, values: list[bytes], rest: bytes) -> None:
    assert take_cookie(cookie, b"sid") == (values, rest)


@given(st.binary(max_size=200))
def test_garbage_never_raises_and_is_not_taken_twice(cookie: bytes) -> None:
    _, rest = take_cookie(cookie, b"s")
    assert take_cookie(rest, b"s") == ([], rest)
    read_set_cookie(cookie)
    expiry(cookie, NOW)
    lasting(cookie, NOW)


@given(st.lists(st.tuples(st.booleans(), ours, others)))
def test_other_cookies_keep_their_bytes_and_their_order(pairs: list[tuple[bool, bytes, bytes]]) -> None:
    cookie = b";".join(mine if is_ours else other for is_ours, mine, other in pairs)
    values, rest = take_cookie(cookie, b"sid")
    kept = [other for is_ours, _, other in pairs if not is_ours]
    assert len(values) == len(pairs) - len(kept)
    expected = b";".join(kept)
    assert rest == (expected.lstrip(b" \t") if values else expected)


@pytest.mark.parametrize(
    ("cookie", "position", "expected"),
    [
        (b"sid=x", 0, b"sid=NEW"),
        (b"a=1; sid=x; b=2", 0, b"a=1; sid=NEW; b=2"),
        (b"sid=x; a=1; sid=y", 0, b"sid=NEW; a=1"),
        (b"sid=x; a=1; sid=y", 1, b"a=1; sid=NEW"),
        (b'a=1; sid="x"', 0, b'a=1; sid="NEW"'),
        (b"a=1;sid = x ;b=2", 0, b"a=1;sid =NEW;b=2"),
    ],
)
def test_one_cookie_gets_another_value(cookie: bytes, position: int, expected: bytes) -> None:
    assert replace_cookie(cookie, b"sid", position, b"NEW") == expected


@pytest.mark.parametrize(
    ("line", "cookie"),
    [
        (b"sid=x", SetCookie(b"sid", b"x", b"", b"")),
        (b"sid=x; Path=/; HttpOnly", SetCookie(b"sid", b"x", b"", b"; Path=/; HttpOnly")),
        (b'sid="x";Path=/', SetCookie(b"sid", b"x", b'"', b";Path=/")),
        (b" sid\t = x ;a", SetCookie(b"sid", b"x", b"", b";a")),
        (b"sid=a=b", SetCookie(b"sid", b"a=b", b"", b"")),
        (b"sid=; Max-Age=0", SetCookie(b"sid", b"", b"", b"; Max-Age=0")),
        (b"sid", SetCookie(b"sid", b"", b"", b"")),
        (b"=sid=x", SetCookie(b"sid", b"x", b"", b"")),  # sent back by browsers as `sid=x`
        (b" = =sid", SetCookie(b"sid", b"", b"", b"")),
        (b"", SetCookie(b"", b"", b"", b"")),
    ],
)
def test_a_set_cookie_line_is_taken_apart_as_browsers_do(line: bytes, cookie: SetCookie) -> None:
    assert read_set_cookie(line) == cookie


def test_a_line_gets_another_value_and_keeps_its_quotes_and_attributes() -> None:
    assert read_set_cookie(b'sid="x"; path=/A,b ;; Foo').with_value(b"y") == b'sid="y"; path=/A,b ;; Foo'


@pytest.mark.parametrize(
    ("attributes", "ends"),
    [
        (b"", None),
        (b"; Path=/; HttpOnly", None),
        (b"; Max-Age=60", NOW + 60),
        (b";max-age = 60 ", NOW + 60),
        (b"; Max-Age=0", NOW),
        (b"; Max-Age=-1", NOW),
        (b"; Max-Age=60; Max-Age=0", NOW),
        (b"; Max-Age=60; Max-Age=junk", NOW + 60),
        (b"; Max-Age=+60", None),
        (b"; Max-Age=", None),
        (b"; Max-Age=6 0", None),
        (b"; Max-Age=" + b"9" * 5000, LAST),
        (b"; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 0),
        (b"; Expires=junk", None),
        (b"; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Expires=junk", 0),
        (b"; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=60", NOW + 60),
        (b"; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", NOW + 60),
        (b"; Path=/Max-Age=0", None),
    ],
)
def test_when_a_cookie_ends(attributes: bytes, ends: int | None) -> None:
    assert expiry(attributes, NOW) == ends


def test_a_span_of_time_becomes_the_date_that_it_meant() -> None:
    later = lasting(b"; Path=/; Max-Age=60; Secure", NOW)
    assert later == b"; Path=/; Secure; Expires=" + write_date(NOW + 60)
    assert expiry(later, NOW + 3600) == NOW + 60
    assert lasting(later, NOW + 3600) == later


@given(st.lists(st.sampled_from([b" Path=/x", b" HttpOnly", b" SameSite=Lax", b"Domain=a.b", b""])))
def test_attributes_without_an_end_last_as_they_are(parts: list[bytes]) -> None:
    attributes = b"".join(b";" + part for part in parts)
    assert lasting(attributes, NOW) == attributes
