"""What each answer of a node leads to."""

from collections.abc import Iterator

import pytest

from limpet_session.shell import FENCE_SECONDS
from sessions.contract.course import (
    MOST_FETCHES,
    MOST_OVERWRITES,
    MOST_SENDS,
    Course,
    Do,
    Keep,
    Step,
    Terms,
    Why,
)
from sessions.contract.headers import Handover, Need, Told
from sessions.contract.messages import ENDED, TAKEN, UNKNOWN, Answer, Kind
from sessions.contract.searching import Found, Where
from sessions.contract.settling import Settled

TERMS = Terms(b"key", 1800, 100)
ID, NEW = "A" * 22, "B" * 21 + "A"
N = 1 << 32
PIN, HEIR = 2, 1


def visiting(version: int = 5, unprotected: bool = False, terms: Terms = TERMS) -> Course:
    course = Course(terms, ID, version, unprotected, minted=False)
    assert course.begin(PIN, settled_there=True) == Step(Do.SEND, PIN, ID)
    return course


def new() -> Course:
    course = Course(TERMS, ID, 0, False, minted=True)
    course.begin(PIN, settled_there=True)
    return course


def fields(course: Course) -> dict[str, str]:
    lines: Iterator[str] = iter(course.fields().decode().split("\r\n")[:-1])
    return dict(line.split(": ", 1) for line in lines)


def test_a_read_goes_straight_through() -> None:
    course = visiting()
    assert fields(course) == {
        "Limpet-Key": "key",
        "Limpet-Session": ID,
        "Limpet-Version": "5",
        "Limpet-TTL": "1800",
    }
    assert course.told(200, Told(5)) == Step(Do.RELEASE, PIN, ID, 5, keep=Keep.TOKEN)


def test_a_new_session_that_nobody_wrote_is_not_copied() -> None:
    course = new()
    assert fields(course)["Limpet-Version"] == "0"
    assert course.told(200, Told(1)) == Step(Do.RELEASE, PIN, ID, 1, keep=Keep.TOKEN)


def test_a_write_is_settled_first() -> None:
    course = visiting()
    assert course.told(200, Told(6, b"s")) == Step(Do.SETTLE, PIN, ID, 6, b"s")
    assert course.settled(Settled.SETTLED) == Step(Do.RELEASE, PIN, ID, 6, keep=Keep.WRITTEN)


def test_a_write_without_its_state_is_fetched() -> None:
    course = visiting()
    assert course.told(200, Told(6)) == Step(Do.FETCH, PIN, ID, 6)
    assert course.fetched(Answer(Kind.HELD, 8, b"s")) == Step(Do.SETTLE, PIN, ID, 8, b"s")


@pytest.mark.parametrize("answer", [None, UNKNOWN, Answer(Kind.HELD, 5, b"old")])
def test_a_state_that_cannot_be_fetched_is_a_502(answer: Answer | None) -> None:
    course = visiting()
    course.told(200, Told(6))
    for _ in range(MOST_FETCHES - 1 if answer is None else 0):  # it may only be slow
        assert course.fetched(None) == Step(Do.FETCH, PIN, ID, 6)
    assert course.fetched(answer) == Step(Do.REFUSE, PIN, ID, status=502, why=Why.STATE_MISSING)


def test_a_state_above_the_limit_is_a_502() -> None:
    assert visiting().told(200, Told(6, bytes(101))).why is Why.STATE_TOO_LARGE
    assert visiting().told(200, Told(6, bytes(100))).do is Do.SETTLE


def test_who_meets_an_unprotected_token_settles_it_again() -> None:
    course = visiting(unprotected=True)
    assert course.told(200, Told(5)) == Step(Do.FETCH, PIN, ID, 5)
    course.fetched(Answer(Kind.HELD, 5, b"s"))
    assert course.settled(Settled.SETTLED) == Step(Do.RELEASE, PIN, ID, 5, keep=Keep.TOKEN)


def test_what_nobody_could_hold_goes_out_and_the_token_says_so() -> None:
    course = visiting()
    course.told(200, Told(6, b"s"))
    assert course.settled(Settled.UNPROTECTED).unprotected


def test_or_is_refused_where_that_is_asked_for() -> None:
    course = visiting(terms=TERMS._replace(refuse_unprotected=True))
    course.told(200, Told(6, b"s"))
    assert course.settled(Settled.UNPROTECTED).why is Why.UNPROTECTED


def test_a_conflict_stops_the_node_with_what_stood_against_it() -> None:
    course = visiting()
    course.told(200, Told(6, b"s"))
    assert course.settled(Settled.CONFLICT, 9 * N) == Step(
        Do.REFUSE, PIN, ID, 9 * N, status=503, why=Why.CONFLICT
    )


def test_with_on_conflict_last_it_is_stored_above_the_others_but_not_for_ever() -> None:
    course = Course(TERMS._replace(sticky=False, overwrite=True), ID, 5, False, minted=False)
    course.begin(PIN, settled_there=False)
    course.found(Found(Where.TAKEOVER, PIN, N - 1, Handover(N, b""), base=5, number=N))
    course.told(200, Told(N + 1, b"s"))
    winner = 9 * N + 3
    for _ in range(MOST_OVERWRITES):
        step = course.settled(Settled.CONFLICT, winner)
        assert (step.do, step.state) == (Do.SETTLE, b"s")
        assert step.version > winner
        winner = step.version + 1
    assert course.settled(Settled.CONFLICT, winner).why is Why.CONFLICT


def test_a_session_that_ended_meanwhile_is_not_acknowledged() -> None:
    course = visiting()
    course.told(200, Told(6, b"s"))
    assert course.settled(Settled.ENDED) == Step(Do.REFUSE, PIN, ID, status=503, why=Why.OVER)
    course = visiting()
    course.told(200, Told(6))
    assert course.fetched(ENDED).why is Why.OVER


@pytest.mark.parametrize("said", [None, UNKNOWN, ENDED, Answer(Kind.HELD, 5, b"s", True)])
def test_a_refusal_that_no_app_has_seen_passes_if_its_node_takes_part(said: Answer | None) -> None:
    course = visiting()
    assert course.told(400, Told()) == Step(Do.ASK, PIN, ID)
    step = course.asked(said)
    if said is None:
        assert (step.do, step.status, step.why) == (Do.REFUSE, 502, Why.NO_CONTRACT)
    else:
        assert step == Step(Do.RELEASE, PIN, ID, keep=Keep.NONE)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (Told(), Why.NO_CONTRACT),
        (Told(4), Why.BROKEN),
        (Told(0), Why.BROKEN),
        (Told(5, need=Need.STATE), Why.CONFLICT),
        (Told(5, need=Need.ID), Why.CONFLICT),
    ],
)
def test_answers_that_are_not_passed_on(told: Told, why: Why) -> None:
    step = visiting().told(200, told)
    assert (step.do, step.why) == (Do.REFUSE, why)
    assert step.status == (503 if why is Why.CONFLICT else 502)


def test_a_node_without_a_version_zero_session_is_broken() -> None:
    assert new().told(200, Told(0)).why is Why.BROKEN


def test_need_state_is_searched_and_sent_again() -> None:
    course = visiting()
    assert course.told(409, Told(77, need=Need.STATE)) == Step(Do.SEARCH, PIN, ID)
    assert course.mark == 77
    found = Found(Where.TAKEOVER, HEIR, 7, Handover(N, b"state"))
    assert course.found(found) == Step(Do.SEND, HEIR, ID)
    sent = fields(course)
    assert (sent["Limpet-Version"], sent["Limpet-Takeover"], sent["Limpet-State"]) == (
        "7",
        str(N),
        "c3RhdGU=",
    )
    assert course.told(200, Told(N, b"state")) == Step(Do.SETTLE, HEIR, ID, N, b"state")


def test_a_takeover_that_the_node_passed_over_is_broken() -> None:
    course = visiting()
    course.told(409, Told(need=Need.STATE))
    course.found(Found(Where.TAKEOVER, HEIR, 7, Handover(N, b"state")))
    assert course.told(200, Told(N - 1, b"s")).why is Why.BROKEN


def test_what_was_handed_over_does_not_bind_a_later_search() -> None:
    course = visiting()
    course.told(409, Told(need=Need.STATE))
    course.found(Found(Where.TAKEOVER, HEIR, 7, Handover(N, b"state")))
    course.told(409, Told(need=Need.STATE))
    course.found(Found(Where.SERVED, 3))
    sent = fields(course)
    assert sent["Limpet-Version"] == "5"
    assert "Limpet-Takeover" not in sent


def test_a_large_state_is_put_before_the_request() -> None:
    course = visiting()
    course.told(409, Told(need=Need.STATE))
    found = Found(Where.TAKEOVER, HEIR, N, Handover(N + 1), b"large")
    assert course.found(found) == Step(Do.PUT, HEIR, ID, N, b"large")
    assert course.put(TAKEN) == Step(Do.SEND, HEIR, ID)
    assert fields(course)["Limpet-Takeover"] == str(N + 1)
    assert course.put(Answer(Kind.REFUSED, 9 * N)).do is Do.SEARCH
    assert course.put(None).do is Do.SEARCH
    assert course.put(ENDED).do is Do.RENAME


def test_need_forever_has_an_end() -> None:
    course = visiting()
    for _ in range(MOST_SENDS - 1):
        assert course.told(409, Told(need=Need.STATE)).do is Do.SEARCH
        assert course.found(Found(Where.SERVED, PIN)).do is Do.SEND
    assert course.told(409, Told(need=Need.STATE)) == Step(
        Do.REFUSE, PIN, ID, status=502, why=Why.NEED_FOREVER
    )


def test_so_has_need_id() -> None:
    course = visiting()
    for _ in range(MOST_SENDS - 1):
        assert course.told(409, Told(need=Need.ID)) == Step(Do.RENAME)
        course.renamed(NEW, HEIR)
    assert course.told(409, Told(need=Need.ID)).why is Why.NEED_FOREVER


@pytest.mark.parametrize(("told", "keep"), [(Told(1), Keep.NONE), (Told(2, b"s"), Keep.WRITTEN)])
def test_a_dead_id_gets_a_token_only_if_the_app_wrote(told: Told, keep: Keep) -> None:
    course = visiting(unprotected=True)
    assert course.told(409, Told(need=Need.ID)).do is Do.RENAME
    assert course.renamed(NEW, HEIR) == Step(Do.SEND, HEIR, NEW)
    assert fields(course)["Limpet-Version"] == "0"
    step = course.told(200, told)
    if step.do is Do.SETTLE:
        step = course.settled(Settled.SETTLED)
    assert (step.session_id, step.keep) == (NEW, keep)


def test_a_search_that_meets_an_end_is_a_new_session() -> None:
    course = Course(TERMS, ID, 5, False, minted=False)
    assert course.begin(HEIR, settled_there=False).do is Do.SEARCH
    assert course.found(Found(Where.ENDED)).do is Do.RENAME


def test_a_search_that_cannot_tell_is_a_503() -> None:
    course = Course(TERMS, ID, 5, False, minted=False)
    course.begin(HEIR, settled_there=False)
    assert course.found(Found(Where.NOT_YET)).why is Why.NOT_FOUND_YET


def test_a_logout_is_held_until_it_is_remembered() -> None:
    course = visiting()
    assert course.told(200, Told(5, ended=True)) == Step(Do.END, PIN, ID)
    assert course.marked() == Step(Do.RELEASE, PIN, ID, keep=Keep.DELETE)


def test_a_logout_that_nobody_remembers_is_refused_where_only_the_store_counts() -> None:
    course = Course(TERMS._replace(sticky=False), ID, 5, False, minted=False)
    course.begin(PIN, settled_there=True)
    course.found(Found(Where.TAKEOVER, PIN, 5, Handover(1 << 32), number=1 << 32, base=5))
    course.told(200, Told((1 << 32) + 1, ended=True))
    refused = course.marked(remembered=False)
    assert (refused.do, refused.status, refused.why) == (Do.REFUSE, 503, Why.UNPROTECTED)
    sticky = visiting()
    sticky.told(200, Told(5, ended=True))
    assert sticky.marked(remembered=False).do is Do.RELEASE


def test_an_end_that_only_a_node_remembers_is_told_to_the_store_where_only_that_counts() -> None:
    course = Course(TERMS._replace(sticky=False), ID, 5, False, minted=False)
    course.begin(PIN, settled_there=True)
    course.found(Found(Where.TAKEOVER, PIN, 5, Handover(1 << 32), number=1 << 32, base=5))
    assert course.told(409, Told(0, need=Need.ID)) == Step(Do.END, PIN, ID)
    assert course.marked() == Step(Do.RENAME)
    course.renamed(NEW, HEIR)
    assert course.told(200, Told(2, b"s")) == Step(Do.SETTLE, HEIR, NEW, 2, b"s")

    course = Course(TERMS._replace(sticky=False), ID, 5, False, minted=False)
    course.begin(PIN, settled_there=True)
    course.found(Found(Where.TAKEOVER, PIN, 5, Handover(1 << 32), put=b"s", number=1 << 32, base=5))
    assert course.put(Answer(Kind.ENDED)) == Step(Do.END, PIN, ID)
    refused = course.marked(remembered=False)
    assert (refused.do, refused.status, refused.why) == (Do.REFUSE, 503, Why.UNPROTECTED)


def test_a_login_settles_the_new_id_and_ends_the_old_one() -> None:
    course = visiting()
    assert course.told(200, Told(6, b"s", renewed=NEW)) == Step(Do.SETTLE, PIN, NEW, 6, b"s")
    assert course.settled(Settled.SETTLED) == Step(Do.END, PIN, ID)
    assert course.marked() == Step(Do.RELEASE, PIN, NEW, 6, keep=Keep.WRITTEN)


def test_who_is_refused_again_waits_longer_than_a_fence_may_take() -> None:
    course, pauses = visiting(), []
    for _ in range(MOST_SENDS - 1):
        assert course.told(409, Told(5, need=Need.STATE)).do is Do.SEARCH
        pauses.append(course.pause)
        course.found(Found(Where.SERVED, PIN, 5))
    assert pauses[0] == 0.0
    assert pauses == sorted(pauses)
    assert sum(pauses) > FENCE_SECONDS


def test_a_request_that_failed_goes_where_the_session_is() -> None:
    assert visiting().moved(ID, HEIR) == Step(Do.SEARCH, HEIR, ID)


def test_a_read_whose_state_was_lost_begins_anew_elsewhere() -> None:
    """Also one that logged in: the node that knew the new id is gone."""
    course = visiting()
    course.told(200, Told(6, renewed=NEW))
    for _ in range(MOST_FETCHES):
        step = course.fetched(None)
    assert step.why is Why.STATE_MISSING
    assert course.moved(ID, HEIR) == Step(Do.SEARCH, HEIR, ID)
    course.found(Found(Where.SERVED, HEIR, 5))
    assert course.told(200, Told(6)) == Step(Do.FETCH, HEIR, ID, 6)
    assert course.fetched(None).do is Do.FETCH
    assert course.fetched(Answer(Kind.HELD, 6, b"s")) == Step(Do.SETTLE, HEIR, ID, 6, b"s")
    assert course.settled(Settled.SETTLED) == Step(Do.RELEASE, HEIR, ID, 6, keep=Keep.WRITTEN)


def test_one_without_a_token_goes_on_as_another_session() -> None:
    """Whatever stood behind the first id: the node that failed may serve it."""
    course = new()
    course.told(409, Told(N, need=Need.STATE))
    course.found(Found(Where.NEW, HEIR, 0, Handover(2 * N)))
    assert course.moved(NEW, 0) == Step(Do.SEND, 0, NEW)
    assert fields(course)["Limpet-Version"] == "0"
    assert "Limpet-Takeover" not in fields(course)
    assert course.mark == 0
    assert course.told(200, Told(1)) == Step(Do.RELEASE, 0, NEW, 1, keep=Keep.TOKEN)


def test_a_token_from_before_the_contract_is_no_new_session() -> None:
    """Its node may hold nothing, and then it is searched for, so that one node alone serves it."""
    course = visiting(version=0)
    assert fields(course)["Limpet-Version"] == "1"
    assert course.moved(ID, HEIR).do is Do.SEARCH


def test_without_stickiness_a_read_leaves_the_store_as_it_is() -> None:
    course = Course(TERMS._replace(sticky=False), ID, 5, False, minted=False)
    course.begin(HEIR, settled_there=False)
    course.found(Found(Where.TAKEOVER, HEIR, N - 1, Handover(N, b"s"), base=7, number=N))
    assert course.told(200, Told(N, b"s")) == Step(Do.RELEASE, HEIR, ID, 7, keep=Keep.WRITTEN)


def test_without_stickiness_the_tokens_node_is_one_of_many() -> None:
    course = Course(TERMS._replace(sticky=False), ID, 5, False, minted=False)
    assert course.begin(PIN, settled_there=True).do is Do.SEARCH
    minted = Course(TERMS._replace(sticky=False), ID, 0, False, minted=True)
    assert minted.begin(PIN, settled_there=True).do is Do.SEND


def test_and_a_write_says_what_it_was_made_from() -> None:
    course = Course(TERMS._replace(sticky=False), ID, 5, False, minted=False)
    course.begin(HEIR, settled_there=False)
    course.found(Found(Where.TAKEOVER, HEIR, N - 1, Handover(N, b"s"), base=7, number=N))
    assert course.told(200, Told(N + 1, b"t")) == Step(Do.SETTLE, HEIR, ID, N + 1, b"t", base=7)
