import logging
from http.cookies import SimpleCookie
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.affinity import Affinity, AffinityOptions, make_affinity
from sessions.cookie_dates import write_date
from sessions.flags import RequestFlag, ResponseFlag
from sessions.token import NODE_GONE, Sealer
from sessions.visit import UNKNOWN, Visit

NOW = 1_700_000_000
IDLE, LIFETIME = 1800, 43200
ID = "AAECAwQFBgcICQoLDA0ODw"
NOBODY = Visit("", UNKNOWN, RequestFlag.N, None, b"", b"")
PAST = b"Thu, 01 Jan 1970 00:00:00 GMT"


def wrapper(secret: bytes = b"s" * 16, nodes: tuple[str, ...] = ("a", "b", "c")) -> Affinity:
    return make_affinity(AffinityOptions("wrap", cookie="sid"), Sealer([secret], "shop", nodes))


WRAP = wrapper()


def set_line(line: bytes, now: int = NOW, seen: Visit = NOBODY, node: int = 1) -> bytes:
    """What the client gets for the app's line."""
    return WRAP.answer(seen, ID, node, [line], b"", now, False).set_cookies[0]


def held(line: bytes, now: int = NOW) -> bytes:
    """What the client sends after the app's line."""
    return set_line(line, now).partition(b";")[0]


values = (
    st.from_regex(rb"\A[^;\x00-\x20\x7f][^;\x00-\x1f\x7f]{0,40}\Z")
    .map(bytes.strip)
    .filter(lambda value: value != b'""')
)


@given(values)
def test_the_app_sees_its_value_byte_for_byte(value: bytes) -> None:
    line = set_line(b"sid=" + value + b"; Path=/app; HttpOnly; Foo=Bar")
    assert line.startswith(b"sid=")
    assert line.endswith(b"; Path=/app; HttpOnly; Foo=Bar")
    seen = WRAP.visit(b"a=1; " + line.partition(b";")[0] + b"; b=2", b"", NOW)
    assert seen.cookie == b"a=1; sid=" + value + b"; b=2"
    assert (seen.session_id, seen.pin, seen.flag) == (ID, 1, RequestFlag.V)


def test_only_the_apps_named_cookie_is_touched() -> None:
    lines = [b"a=1; Path=/", b"sid2=x", b"Sid=y"]
    assert WRAP.answer(NOBODY, ID, 1, lines, b"", NOW, False) == (lines, b"", ResponseFlag.N, False, None)
    cookie = b"a=1; sid2=x; Sid=y"
    assert WRAP.visit(cookie, b"", NOW).cookie == cookie


def test_setting_is_said_and_private() -> None:
    first = WRAP.answer(NOBODY, ID, 1, [b"sid=x"], b"", NOW, False)
    assert (first.flag, first.private) == (ResponseFlag.I, True)
    seen = WRAP.visit(held(b"sid=x"), b"", NOW)
    again = WRAP.answer(seen, ID, 1, [b"sid=y"], b"", NOW, False)
    assert (again.flag, again.private) == (ResponseFlag.U, True)


def test_no_change_of_a_single_byte_goes_unseen() -> None:
    cookie = held(b"sid=0123-ABC; Path=/")
    for place in range(len(b"sid="), len(cookie)):
        for value in (0, 32, 33, 45, 46, 48, 65, 95, 97, 255, cookie[place] ^ 1):
            changed = cookie[:place] + bytes([value]) + cookie[place + 1 :]
            if changed != cookie:
                seen = WRAP.visit(changed, b"", NOW)
                assert (seen.session_id, seen.cookie) == ("", b""), (place, value)


def test_a_token_cannot_be_put_round_another_value() -> None:
    one, two = held(b"sid=one"), held(b"sid=two")
    swapped = one[:-3] + b"two"
    assert WRAP.visit(two, b"", NOW).cookie == b"sid=two"
    assert WRAP.visit(swapped, b"", NOW).flag is RequestFlag.I


@pytest.mark.parametrize(
    "value", [b"one", b"", b".", b"one." + b"A" * 76, b"A" * 76, b"A" * 76 + b".", b"A" * 76 + b"..x"]
)
def test_a_value_that_was_not_sealed_is_taken_out(value: bytes) -> None:
    seen = WRAP.visit(b"a=1; sid=" + value, b"", NOW)
    assert (seen.session_id, seen.pin, seen.flag, seen.cookie) == ("", UNKNOWN, RequestFlag.I, b"a=1")


def test_of_several_the_first_valid_one_counts_and_the_node_sees_no_other() -> None:
    mine = held(b"sid=mine")
    seen = WRAP.visit(b"sid=tossed; a=1; " + mine + b"; " + held(b"sid=other") + b"; b=2", b"", NOW)
    assert (seen.session_id, seen.cookie) == (ID, b"a=1; sid=mine; b=2")


@pytest.mark.parametrize(("age", "flag"), [(IDLE - 1, "V"), (IDLE, "E"), (-86401, "I"), (-86400, "V")])
def test_a_sealed_cookie_has_an_age(age: int, flag: str) -> None:
    seen = WRAP.visit(held(b"sid=x"), b"", NOW + age)
    assert seen.flag.name == flag
    assert seen.cookie == (b"sid=x" if flag == "V" else b"")


def test_a_session_ends_with_its_lifetime_however_often_it_was_renewed() -> None:
    cookie = held(b"sid=x")
    for now in range(NOW + 1000, NOW + LIFETIME, 1000):
        seen = WRAP.visit(cookie, b"", now)
        assert seen.flag is RequestFlag.V
        cookie = WRAP.answer(seen, ID, 1, [], b"", now, False).set_cookies[0].partition(b";")[0]
    assert WRAP.visit(cookie, b"", NOW + LIFETIME).flag is RequestFlag.O


def test_an_answer_that_says_nothing_of_the_cookie_leaves_it() -> None:
    seen = WRAP.visit(held(b"sid=x"), b"", NOW)
    assert WRAP.quiet(seen, 1, NOW)
    assert WRAP.answer(seen, ID, 1, [b"a=1"], b"", NOW, False) == ([b"a=1"], b"", ResponseFlag.N, False, None)
    assert WRAP.quiet(NOBODY, 1, NOW)
    assert WRAP.answer(NOBODY, ID, 1, [], b"", NOW, False) == ([], b"", ResponseFlag.N, False, None)


@pytest.mark.parametrize(("node", "later"), [(1, IDLE // 8), (2, 0)])
@pytest.mark.parametrize(
    ("line", "again"),
    [
        (b"sid=x", b""),
        (b"sid=x; Path=/app; Domain=a.b; HttpOnly; SameSite=Strict; Partitioned", None),
        (b'sid="x"; Path=/', None),
        (b"sid=x; Path=/; Max-Age=60", b"; Path=/; Expires=" + write_date(NOW + 60)),
        (b"sid=x; Expires=" + write_date(NOW + 90), None),
    ],
)
def test_limpet_sets_the_cookie_again_by_itself_as_the_app_would(
    node: int, later: int, line: bytes, again: bytes | None
) -> None:
    """When the session moved or the token aged. With another Path or Domain it would be a second cookie."""
    seen = WRAP.visit(held(line), b"", NOW + later)
    assert not WRAP.quiet(seen, node, NOW + later)
    answer = WRAP.answer(seen, ID, node, [b"a=1"], b"", NOW + later, False)
    assert (answer.flag, answer.private) == (ResponseFlag.U, True)
    cookie, semicolon, attributes = answer.set_cookies[1].partition(b";")
    assert semicolon + attributes == (b"".join(line.partition(b";")[1:]) if again is None else again)
    assert cookie.endswith(b'"') is (b'"' in line)
    renewed = WRAP.visit(cookie, b"", NOW + later)
    assert (renewed.pin, renewed.renew_at) == (node, NOW + later + IDLE // 8)
    assert renewed.cookie == line.partition(b";")[0]
    assert renewed.attributes == seen.attributes


@pytest.mark.parametrize(
    "line",
    [
        b"sid=; Max-Age=0",
        b"sid=x; Max-Age=0; Path=/",
        b"sid=deleted; expires=" + PAST,
        b"sid=x; Max-Age=-1; Expires=Fri, 31 Dec 9999 23:59:59 GMT",
        b"sid=",
        b'sid=""; path=/',
    ],
)
def test_a_cookie_that_the_app_deletes_passes(line: bytes) -> None:
    for seen in (
        NOBODY,
        WRAP.visit(held(b"sid=x"), b"", NOW),
        WRAP.visit(held(b"sid=x"), b"", NOW + IDLE // 8),
    ):
        assert WRAP.answer(seen, ID, 1, [line], b"", NOW, False) == ([line], b"", ResponseFlag.D, False, None)


def test_a_cookie_deleted_at_one_path_and_set_at_another_is_set() -> None:
    answer = WRAP.answer(NOBODY, ID, 1, [b"sid=; Max-Age=0; Path=/old", b"sid=x; Path=/"], b"", NOW, False)
    assert (answer.flag, answer.private) == (ResponseFlag.I, True)
    assert answer.set_cookies[0] == b"sid=; Max-Age=0; Path=/old"
    assert answer.set_cookies[1].endswith(b".x; Path=/")


def test_an_app_that_makes_a_new_id_keeps_its_place() -> None:
    seen = WRAP.visit(held(b"sid=before"), b"", NOW)
    after = WRAP.visit(set_line(b"sid=after", seen=seen), b"", NOW)
    assert (after.session_id, after.pin, after.cookie) == (ID, 1, b"sid=after")


def test_clients_may_add_or_lose_quotes() -> None:
    bare, quoted = held(b"sid=x"), held(b'sid="x"')
    assert WRAP.visit(b'sid="' + bare[4:] + b'"', b"", NOW).cookie == b'sid="x"'
    assert WRAP.visit(b"sid=" + quoted[5:-1], b"", NOW).cookie == b"sid=x"


@pytest.mark.parametrize("value", ["s:abc.d/e+f==", "a b;c", "é", '{"a": "b"}', "100%"])
def test_values_of_apps_that_quote_or_percent_encode_survive(value: str) -> None:
    for text in (quote(value), SimpleCookie({"sid": value})["sid"].coded_value):
        line = b"sid=" + text.encode("latin-1")
        assert WRAP.visit(held(line), b"", NOW).cookie == line


def test_a_cookie_too_long_for_browsers_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    wrap = wrapper()
    fits = 4096 - len(b"sid") - 76 - len(b"..")
    with caplog.at_level(logging.WARNING, "limpet.sessions"):
        line = wrap.answer(NOBODY, ID, 1, [b"sid=" + b"x" * fits], b"", NOW, False).set_cookies[0]
        assert len(line) == 4096 + len(b"=")
        assert (wrap.oversized, caplog.messages) == (0, [])
        for _ in range(5):
            answer = wrap.answer(NOBODY, ID, 1, [b"sid=" + b"x" * (fits + 1)], b"", NOW, False)
    assert (wrap.oversized, len(caplog.messages)) == (5, 3)
    assert "service shop: the app's cookie sid is longer than 4096 bytes" in caplog.messages[0]
    assert wrap.visit(answer.set_cookies[0], b"", NOW).cookie == b"sid=" + b"x" * (fits + 1)


def test_quotes_count_towards_the_length() -> None:
    wrap = wrapper()
    for length, oversized in ((4011, 0), (4012, 1)):  # two quotes, and two characters to remember them
        answer = wrap.answer(NOBODY, ID, 1, [b'sid="' + b"x" * length + b'"'], b"", NOW, False)
        assert len(answer.set_cookies[0]) == 4096 + len(b"=") + oversized
        assert wrap.oversized == oversized


def test_another_secret_or_a_missing_node() -> None:
    cookie = held(b"sid=x")
    assert wrapper(secret=b"t" * 16).visit(cookie, b"", NOW).flag is RequestFlag.I
    seen = wrapper(nodes=("a", "c")).visit(cookie, b"", NOW)
    assert (seen.session_id, seen.pin, seen.flag, seen.cookie) == (ID, NODE_GONE, RequestFlag.D, b"sid=x")


def test_without_a_session_or_a_node_nothing_is_sealed() -> None:
    for session_id, node in (("", 1), (ID, -1)):
        assert WRAP.answer(NOBODY, session_id, node, [b"sid=x"], b"", NOW, False).set_cookies == [b"sid=x"]


@given(st.binary(max_size=300))
def test_garbage_is_nobody(cookie: bytes) -> None:
    assert WRAP.visit(b"sid=" + cookie, cookie, NOW).session_id == ""
