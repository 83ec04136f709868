"""Where a session is found, and what is said when it is not."""

from collections.abc import Iterable, Mapping

import pytest

from sessions.contract.headers import STATE_IN_HEADER, Handover
from sessions.contract.messages import ENDED, STORE, UNKNOWN, Action, Answer, Call, Kind
from sessions.contract.searching import MOST_ROUNDS, Around, Found, Rules, Search, Where
from sessions.contract.versions import VERSION_LIMIT, fencing_number

RULES = Rules(replicas=1, store=False, tolerated=1)
WITH_STORE = RULES._replace(store=True)
UNSTICKY = Rules(0, True, 0, sticky=False)
ORDER = (3, 1, 0, 2)
EPOCH = 1 << 32


def around(
    down: Iterable[int] = (), given_up: Iterable[int] = (), store: bool = False, heir: int = -2
) -> Around:
    up = frozenset(ORDER) - set(down) | ({STORE} if store else set())
    ready = frozenset(up - {STORE})
    first = next((node for node in ORDER if node in ready), -1)
    return Around(ORDER, up, ready, frozenset(given_up), first if heir == -2 else heir)


def held(version: int, state: bytes = b"s", serving: bool = False) -> Answer:
    return Answer(Kind.HELD, version, state, serving)


def search(around: Around, expected: int = 5, pin: int = 2, rules: Rules = RULES, above: int = 0) -> Search:
    return Search(rules, around, pin, expected, lambda: 7, above=above)


def answer(search: Search, actions: list[Action], answers: Mapping[int, Answer]) -> list[Action]:
    """Answer all calls, and return those that follow."""
    following = []
    for action in actions:
        following += search.answered(action, answers.get(action.target, UNKNOWN))
    return following


def finish(search: Search, answers: Mapping[int, Answer]) -> Found:
    """Answer whatever is asked, fences as if nobody served any more."""
    actions = search.start()
    while search.found is None:
        if search.pause:
            actions = search.start()
        fenced = [action for action in actions if action.call is Call.FENCE]
        told = {k: v._replace(serving=False) for k, v in answers.items()} if fenced else answers
        actions = answer(search, actions, told)
    return search.found


def test_first_the_pin_and_the_first_of_the_order_that_are_up_are_asked() -> None:
    actions = search(around(down=[3]), pin=2).start()
    assert actions == [Action(Call.GET, 0), Action(Call.GET, 1), Action(Call.GET, 2)]
    six = Around((5, 4, 3, 2, 1, 0), frozenset(range(6)), frozenset(range(6)), frozenset(), 5)
    assert [action.target for action in search(six, pin=0).start()] == [0, 3, 4, 5]
    assert [action.target for action in search(six, pin=-2, rules=WITH_STORE).start()] == [3, 4, 5]


def test_what_is_served_stays_where_it_is() -> None:
    assert finish(search(around()), {0: held(7, serving=True), 1: held(7)}) == Found(
        Where.SERVED, 0, 5, source=0
    )


def test_who_serves_an_older_version_or_an_older_owners_does_not_count() -> None:
    assert finish(search(around()), {0: held(4, serving=True), 1: held(5)}).where is Where.TAKEOVER
    stale = {0: held(7, serving=True), 1: held(EPOCH + 1)}
    assert finish(search(around()), stale).handover.number == fencing_number(EPOCH + 1, 7)
    overtaken = search(around(), above=3 * EPOCH)
    assert finish(overtaken, {0: held(7, serving=True)}).handover.number > 4 * EPOCH


def test_a_write_that_was_refused_does_not_count_nor_what_its_owner_made_of_it() -> None:
    for version, serving in ((6, True), (9, False)):
        here = Search(RULES, around(), 2, 5, lambda: 7, without=(2, 6))
        found = finish(here, {2: held(version, b"refused", serving), 1: held(5, b"good")})
        number = fencing_number(version, 7)
        assert found == Found(Where.TAKEOVER, 3, 5, Handover(number, b"good"), None, 1, 5)
    for answers in ({2: held(5, serving=True)}, {2: held(EPOCH, serving=True)}, {0: held(6, serving=True)}):
        assert finish(Search(RULES, around(), 2, 5, lambda: 7, without=(2, 6)), answers).where is Where.SERVED


def test_who_may_not_take_requests_is_taken_over_from() -> None:
    draining = around()._replace(ready=frozenset({1, 2, 3}), heir=3)
    assert finish(search(draining), {0: held(7, serving=True)}) == Found(
        Where.TAKEOVER, 3, 7, Handover(fencing_number(7, 7), b"s"), None, 0, 7
    )


def test_an_owner_far_from_the_order_is_found_before_anything_is_fenced() -> None:
    six = Around((5, 4, 3, 2, 1, 0), frozenset(range(6)), frozenset(range(6)), frozenset(), 5)
    assert finish(search(six, pin=4), {5: held(9), 0: held(9, serving=True)}).node == 0


def test_the_highest_that_the_fences_return_is_handed_over() -> None:
    here = search(around(down=[2]))
    number = fencing_number(6, 7)
    fences = answer(here, here.start(), {1: held(6), 0: held(5)})
    assert fences == [Action(Call.FENCE, 3, number)]  # the heir
    fences = answer(here, fences, {})
    assert fences == [Action(Call.FENCE, 0, number), Action(Call.FENCE, 1, number)]
    answer(here, fences, {1: held(8, b"newer"), 0: held(5)})
    assert here.found == Found(Where.TAKEOVER, 3, 8, Handover(fencing_number(6, 7), b"newer"), None, 1, 8)


def test_who_is_to_hold_what_its_owner_saved_is_fenced_when_it_does() -> None:
    """A write that another proxy's request has made just before its fence is copied meanwhile."""
    here = search(around(), pin=2)
    here.around = here.around._replace(ready=frozenset({0, 1, 3}))
    known = {2: held(7, serving=True), 3: held(6), 1: held(6)}
    fences = answer(here, here.start(), known)
    assert fences == [Action(Call.FENCE, 2, fencing_number(7, 7))]
    for _ in range(2):
        assert answer(here, fences, {**known, 2: held(8, b"last")}) == []
        assert here.pause > 0 and here.found is None
        fences = here.start()
        assert [(action.call, action.target) for action in fences] == [(Call.GET, i) for i in (0, 1, 3)]
    fences = answer(here, fences, {3: held(8, b"last"), 1: held(6)})
    assert fences == [Action(Call.FENCE, 3, fencing_number(7, 7))]
    fences = answer(here, fences, {3: held(8, b"last")})
    answer(here, fences, {1: held(6)})
    assert here.found == Found(Where.TAKEOVER, 3, 8, Handover(fencing_number(7, 7)), None, 2, 8)


def test_a_copy_that_nobody_makes_is_not_waited_for_for_long() -> None:
    here = search(around(), pin=2)
    here.around = here.around._replace(ready=frozenset({0, 1, 3}))
    actions, waited = here.start(), 0.0
    while here.found is None:
        waited += here.pause
        actions = answer(here, here.start() if here.pause else actions, {2: held(8, b"alone")})
    assert 0.1 < waited < 0.5
    assert here.found.handover.state == b"alone"


def test_a_silence_while_copies_are_made_begins_the_search_again() -> None:
    here = search(around(), pin=2)
    here.around = here.around._replace(ready=frozenset({0, 1, 3}))
    answer(here, answer(here, here.start(), {2: held(8, serving=True)}), {2: held(8)})
    assert here.pause
    again = here.silent(here.start()[0])
    assert [(action.call, action.target) for action in again] == [(Call.GET, i) for i in range(4)]


def test_an_heir_that_has_it_gets_no_state() -> None:
    assert finish(search(around(down=[2])), {3: held(6)}).handover == Handover(fencing_number(6, 7))


def test_a_state_too_large_for_a_header_is_put_above_the_fence() -> None:
    large = bytes(STATE_IN_HEADER + 1)
    number = fencing_number(6, 7)
    found = finish(search(around(down=[2])), {1: held(6, large)})
    assert found == Found(Where.TAKEOVER, 3, number, Handover(number + 1), large, 1, 6)


def test_a_rivals_fence_is_met_by_a_pause_and_a_higher_number() -> None:
    here = search(around(down=[2]))
    fences = answer(here, here.start(), {1: held(6)})
    assert here.answered(fences[0], Answer(Kind.REFUSED, 9 * EPOCH)) == []
    assert here.pause > 0
    again = answer(here, here.start(), {1: held(6)})
    assert {action.number for action in again} == {fencing_number(9 * EPOCH, 7)}


def test_answers_of_an_earlier_round_say_nothing() -> None:
    here = search(around(down=[2]))
    first = here.start()
    here.silent(first[0])
    assert here.answered(first[1], ENDED) == []
    assert here.found is None


def test_who_is_up_has_to_answer_and_the_search_has_an_end() -> None:
    here = search(around())
    actions = here.start()
    for _ in range(MOST_ROUNDS):
        assert here.found is None
        actions = here.silent(actions[0])
    assert here.found == Found(Where.NOT_YET)


def test_who_goes_down_meanwhile_need_not() -> None:
    here = search(around())
    actions = here.start()
    here.around = around(down=[2])
    pin = next(action for action in actions if action.target == 2)
    here.silent(pin)
    rest = [action for action in actions if action is not pin]
    assert {action.call for action in answer(here, rest, {1: held(6)})} == {Call.FENCE}


def test_what_somebody_had_who_died_after_saying_so_is_not_lost() -> None:
    here = search(around(down=[2]))
    fences = answer(here, answer(here, here.start(), {1: held(6, b"last words")}), {})
    here.around = around(down=[2, 1])
    for action in fences:
        if action.target == 1:
            here.silent(action)
        else:
            here.answered(action, UNKNOWN)
    assert here.found is not None
    assert here.found.handover.state == b"last words"


@pytest.mark.parametrize("at", ["asked", "fenced"])
def test_one_410_ends_it(at: str) -> None:
    here = search(around(down=[2]))
    actions = here.start()
    if at == "fenced":
        actions = answer(here, actions, {1: held(6)})
    here.answered(actions[0], ENDED)
    assert here.found == Found(Where.ENDED)


@pytest.mark.parametrize(
    ("expected", "down", "given_up", "found", "where"),
    [
        (5, [], [], {}, Where.LOST),
        (5, [2], [], {}, Where.NOT_YET),
        (5, [2], [2], {}, Where.LOST),
        (5, [2, 1], [2], {}, Where.NOT_YET),
        (5, [], [], {1: held(4)}, Where.STALE),
        (5, [2], [], {1: held(4)}, Where.NOT_YET),
        (5, [2], [2], {1: held(4)}, Where.STALE),
        (5, [2], [], {1: held(5)}, Where.TAKEOVER),
        (1, [], [], {}, Where.NEW),
        (1, [2], [], {}, Where.NEW),
        (1, [2, 1], [], {}, Where.NOT_YET),
        (1, [2, 1], [1], {}, Where.NEW),
        (1, [2], [], {1: held(3)}, Where.TAKEOVER),
    ],
)
def test_lost_and_stale_are_said_only_when_everybody_has_answered(
    expected: int, down: list[int], given_up: list[int], found: dict[int, Answer], where: Where
) -> None:
    assert finish(search(around(down, given_up), expected), found).where is where


def test_a_store_that_does_not_answer_may_have_it() -> None:
    assert finish(search(around(), rules=WITH_STORE), {}).where is Where.NOT_YET
    assert finish(search(around(given_up=[STORE]), rules=WITH_STORE), {}).where is Where.LOST
    assert finish(search(around(store=True), rules=WITH_STORE), {STORE: held(5)}).source == STORE


def test_what_is_handed_over_of_a_lost_and_of_a_stale_session() -> None:
    number = fencing_number(5, 7)
    assert finish(search(around()), {}) == Found(Where.LOST, 3, 0, Handover(number))
    stale = {1: held(4, b"old")}
    assert finish(search(around()), stale).handover == Handover(number, b"old", 5)
    empty = finish(search(around(), rules=RULES._replace(on_stale_empty=True)), stale)
    assert (empty.version, empty.handover) == (5, Handover(number, b"", 5))


def test_nobody_to_take_it_over_is_not_the_end_of_it() -> None:
    assert finish(search(around(heir=-1)), {1: held(6)}).where is Where.NOT_YET


def test_a_store_that_has_answered_is_no_heir_when_all_nodes_have_gone() -> None:
    """Its number is that of no heir."""
    here = search(around(store=True), rules=WITH_STORE)
    fences = answer(here, here.start(), {STORE: held(6)})
    assert fences == [Action(Call.FENCE, 3, fences[0].number)]
    here.around = around(down=ORDER, store=True)
    fences = here.silent(fences[0])
    assert fences == [Action(Call.FENCE, STORE, fences[0].number)]
    here.answered(fences[0], held(6))
    assert here.found == Found(Where.NOT_YET)


def test_a_waiter_with_a_newer_token_is_not_satisfied_with_less() -> None:
    here = search(around(down=[2]), expected=5)
    actions = here.start()
    here.expected = 9
    answer(here, actions, {1: held(6)})
    assert here.found == Found(Where.NOT_YET)


def test_versions_that_have_run_out_end_the_session() -> None:
    assert finish(search(around()), {1: held(VERSION_LIMIT - 5)}).where is Where.ENDED


def test_to_look_only_fences_nobody() -> None:
    here = Search(RULES, around(), 2, 5, lambda: 0, look_only=True)
    assert finish(here, {1: held(6)}).where is Where.NOT_YET
    here = Search(RULES, around(), 2, 5, lambda: 0, look_only=True)
    assert finish(here, {1: held(6, serving=True)}).where is Where.SERVED


def test_without_stickiness_only_the_store_is_asked_and_nobody_fenced() -> None:
    here = search(around(store=True), rules=UNSTICKY)
    assert here.start() == [Action(Call.GET, STORE)]
    assert here.answered(Action(Call.GET, STORE), held(6)) == []  # equal, but not the call that was made
    here = search(around(store=True), rules=UNSTICKY)
    answer(here, here.start(), {STORE: held(6)})
    number = fencing_number(6, 7)
    whole = Found(Where.TAKEOVER, 3, number, Handover(number + 1, b"s"), None, STORE, 6, number + 1)
    assert here.found == whole
    nothing = finish(search(around(store=True), expected=1, rules=UNSTICKY), {STORE: UNKNOWN})
    assert nothing.where is Where.NEW
    here = search(around(store=True), expected=5, rules=UNSTICKY)
    asked = here.start()
    here.expected = 7  # of somebody who has joined, and was answered after the store was
    again = answer(here, asked, {STORE: held(6)})
    assert [action.call for action in again] == [Call.GET]
    answer(here, again, {STORE: held(7)})
    assert here.found is not None
    assert here.found.base == 7
    assert nothing.handover.state == b""  # in place of a write that the store has refused
    assert finish(search(around(), rules=UNSTICKY), {}).where is Where.NOT_YET
