"""Schedules made by hand, each round one rule: what happens, and what the client was shown that is wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from limpet_session.session import Session
from sessions.contract.course import Keep
from sessions.contract.messages import Action, Answer, Call
from tests.model import homecomings, rivals
from tests.model.clients import _read
from tests.model.links import Setup
from tests.model.stage import Stage, writing
from tests.model.watch import Level

FOUR = Setup(nodes=4, replicas=1, store=False, give_up=20.0)
TWO = Setup(nodes=2, replicas=1, store=False, give_up=20.0)
UNSTICKY = Setup(nodes=2, replicas=0, store=True, give_up=20.0, sticky=False)
Schedule = Callable[[], Awaitable[list[str]]]  # sentences: what was acknowledged and is not there


async def a_copy_holder_is_silent_while_its_session_is_searched() -> list[str]:
    """The owner was started anew, empty; who has the copy is frozen for less than it takes to be down."""
    stage = Stage(FOUR)
    token = await stage.write("k", await stage.write("j", None))
    copy = next(node for node in stage.order(token) if node != token.node)
    stage.restart(token.node)
    stage.machines[copy].freeze()
    reading = asyncio.ensure_future(stage.read(token))
    await asyncio.sleep(0.75)
    stage.machines[copy].thaw()
    return stage.missing({"j", "k"}, (await reading).seen)


async def an_unprotected_write_is_met_again() -> list[str]:
    """The other of two nodes was away, comes back, and then the writer dies; nothing was reconciled."""
    stage = Stage(TWO)
    token = await stage.write("j", None)
    owner, other = token.node, 1 - token.node
    stage.machines[other].kill()
    for proxy in range(2):
        await stage.until_seen(proxy, other, Level.DOWN)
    token = await stage.write("k", token)
    stage.machines[other].start()
    for proxy in range(2):
        await stage.until_seen(proxy, other, Level.SYNCING)
        stage.come_back(proxy, other)
    response = await stage.read(token, proxy=1)
    assert response.token is not None
    stage.machines[owner].kill()
    return stage.missing({"j", "k"}, (await stage.read(response.token)).seen)


async def a_login_ends_after_its_session_has_moved() -> list[str]:
    """It takes longer than a fence waits; meanwhile the session is taken over, and written there."""
    stage = Stage(FOUR)
    token = await stage.write("j", None)

    async def log_in(session: Session) -> None:
        await asyncio.sleep(2.0)
        session.renew()

    login = asyncio.ensure_future(stage.send(log_in, token))
    await asyncio.sleep(0.2)
    for proxy in stage.proxies:
        proxy.watch.set_level(token.node, Level.SYNCING)  # as one that is drained: asked, but not served from
    await stage.write("k", token)
    response = await login
    return stage.missing({"j", "k"}, response.seen) if response.status == 200 else []


async def a_node_that_is_behind_gets_a_copy_while_it_serves() -> list[str]:
    """It froze, and its session went on elsewhere. Thawed, it is given a copy, and then a request."""
    stage = Stage(FOUR)
    old = await stage.write("j", None)
    behind = stage.machines[old.node]
    behind.freeze()
    for proxy in range(2):
        await stage.until_seen(proxy, old.node, Level.DOWN)
    token = await stage.write("k", old)
    behind.thaw()
    for proxy in range(2):
        await stage.until_seen(proxy, old.node, Level.SYNCING)
        stage.come_back(proxy, old.node)
    order = [node for node in stage.order(old) if node != token.node]
    token = await stage.write("l", token)  # its copy goes to who is behind, the first of the order
    assert order[0] == old.node, "the schedule is about a copy at the first node of the order"
    stage.network.cuts.add((0, old.node))
    token = await stage.write("m", token)  # and this one's to the next
    return stage.missing({"j", "k", "l", "m"}, (await stage.read(old, proxy=1)).seen)


async def a_node_comes_back_that_does_not_know_what_moved() -> list[str]:
    """It froze, and its session went on elsewhere. A request with the token from before comes at once."""
    stage = Stage(FOUR)
    old = await stage.write("j", None)
    frozen = stage.machines[old.node]
    frozen.freeze()
    await stage.until_seen(0, old.node, Level.DOWN)
    await stage.write("k", old)
    frozen.thaw()
    watch = stage.proxies[0].watch
    async with asyncio.timeout(30):
        while watch.levels[old.node] is Level.DOWN:  # noqa: ASYNC110 - nothing says when
            await asyncio.sleep(0.01)
    return stage.missing({"j", "k"}, (await stage.read(old)).seen)


async def a_read_sees_a_write_whose_answer_is_lost() -> list[str]:
    """Its proxy is cut off as soon as the node has saved it. A read comes through the other one."""
    stage = Stage(FOUR)
    token = await stage.write("j", None)
    writer = stage.machines[token.node]
    begun = writer.saved(token.id)
    lost = asyncio.ensure_future(stage.send(writing("k"), token))
    while writer.saved(token.id) == begun:  # noqa: ASYNC110 - nothing says when
        await asyncio.sleep(0.0001)
    stage.network.cuts.add((0, token.node))
    read = await stage.read(token, proxy=1)
    assert read.token is not None
    writer.kill()
    lost.cancel()
    return stage.missing(set(read.seen), (await stage.read(read.token, proxy=1)).seen)


async def a_copy_is_left_of_a_session_that_has_ended() -> list[str]:
    """One was made further on while the first in order was silent; then its owner is started anew, empty.

    Who remembers the end is asked for the session, but is silent again when it would be given a copy.
    """
    stage = Stage(FOUR)
    token, silent = await stage.ended_but_for_a_copy()
    stage.restart(token.node)
    response = await stage.send(lambda _: stage.network.cuts.add(silent), token)
    assert response.token is not None
    return ["an ended session is back"] if response.token.id == token.id else []


async def two_proxies_draw_the_same_number() -> list[str]:
    """Not sticky: nobody is fenced. One has looked into the store before the other's write was there.

    Of its own two, the first is refused as no higher than that write; the second is one higher.
    """
    stage = Stage(UNSTICKY)
    token = await stage.write("j", None)
    for proxy in stage.proxies:
        proxy.keeper.takeovers._draw = lambda: 7
        for node in range(UNSTICKY.nodes):
            if node != proxy.links.index:
                proxy.watch.set_level(node, Level.SYNCING)
    late = stage.proxies[1].links
    looked, written, call = asyncio.Event(), asyncio.Event(), late.call

    async def after_the_other(session_id: str, action: Action, *others: Any) -> Answer | None:
        if action.call is Call.PUT:
            looked.set()
            await written.wait()
        return await call(session_id, action, *others)

    late.call = after_the_other  # type: ignore[method-assign] - it stands before this one's calls
    own = [asyncio.ensure_future(stage.send(writing(key), token, proxy=1)) for key in ("l", "m")]
    await looked.wait()
    token = await stage.write("k", token)
    written.set()
    await asyncio.gather(*own)
    return stage.missing({"j", "k"}, (await stage.read(token)).seen)


async def a_logout_meets_an_end_that_only_its_node_knows() -> list[str]:
    """Not sticky: the first logout is refused, for the store is away. Its node knows of it, until it dies."""
    stage = Stage(UNSTICKY)
    token = await stage.write("j", None)
    for node in range(1, UNSTICKY.nodes):
        stage.proxies[0].watch.set_level(node, Level.SYNCING)

    def fail_the_store(session: Session) -> None:
        stage.store.down = True
        session.end()

    assert (await stage.send(fail_the_store, token)).status == 503
    stage.store.down = False
    await stage.until(lambda: stage.proxies[0].watch.store_up)
    assert (await stage.send(Session.end, token)).keep is Keep.DELETE
    stage.restart(0)
    return ["an ended session is back"] if (await stage.read(token)).seen else []


async def both_of_two_nodes_die_with_time_in_between() -> list[str]:
    """There is a fallback, and nothing was written while the first one was away."""
    stage = Stage(TWO._replace(store=True), reconciling=True)
    token = await stage.write("j", None)
    await _both_die(stage, token.node)
    return stage.missing({"j"}, (await stage.read(token)).seen)


async def a_first_token_comes_while_only_the_fallback_remembers() -> list[str]:
    """Both of two nodes have died one after the other; now it is the fallback that is away for a moment."""
    stage = Stage(TWO._replace(store=True), reconciling=True)
    first = (await stage.send(_read, None)).token
    assert first is not None
    token = await stage.write("j", first)
    await _both_die(stage, token.node)
    stage.store.down = True
    await stage.until(lambda: not stage.proxies[0].watch.store_up)
    await stage.send(_read, first)
    stage.store.down = False
    return stage.missing({"j"}, (await stage.read(token)).seen)


async def _both_die(stage: Stage, owner: int) -> None:
    """With time in between to make up for what is missing. The owner stays away."""
    other, watch = 1 - owner, stage.proxies[0].watch
    stage.machines[other].kill()
    await stage.until_seen(0, other, Level.DOWN)
    passes = watch.passes
    await stage.until(lambda: watch.passes >= passes + 2)
    stage.machines[owner].kill()
    stage.machines[other].start()
    await stage.until(lambda: watch.levels[other] is Level.UP)


SCHEDULES: dict[str, Schedule] = {
    "a silence is taken for an answer": a_copy_holder_is_silent_while_its_session_is_searched,
    "a refused fence is passed over": rivals.two_proxies_take_a_session_over_at_once,
    "a conflict counts as held": rivals.a_write_comes_to_who_was_overtaken,
    "a takeover below the fence is let in": rivals.a_takeover_comes_after_anothers,
    "all are fenced at once": rivals.a_write_is_under_way_as_its_node_drains,
    "copies are not waited for": rivals.its_copy_is_slow_on_its_way,
    "an heir is fenced with the others": rivals.a_rival_has_taken_a_session_over,
    "a fallback gets only what is written": both_of_two_nodes_die_with_time_in_between,
    "a fallback that is away is not waited for": a_first_token_comes_while_only_the_fallback_remembers,
    "a lineage is that of all who have drawn it": two_proxies_draw_the_same_number,
    "an end that a node remembers is not told to the store": a_logout_meets_an_end_that_only_its_node_knows,
    "a 410 does not end a search": a_copy_is_left_of_a_session_that_has_ended,
    "a token does not say unprotected": an_unprotected_write_is_met_again,
    "what is unprotected is not settled again": an_unprotected_write_is_met_again,
    "late saves are kept": a_login_ends_after_its_session_has_moved,
    "who gets a copy serves on": a_node_that_is_behind_gets_a_copy_while_it_serves,
    "who comes back takes pins at once": a_node_comes_back_that_does_not_know_what_moved,
    "a fallback is not told of ends": homecomings.all_who_remember_an_end_forget_it,
    "a store is not told of ends that it missed": homecomings.a_logout_comes_while_the_store_is_away,
    "a store is not told of writes that it missed": homecomings.a_write_comes_while_the_store_is_away,
    "who comes back is not compared with the store": homecomings.only_the_store_knows_what_went_on,
    "who was overtaken serves on": homecomings.a_node_serves_on_that_was_overtaken,
    "a silent fallback is taken to have its copy": homecomings.a_fallback_is_silent_when_it_is_given_a_copy,
    "reads leave before what they saw is settled": a_read_sees_a_write_whose_answer_is_lost,
}
