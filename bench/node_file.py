"""What a node's shared file costs beside its memory: `python -m bench.node_file`, under a minute."""

import asyncio
import http.client
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from multiprocessing.queues import Queue
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from limpet_session import headers
from limpet_session.file_storage import FileStorage
from limpet_session.loop_shell import LoopShell
from limpet_session.memory import MemoryStorage
from limpet_session.node import random_id
from limpet_session.shell import Shell
from limpet_session.storage import Storage

KEY = "a-key-for-this-bench"
SESSIONS = 500
STATE = {"user": "ann", "items": "x" * 1000}
PAUSE = 0.002  # seconds between two requests of a process, as an app takes them


class User:
    """A session, asked for as the proxy asks."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.version = 0

    def fields(self) -> dict[bytes, bytes]:
        told = {headers.KEY: KEY.encode(), headers.SESSION: self.name.encode(), headers.TTL: b"1800"}
        return {**told, headers.VERSION: b"%d" % self.version}


def visit(shell: Shell, user: User, write: int) -> None:
    """A request that reads, or writes something of its own."""
    life: Any = shell.open(user.fields())
    life.session.update({**STATE, "n": write} if write else {})
    user.version = int(dict(life.finish().headers)[headers.VERSION])
    life.leave()


async def visit_later(shell: LoopShell, user: User, write: int) -> None:
    life: Any = await shell.open(user.fields())
    life.session.update({**STATE, "n": write} if write else {})
    user.version = int(dict((await shell.finish(life)).headers)[headers.VERSION])
    life.leave()


def cpu(work: Callable[[int], object], times: int) -> float:
    """Microseconds of CPU for each."""
    began = time.process_time()
    for i in range(times):
        work(i + 1)
    return (time.process_time() - began) / times * 1e6


def alone(storage: Storage) -> list[float]:
    """CPU of a read and of a write, from a thread, and from an event loop."""
    shell, users = Shell([KEY], storage=storage), [User(random_id()) for _ in range(SESSIONS)]
    writing = cpu(lambda i: visit(shell, users[i % SESSIONS], i), 4000)
    reading = cpu(lambda i: visit(shell, users[i % SESSIONS], 0), 4000)
    later = LoopShell([KEY], storage=storage)

    async def on_loop(write: int) -> float:
        began = time.process_time()
        for i in range(2000):
            await visit_later(later, users[i % SESSIONS], (i + 10**6) * write)
        return (time.process_time() - began) / 2000 * 1e6

    return [writing, reading, *(asyncio.run(on_loop(write)) for write in (1, 0))]


def process(path: str, seed: int, names: list[str], times: "Queue[list[float]]") -> None:
    """One of several processes that write sessions of theirs to one file."""
    storage, random = FileStorage(path), Random(seed)
    shell, took = Shell([KEY], storage=storage), []
    users = [User(name) for name in names]
    for i in range(1500):
        user = random.choice(users)
        began = time.perf_counter()
        visit(shell, user, i + 1)
        took.append((time.perf_counter() - began) * 1e3)
        time.sleep(PAUSE * random.random())  # an app has other work between two writes
    times.put(took)


def together(path: Path, processes: int) -> tuple[float, float]:
    """Milliseconds of a write where so many processes write at once: the median, and the 99th percentile."""
    context = multiprocessing.get_context("spawn")
    times: Queue[list[float]] = context.Queue()
    running = [
        context.Process(target=process, args=(str(path), i, [random_id() for _ in range(100)], times))
        for i in range(processes)
    ]
    for one in running:
        one.start()
    took = [time for _ in running for time in times.get()]
    for one in running:
        one.join()
    cuts = statistics.quantiles(took, n=100)
    return cuts[49], cuts[98]


def calls(shell: Shell, port: int, batch: int, seconds: float = 2.0) -> float:
    """Batches a second at the endpoint's own address, from one connection; of so many copies of 1 KB each."""
    shell.open({})
    line = {"version": 3, "ttl": 60, "state": headers.pack(b"x" * 1000).decode()}
    body = "\n".join(json.dumps({"id": random_id(), **line}) for _ in range(batch)).encode()
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        try:
            connection.connect()
            break
        except ConnectionRefusedError:
            time.sleep(0.01)  # the endpoint's thread does not listen yet, and tells nobody when it does
    done, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        connection.request("POST", "/.limpet/sessions/", body, {"Limpet-Key": KEY})
        connection.getresponse().read()
        done += 1
    connection.close()
    return done / seconds


def main() -> None:
    with TemporaryDirectory() as folder:
        print("CPU us for a request's session: write, read; on an event loop: write, read")
        for storage in (MemoryStorage(), FileStorage(Path(folder, "alone.db"))):
            name = type(storage).__name__
            print(f"  {name:14}", *(f"{figure:6.0f}" for figure in alone(storage)))
        print("ms of a write where several processes write: median, 99th percentile")
        for processes in (1, 2, 4):
            median, late = together(Path(folder, f"{processes}.db"), processes)
            print(f"  {processes} processes    {median:6.2f} {late:6.2f}")
        print("batches a second at an endpoint of its own, client in the same process: of 1 copy, of 30")
        for storage, port in ((MemoryStorage(), 19931), (FileStorage(Path(folder, "calls.db")), 19932)):
            shell = Shell([KEY], storage=storage, endpoint=f"127.0.0.1:{port}")
            print(f"  {type(storage).__name__:14}", *(f"{calls(shell, port, n):6.0f}" for n in (1, 30)))


if __name__ == "__main__":
    main()
