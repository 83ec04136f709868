"""A request without a token that is sent to a second node: the first may have served it."""

import asyncio

from limpet_session.session import Session
from tests.model.clock import run
from tests.model.links import Setup
from tests.model.stage import Stage
from tests.model.watch import Level

SETUP = Setup(nodes=4, replicas=1, store=False, give_up=20.0)


def test_two_nodes_never_serve_one_new_session() -> None:
    """The first freezes within the request, and when it thaws it has a session that nobody was told of."""
    run(_second_try())


async def _second_try() -> None:
    stage, runs, begun = Stage(SETUP), 0, asyncio.Event()

    async def write_something(session: Session) -> None:
        nonlocal runs
        runs += 1
        session["run"] = runs
        if not begun.is_set():
            begun.set()
            await asyncio.sleep(0.01)

    sending = asyncio.ensure_future(stage.send(write_something, None, repeatable=True))
    await begun.wait()
    first = next(machine for machine in stage.machines if len(machine.node.storage))
    first.freeze()
    response = await sending
    assert response.status == 200
    assert response.token is not None
    assert response.token.node != first.index

    first.thaw()
    await stage.until_seen(0, first.index, Level.SYNCING)
    stage.come_back(0, first.index)
    stage.machines[response.token.node].kill()
    assert (await stage.read(response.token)).seen == {"run": 2}
