"""Works out the points of rings where no request waits for it: 0.75 ms a node, with 500 points each."""

import asyncio
import pickle
import subprocess
import sys
from typing import Any

from config.settings import Service, Settings
from control.turns import Steps, in_turns
from routing.ring import Placed, place

FEW = 20  # nodes, for a thread: it delays each turn of the event loop; a process takes half a second to begin
PATIENCE_SECONDS = 120.0
MAIN = "import os; os.nice(10); from control.placing import main; main()"

Wanted = dict[str, tuple[dict[str, int], int]]  # by service: its nodes' weights, and points for a weight of 1


def place_nodes(service: Service) -> Placed:
    """The points of its ring, of the nodes in the file."""
    return place(*_weights(service))


async def placed_anew(before: Settings, after: Settings) -> dict[str, Placed]:
    """By service, the points of rings whose nodes are others. Raises OSError."""
    wanted = await in_turns(_wanted(before, after))
    if sum(len(weights) for weights, _ in wanted.values()) > FEW:
        return await asyncio.to_thread(_asked, wanted)
    return await asyncio.to_thread(_placed, wanted)


def _wanted(before: Settings, after: Settings) -> Steps[Wanted]:
    wanted = {}
    for name, service in after.services.items():
        known = before.services.get(name)
        if known is None or (known is not service and known.nodes != service.nodes):
            wanted[name] = _weights(service)
        yield
    return wanted


def _weights(service: Service) -> tuple[dict[str, int], int]:
    return {node.name: node.weight for node in service.nodes}, service.balance.points


def _placed(wanted: Wanted) -> dict[str, Placed]:
    return {name: place(*each) for name, each in wanted.items()}


def _asked(wanted: Wanted) -> dict[str, Placed]:
    """As another process says. Raises OSError where there is none, or it does not say anything."""
    try:
        done = subprocess.run(
            # -P: a directory named `control` where the operator stands is not to be found before ours.
            [sys.executable, "-P", "-c", MAIN],
            input=pickle.dumps(wanted),
            stdout=subprocess.PIPE,
            timeout=PATIENCE_SECONDS,
            check=True,
        )
    except subprocess.SubprocessError as error:
        raise OSError(f"the nodes cannot be placed on their rings: {error}") from None
    placed: dict[str, Placed] = pickle.loads(done.stdout)
    return placed


def main() -> None:
    """The other process."""
    wanted: Any = pickle.load(sys.stdin.buffer)
    sys.stdout.buffer.write(pickle.dumps(_placed(wanted)))
