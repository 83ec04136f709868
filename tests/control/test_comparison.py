"""A pass over nodes' lists: all pages are read, each job is done as it should be, at a bounded rate."""

import asyncio
from itertools import product

import pytest

from control import comparison
from control.comparison import Comparison, Jobs, Turns
from sessions.contract.homes import Entry, Job, Roles, Work
from sessions.contract.messages import STORE, Call
from sessions.contract.reconciling import Reconciliation
from tests.control.lists import StubNode
from tests.model.clock import in_computed_time
from tests.routing.services import ids

NAME = "x"


def jobs_of(nodes: list[StubNode], store: StubNode | None = None) -> Jobs:
    return Jobs(nodes, "abcd"[: len(nodes)], store)


async def test_a_copy_is_what_the_source_now_has() -> None:
    source, target = StubNode(), StubNode()
    source.hold(NAME, 9)
    assert await jobs_of([source, target]).do(Job(Work.COPY, NAME, 1, 60, 0, 7))
    assert target.held[NAME].version == 9


async def test_who_has_it_by_now_is_given_nothing_and_serves_on() -> None:
    """As lists are read one after the other, an owner may look like one who lacks its own writes."""
    copy, owner = StubNode(), StubNode()
    copy.hold(NAME, 9)
    owner.hold(NAME, 9, serving=True)
    assert await jobs_of([copy, owner]).do(Job(Work.COPY, NAME, 1, 60, 0, 9))
    assert owner.calls == [(NAME, Call.GET, 0)]


async def test_what_has_ended_meanwhile_is_not_copied_but_ended() -> None:
    source, target = StubNode(), StubNode()
    source.hold(NAME, 0, ended=True)
    assert await jobs_of([source, target]).do(Job(Work.COPY, NAME, 1, 60, 0, 7))
    assert target.held[NAME].ended


async def test_what_is_gone_meanwhile_needs_no_copy() -> None:
    nodes = [StubNode(), StubNode()]
    assert await jobs_of([*nodes]).do(Job(Work.COPY, NAME, 1, 60, 0, 7))
    assert nodes[1].calls == []


async def test_stopping_and_ending() -> None:
    node = StubNode()
    node.hold(NAME, 5, serving=True)
    assert await jobs_of([node]).do(Job(Work.STOP, NAME, 0, 60, number=1 << 20))
    assert await jobs_of([node]).do(Job(Work.END, NAME, 0, 60))
    assert node.calls == [(NAME, Call.FENCE, 1 << 20), (NAME, Call.END, 0)]


async def test_a_session_is_not_moved_while_its_node_works_on_a_request() -> None:
    node = StubNode()
    node.hold(NAME, 5, serving=True)
    busy = {(NAME, 0)}
    jobs = Jobs([node], "a", None, lambda session_id, index: (session_id, index) in busy)
    move = Job(Work.MOVE, NAME, 0, 60, number=1 << 20)
    assert await jobs.do(move)
    assert node.calls == []
    assert await jobs.do(move._replace(work=Work.STOP)), "what is overtaken is stopped at once"
    busy.clear()
    assert await jobs.do(move._replace(number=2 << 20))
    assert node.calls == [(NAME, Call.FENCE, 1 << 20), (NAME, Call.FENCE, 2 << 20)]


async def test_a_store_is_told_of_an_end() -> None:
    store = StubNode()
    store.hold(NAME, 5)
    assert await jobs_of([StubNode()], store).do(Job(Work.END, NAME, STORE, 60))
    assert store.held[NAME].ended


@pytest.mark.parametrize("work", list(Work))
async def test_silence_is_trouble(work: Work) -> None:
    nodes = [StubNode(silent=True), StubNode(silent=True)]
    assert not await jobs_of(nodes, StubNode(silent=True)).do(Job(work, NAME, 1, 60, 0, 7))


@pytest.mark.parametrize(
    ("stored", "ended", "node_gets", "store_gets"),
    [
        (7, False, [], []),
        (9, False, [(NAME, Call.FENCE, 9)], []),
        (5, False, [(NAME, Call.GET, 0)], [(NAME, Call.PUT, 7)]),
        (0, False, [(NAME, Call.GET, 0)], [(NAME, Call.PUT, 7)]),
        (0, True, [(NAME, Call.END, 0)], []),
    ],
)
async def test_node_and_store_are_brought_to_agree(
    stored: int, ended: bool, node_gets: list[object], store_gets: list[object]
) -> None:
    node, store = StubNode(), StubNode()
    node.hold(NAME, 7, serving=True)
    if stored or ended:
        store.hold(NAME, stored, ended=ended)
    assert await jobs_of([node], store).do(Job(Work.CHECK, NAME, 0, 60, number=7))
    assert node.calls == node_gets
    assert store.calls == [(NAME, Call.GET, 0), *store_gets]
    assert set(store.writers) == {"a"}


async def test_a_session_that_was_never_written_is_not_put_into_the_store() -> None:
    node, store = StubNode(), StubNode()
    node.hold(NAME, 1, serving=True)
    assert await jobs_of([node], store).do(Job(Work.CHECK, NAME, 0, 60, number=1))
    assert (node.calls, store.calls) == ([], [(NAME, Call.GET, 0)])


async def compare(nodes: list[StubNode], **roles: object) -> tuple[Reconciliation, int]:
    everybody = frozenset(range(len(nodes)))
    given = Roles(everybody, everybody, frozenset(), frozenset(), replicas=1)._replace(**roles)
    work = Reconciliation(given, lambda name: iter(sorted(everybody)))
    turns = Turns(1_000_000)
    async with asyncio.timeout(60):
        return work, await Comparison(work, nodes, jobs_of(nodes), turns, turns).run()


@pytest.mark.parametrize("count", [0, 1, comparison.PAGE, comparison.PAGE + 1, 3 * comparison.PAGE])
async def test_all_pages_are_read_and_every_missing_copy_is_made(count: int) -> None:
    nodes = [StubNode() for _ in range(3)]
    for name in ids(count):
        nodes[2].hold(name, 5, serving=True)
    work, done = await compare(nodes)
    assert (done, work.whole, work.copies, nodes[0].held.keys()) == (
        count,
        True,
        [0, count, 0],
        nodes[2].held.keys(),
    )
    work, done = await compare(nodes)
    assert (done, work.copies, work.serving[2]) == (0, [0, count, 0], count)


class SlowNode(StubNode):
    """Takes a tenth of a second for a page."""

    began: list[float]

    async def entries(self, after: str, limit: int) -> list[Entry] | None:
        self.began.append(asyncio.get_running_loop().time())
        await asyncio.sleep(0.1)
        return await super().entries(after, limit)


@in_computed_time
async def test_between_two_pages_of_a_node_is_time_for_requests() -> None:
    node = SlowNode()
    node.began = []
    for name in ids(3 * comparison.PAGE - 1):
        node.hold(name, 1, serving=True)
    await compare([node, StubNode()])
    assert node.began == pytest.approx([0.0, 0.5, 1.0])  # a fifth of the time is for the list


async def test_a_silent_list_makes_a_pass_that_is_not_whole() -> None:
    nodes = [StubNode(), StubNode(silent=True), StubNode()]
    work, _ = await compare(nodes, syncing=frozenset({0}))
    assert (work.done, work.whole, work.in_step) == (True, False, frozenset())


async def test_who_is_syncing_is_in_step_when_all_is_done() -> None:
    nodes = [StubNode(), StubNode()]
    nodes[0].hold(NAME, 5, serving=True)
    nodes[1].hold(NAME, 1 << 33, serving=True)
    work, _ = await compare(nodes, syncing=frozenset({0}), ready=frozenset({1}))
    assert work.in_step == {0}
    assert (NAME, Call.FENCE, 1 << 33) in nodes[0].calls


async def test_jobs_keep_to_their_rates() -> None:
    now = asyncio.get_running_loop().time
    nodes = [StubNode(), StubNode(), StubNode()]
    for name in ids(30):
        nodes[2].hold(name, 5, serving=True)
    everybody = frozenset(range(3))
    roles = Roles(everybody, frozenset({0, 1}), frozenset(), leaving=frozenset({2}), replicas=1)
    work = Reconciliation(roles, lambda name: iter((0, 1, 2)))
    began = now()
    done = await Comparison(work, nodes, jobs_of(nodes), Turns(1_000_000), Turns(100)).run()
    took = now() - began
    assert done == 30 * 3  # each is stopped, and copied to two
    assert took >= 30 / 100 - comparison.CATCH_UP_SECONDS - comparison.BUNCH_SECONDS - 0.05


@pytest.mark.parametrize(("rate", "pause"), list(product((100, 1000), (0.0, 0.5))))
async def test_turns_are_not_saved_up(rate: int, pause: float, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, slept = 0.0, 0.0

    async def sleep(seconds: float) -> None:
        nonlocal clock, slept
        clock, slept = clock + seconds, slept + seconds

    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock)
    monkeypatch.setattr(comparison.asyncio, "sleep", sleep)
    turns = Turns(rate)
    clock += 10 + pause
    for _ in range(rate):
        await turns.turn()
    assert slept == pytest.approx(1 - comparison.CATCH_UP_SECONDS, abs=0.02 + comparison.BUNCH_SECONDS)


async def test_turns_come_in_bunches_that_travel_together(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, bunches = 10.0, [0]

    async def sleep(seconds: float) -> None:
        nonlocal clock
        clock += seconds
        bunches.append(0)

    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock)
    monkeypatch.setattr(comparison.asyncio, "sleep", sleep)
    turns = Turns(500)
    for _ in range(500):
        await turns.turn()
        bunches[-1] += 1
    assert set(bunches[1:-1]) <= {25, 26}


async def test_turns_give_way_to_what_keeps_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, late = 10.0, 0.02

    async def sleep(seconds: float) -> None:
        nonlocal clock
        clock += seconds + late

    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock)
    monkeypatch.setattr(comparison.asyncio, "sleep", sleep)
    turns = Turns(500)
    for _ in range(500):
        await turns.turn()
    assert clock - 10.0 > 2.0


@pytest.mark.parametrize("more", range(3))
async def test_what_the_last_step_finds_is_done(more: int) -> None:
    """All lists are there, a step looks at no more than some of them, and nobody else is at work by then."""
    nodes = [StubNode(), StubNode()]
    names = sorted(ids(comparison.PAGE + more))
    for at, name in enumerate(names):
        nodes[at % 2].hold(name, 5, serving=True)
    for node, version in zip(nodes, (9, 1 << 32), strict=True):
        node.hold(names[-1], version, serving=True)
    work, done = await compare(nodes, replicas=0)
    assert (done, work.whole) == (1, True)
    assert (names[-1], Call.FENCE) in [call[:2] for call in nodes[0].calls]
