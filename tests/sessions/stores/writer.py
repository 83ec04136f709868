"""A process that writes to an embedded store as fast as it can, and tells each write that was acknowledged.

    python -m tests.sessions.stores.writer FILE NAME

It is killed by the test. Lines: `own SESSION VERSION` for sessions of its own, `shared VERSION` where it was
the one to write that version of the session that all writers share.
"""

import asyncio
import sys
from pathlib import Path

from sessions.batching import Batcher
from sessions.stores.embedded import EmbeddedStore
from sessions.stores.store import Get, Operation, Outcome, Put, Status, size

SHARED = "shared"
SESSIONS = 8


async def write_own(batcher: Batcher[Operation, Outcome], name: str, session: str) -> None:
    version = 0
    while True:
        version += 1
        state = f"{name}:{version}".encode() * 100
        outcome = await batcher.submit(Put(session, version, state, name, 600.0))
        if outcome.status == Status.TAKEN:
            print(f"own {session} {version}", flush=True)


async def write_shared(batcher: Batcher[Operation, Outcome], name: str) -> None:
    while True:
        held = await batcher.submit(Get(SHARED))
        version = held.version + 1
        outcome = await batcher.submit(Put(SHARED, version, name.encode(), name, 600.0))
        if outcome.status == Status.TAKEN:
            print(f"shared {version}", flush=True)


async def main(path: str, name: str) -> None:
    store = EmbeddedStore("local", Path(path), timeout_seconds=10)
    await store.open()
    batcher = Batcher(store.run, size)
    async with asyncio.TaskGroup() as group:
        group.create_task(write_shared(batcher, name))
        for number in range(SESSIONS):
            group.create_task(write_own(batcher, name, f"{name}-{number}"))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
