"""A session whose node cannot serve it moves with its state: one search, however many wait for it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from sessions.contract.course import Do, Step, Terms, Why
from sessions.contract.messages import Action, Call
from sessions.contract.searching import Where
from sessions.ids import new_id
from sessions.keeping.counters import Source
from sessions.keeping.takeovers import Move
from sessions.stores.embedded import EmbeddedStore
from tests.sessions.keeping.cluster import (
    KEY,
    MOST_STATE,
    PATIENCE,
    TTL,
    Exchange,
    NodeProcess,
    Proxy,
    Response,
    until,
)
from tests.sessions.stores.memory import MemoryStore

Make = Callable[..., Proxy]
Start = Callable[[int], list[NodeProcess]]


def keys_of(response: Response) -> tuple[int, dict[str, int]]:
    return response.status, response.seen


async def test_the_next_request_goes_to_the_copy(nodes: Start, proxy: Make) -> None:
    here = proxy(three := nodes(3))
    moves: list[Move] = []
    here.keeper.moved = moves.append
    first = await here.request("add=a")
    assert first.token is not None
    three[0].kill()
    here.down = {0}
    second = await here.request("add=a", first.token)
    assert keys_of(second) == (200, {"a": 2})
    assert second.token is not None and second.token.node == 1 and not second.token.unprotected
    assert moves == [Move(first.token.id, 0, 1, Where.TAKEOVER, 1)]
    assert here.keeper.counters.moves[Source.OWN] == 1
    three[1].kill()
    here.down = {0, 1}
    third = await here.request("add=a", second.token)
    assert keys_of(third) == (200, {"a": 3}) and third.token is not None and third.token.unprotected


async def test_a_request_waits_while_its_node_is_being_fenced(nodes: Start, proxy: Make) -> None:
    two = nodes(2)
    here, there = proxy(two), proxy(two, peer_timeout=PATIENCE)
    first = await here.request("add=a")
    assert first.token is not None
    slow = asyncio.create_task(here.request("wait=0.4", first.token))
    await asyncio.sleep(0.1)  # nothing says that the app is in it
    fence = asyncio.create_task(there.peers[0].call(Action(Call.FENCE, 0, 5 << 32), first.token.id, TTL))
    asking = here.keeper.course(1, False, first.token.id, False, 0).fields()
    async with asyncio.timeout(PATIENCE):
        while (await here.send(two[0].port, asking, ""))[0] != 409:
            pass  # the fence is on its way
    assert keys_of(await here.request("add=a", first.token)) == (200, {"a": 2})
    assert await fence is not None
    await slow


async def test_a_large_state_moves_too(nodes: Start, proxy: Make) -> None:
    here = proxy(three := nodes(3))
    first = await here.request("add=a&size=100000")
    assert first.token is not None
    three[0].kill()
    here.down = {0}
    second = await here.request("add=a", first.token, to=2)
    assert keys_of(second) == (200, {"a": 2})
    assert second.token is not None and second.token.node == 2
    assert here.keeper.counters.moves[Source.PEER] == 1
    held = await here.peers[2].get(first.token.id)
    assert held is not None and held.serving and len(held.state) > 100_000


async def test_parallel_requests_share_one_search_and_none_sees_an_older_state(
    nodes: Start, proxy: Make
) -> None:
    here = proxy(three := nodes(3))
    first = await here.request("add=a")
    three[0].kill()
    here.down = {0}
    answers = await asyncio.gather(*(here.request(f"add=k{i}&wait=0.05", first.token) for i in range(20)))
    assert {answer.status for answer in answers} == {200}
    assert sum(here.keeper.counters.searches) == 1
    latest = max((answer.token for answer in answers if answer.token), key=lambda token: token.version)
    after = await here.request("", latest)
    assert after.seen == {"a": 1, **{f"k{i}": 1 for i in range(20)}}


async def test_others_do_not_wait_for_an_app_that_takes_long(nodes: Start, proxy: Make) -> None:
    here = proxy(three := nodes(3))
    first = await here.request("add=a")
    three[0].kill()
    here.down = {0}
    slow = asyncio.ensure_future(here.request("wait=10", first.token))
    await until(lambda: len(here.keeper.takeovers) == 1)
    quick = await here.request("", first.token)
    assert keys_of(quick) == (200, {"a": 1})
    assert not slow.done()
    slow.cancel()


async def test_two_proxies_that_search_at_once_agree(nodes: Start, proxy: Make) -> None:
    three = nodes(3)
    here, there = proxy(three), proxy(three)
    tokens = [(await here.request("add=a")).token for _ in range(10)]
    three[0].kill()
    here.down = there.down = {0}
    tries = [each.request("add=a", token) for token in tokens for each in (here, there)]
    answers = await asyncio.gather(*tries)
    acknowledged = [answer for answer in answers if answer.status == 200]
    assert {answer.status for answer in answers} <= {200, 503}
    assert len(acknowledged) >= 10
    for token in tokens:
        assert token is not None
        mine = [answer for answer in acknowledged if answer.token and answer.token.id == token.id]
        latest = max((answer.token for answer in mine if answer.token), key=lambda held: held.version)
        after = await here.request("", latest)
        assert after.status == 200 and after.seen["a"] >= max(answer.seen["a"] for answer in mine)


async def test_silence_of_who_may_hold_it_is_no_answer(nodes: Start, proxy: Make) -> None:
    here = proxy(two := nodes(2), call_timeout=0.2)
    first = await here.request("add=a")
    for node in two:
        node.kill()
    two = nodes(2)
    here = proxy(two, call_timeout=0.2)
    here.down = {0}  # and not yet given up
    second = await here.request("", first.token)
    assert (second.status, second.why, second.token) == (503, Why.NOT_FOUND_YET, first.token)
    two[1].freeze()
    here.given_up = {0}
    third = await here.request("", first.token, to=1)
    assert (third.status, third.why) == (503, Why.NOT_FOUND_YET), "who is up has to answer"
    two[1].thaw()
    fourth = await here.request("", first.token)
    assert keys_of(fourth) == (200, {}), "everybody has answered, or has been down for long"
    assert here.keeper.counters.lost == 1


async def test_a_leader_that_goes_leaves_the_search_to_the_next(nodes: Start, proxy: Make) -> None:
    here = proxy(three := nodes(3))
    first = await here.request("add=a")
    three[0].kill()
    here.down = {0}
    three[2].freeze()
    told: list[Step] = []
    leader, late, follower = (Exchange(here, "", first.token) for _ in range(3))
    errands = [
        here.keeper.perform(each.course, each.course.begin(1, False), told.append)
        for each in (leader, late, follower)
    ]
    assert len(here.keeper.takeovers) == 1
    errands[1].abandon()
    errands[0].abandon()
    three[2].thaw()
    await until(lambda: len(told) == 1)
    assert told[0].do is Do.SEND
    assert follower.course.leads == follower.course.session_id
    assert sum(here.keeper.counters.searches) == 1


async def test_a_takeover_whose_exchange_ends_is_made_by_who_waits(nodes: Start, proxy: Make) -> None:
    here = proxy(three := nodes(3))
    first = await here.request("add=a")
    three[0].kill()
    here.down = {0}
    told: dict[str, Step] = {}
    one, two = (Exchange(here, "", first.token) for _ in range(2))
    here.keeper.perform(one.course, one.course.begin(1, False), lambda step: told.update(one=step))
    here.keeper.perform(two.course, two.course.begin(1, False), lambda step: told.update(two=step))
    await until(lambda: "one" in told)
    assert told["one"].do is Do.SEND and "two" not in told
    here.keeper.arrived(one.course, False)
    await until(lambda: "two" in told)
    assert told["two"].do is Do.SEND and two.course.leads
    here.keeper.arrived(two.course, True)
    assert len(here.keeper.takeovers) == 0


async def test_who_goes_before_the_request_is_sent_holds_nobody_up(
    nodes: Start, proxy: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = proxy(three := nodes(3))
    first = await here.request("add=a&size=100000")
    assert first.token is not None
    three[0].kill()
    here.down = {0}
    told: list[Step] = []

    monkeypatch.setattr(here.peers[2], "_alone", asyncio.Semaphore(0))  # nothing large reaches it
    one, two = (Exchange(here, "", first.token) for _ in range(2))
    errand = here.keeper.perform(one.course, one.course.begin(2, False), told.append)
    here.keeper.perform(two.course, two.course.begin(2, False), told.append)
    await until(lambda: bool(one.course.leads))  # its state is on its way to the heir
    monkeypatch.undo()
    errand.abandon()
    await until(lambda: len(told) == 1)
    assert two.course.leads and told[0].node == 2


async def test_more_searches_than_there_may_be_are_refused(nodes: Start, proxy: Make) -> None:
    here = proxy(nodes(2))
    here.keeper.takeovers._flights._most = 0
    first = await here.request("add=a")
    here.draining = {0}
    second = await here.request("", first.token)
    assert (second.status, second.why) == (503, Why.NOT_FOUND_YET)


@pytest.mark.parametrize("sticky", [True, False])
async def test_a_store_holds_what_no_node_has(
    nodes: Start, proxy: Make, tmp_path: Path, sticky: bool
) -> None:
    store = EmbeddedStore("local", tmp_path / "sessions.db")
    await store.open()
    try:
        here = proxy(two := nodes(2), replicas=0, store=store, terms=Terms(KEY, TTL, MOST_STATE, sticky))
        first = await here.request("add=a")
        assert first.token is not None and not first.token.unprotected
        two[0].kill()
        here.down = {0}
        second = await here.request("add=a", first.token)
        assert keys_of(second) == (200, {"a": 2})
        assert here.keeper.counters.moves[Source.STORE] == 1
        third = await here.request("add=a", second.token)
        assert keys_of(third) == (200, {"a": 3})
    finally:
        await store.close()


async def test_a_fallback_holds_what_too_few_peers_can(nodes: Start, proxy: Make, tmp_path: Path) -> None:
    store = EmbeddedStore("local", tmp_path / "sessions.db")
    await store.open()
    try:
        here = proxy(two := nodes(2), store=store)
        here.down = {1}
        first = await here.request("add=a")
        assert first.token is not None and not first.token.unprotected
        two[0].kill()
        here.down = {0}
        second = await here.request("add=a", first.token)
        assert keys_of(second) == (200, {"a": 2})
        assert here.keeper.counters.moves[Source.STORE] == 1
    finally:
        await store.close()


async def test_a_login_and_a_logout_are_remembered_by_copies(nodes: Start, proxy: Make) -> None:
    here = proxy(three := nodes(3))
    first = await here.request("add=a")
    renewed = await here.request("renew=1", first.token)
    assert renewed.token is not None and first.token is not None
    assert renewed.token.id != first.token.id
    stale = await here.request("add=b", first.token)
    assert stale.token is not None and stale.token.id not in (first.token.id, renewed.token.id)
    assert stale.seen == {"b": 1}, "a dead id is served as a new session"
    ended = await here.request("end=1", renewed.token)
    assert ended.token is None
    three[0].kill()
    here.down = {0}
    for token in (first.token, renewed.token):
        after = await here.request("add=c", token)
        assert after.seen == {"c": 1}, "the copies remember"


async def test_reads_keep_copies_alive(standing: list[NodeProcess], proxy: Make) -> None:
    here, name = proxy(standing), new_id()
    await here.peers[1].call(Action(Call.PUT, 1, 7, b"state"), name, 5)
    entries = await here.peers[1].entries("", 1000)
    assert entries is not None
    assert [entry.ttl for entry in entries if entry.id == name] == [5]
    here.keeper.touch(name, 7, 0)
    await until(lambda: here.peers[1].items == 2 and here.keeper.touching == 0)
    entries = await here.peers[1].entries("", 1000)
    assert entries is not None
    assert [entry.ttl for entry in entries if entry.id == name] == [TTL]


async def test_reads_keep_what_a_store_has_alive(standing: list[NodeProcess], proxy: Make) -> None:
    now = 0.0
    store = MemoryStore(lambda: now)
    here = proxy(standing, replicas=0, store=store)
    first = await here.request("add=a")
    assert first.token is not None
    now = TTL - 1.0
    here.keeper.touch(first.token.id, 2, 0)
    await until(lambda: here.keeper.touching == 0)
    assert store.records[first.token.id].expires == 2 * TTL - 1
