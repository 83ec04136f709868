"""What control and a worker say to each other: frames of a pickle each, with descriptors beside them.

A frame is its length and the number of its descriptors, then the pickle. Both ends are processes of one
Limpet, one started by the other over a socket pair that nobody else can open: what comes is not checked.
"""

import asyncio
import logging
import pickle
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

logger = logging.getLogger("limpet.workers")

HEAD = struct.Struct("!IH")
CHUNK = 1 << 18
MOST_DESCRIPTORS = 250  # of a frame: the kernel takes 253


class Channel:
    """One end. `heard` is called with each message and its descriptors, `closed` once, when the other has
    gone."""

    def __init__(
        self,
        end: socket.socket,
        heard: Callable[[Any, list[int]], None],
        closed: Callable[[], None],
    ) -> None:
        self._end = end
        self._heard = heard
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._read = bytearray()
        self._descriptors: deque[int] = deque()
        self._queue: deque[tuple[memoryview, Sequence[int]]] = deque()
        self._over = False
        end.setblocking(False)
        self._loop.add_reader(end, self._readable)

    def send(self, message: object, descriptors: Sequence[int] = ()) -> None:
        """Never waits; what cannot be sent any more is dropped."""
        self.send_pickled(pickle.dumps(message, pickle.HIGHEST_PROTOCOL), descriptors)

    def send_pickled(self, pickled: bytes, descriptors: Sequence[int] = ()) -> None:
        """As `send`, for what goes to several. The descriptors have to stay open until it has gone."""
        if self._over:
            return
        frame = memoryview(HEAD.pack(len(pickled), len(descriptors)) + pickled)
        self._queue.append((frame, descriptors))
        if len(self._queue) == 1:
            self._write()

    def close(self) -> None:
        """Tell nobody."""
        if not self._over:
            self._over = True
            self._loop.remove_reader(self._end)
            self._loop.remove_writer(self._end)
            self._end.close()

    @property
    def sending(self) -> bool:
        """Whether something has yet to go."""
        return bool(self._queue)

    # Private

    def _write(self) -> None:
        try:
            while self._queue:
                frame, descriptors = self._queue[0]
                sent = (
                    socket.send_fds(self._end, [frame], descriptors) if descriptors else self._end.send(frame)
                )
                if sent == len(frame):
                    self._queue.popleft()
                else:
                    self._queue[0] = (frame[sent:], ())
        except BlockingIOError:
            self._loop.add_writer(self._end, self._write)
            return
        except OSError:
            self._end_of_it()
            return
        self._loop.remove_writer(self._end)

    def _readable(self) -> None:
        try:
            data, descriptors, _, _ = socket.recv_fds(self._end, CHUNK, MOST_DESCRIPTORS)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors = b"", []
        self._descriptors.extend(descriptors)
        if not data:
            self._end_of_it()
            return
        self._read += data
        while (message := self._next()) is not None and not self._over:
            self._heard(*message)

    def _next(self) -> tuple[Any, list[int]] | None:
        """The next whole frame."""
        if len(self._read) < HEAD.size:
            return None
        length, count = HEAD.unpack_from(self._read)
        if len(self._read) < HEAD.size + length:
            return None
        with memoryview(self._read) as view:
            message = pickle.loads(view[HEAD.size : HEAD.size + length])
        del self._read[: HEAD.size + length]
        return message, [self._descriptors.popleft() for _ in range(count)]

    def _end_of_it(self) -> None:
        if not self._over:
            self.close()
            self._closed()
