"""A node sends a state above the limit: its write is refused, and what was acknowledged before stays."""

from collections.abc import Callable

from sessions.contract.course import Terms, Why
from tests.sessions.keeping.cluster import KEY, TTL, NodeProcess, Proxy

Make = Callable[..., Proxy]
Start = Callable[[int], list[NodeProcess]]
SMALL = Terms(KEY, TTL, 1000)


async def test_what_was_acknowledged_takes_its_place_again(standing: list[NodeProcess], proxy: Make) -> None:
    here = proxy(standing, terms=SMALL)
    token = (await here.request("add=a")).token
    refused = await here.request("add=b&size=5000", token)
    assert (refused.status, refused.why, refused.token) == (502, Why.STATE_TOO_LARGE, token)
    assert here.keeper.counters.too_large == 1
    after = await here.request("add=c", token)
    assert (after.status, after.seen) == (200, {"a": 1, "c": 1})
    assert here.keeper.counters.lost == here.keeper.counters.stale == 0


async def test_a_state_that_fits_in_a_header_may_be_too_large_as_well(
    standing: list[NodeProcess], proxy: Make
) -> None:
    here = proxy(standing, terms=SMALL)
    token = (await here.request("add=a")).token
    assert (await here.request("size=2000", token)).why is Why.STATE_TOO_LARGE
    assert (await here.request("", token)).seen == {"a": 1}


async def test_a_session_that_was_never_written_is_empty_again(
    standing: list[NodeProcess], proxy: Make
) -> None:
    here = proxy(standing, terms=SMALL)
    token = (await here.request("")).token
    assert token is not None and token.version == 1
    assert (await here.request("add=b&size=5000", token)).status == 502
    assert (await here.request("add=c", token)).seen == {"c": 1}


async def test_where_nobody_else_has_it_the_node_keeps_what_it_has(nodes: Start, proxy: Make) -> None:
    here = proxy(two := nodes(2), terms=SMALL)
    token = (await here.request("add=a")).token
    two[1].kill()
    here.down.add(1)
    here.given_up.add(1)
    assert (await here.request("add=b&size=5000", token)).status == 502
    again = await here.request("", token)
    assert (again.status, again.why) == (502, Why.STATE_TOO_LARGE)  # rather than lost
    assert here.keeper.counters.lost == 0


async def test_without_copies_there_is_nothing_to_bring_back(
    standing: list[NodeProcess], proxy: Make
) -> None:
    here = proxy(standing, terms=SMALL, replicas=0)
    token = (await here.request("add=a")).token
    assert (await here.request("size=5000", token)).status == 502
    assert [peer.items for peer in here.peers] == [1, 0, 0], "nobody is fenced: only the state was fetched"
