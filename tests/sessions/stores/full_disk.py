"""A process whose files may not grow beyond a limit: writes fail, and go on when there is room again.

    python -m tests.sessions.stores.full_disk FILE

A process of its own, for the limit is one of the process. Exits with 0 when all was as it must be.
"""

import asyncio
import logging
import resource
import sys
from pathlib import Path

from sessions.stores.embedded import EmbeddedStore
from sessions.stores.store import Get, Put, Status

STATE = b"s" * 50_000


def put(version: int) -> Put:
    return Put(f"id-{version}", version, STATE, "a", 600.0)


async def main(path: str) -> None:
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    store = EmbeddedStore("local", Path(path))
    await store.open()
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
    version = 1
    while (outcome := (await store.run([put(version)]))[0]).status == Status.TAKEN:
        version += 1
        assert version < 1000, "nothing is full"
    assert outcome.status == Status.FAILED and outcome.why, outcome
    assert version > 3
    reading, writing = await store.run([Get("id-1"), put(version)])
    assert (reading.status, writing.status) == (Status.TAKEN, Status.FAILED), (reading.status, writing)
    assert reading.state == STATE
    assert store.up
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    outcomes = await store.run([put(version), *(Get(f"id-{number}") for number in range(1, version))])
    assert {outcome.status for outcome in outcomes} == {Status.TAKEN}
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
