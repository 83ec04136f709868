from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.flags import RequestFlag, ResponseFlag
from sessions.token import NODE_GONE, Token
from sessions.visit import Ages, Held, Visit, due, first_valid, next_token, stranger

NOW = 1_700_000_000
DAY = 86400
IDLE, LIFETIME = 1800, 43200
AGES = Ages(IDLE, LIFETIME)


def token(first: int = 0, last: int = 0, node: int = 1) -> Token:
    return Token("A" * 22, node, 7, NOW + first, NOW + last, False)


def visit(held: Token | None) -> Visit:
    if held is None:
        return Visit("", -1, RequestFlag.N, None, b"", b"")
    good_until, renew_at = AGES.good_until(held, NOW), AGES.renew_at(held, NOW)
    return Visit(held.id, held.node, RequestFlag.V, held, b"", b"", good_until, renew_at)


@pytest.mark.parametrize(
    ("first", "last", "flag"),
    [
        (0, 0, "V"),
        (-IDLE + 1, -IDLE + 1, "V"),
        (-IDLE, -IDLE, "E"),
        (-LIFETIME + 1, 0, "V"),
        (-LIFETIME, 0, "O"),
        (-LIFETIME, -IDLE, "E"),
        (0, 5, "V"),  # another proxy's clock is ahead
        (5, 5, "V"),
        (DAY, DAY, "V"),
        (0, DAY + 1, "I"),
        (DAY + 1, 0, "I"),
        (-LIFETIME, DAY + 1, "I"),
        (-NOW, -NOW, "E"),
    ],
)
def test_how_old_a_token_may_be(first: int, last: int, flag: str) -> None:
    assert AGES.judge(token(first, last), NOW).name == flag


@given(st.integers(-50_000, DAY), st.integers(-2000, DAY), st.integers(0, 200_000))
def test_a_remembered_visit_is_never_good_for_longer_than_its_token(
    first: int, last: int, later: int
) -> None:
    held = token(first, last)
    if AGES.judge(held, NOW) is RequestFlag.V and NOW + later < AGES.good_until(held, NOW):
        assert AGES.judge(held, NOW + later) is RequestFlag.V


@given(st.integers(-50_000, 0), st.integers(-2000, 0))
def test_a_remembered_visit_is_good_to_the_last_second(first: int, last: int) -> None:
    held = token(first, last)
    if AGES.judge(held, NOW) is RequestFlag.V:
        assert AGES.judge(held, AGES.good_until(held, NOW)) is not RequestFlag.V


@given(st.integers(-IDLE + 11, DAY - 10), st.integers(0, 10))
def test_a_lead_counts_as_now(last: int, skew: int) -> None:
    """So proxies whose clocks differ by seconds agree about who is known."""
    held = token(min(0, last), last)
    assert AGES.good_until(held, NOW) <= NOW + IDLE
    assert AGES.renew_at(held, NOW) <= NOW + IDLE // 8
    assert AGES.judge(held, NOW - skew) is RequestFlag.V
    assert AGES.judge(held, NOW + skew) is RequestFlag.V


def test_the_first_valid_of_several_wins() -> None:
    good, gone, old = token(), token(node=NODE_GONE), token(last=-IDLE)
    for before in product((None, old), repeat=2):
        assert first_valid([*before, good, gone], AGES, NOW) == (2, good, RequestFlag.V)
    assert first_valid([gone, good], AGES, NOW) == (0, gone, RequestFlag.D)


def test_where_none_is_valid_the_most_telling_flag_is_given() -> None:
    idle, old = token(last=-IDLE), token(first=-LIFETIME)
    assert first_valid([], AGES, NOW).flag is RequestFlag.N
    assert first_valid([None, None], AGES, NOW) == (-1, None, RequestFlag.I)
    assert first_valid([idle, None], AGES, NOW).flag is RequestFlag.E
    assert first_valid([None, old, idle], AGES, NOW).flag is RequestFlag.O


def test_what_was_refused_is_not_remembered_and_what_was_not_there_is() -> None:
    assert stranger(RequestFlag.N, b"a=1", b"", NOW).good_until > NOW + 1000 * DAY
    for flag in (RequestFlag.I, RequestFlag.E, RequestFlag.O):
        assert stranger(flag, b"a=1", b"", NOW).good_until == NOW


def test_a_token_is_due_when_it_is_new_changed_or_an_eighth_of_its_idle_time_old() -> None:
    known = visit(token())
    same = Held(7)
    assert due(visit(None), "new", 1, NOW) is ResponseFlag.I
    assert due(known, known.session_id, 1, NOW, same) is ResponseFlag.N
    assert due(known, known.session_id, 2, NOW, same) is ResponseFlag.U
    assert due(known, "other", 1, NOW, same) is ResponseFlag.U
    assert due(known, known.session_id, 1, NOW + IDLE // 8 - 1, same) is ResponseFlag.N
    assert due(known, known.session_id, 1, NOW + IDLE // 8, same) is ResponseFlag.U
    assert due(known, known.session_id, 1, NOW, Held(8)) is ResponseFlag.U
    assert due(known, known.session_id, 1, NOW, Held(7, unprotected=True)) is ResponseFlag.U


def test_the_next_token_of_a_session_keeps_when_it_was_first_seen() -> None:
    known = visit(token(first=-1000, last=-300))
    following = next_token(known, known.session_id, 2, NOW, Held(8, unprotected=True))
    assert following == Token("A" * 22, 2, 8, NOW - 1000, NOW, True)


def test_another_session_begins_now() -> None:
    fresh = Token("B" * 22, 2, 0, NOW, NOW, False)
    assert next_token(visit(token(first=-1000)), "B" * 22, 2, NOW) == fresh
    assert next_token(visit(None), "B" * 22, 2, NOW) == fresh


def test_a_lead_is_not_carried_on() -> None:
    assert next_token(visit(token(first=50, last=60)), "A" * 22, 1, NOW)[3:5] == (NOW, NOW)
