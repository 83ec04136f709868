"""Where one session should be."""

import pytest

from sessions.contract.homes import KNOWN_ENDED, Entry, Homes, Job, Roles, Work
from sessions.contract.messages import STORE
from sessions.contract.versions import next_lineage

ALL = frozenset(range(4))
ROLES = Roles(ALL, ALL, frozenset(), frozenset(), replicas=1)
STORED = ROLES._replace(replicas=0)
ORDER = (3, 1, 0, 2)
EPOCH = 1 << 32


def entry(version: int, serving: bool = False, ended: bool = False) -> Entry:
    return Entry("id", version, 60, serving, ended)


def jobs(entries: dict[int, Entry], roles: Roles = ROLES) -> list[Job]:
    return Homes(roles, lambda name: iter(ORDER)).judge(entries).jobs


def copy(node: int, source: int, number: int) -> Job:
    return Job(Work.COPY, "id", node, 60, source, number)


def stop(node: int, number: int) -> Job:
    return Job(Work.STOP, "id", node, 60, number=number)


def move(node: int, number: int) -> Job:
    return Job(Work.MOVE, "id", node, 60, number=number)


def test_what_is_where_it_should_be_is_left_alone() -> None:
    assert jobs({2: entry(7, serving=True), 3: entry(7)}) == []
    assert jobs({2: entry(1, serving=True)}) == []


@pytest.mark.parametrize("lacking", [{}, {3: entry(6)}])
def test_a_copy_that_is_missing_or_older_is_made(lacking: dict[int, Entry]) -> None:
    assert jobs({2: entry(7, serving=True), **lacking}) == [copy(3, 2, 7)]


def test_without_an_owner_one_more_holds_it() -> None:
    assert jobs({2: entry(7)}) == [copy(3, 2, 7), copy(1, 2, 7)]
    assert jobs({3: entry(7), 1: entry(7)}) == []


def test_who_is_stuck_serves_nothing_more() -> None:
    roles = ROLES._replace(ready=frozenset({0, 1, 3}), syncing=frozenset({2}), stuck=frozenset({2}))
    assert jobs({2: entry(7, serving=True), 3: entry(7)}, roles) == [stop(2, next_lineage(7))]
    assert jobs({1: entry(7, serving=True), 3: entry(7)}, roles) == []


def test_who_is_not_ready_gets_no_copy_and_its_copies_are_homed_anew() -> None:
    roles = ROLES._replace(ready=frozenset({0, 1, 2}), leaving=frozenset({3}))
    assert jobs({2: entry(7, serving=True), 3: entry(7)}, roles) == [copy(1, 2, 7)]


def test_who_serves_what_was_overtaken_is_stopped() -> None:
    roles = ROLES._replace(ready=ALL - {0}, syncing=frozenset({0}))
    newest = EPOCH + 4
    entries = {0: entry(9, serving=True), 2: entry(newest, serving=True), 3: entry(newest)}
    assert jobs(entries, roles) == [stop(0, newest)]


def test_a_copy_one_ahead_of_its_owners_list_stops_nobody() -> None:
    assert jobs({2: entry(7, serving=True), 3: entry(8)}) == []


def test_a_leaving_owner_is_stopped_and_two_others_get_it() -> None:
    roles = ROLES._replace(ready=ALL - {2}, leaving=frozenset({2}))
    assert jobs({2: entry(7, serving=True), 3: entry(7)}, roles) == [move(2, next_lineage(7)), copy(1, 2, 7)]


@pytest.mark.parametrize(
    ("entries", "left"),
    [
        ({2: entry(7, serving=True), 3: entry(7), 1: entry(7)}, (2,)),
        ({2: entry(7), 3: entry(7)}, (2,)),
        ({2: entry(7), 3: entry(7), 1: entry(7)}, ()),
        ({2: entry(6), 3: entry(7), 1: entry(7)}, ()),
        ({2: entry(1)}, ()),
        ({2: entry(7, ended=True)}, ()),
    ],
)
def test_what_is_left_on_a_leaving_node(entries: dict[int, Entry], left: tuple[int, ...]) -> None:
    roles = ROLES._replace(ready=ALL - {2}, leaving=frozenset({2}))
    assert Homes(roles, lambda name: iter(ORDER)).judge(entries).left == left


def test_sessions_move_home_as_far_as_that_is_asked_for() -> None:
    homes = Homes(ROLES._replace(moves=1), lambda name: iter(ORDER))
    entries = {2: entry(7, serving=True), 3: entry(7)}
    assert homes.judge({3: entry(7, serving=True), 1: entry(7)}).jobs == []
    assert homes.judge(entries).jobs == [move(2, next_lineage(7))]
    assert homes.judge(entries).jobs == []


def test_an_end_is_told_to_all_who_have_it_and_to_all_who_would() -> None:
    ends = jobs({2: entry(0, ended=True), 0: entry(9, serving=True)})
    assert ends == [Job(Work.END, "id", node, 60) for node in (0, 1, 3)]
    assert jobs({2: entry(0, ended=True), 0: entry(0, ended=True)}) == []


@pytest.mark.parametrize(
    ("roles", "stored", "told"),
    [
        (STORED._replace(marks=True), 0, True),
        (STORED._replace(marks=True), 7, True),
        (STORED._replace(marks=True), KNOWN_ENDED, False),
        (STORED._replace(marks=True, sticky=False), 0, False),
        (STORED, 0, False),
        (ROLES._replace(marks=True), 0, True),
    ],
)
def test_a_store_is_told_of_an_end_unless_it_is_known_to_know(roles: Roles, stored: int, told: bool) -> None:
    homes = Homes(roles, lambda name: iter(ORDER), lambda name: stored)
    verdict = homes.judge({2: entry(0, ended=True)})
    assert (Job(Work.END, "id", STORE, 60) in verdict.jobs) == told


@pytest.mark.parametrize(
    ("roles", "checked"),
    [
        (STORED, False),
        (STORED._replace(behind=True), True),
        (STORED._replace(ready=ALL - {2}, syncing=frozenset({2})), True),
    ],
)
def test_a_store_is_compared_after_either_was_away(roles: Roles, checked: bool) -> None:
    check = Job(Work.CHECK, "id", 2, 60, number=7)
    assert jobs({2: entry(7, serving=True)}, roles) == ([check] if checked else [])
    assert jobs({2: entry(7)}, roles) == []


def test_a_store_that_was_away_lacks_no_session_that_was_never_written() -> None:
    behind = ROLES._replace(replicas=0, behind=True)
    assert jobs({2: entry(1, serving=True)}, behind) == []
    back = behind._replace(syncing=frozenset({2}))
    assert jobs({2: entry(1, serving=True)}, back) == [Job(Work.CHECK, "id", 2, 60, number=1)]


@pytest.mark.parametrize(
    ("entries", "copies"),
    [
        ({2: entry(7, serving=True)}, 0),
        ({2: entry(7, serving=True), 3: entry(6)}, 0),
        ({2: entry(7, serving=True), 3: entry(7)}, 1),
        ({1: entry(7), 3: entry(7), 0: entry(7)}, 2),
        ({2: entry(1, serving=True)}, -1),
    ],
)
def test_copies_are_counted_besides_the_one_that_serves(entries: dict[int, Entry], copies: int) -> None:
    assert Homes(ROLES, lambda name: iter(ORDER)).judge(entries).copies == copies


def test_a_syncing_owner_stays_an_owner_and_needs_no_more_copies() -> None:
    roles = ROLES._replace(ready=ALL - {0}, syncing=frozenset({0}))
    assert jobs({0: entry(7, serving=True), 3: entry(7)}, roles) == []


def test_without_copies_or_store_only_what_leaves_is_copied() -> None:
    alone = ROLES._replace(replicas=0, store=False)
    assert jobs({2: entry(7, serving=True)}, alone) == []
    leaving = alone._replace(ready=ALL - {2}, leaving=frozenset({2}))
    entries = {2: entry(7, serving=True)}
    assert jobs(entries, leaving) == [move(2, next_lineage(7)), copy(3, 2, 7)]
    assert Homes(leaving, lambda name: iter(ORDER)).judge({2: entry(7)}).left == (2,)
    assert Homes(leaving, lambda name: iter(ORDER)).judge({2: entry(7), 3: entry(7)}).left == ()


def test_without_stickiness_what_nodes_have_is_no_matter() -> None:
    roles = STORED._replace(syncing=frozenset({2}), behind=True, leaving=frozenset({1}), sticky=False)
    assert jobs({2: entry(7, serving=True), 1: entry(EPOCH, serving=True)}, roles) == []
    assert jobs({2: entry(7, ended=True), 1: entry(6)}, roles) != []


def test_a_fallback_gets_what_too_few_nodes_can_hold() -> None:
    few = ROLES._replace(ready=frozenset({2}), listed=frozenset({2}), fallback=True)
    entries = {2: entry(7, serving=True)}
    assert jobs(entries, few) == [copy(STORE, 2, 7)]
    assert jobs(entries, few._replace(fallback=False)) == []
    assert jobs({2: entry(1, serving=True)}, few) == []
    verdict = Homes(few, lambda name: iter(ORDER), lambda name: 7).judge(entries)
    assert (verdict.jobs, verdict.copies) == ([], 1)
    assert jobs({2: entry(7, serving=True), 3: entry(7)}, ROLES._replace(fallback=True)) == []


def test_what_leaves_a_node_is_in_the_fallback_first() -> None:
    """The leaving one has the only copy."""
    few = ROLES._replace(ready=frozenset({2}), leaving=frozenset({3}), fallback=True)
    entries = {2: entry(7, serving=True), 3: entry(7)}
    assert Homes(few, lambda name: iter(ORDER)).judge(entries).left == (3,)
    assert Homes(few, lambda name: iter(ORDER), lambda name: 7).judge(entries).left == ()
