import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.affinity import Affinity, AffinityOptions, make_affinity, new_id
from sessions.cookies import read_set_cookie, take_cookie
from sessions.flags import RequestFlag, ResponseFlag
from sessions.token import NODE_GONE, Sealer, Token
from sessions.visit import UNKNOWN, Answer, Held, Visit

NOW = 1_700_000_000
IDLE, LIFETIME, DAY = 1800, 43200, 86400
ID = "AAECAwQFBgcICQoLDA0ODw"
SEALER = Sealer([b"s" * 16], "shop", ["a", "b", "c"])
ISSUE = make_affinity(AffinityOptions(), SEALER)
WHEN_WRITTEN = make_affinity(AffinityOptions(set_token="when_written"), SEALER)


def sealed(first: int = 0, last: int = 0, node: int = 1, session_id: str = ID) -> bytes:
    return SEALER.seal(Token(session_id, node, 0, NOW + first, NOW + last, False))


def visit(cookie: bytes, now: int = NOW, affinity: Affinity = ISSUE) -> Visit:
    return affinity.visit(cookie, b"", now)


def known(first: int = 0, last: int = 0) -> Visit:
    return visit(b"limpet_shop=" + sealed(first, last))


def test_a_request_without_a_token_is_from_nobody_known() -> None:
    for cookie in (b"", b"a=1; b=2", b"limpet_shop2=1; xlimpet_shop=2"):
        seen = visit(cookie)
        assert (seen.session_id, seen.pin, seen.flag, seen.token) == ("", UNKNOWN, RequestFlag.N, None)
        assert seen.cookie == cookie
        assert seen.good_until > NOW


def test_a_token_says_who_and_where_and_is_not_shown_to_the_node() -> None:
    seen = visit(b"a=1; limpet_shop=" + sealed() + b"; b=2")
    assert (seen.session_id, seen.pin, seen.flag) == (ID, 1, RequestFlag.V)
    assert seen.cookie == b"a=1; b=2"
    assert (seen.good_until, seen.renew_at) == (NOW + IDLE, NOW + IDLE // 8)


def test_a_client_may_put_quotes_round_it() -> None:
    assert visit(b'limpet_shop="' + sealed() + b'"').session_id == ID


@pytest.mark.parametrize(
    ("first", "last", "flag"),
    [
        (0, -IDLE + 1, "V"),
        (-IDLE, -IDLE, "E"),
        (-LIFETIME, 0, "O"),
        (3, 3, "V"),
        (DAY + 1, DAY + 1, "I"),
    ],
)
def test_a_token_has_an_age(first: int, last: int, flag: str) -> None:
    seen = known(first, last)
    assert seen.flag.name == flag
    assert seen.session_id == (ID if flag == "V" else "")
    assert seen.cookie == b""


def test_what_cannot_be_trusted_is_as_if_it_were_not_there() -> None:
    changed = bytearray(sealed())
    changed[30] ^= 1
    foreign = Sealer([b"x" * 16], "shop", ["a", "b"]).seal(Token(ID, 0, 0, NOW, NOW, False))
    for value in (bytes(changed), foreign, b"", b"admin", ID.encode()):
        seen = visit(b"limpet_shop=" + value + b"; a=1")
        assert (seen.session_id, seen.pin, seen.flag) == ("", UNKNOWN, RequestFlag.I)
        assert seen.cookie == b"a=1"


def test_of_several_the_first_valid_one_counts_and_all_are_taken_out() -> None:
    """A sibling domain can toss cookies of the same name at the browser."""
    mine, other = sealed(), sealed(session_id="B" * 21 + "A")
    seen = visit(b"limpet_shop=junk; a=1; limpet_shop=" + mine + b"; limpet_shop=" + other + b"; b=2")
    assert (seen.session_id, seen.flag, seen.cookie) == (ID, RequestFlag.V, b"a=1; b=2")


def test_a_node_that_is_gone_is_said_to_be() -> None:
    fewer = make_affinity(AffinityOptions(), Sealer([b"s" * 16], "shop", ["a", "c"]))
    seen = fewer.visit(b"limpet_shop=" + sealed(node=1), b"", NOW)
    assert (seen.session_id, seen.pin, seen.flag) == (ID, NODE_GONE, RequestFlag.D)


@given(st.binary(max_size=300))
def test_garbage_is_nobody(cookie: bytes) -> None:
    seen = ISSUE.visit(b"limpet_shop=" + cookie, cookie, NOW)
    assert seen.session_id == ""
    assert take_cookie(seen.cookie, b"limpet_shop")[0] == []


def test_a_new_session_gets_a_token() -> None:
    answer = ISSUE.answer(visit(b""), ID, 2, [b"a=1"], b"", NOW, False)
    assert answer.set_cookies == [
        b"a=1",
        b"limpet_shop=" + sealed(node=2) + b"; HttpOnly; Path=/; SameSite=Lax",
    ]
    assert (answer.flag, answer.private, answer.header) == (ResponseFlag.I, True, b"")


def test_what_was_set_is_recognised_the_next_time() -> None:
    session_id = new_id()
    line = ISSUE.answer(visit(b""), session_id, 2, [], b"", NOW, False).set_cookies[0]
    seen = visit(line.partition(b";")[0], NOW + 1)
    assert (seen.session_id, seen.pin, seen.flag) == (session_id, 2, RequestFlag.V)


@pytest.mark.parametrize(
    ("node", "later", "flag"),
    [
        (1, 0, ResponseFlag.N),
        (1, IDLE // 8 - 1, ResponseFlag.N),
        (1, IDLE // 8, ResponseFlag.U),
        (2, 0, ResponseFlag.U),
    ],
)
def test_a_token_is_set_again_when_it_changed_or_an_eighth_of_its_idle_time_passed(
    node: int, later: int, flag: ResponseFlag
) -> None:
    seen = known(first=-500)
    answer = ISSUE.answer(seen, ID, node, [], b"", NOW + later, False)
    assert answer.flag is flag
    assert answer.private is (flag is ResponseFlag.U)
    assert ISSUE.quiet(seen, node, NOW + later) is (flag is ResponseFlag.N)
    if flag is ResponseFlag.U:
        token = SEALER.open(read_set_cookie(answer.set_cookies[0]).value)
        assert token == Token(ID, node, 0, NOW - 500, NOW + later, False)


@pytest.mark.parametrize(
    "line",
    [
        b"limpet_shop=stolen",
        b"limpet_shop=; Max-Age=0",
        b" limpet_shop = x; Path=/",
        b"limpet_shop",
        b"=limpet_shop=x",
        b'limpet_shop="x"',
    ],
)
def test_the_app_can_neither_set_nor_delete_limpets_cookie(line: bytes) -> None:
    for seen in (visit(b""), known()):
        lines = ISSUE.answer(seen, ID, 1, [b"a=1", line, b"b=limpet_shop"], b"", NOW, False).set_cookies
        assert lines[:2] == [b"a=1", b"b=limpet_shop"]
        assert all(b"SameSite" in each for each in lines[2:])


def test_bots_and_static_files_get_no_token_when_written_is_asked_for() -> None:
    nobody = visit(b"", affinity=WHEN_WRITTEN)
    assert WHEN_WRITTEN.quiet(nobody, 1, NOW)
    assert not ISSUE.quiet(nobody, 1, NOW)
    assert WHEN_WRITTEN.answer(nobody, ID, 1, [], b"", NOW, False).flag is ResponseFlag.N
    assert WHEN_WRITTEN.answer(nobody, ID, 1, [b"limpet_shop=x"], b"", NOW, False) == Answer(
        [], b"", ResponseFlag.N, False
    )
    assert WHEN_WRITTEN.answer(nobody, ID, 1, [b"a=1"], b"", NOW, False).flag is ResponseFlag.I


def test_who_has_a_token_keeps_it_fresh_when_written_is_asked_for() -> None:
    seen = known(last=-IDLE // 8)
    assert not WHEN_WRITTEN.quiet(seen, 1, NOW)
    assert WHEN_WRITTEN.answer(seen, ID, 1, [], b"", NOW, False).flag is ResponseFlag.U


def test_nothing_is_set_for_an_exchange_that_no_node_served() -> None:
    for session_id, node in (("", 1), (ID, -1), (ID, NODE_GONE)):
        assert ISSUE.answer(visit(b""), session_id, node, [b"a=1"], b"", NOW, False) == Answer(
            [b"a=1"], b"", ResponseFlag.N, False
        )


def test_proxies_whose_clocks_differ_by_seconds_agree() -> None:
    """One proxy sets, others read: some behind it, some ahead."""
    line = ISSUE.answer(visit(b""), ID, 2, [], b"", NOW, False).set_cookies[0].partition(b";")[0]
    for now in range(NOW - 30, NOW + 31, 5):
        seen = visit(line, now)
        assert (seen.session_id, seen.pin, seen.flag) == (ID, 2, RequestFlag.V)
        assert ISSUE.quiet(seen, 2, now)


def test_the_token_says_what_is_known_of_the_state() -> None:
    seen = known()
    answer = ISSUE.answer(seen, ID, 1, [], b"", NOW, False, Held(9, unprotected=True))
    token = SEALER.open(answer.set_cookies[0].partition(b"=")[2].partition(b";")[0])
    assert token is not None
    assert (token.version, token.unprotected, answer.flag) == (9, True, ResponseFlag.U)


def test_a_write_gets_a_token_also_where_only_writes_do() -> None:
    stranger = visit(b"", affinity=WHEN_WRITTEN)
    assert WHEN_WRITTEN.answer(stranger, ID, 1, [], b"", NOW, False).set_cookies == []
    assert WHEN_WRITTEN.answer(stranger, ID, 1, [], b"", NOW, False, Held(2, written=True)).set_cookies


def test_the_end_of_a_session_takes_its_token_back() -> None:
    answer = ISSUE.answer(known(), ID, 1, [], b"", NOW, True, Held(over=True))
    assert answer.set_cookies == [b"limpet_shop=; HttpOnly; Path=/; SameSite=Lax; Secure; Max-Age=0"]
    assert answer.private


@pytest.mark.parametrize("cookie", [b"limpet_shop=%b", b"a=1; limpet_shop=%b; b=2", b'limpet_shop="%b"'])
def test_what_follows_is_what_the_new_token_will_be_read_as(cookie: bytes) -> None:
    seen = visit(cookie % sealed(-5, -5))
    answer = ISSUE.answer(seen, ID, 2, [], b"", NOW, False, Held(version=7, written=True))
    token = read_set_cookie(answer.set_cookies[0]).value
    assert answer.following == visit(cookie % token)
    assert answer.following is not None and answer.following.token != seen.token


def test_nothing_follows_where_it_cannot_be_told() -> None:
    ended = visit(b"limpet_shop=" + sealed(-LIFETIME + 1, -1))
    late = NOW + 1  # it was good when it came
    for answer in (
        ISSUE.answer(visit(b""), ID, 1, [], b"", NOW, False),
        ISSUE.answer(known(), ID, 1, [], b"", NOW, False, Held(over=True)),
        ISSUE.answer(known(), ID, 1, [], b"", NOW, False),
        ISSUE.answer(ended, ID, 1, [], b"", late, False, Held(version=2, written=True)),
    ):
        assert answer.following is None
