"""A write is acknowledged when its copies hold it, and many writes share few requests."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import pytest

from sessions.contract.course import Do, Step, Why
from sessions.contract.headers import Told
from sessions.contract.messages import Kind
from sessions.contract.settling import Settled
from sessions.ids import new_id
from tests.sessions.keeping.cluster import NodeProcess, Proxy, Token, until

Make = Callable[..., Proxy]
Start = Callable[[int], list[NodeProcess]]


async def write(proxy: Proxy, session_id: str, version: int, state: bytes = b"x" * 200) -> Settled:
    """Settle one version of a session that node 0 serves."""
    course = proxy.keeper.course(version - 1, False, session_id, False)
    course.begin(0, True)
    step = course.told(200, Told(version, state))
    assert step.do is Do.SETTLE
    done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
    errand = proxy.keeper.perform(course, step, done.set_result)
    assert errand and not done.done(), "nothing is done within the call"
    step = await done
    assert step.do is Do.RELEASE
    return Settled.UNPROTECTED if step.unprotected else Settled.SETTLED


async def test_a_write_is_held_by_its_copy_when_it_is_acknowledged(
    standing: list[NodeProcess], proxy: Make
) -> None:
    here = proxy(standing)
    response = await here.request("add=a")
    assert response.token is not None
    assert response.seen == {"a": 1} and response.token.version == 2
    copy = await here.peers[1].get(response.token.id)
    assert copy is not None and (copy.kind, copy.version, copy.serving) == (Kind.HELD, 2, False)
    assert await here.peers[2].get(response.token.id) != copy
    again = await here.request("add=a", response.token)
    assert again.seen == {"a": 2}


async def test_one_writer_costs_one_request_for_each_write(standing: list[NodeProcess], proxy: Make) -> None:
    here, name = proxy(standing), new_id()
    for version in range(2, 22):
        assert await write(here, name, version) is Settled.SETTLED
    assert here.peers[1].requests == 20
    assert here.peers[2].requests == 0


async def test_64_writers_share_their_requests(standing: list[NodeProcess], proxy: Make) -> None:
    here = proxy(standing)

    async def writer() -> None:
        name = new_id()
        for version in range(2, 22):
            assert await write(here, name, version) is Settled.SETTLED

    await asyncio.gather(*(writer() for _ in range(64)))
    assert here.keeper.counters.writes[Settled.SETTLED] == 1280
    assert here.peers[1].requests <= 128
    assert here.peers[1].copied_bytes >= 1280 * 200


async def test_a_large_state_is_fetched_and_travels_alone(standing: list[NodeProcess], proxy: Make) -> None:
    here = proxy(standing)
    response = await here.request("add=a&size=200000")
    assert response.token is not None
    copy = await here.peers[1].get(response.token.id)
    assert copy is not None and copy.version == 2 and len(copy.state) > 200_000
    assert here.peers[1].batches == 1, "the question alone: the copy went by itself"


async def test_a_silent_holder_is_replaced_by_the_next(nodes: Start, proxy: Make) -> None:
    here = proxy(three := nodes(3))
    first = await here.request("add=a")
    assert first.token is not None
    three[1].freeze()
    second = await here.request("add=a", first.token)
    assert second.token is not None and not second.token.unprotected
    copy = await here.peers[2].get(first.token.id)
    assert copy is not None and copy.version == 3
    three[1].kill()
    third = await here.request("add=a", second.token)
    assert third.seen == {"a": 3}
    assert third.token is not None and not third.token.unprotected


async def test_a_write_that_nobody_holds_says_so_and_is_settled_later(nodes: Start, proxy: Make) -> None:
    here = proxy(two := nodes(2), ack_timeout=10.0)
    first = await here.request("add=a")
    two[1].kill()
    second = await here.request("add=a", first.token)
    assert second.token is not None and second.token.unprotected
    assert here.keeper.counters.unprotected_now(asyncio.get_running_loop().time()) == 1
    two[1] = nodes(1)[0]
    here = proxy(two, ack_timeout=10.0)
    third = await here.request("", second.token)
    assert third.token is not None and not third.token.unprotected, "a read settles it, too"
    assert await here.peers[1].get(second.token.id)


async def test_two_copies_are_waited_for_and_one_is_not_enough(nodes: Start, proxy: Make) -> None:
    here = proxy(three := nodes(3), replicas=2)
    first = await here.request("add=a")
    assert first.token is not None and not first.token.unprotected
    for peer in here.peers[1:]:
        assert await peer.get(first.token.id)
    three[2].kill()
    second = await here.request("add=a", first.token)
    assert second.token is not None and second.token.unprotected


async def test_the_client_may_go_while_its_write_is_settled(nodes: Start, proxy: Make) -> None:
    here, name, told = proxy(two := nodes(2), ack_timeout=10.0), new_id(), []
    two[1].freeze()
    course = here.keeper.course(1, False, name, False)
    course.begin(0, True)
    errand = here.keeper.perform(course, course.told(200, Told(2, b"state")), told.append)
    await until(lambda: here.peers[1].requests == 1)
    errand.abandon()
    two[1].thaw()
    await until(lambda: here.keeper.counters.writes[Settled.SETTLED] == 1)
    copy = await here.peers[1].get(name)
    assert copy is not None and copy.version == 2
    assert told == []


async def test_a_write_in_flight_counts_as_lag_and_others_wait_when_that_is_half_of_what_it_may_be(
    nodes: Start, proxy: Make
) -> None:
    here, name = proxy(two := nodes(2), ack_timeout=10.0, max_lag=30.0), new_id()
    await write(here, name, 2)
    await until(lambda: here.keeper.lag_bytes == 0)
    two[1].freeze()
    await write(here, name, 3, b"y" * 500)
    assert here.keeper.lag_bytes == 500
    await until(lambda: here.keeper.lag_seconds > 0)
    here.keeper.options = replace(here.keeper.options, max_lag=0.001)  # half of which has passed
    await until(lambda: here.keeper.lag_seconds >= 0.0005)
    waits = asyncio.ensure_future(write(here, name, 4))
    await until(lambda: here.keeper.settling == 2)
    assert not waits.done()
    two[1].thaw()
    assert await waits is Settled.SETTLED
    await until(lambda: here.keeper.lag_bytes == 0)
    assert here.keeper.lag_seconds == 0


async def test_no_released_write_lags_for_longer_than_it_may(
    nodes: Start, proxy: Make, caplog: pytest.LogCaptureFixture
) -> None:
    here, name = proxy(two := nodes(2), ack_timeout=10.0, max_lag=0.5), new_id()
    two[1].freeze()
    began = asyncio.get_running_loop().time()
    assert await write(here, name, 2) is Settled.SETTLED
    await until(lambda: here.keeper.lag_bytes == 0)
    assert here.keeper.counters.unprotected_now(began) == 1
    assert [record.message for record in caplog.records if "max_lag" in record.message]

    assert await write(here, name, 3) is Settled.UNPROTECTED, "the next answer says so"
    two[1].thaw()
    version = 4
    while await write(here, name, version) is not Settled.SETTLED:
        version += 1
    assert here.keeper.counters.unprotected_now(began) == 0


async def test_a_released_write_goes_to_the_next_in_order_within_its_time(nodes: Start, proxy: Make) -> None:
    here, name = proxy(three := nodes(3), ack_timeout=10.0, max_lag=2.0), new_id()
    three[1].freeze()
    assert await write(here, name, 2) is Settled.SETTLED
    await until(lambda: here.keeper.lag_bytes == 0)
    assert here.keeper.counters.writes[Settled.SETTLED] == 1
    assert await here.peers[2].get(name)
    three[1].thaw()


async def test_whoever_asks_for_a_session_that_is_unprotected_settles_it(nodes: Start, proxy: Make) -> None:
    """Its token does not say so: it left before that was known."""
    here = proxy(two := nodes(2), ack_timeout=10.0, max_lag=0.3)
    two[1].freeze()
    first = await here.request("add=a")
    assert first.token is not None and not first.token.unprotected
    await until(lambda: here.keeper.counters.writes[Settled.UNPROTECTED] == 1)
    two[1].thaw()
    read = await here.request("", first.token)
    assert read.token is not None and read.token.unprotected, "a node may die before it is settled"
    while read.token is not None and read.token.unprotected:
        read = await here.request("", read.token)
    assert await here.peers[1].get(first.token.id)


async def test_a_write_above_which_another_has_written_is_a_conflict(
    standing: list[NodeProcess], proxy: Make
) -> None:
    here = proxy(standing)
    first = await here.request("add=a")
    assert first.token is not None
    here.draining = {0}
    moved = await here.request("add=a", first.token)
    here.draining = set()
    assert moved.token is not None and moved.token.node == 1 and moved.seen == {"a": 2}
    # What node 0 might still have written, had it not been fenced.
    course = here.keeper.course(2, False, first.token.id, False, 0)
    course.begin(0, True)
    done: asyncio.Future[Step] = asyncio.get_running_loop().create_future()
    here.keeper.perform(course, course.told(200, Told(3, b"late")), done.set_result)
    step = await done
    assert (step.do, step.why, step.status) == (Do.REFUSE, Why.CONFLICT, 503)
    assert (step.node, step.version) == (1, 2), "the token of the refusal points at the winner"
    assert here.keeper.counters.conflicts == 1
    after = await here.request("add=a", Token(first.token.id, step.node, step.version))
    assert after.seen == {"a": 3}
