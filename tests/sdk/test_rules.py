"""The node's rules: who is let in, what is saved, which copies are taken."""

from itertools import product

import pytest

from limpet_session import rules
from limpet_session.errors import SessionExhausted, SessionTooLarge
from limpet_session.record import VERSION_LIMIT, Need, Record
from limpet_session.rules import Refusal, Request, Verdict, Write
from limpet_session.serializer import Format, JsonSerializer

NOW, TTL = 1000.0, 60
N = 1 << 32
COPY = Record(TTL, NOW + 5, version=5, state=b"five")
SERVED = COPY._replace(since=3, began=7.0)
FENCED = Record(TTL, NOW + 5, fence=N)
OVER = Record(TTL, NOW + 5, version=5, ended=True)


def request(version: int, state: bytes | None = None, takeover: int = 0) -> Request:
    return Request("id", version, state, takeover, TTL)


ID, STATE = Need.ID, Need.STATE
ADMISSIONS: list[tuple[str, Record | None, Request, Need | tuple[int, bytes, int]]] = [
    ("a new session is empty", None, request(0), (1, b"", 1)),
    ("an unknown one is not made up", None, request(1), STATE),
    ("one that is served here is used", SERVED, request(5), (5, b"five", 3)),
    ("what is newer than asked for does", SERVED, request(4), (5, b"five", 3)),
    ("what is older does not", SERVED, request(6), STATE),
    ("a copy does not", COPY, request(5), STATE),
    ("nor for who asks for nothing", COPY, request(0), STATE),
    ("version 0 of one that is served is what is served", SERVED, request(0), (5, b"five", 3)),
    ("a session that is served elsewhere does not start here", FENCED, request(0), STATE),
    ("an ended one is over", OVER, request(5), ID),
    ("even for a takeover", OVER, request(5, b"five", N), ID),
    ("a takeover uses the copy", COPY, request(5, None, N), (N, b"five", N)),
    ("or what is handed over", None, request(5, b"new", N), (N, b"new", N)),
    ("if that is newer", COPY, request(4, b"old", N), (N, b"five", N)),
    ("or as new and different", COPY, request(5, b"won", N), (N, b"won", N)),
    ("or nothing where there is none", None, request(0, None, N), (N, b"", N)),
    ("or what was found in spite of everything", COPY, request(0, None, N), (N, b"five", N)),
    ("but not a copy that is missing", None, request(5, None, N), STATE),
    ("or too old", COPY, request(6, None, N), STATE),
    ("nor below the fence", FENCED, request(5, b"new", N - 1), STATE),
    ("the fence's own number is for the takeover", FENCED, request(5, b"new", N), (N, b"new", N)),
    ("nor at the version held", SERVED, request(5, None, 5), STATE),
    ("nor at the version handed over", None, request(N, b"new", N), STATE),
    ("what is handed over without a number is served", COPY, request(6, b"six"), (6, b"six", 6)),
    ("and not if it is below the fence", FENCED, request(6, b"six"), STATE),
    ("what is handed over again changes nothing", SERVED, request(5, b"five"), (5, b"five", 3)),
    (
        "but what is as new and different is used",
        SERVED._replace(since=5),
        request(5, b"won"),
        (5, b"won", 5),
    ),
    ("nor does what is older", SERVED, request(4, b"four"), (5, b"five", 3)),
]


@pytest.mark.parametrize(("record", "asked", "expected"), [case[1:] for case in ADMISSIONS], ids=str)
def test_who_is_let_in(
    record: Record | None, asked: Request, expected: Need | tuple[int, bytes, int]
) -> None:
    kept, outcome = rules.admit(record, asked, NOW)
    if isinstance(expected, Need):
        assert kept is None
        assert outcome == Refusal(expected, record.mark if record else 0)
        return
    began = 7.0 if record and expected == (record.version, record.state, record.since) else NOW
    fence = record.fence if record else 0
    assert kept == outcome == Record(TTL, NOW + TTL, *expected, began=began, fence=fence)


def test_whoever_is_let_in_sees_nothing_old_and_is_above_every_fence() -> None:
    versions, states, numbers = (0, 1, 5, N, N + 5), (b"x", b"y"), (0, 1, 5, N, 2 * N)
    records = [None] + [
        Record(TTL, NOW + 5, version, state, since, 7.0, fence, ended)
        for version, state, serving, fence, ended in product(
            versions, states, (False, True), (0, 5, N), (False, True)
        )
        if (since := version * serving) or not serving
        if not serving or (version >= fence and not ended)
    ]
    admitted = 0
    for record, version, state, number in product(records, versions, (None, *states), numbers):
        if state is not None and not version:
            continue
        kept, outcome = rules.admit(record, request(version, state, number), NOW)
        held = record or Record(TTL, NOW)
        if isinstance(outcome, Refusal):
            assert kept is None and outcome.need is (ID if held.ended else STATE)
            continue
        admitted += 1
        assert kept is not None and kept.serving and not held.ended
        assert kept.version >= max(version, held.version, held.fence, number)
        assert kept.version == number or not number
        assert (kept.version, kept.state) == (outcome.version, outcome.state)
        assert held.serving or number or state is not None or not (held.version or version)
        assert kept.state in (held.state, state or b"")
    assert admitted > 100


def write(base: str, mine: str, whole: bool = False, limit: int = 100) -> Write:
    return Write(base.encode(), mine.encode(), whole, Format(JsonSerializer()).merge, limit)


TICKET = Record(TTL, NOW, 5, b"", 3, 7.0)
HELD = SERVED._replace(state=b'{"a":1}')


def saved(version: int, state: bytes) -> Record:
    return HELD._replace(version=version, state=state, expires=NOW + TTL)


def test_a_save_makes_the_version_one_higher() -> None:
    kept, told = rules.save(HELD, TICKET, write('{"a":1}', '{"a":2}'), TTL, NOW)
    assert kept == told == saved(6, b'{"a":2}')


def test_a_save_keeps_the_keys_of_others() -> None:
    assert rules.save(HELD, TICKET, write("", '{"b":2}'), TTL, NOW)[1] == saved(6, b'{"a":1,"b":2}')
    assert rules.save(HELD, TICKET, write("", '{"b":2}', whole=True), TTL, NOW)[1] == saved(6, b'{"b":2}')


def test_what_somebody_else_has_saved_already_is_not_a_write() -> None:
    assert rules.save(HELD, TICKET, write("", '{"a":1}'), TTL, NOW) == (None, HELD)


@pytest.mark.parametrize("record", [None, OVER, COPY, HELD._replace(since=4), HELD._replace(began=8.0)])
def test_nothing_is_saved_once_the_session_has_moved_on(record: Record | None) -> None:
    """Not even if it has come back since: what the request has read is from before."""
    change = write('{"a":1}', '{"a":2}')
    assert rules.save(record, TICKET, change, TTL, NOW) == (None, None)
    assert rules.renew(record, TICKET, change, TTL, NOW) == (None, None, None)
    assert rules.leave(record, TICKET, TTL, NOW) == (None, False)


def test_two_writes_that_are_too_large_together_are_refused() -> None:
    with pytest.raises(SessionTooLarge):
        rules.save(HELD, TICKET, write("", '{"b":"12345"}', limit=15), TTL, NOW)


def test_a_version_has_an_end() -> None:
    last = HELD._replace(version=VERSION_LIMIT - 1)
    with pytest.raises(SessionExhausted):
        rules.save(last, TICKET, write('{"a":1}', "{}"), TTL, NOW)


def test_a_renewed_session_goes_on_under_another_id() -> None:
    old, new, told = rules.renew(HELD, TICKET, write('{"a":1}', '{"a":1}'), TTL, NOW)
    assert old is not None and old.ended and not old.state and not old.serving
    assert new == told == Record(TTL, NOW + TTL, 6, b'{"a":1}', since=6, began=NOW)


def test_an_end_is_remembered_for_its_ttl_and_not_shortened() -> None:
    mark = rules.end(None, 100, NOW)
    assert (mark.ended, mark.expires) == (True, NOW + 100)
    assert rules.end(mark, 10, NOW).expires == NOW + 100


PUTS = [
    ("the first copy", None, 5, b"five", 204),
    ("a newer one", COPY, 6, b"six", 204),
    ("the same again", COPY, 5, b"five", 204),
    ("another of the same version", COPY, 5, b"other", 409),
    ("an older one", COPY, 4, b"four", 409),
    ("below the fence", FENCED, N - 1, b"x", 409),
    ("at the fence", FENCED, N, b"x", 204),
    ("of an ended session", OVER, 6, b"six", 410),
]


@pytest.mark.parametrize(
    ("record", "version", "state", "status"), [p[1:] for p in PUTS], ids=[p[0] for p in PUTS]
)
def test_which_copies_are_taken(record: Record | None, version: int, state: bytes, status: int) -> None:
    kept, verdict = rules.put(record, version, state, TTL, NOW)
    assert verdict == Verdict(status, record.mark if record and status == 409 else 0)
    if status != 204:
        assert kept is None
        return
    assert kept == Record(TTL, NOW + TTL, version, state, fence=record.fence if record else 0)


def test_a_copy_ends_the_serving() -> None:
    kept, _ = rules.put(SERVED, 5, b"five", TTL, NOW)
    assert kept is not None and not kept.serving


TOUCHES = [(None, 404, 0), (FENCED, 404, 0), (OVER, 410, 0), (COPY, 204, 5)]


@pytest.mark.parametrize(("record", "status", "version"), TOUCHES)
def test_a_touch_keeps_what_is_there(record: Record | None, status: int, version: int) -> None:
    kept, verdict = rules.touch(record, 5, 100, NOW)
    assert verdict == Verdict(status, version)
    assert kept == (COPY._replace(ttl=100, expires=NOW + 100) if status == 204 else None)


def test_a_touch_does_not_keep_what_is_too_old() -> None:
    assert rules.touch(COPY, 6, TTL, NOW) == (None, Verdict(404, 5))


FENCES = [
    ("of nothing", None, N, Verdict(404)),
    ("of a copy", COPY, N, Verdict(200, 5, b"five")),
    ("of what is served", SERVED, N, Verdict(200, 5, b"five")),
    ("not above the version", COPY, 5, Verdict(409, 5)),
    ("not above the last one", FENCED, N, Verdict(409, N)),
    ("above the last one", FENCED, N + 1, Verdict(404)),
    ("of an ended session", OVER, N, Verdict(410)),
]


@pytest.mark.parametrize(("record", "number", "verdict"), [f[1:] for f in FENCES], ids=[f[0] for f in FENCES])
def test_what_a_fence_is_answered(record: Record | None, number: int, verdict: Verdict) -> None:
    kept, answer = rules.fence(record, number, TTL, NOW)
    assert answer == verdict
    if verdict.status in (409, 410):
        assert kept is None
        return
    assert kept is not None and not kept.serving
    assert (kept.fence, kept.expires) == (number, NOW + TTL)


def test_a_fence_is_remembered_as_long_as_what_it_is_round() -> None:
    kept, _ = rules.fence(COPY._replace(expires=NOW + 500), N, 1, NOW)
    assert kept is not None and kept.expires == NOW + 500


def test_nothing_is_kept_less_long_than_it_was_to_be() -> None:
    long = SERVED._replace(expires=NOW + 1000)
    changes = [
        rules.admit(long, request(5), NOW)[0],
        rules.save(long, TICKET, write("five", '{"a":2}', whole=True), TTL, NOW)[0],
        rules.put(long, 6, b"six", TTL, NOW)[0],
        rules.touch(long, 5, TTL, NOW)[0],
        rules.fence(long, N, TTL, NOW)[0],
        rules.end(long, TTL, NOW),
    ]
    assert [record and record.expires for record in changes] == [NOW + 1000] * len(changes)
