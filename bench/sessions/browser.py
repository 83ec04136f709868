"""One user of the sessions' bench: reads and writes, and knows what each answer has to say."""

import random
import select
import time

from bench.answers import MARK
from bench.client import Client, WrongAnswer
from bench.work import Work

WRITES = 0.5  # share of the requests
READ = Work("read", b"/read", 64)
WRITE = Work("write", b"/write", 64, upload=32)


class Browser(Client):
    """Sends reads and writes at random, the same ones for every contender.

    Every answer has to have the count that this user's writes have made, and nothing else.
    """

    __slots__ = ("chance", "count", "jar", "took", "writes", "writing")

    def __init__(self, port: int, work: Work, epoll: select.epoll, number: int = 0) -> None:
        super().__init__(port, work, epoll, number)
        self.chance = random.Random(number)
        self.count = 0  # of writes
        self.jar: dict[bytes, bytes] = {}  # the cookies by name
        self.writing = False
        self.writes = WRITE.request(b"")
        self.took: list[tuple[bool, float]] = []  # whether it was a write, and seconds from when it was due

    def send(self) -> None:
        self.writing = self.wants_to_write()
        self.pending = b""
        self.sock.send(self.writes if self.writing else self.template)

    def wants_to_write(self) -> bool:
        return not self.count or self.chance.random() < WRITES  # a session begins with a write

    def read(self) -> bool:
        self.pending += self.received()
        head, found, body = self.pending.partition(b"\r\n\r\n")
        if not found or len(body) < length_of(head):
            return False
        now = time.perf_counter()
        self.took.append((self.writing, now - self.started))
        self.started = now  # of the next one, unless it is due later
        self.check(head, body)
        return True

    def received(self) -> bytes:
        data = self.sock.recv(65536)
        if not data:
            raise WrongAnswer("the connection was closed before the answer was whole")
        return data

    def check(self, head: bytes, body: bytes) -> None:
        self.count += self.writing
        if not head.startswith(b"HTTP/1.1 200 ") or body[MARK:] != b"%d" % self.count:
            raise WrongAnswer(f"not the count {self.count}: {(head + body)[-300:]!r}")
        if body[:MARK] != self.mark or b"\nset-cookie:" in head.lower():
            self.recognise(head, body[:MARK])

    def recognise(self, head: bytes, mark: bytes) -> None:
        """Keep each cookie until another of its name comes, and see which node it was."""
        self.moved += bool(self.mark) and mark != self.mark
        self.mark = mark
        for line in head.split(b"\r\n"):
            name, _, value = line.partition(b": ")
            if name.lower() == b"set-cookie":
                pair = value.partition(b";")[0]
                self.jar[pair.partition(b"=")[0]] = pair
        self.cookie = b"; ".join(self.jar.values())
        self.template, self.writes = READ.request(self.cookie), WRITE.request(self.cookie)


class Writer(Browser):
    """Writes with each request."""

    __slots__ = ()

    def wants_to_write(self) -> bool:
        return True


class Stranger(Writer):
    """Sends the same requests to an app that keeps no sessions: each is its first."""

    __slots__ = ()

    def check(self, head: bytes, body: bytes) -> None:
        self.count = 0
        super().check(head, body)


def length_of(head: bytes) -> int:
    """Raises WrongAnswer where the head does not say how long its body is."""
    _, found, rest = head.lower().partition(b"\ncontent-length:")
    if not found:
        raise WrongAnswer(f"no Content-Length in {head!r}")
    return int(rest.partition(b"\r")[0])
