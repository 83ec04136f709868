"""Schedules made by hand, as in `schedules`: of what lists, and a store that is back, have to make good."""

from limpet_session.session import Session
from sessions.contract.course import Keep
from sessions.contract.messages import STORE, Action, Answer, Call
from tests.model.links import Setup
from tests.model.stage import Stage, writing
from tests.model.watch import Level

FOUR = Setup(nodes=4, replicas=1, store=False, give_up=20.0)
STORED = Setup(nodes=4, replicas=0, store=True, give_up=20.0)
TWO = Setup(nodes=2, replicas=1, store=True, give_up=20.0)


async def a_logout_comes_while_the_store_is_away() -> list[str]:
    """Nodes remember it, and there is time to tell the store. Then all nodes forget everything."""
    stage = Stage(STORED, reconciling=True)
    token = await stage.write("j", None)
    await _store_away(stage)
    assert (await stage.send(Session.end, token)).keep is Keep.DELETE
    await _store_back(stage)
    for node in range(STORED.nodes):
        stage.restart(node)
    return ["an ended session is back"] if (await stage.read(token)).seen else []


async def all_who_remember_an_end_forget_it() -> list[str]:
    """But the fallback. A copy is left further on, made while the first in order was silent."""
    stage = Stage(FOUR._replace(store=True))
    token, silent = await stage.ended_but_for_a_copy()
    stage.restart(token.node)
    stage.restart(silent[1])
    return ["an ended session is back"] if (await stage.read(token)).seen else []


async def a_write_comes_while_the_store_is_away() -> list[str]:
    """Nobody asks for it before its node forgets everything, but there is time to tell the store."""
    stage = Stage(STORED, reconciling=True)
    token = await stage.write("j", None)
    await _store_away(stage)
    response = await stage.send(writing("k"), token)
    assert response.token is not None and response.token.unprotected
    await _store_back(stage)
    stage.restart(token.node)
    return stage.missing({"j", "k"}, (await stage.read(token)).seen)


async def only_the_store_knows_what_went_on() -> list[str]:
    """A node froze, and its session went on elsewhere, where it was then forgotten. The first token comes."""
    stage = Stage(STORED, reconciling=True)
    old = await stage.write("j", None)
    stage.machines[old.node].freeze()
    await stage.until_seen(0, old.node, Level.DOWN)
    token = await stage.write("k", old)
    stage.restart(token.node)
    stage.machines[old.node].thaw()
    await stage.until_seen(0, old.node, Level.UP)
    return stage.missing({"j", "k"}, (await stage.read(old)).seen)


async def a_node_serves_on_that_was_overtaken() -> list[str]:
    """It froze, and its session went on elsewhere. In step with the others, it gets the first token."""
    stage = Stage(FOUR)
    old = await stage.write("j", None)
    stage.machines[old.node].freeze()
    await stage.until_seen(0, old.node, Level.DOWN)
    await stage.write("k", old)
    stage.proxies[0].watch.reconciling = True
    stage.machines[old.node].thaw()
    await stage.until_seen(0, old.node, Level.UP)
    return stage.missing({"j", "k"}, (await stage.read(old)).seen)


async def a_fallback_is_silent_when_it_is_given_a_copy() -> list[str]:
    """One of two nodes is away. There is time to try again before the other dies, and the first is back."""
    stage = Stage(TWO, reconciling=True)
    token = await stage.write("j", None)
    owner, other = token.node, 1 - token.node
    watch, call, silences = stage.proxies[0].watch, stage.proxies[0].links.call, 0
    stage.proxies[1].watch.reconciling = False

    async def silent_at_first(
        session_id: str, action: Action, seconds: float, base: int = -1, writer: str = ""
    ) -> Answer | None:
        nonlocal silences
        if action.call is Call.PUT and action.target == STORE and not silences:
            silences += 1
            return None
        return await call(session_id, action, seconds, base, writer)

    stage.proxies[0].links.call = silent_at_first  # type: ignore[method-assign] - it stands before this one's calls
    stage.machines[other].kill()
    await stage.until(lambda: silences > 0)
    passes = watch.passes
    await stage.until(lambda: watch.passes >= passes + 3)
    stage.machines[owner].kill()
    stage.machines[other].start()
    await stage.until_seen(0, other, Level.UP)
    return stage.missing({"j"}, (await stage.read(token)).seen)


async def _store_away(stage: Stage) -> None:
    stage.store.down = True
    await stage.until(lambda: not any(proxy.watch.store_up for proxy in stage.proxies))


async def _store_back(stage: Stage) -> None:
    """And time to tell it everything."""
    stage.store.down = False
    await stage.until(lambda: all(proxy.watch.store_up for proxy in stage.proxies))
    passes = stage.proxies[0].watch.passes
    await stage.until(lambda: stage.proxies[0].watch.passes >= passes + 2)
