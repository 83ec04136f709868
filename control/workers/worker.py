"""A worker: a process that serves clients as control says, and ends when control does."""

import asyncio
import contextlib
import logging
import pickle
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import uvloop

from config.certificates import CertificateError
from control.allocation import keep_freed_memory
from control.punctuality import be_punctual
from control.sites import ListenError
from control.speech import listen_to_logs
from control.traces import TracingError
from control.workers.board import Board
from control.workers.channel import Channel
from control.workers.messages import (
    Count,
    Counted,
    Cut,
    Hello,
    Leaving,
    Logged,
    Ping,
    Plan,
    Pong,
    Reopen,
    Sockets,
    StandBack,
    StandIn,
    States,
    Stop,
    Taken,
    Unprotected,
)
from control.workers.serving import Serving
from sessions.stores.store import StoreError

logger = logging.getLogger("limpet.workers")

LEFT_TO_CONTROL = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Told(logging.Handler):
    """Tells control of warnings; records may come from any thread."""

    def __init__(self, say: Callable[[Logged], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say
        self._loop = asyncio.get_running_loop()

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            logged = Logged(record.name, record.levelno, record.getMessage())
            self._loop.call_soon_threadsafe(self._say, logged)


class Worker:
    """Listens to control, and does in order what that says."""

    def __init__(self, end: socket.socket) -> None:
        self._told: asyncio.Queue[tuple[Any, list[int]]] = asyncio.Queue()
        self._stop = asyncio.Event()
        self._cut = asyncio.Event()
        self._aside = False
        self._serving: Serving | None = None
        self._channel = Channel(end, self._hear, self._orphaned)
        logging.getLogger().addHandler(Told(self._channel.send))

    async def live(self) -> int:
        """Until it is told to stop; the exit code."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._leave)
        following = asyncio.create_task(self._follow())
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait((following, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if following.done():  # it has failed, and said why
            return 1
        following.cancel()
        if self._serving is not None:
            await self._serving.wind_down(self._aside, self._cut)
            self._channel.send(Counted(0, self._serving.counted()))
            await self._serving.end()
        return 0

    def _hear(self, message: Any, descriptors: list[int]) -> None:
        """What cannot wait is done at once."""
        match message:
            case Ping():
                self._channel.send(Pong())
            case Count(number) if self._serving is not None:
                self._channel.send(Counted(number, self._serving.counted()))
            case Stop(aside):
                self._aside = aside
                if self._stop.is_set() and not aside and self._serving is not None:
                    self._serving.stop()
                self._stop.set()
            case Cut():
                self._cut.set()
                self._stop.set()
            case _:
                self._told.put_nowait((message, descriptors))

    def _leave(self) -> None:
        self._channel.send(Leaving())
        self._stop.set()

    def _orphaned(self) -> None:
        logger.warning("whoever started this process has gone: it ends with its clients")
        self._stop.set()

    async def _follow(self) -> None:
        """Do what is told; returns when that cannot be done."""
        sockets: list[tuple[str, list[int]]] = []
        board, number = None, 0
        try:
            while True:
                message, descriptors = await self._told.get()
                match message:
                    case Hello(worker, workers):
                        board, number = Board(descriptors[0], workers), worker
                    case Sockets(key):
                        sockets.append((key, descriptors))
                    case Plan():
                        assert board is not None, "that comes first"
                        sketch = await asyncio.to_thread(pickle.loads, message.sketch)
                        if self._serving is None:
                            self._serving = Serving(sketch, board, number, self._channel.send)
                        await self._serving.follow(message, sketch, sockets)
                        sockets = []
                        self._channel.send(Taken(message.number))
                    case StandIn() if self._serving is not None:
                        await self._serving.stand_in(message, descriptors)
                    case StandBack(worker) if self._serving is not None:
                        await self._serving.stand_back(worker)
                    case Unprotected() if self._serving is not None:
                        self._serving.note(message)
                    case States() if self._serving is not None:
                        self._serving.adopt(message)
                    case Reopen() if self._serving is not None:
                        self._serving.logs.reopen()
        except (CertificateError, ListenError, StoreError, TracingError, OSError) as error:
            logger.error("%s", error)
        except Exception:  # a task's boundary
            logger.exception("following control broke")


def main(descriptor: str, number: str) -> int:
    """`descriptor`: of this end of the channel; `number`: by which people know the worker."""
    be_punctual()
    keep_freed_memory()
    for each in LEFT_TO_CONTROL:
        signal.signal(each, signal.SIG_IGN)
    end = socket.socket(fileno=int(descriptor))
    with (
        listen_to_logs(who=f"worker {number}"),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        return runner.run(_live(end))


async def _live(end: socket.socket) -> int:
    return await Worker(end).live()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
