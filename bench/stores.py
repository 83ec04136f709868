"""What one write of a session costs in each kind of store, and what it would cost with other libraries.

    python -m bench.stores [--rounds N]

CPU microseconds of this process for each write of 2 KiB, in batches of 1, 8 and 64, and milliseconds until
a batch is acknowledged. The contenders take turns; the figure is the median over the rounds, the ratio that
within one round. The other libraries (redis[hiredis], coredis, valkey-glide, lmdb) take part where they are
installed: they are no dependency of Limpet. The Redis is a process of its own, with nothing on disk.
"""

import argparse
import asyncio
import itertools
import os
import statistics
import struct
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import uvloop

from bench.machine import described
from sessions.stores.embedded import EmbeddedStore
from sessions.stores.redis.connection import Command
from sessions.stores.redis.script import SCRIPT, command_for
from sessions.stores.redis.store import RedisStore
from sessions.stores.redis.url import parse_redis_url
from sessions.stores.store import Put, Status, Store
from tests.sessions.stores.processes import RedisProcess

SIZES = (1, 8, 64)
WRITES = 1500
SESSIONS = 5000
STATE = os.urandom(2048)
Write = Callable[[Sequence[Put]], Awaitable[object]]


def puts(versions: "itertools.count[int]", size: int) -> list[Put]:
    """The next writes: versions only grow, and sessions come back after a while."""
    return [
        Put(f"{number % SESSIONS:022d}", number + 1, STATE, "a", 1800.0)
        for number in itertools.islice(versions, size)
    ]


async def limpet_store(store: Store, kept: AsyncExitStack) -> Write:
    """A store of Limpet's own."""
    await store.open()
    kept.push_async_callback(store.close)

    async def write(batch: Sequence[Put]) -> None:
        outcomes = await store.run(batch)
        assert all(outcome.status == Status.TAKEN for outcome in outcomes), outcomes

    return write


def commands(batch: Sequence[Put]) -> list[Command]:
    """What Limpet sends, for a client that has loaded the script."""
    return [command_for(put, int(time.time())) for put in batch]


def check(replies: Sequence[Sequence[object]]) -> None:
    """Every write was taken."""
    assert all(reply[0] == Status.TAKEN for reply in replies), replies


async def redis_py(url: str, kept: AsyncExitStack) -> Write:
    from redis.asyncio import Redis

    client = await kept.enter_async_context(Redis.from_url(url))
    await client.script_load(SCRIPT)

    async def write(batch: Sequence[Put]) -> None:
        pipeline = client.pipeline(transaction=False)
        for command in commands(batch):
            pipeline.execute_command(*command)
        check(await pipeline.execute())

    return write


async def coredis(url: str, kept: AsyncExitStack) -> Write:
    from coredis import Redis

    client = await kept.enter_async_context(Redis.from_url(url))
    digest = await client.script_load(SCRIPT)

    async def write(batch: Sequence[Put]) -> None:
        async with client.pipeline(transaction=False) as pipeline:
            replies = [
                pipeline.evalsha(digest, keys=[key], args=arguments)
                for _, _, _, key, *arguments in commands(batch)
            ]
        check([await reply for reply in replies])

    return write


async def valkey_glide(url: str, kept: AsyncExitStack) -> Write:
    from glide import Batch, GlideClient, GlideClientConfiguration, NodeAddress

    port = int(url.rpartition(":")[2].partition("/")[0])
    client = await GlideClient.create(GlideClientConfiguration([NodeAddress("127.0.0.1", port)]))
    kept.push_async_callback(client.close)
    await client.custom_command(["SCRIPT", "LOAD", SCRIPT])

    async def write(batch: Sequence[Put]) -> None:
        request = Batch(is_atomic=False)
        for command in commands(batch):
            request.custom_command([word if isinstance(word, bytes) else str(word) for word in command])
        check(await client.exec(request, raise_on_error=True))

    return write


async def lmdb(path: Path, sync: bool) -> Write:
    """As the embedded store would with LMDB: in a thread, a record and its place in the order of expiry."""
    from lmdb import open as open_lmdb

    environment = open_lmdb(str(path), map_size=2**30, max_dbs=2, sync=sync)
    records, expiries = environment.open_db(b"records"), environment.open_db(b"expiries")

    def commit(batch: Sequence[Put]) -> None:
        with environment.begin(write=True) as transaction:
            for put in batch:
                id = put.id.encode()
                if held := transaction.get(id, db=records):
                    assert struct.unpack_from(">Q", held)[0] < put.version
                    transaction.delete(held[8:16] + id, db=expiries)
                expires = struct.pack(">d", time.time() + put.ttl_seconds)
                transaction.put(id, struct.pack(">Q", put.version) + expires + b"a" + put.state, db=records)
                transaction.put(expires + id, b"", db=expiries)

    async def write(batch: Sequence[Put]) -> None:
        await asyncio.get_running_loop().run_in_executor(None, commit, batch)

    return write


async def contenders(url: str, directory: Path, kept: AsyncExitStack) -> dict[str, Write]:
    """All that can take part here, Limpet's own first in each group."""
    main = RedisStore("main", parse_redis_url(url))
    normal = EmbeddedStore("local", directory / "normal.db", timeout_seconds=10)
    full = EmbeddedStore("local", directory / "full.db", timeout_seconds=10, synchronous="FULL")
    found = {
        "Redis: Limpet": await limpet_store(main, kept),
        "embedded: Limpet (SQLite, NORMAL)": await limpet_store(normal, kept),
        "embedded: Limpet (SQLite, FULL)": await limpet_store(full, kept),
    }
    for name, make in {"redis-py": redis_py, "coredis": coredis, "valkey-glide": valkey_glide}.items():
        with suppress(ImportError):
            found[f"Redis: {name}"] = await make(url, kept)
    for name, sync in {"not synced": False, "synced": True}.items():
        with suppress(ImportError):
            found[f"embedded: LMDB, {name}"] = await lmdb(directory / f"lmdb-{sync}", sync)
    return dict(sorted(found.items(), key=lambda item: item[0].partition(":")[0]))


async def measured(write: Write, versions: "itertools.count[int]", size: int) -> tuple[float, float]:
    """CPU microseconds for each write, and milliseconds for each batch."""
    batches = [puts(versions, size) for _ in range(max(1, WRITES // size // 3))]
    await write(batches.pop())
    if not batches:
        batches = [puts(versions, size)]
    cpu, begun = time.process_time(), time.perf_counter()
    for batch in batches:
        await write(batch)
    elapsed, spent = time.perf_counter() - begun, time.process_time() - cpu
    return spent / len(batches) / size * 1e6, elapsed / len(batches) * 1e3


async def compare(rounds: int, url: str, directory: Path) -> None:
    """Measure whoever can take part here."""
    async with AsyncExitStack() as kept:
        await take_turns(rounds, await contenders(url, directory, kept))


async def take_turns(rounds: int, writers: dict[str, Write]) -> None:
    """Measure, and print a table for Markdown."""
    versions = {name: itertools.count() for name in writers}
    results: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for _, size, (name, write) in itertools.product(range(rounds), SIZES, writers.items()):
        results.setdefault((name, size), []).append(await measured(write, versions[name], size))
    print(*described()[:2], "", sep="\n")
    print("| CPU µs a write (ratio) / ms a batch |" + "".join(f" batches of {size} |" for size in SIZES))
    print("|---|" + "---|" * len(SIZES))
    for name in writers:
        own = next(other for other in writers if other.partition(":")[0] == name.partition(":")[0])
        cells = []
        for size in SIZES:
            pairs = zip(results[name, size], results[own, size], strict=True)
            ratio = statistics.median(mine[0] / base[0] for mine, base in pairs)
            cpu, wall = (statistics.median(column) for column in zip(*results[name, size], strict=True))
            cells.append(f" {cpu:.1f} ({ratio:.1f}) / {wall:.2f} |")
        print(f"| {name} |" + "".join(cells))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as directory:
        server = RedisProcess(Path(directory) / "redis", "--save", "")
        try:
            uvloop.run(compare(rounds, server.url, Path(directory)))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
