"""A pass over the lists of all nodes."""

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.contract.homes import KNOWN_ENDED, Entry, Job, Roles, Work
from sessions.contract.messages import STORE
from sessions.contract.reconciling import Page, Reconciliation

ALL = frozenset(range(3))
ROLES = Roles(ALL, ALL, frozenset(), frozenset(), replicas=1)

Lists = dict[int, dict[str, Entry]]


def order(name: str) -> Iterator[int]:
    return iter((0, 1, 2))


def run(work: Reconciliation, lists: Lists, page: int = 2, rate: int = 3) -> list[Job]:
    """Answer all pages, and finish all jobs."""
    done: list[Job] = []
    pages = work.start()
    while not work.done:
        for wanted in pages:
            names = sorted(name for name in lists[wanted.node] if name > wanted.after)
            entries = [lists[wanted.node][name] for name in names[:page]]
            pages = [*pages[1:], *work.listed(wanted.node, entries, len(names) <= page)]
        for job in work.take(rate):
            done.append(job)
            work.finished(job, ok=True)
        pages += work.advance()
    return done


names = st.text("abcdef", min_size=1, max_size=2)
versions = st.builds(lambda version, serving: (version, serving), st.integers(1, 4), st.booleans())
lists = st.fixed_dictionaries({node: st.dictionaries(names, versions, max_size=9) for node in range(3)})


@given(lists, st.integers(1, 4), st.integers(1, 3))
def test_pages_of_any_size_are_the_same_pass(
    drawn: dict[int, dict[str, tuple[int, bool]]], page: int, rate: int
) -> None:
    full: Lists = {
        node: {name: Entry(name, version, 60, serving, False) for name, (version, serving) in entries.items()}
        for node, entries in drawn.items()
    }
    small, whole = Reconciliation(ROLES, order), Reconciliation(ROLES, order)
    assert run(small, full, page, rate) == run(whole, full, 100, 100)
    written = {name for entries in full.values() for name, entry in entries.items() if entry.version > 1}
    assert sum(small.copies) == sum(whole.copies) == len(written)
    assert small.serving == Counter(
        node for node, entries in full.items() for entry in entries.values() if entry.serving
    )
    assert small.holding == Counter(
        node for node, entries in full.items() for entry in entries.values() if not entry.serving
    )


def test_copies_that_the_pass_has_made_count_and_those_that_failed_do_not() -> None:
    lists: Lists = {0: {name: Entry(name, 5, 60, True, False) for name in "abcd"}, 1: {}, 2: {}}
    lists[1] = {"a": Entry("a", 5, 60, False, False), "b": Entry("b", 4, 60, False, False)}
    protected: list[tuple[str, int]] = []
    lists[1]["e"] = lists[2]["e"] = Entry("e", 6, 60, False, False)
    lists[0]["e"] = Entry("e", 6, 60, True, False)
    work = Reconciliation(
        ROLES._replace(replicas=2), order, lambda name, version: protected.append((name, version))
    )
    pages = work.start()
    for page in pages:
        work.listed(page.node, list(lists[page.node].values()), last=True)
    assert work.copies == [3, 1, 1] and protected == [("e", 6)]
    for job in work.take(100):
        work.finished(job, ok=(job.session_id, job.node) not in {("c", 1), ("d", 1), ("d", 2)})
    assert work.done and work.copies == [1, 1, 3]  # d, c, the others


def test_what_a_store_has_taken_is_known_to_the_next_pass() -> None:
    """Ends; copies while it has to stand in for nodes, for otherwise they may expire there."""
    lists: Lists = {
        0: {"a": Entry("a", 5, 60, True, False), "b": Entry("b", 0, 60, False, True)},
        1: {"b": Entry("b", 0, 60, False, True)},
    }
    alone = Roles(
        frozenset({0, 1}), frozenset({0}), frozenset(), frozenset(), replicas=1, marks=True, fallback=True
    )
    first = Reconciliation(alone, order)
    told = run(first, lists)
    assert [(job.session_id, job.work) for job in told if job.node == STORE] == [
        ("a", Work.COPY),
        ("b", Work.END),
    ]
    assert first.known == {"a": 5, "b": KNOWN_ENDED}
    second = Reconciliation(alone, order, stored=first.known)
    assert run(second, lists) == []
    assert second.known == first.known
    third = Reconciliation(alone._replace(ready=frozenset({0, 1}), fallback=False), order, stored=first.known)
    assert [job.node for job in run(third, lists)] == [1]
    assert third.known == {"b": KNOWN_ENDED}


def test_only_nodes_that_answer_are_asked() -> None:
    work = Reconciliation(ROLES._replace(listed=frozenset({0, 2})), order)
    assert work.start() == [Page(0, ""), Page(2, "")]
    assert work.listed(0, [], last=True) == []
    assert not work.done
    assert work.listed(2, [], last=True) == []
    assert work.done


def test_a_page_that_nobody_asked_for_is_passed_over() -> None:
    work = Reconciliation(ROLES, order)
    assert work.listed(0, [Entry("a", 2, 60, True, False)], last=True) == []
    assert len(work.start()) == 3


def syncing(lists: Lists, fails: bool = False, silent: bool = False) -> frozenset[int]:
    work = Reconciliation(ROLES._replace(ready=frozenset({0, 1}), syncing=frozenset({2})), order)
    for page in work.start():
        if silent and page.node == 1:
            work.silent(1)
        else:
            work.listed(page.node, list(lists[page.node].values()), last=True)
    for job in work.take(10):
        assert work.in_step == frozenset()
        work.finished(job, ok=not fails or job.work is not Work.STOP)
    return work.in_step


def test_who_comes_back_is_in_step_when_it_knows_what_moved_on() -> None:
    moved: Lists = {
        0: {"a": Entry("a", (1 << 32) + 1, 60, True, False)},
        1: {"a": Entry("a", (1 << 32) + 1, 60, False, False)},
        2: {"a": Entry("a", 9, 60, True, False)},
    }
    assert syncing(moved) == {2}
    assert syncing(moved, fails=True) == frozenset()
    assert syncing(moved, silent=True) == frozenset()
    assert syncing({0: {}, 1: {}, 2: {}}) == {2}


@pytest.mark.parametrize("silent", [0, 1, 2])
@pytest.mark.parametrize("fails", [False, True])
def test_who_cannot_be_told_is_in_step_when_it_serves_nothing_more(silent: int, fails: bool) -> None:
    lists: Lists = {
        0: {},
        1: {"a": Entry("a", 9, 60, False, False)},
        2: {"a": Entry("a", 9, 60, True, False), "b": Entry("b", 1, 60, True, False)},
    }
    roles = ROLES._replace(ready=frozenset({0, 1}), syncing=frozenset({2}), stuck=frozenset({2}))
    work = Reconciliation(roles, order)
    for page in work.start():
        if page.node == silent:
            work.silent(page.node)
        else:
            work.listed(page.node, list(lists[page.node].values()), last=True)
    jobs = work.take(10)
    for job in jobs:
        assert work.in_step == frozenset()
        work.finished(job, ok=not fails)
    stopped = [job.session_id for job in jobs if job.work is Work.STOP]
    if silent == 2:
        assert work.in_step == frozenset()
    else:
        assert stopped == ["a", "b"]
        assert work.in_step == (frozenset() if fails else {2})


def test_jobs_that_pile_up_hold_back_the_pages() -> None:
    many = [Entry(f"{i:06}", 2, 60, True, False) for i in range(3000)]
    work = Reconciliation(ROLES, order)
    work.start()
    work.listed(1, [], last=True)
    work.listed(2, [], last=True)
    assert work.listed(0, many, last=False) == []
    assert len(work.jobs) < len(many)
    pages = []
    while work.take(100):
        pages += work.advance()
    assert pages == [Page(0, many[-1].id)]


def test_a_step_looks_at_a_few_sessions_however_many_have_come() -> None:
    many = [Entry(f"{i:06}", 2, 60, True, False) for i in range(1000)]
    work = Reconciliation(ROLES._replace(replicas=0), order)
    work.start()
    work.listed(1, [], last=True)
    work.listed(2, [], last=True)
    assert not work.ready
    looked = [0]
    work.listed(0, many, last=True)
    while work.ready:
        looked.append(work.serving[0])
        assert work.advance() == []
    assert 0 < max(after - before for before, after in pairwise(looked)) <= 100
    assert work.done and work.serving[0] == len(many)


@pytest.mark.parametrize("size", range(98, 103))
def test_a_page_may_end_with_the_last_session_that_a_step_looks_at(size: int) -> None:
    page = [Entry(f"{i:06}", 2, 60, True, False) for i in range(size)]
    work = Reconciliation(ROLES._replace(replicas=0), order)
    work.start()
    work.listed(1, [], last=True)
    work.listed(2, [], last=True)
    pages = work.listed(0, page, last=False)
    while work.ready:
        pages += work.advance()
    assert pages == [Page(0, page[-1].id)], "nobody asks for the next page"
