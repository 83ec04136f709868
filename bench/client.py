"""One browser of the load: a connection, its cookie, and the check that each answer is whole and its own.

Plain sockets under epoll: a request costs this side about as little as Python can make it, so that the
second core carries the nodes and the load even of the fastest proxy.
"""

import select
import socket

from bench.answers import MARK
from bench.work import SERIAL, Work

BUFFER = memoryview(bytearray(512 * 1024))
HEAD_LIMIT = 4096
READ = select.EPOLLIN
WRITE = select.EPOLLIN | select.EPOLLOUT
BIND_NO_PORT = 24  # IP_BIND_ADDRESS_NO_PORT of ip(7): the port is chosen when connecting


def own_address(number: int) -> str:
    """One of 1,000 addresses of this machine. Limpet sends strangers of one address to one node at first."""
    return f"127.0.{1 + number // 250 % 4}.{1 + number % 250}"


class WrongAnswer(Exception):
    """A proxy answered something else than its node said: the run is worth nothing."""


class Client:
    """Sends `work` to a port of this machine, one request after the other."""

    __slots__ = (
        "address",
        "cookie",
        "epoll",
        "left",
        "mark",
        "moved",
        "pending",
        "port",
        "request",
        "sent",
        "serial",
        "sock",
        "started",
        "template",
        "work",
    )

    def __init__(self, port: int, work: Work, epoll: select.epoll, number: int = 0) -> None:
        """`number` gives the client an address of its own on the loopback network."""
        self.port = port
        self.address = own_address(number)
        self.work = work
        self.epoll = epoll
        self.cookie = b""
        self.template = work.request(b"")
        self.request = memoryview(self.template)
        self.serial = 0
        self.mark = b""  # the node's, from its first answer on
        self.moved = 0  # answers of another node than the one before
        self.pending = b""  # a head that has not come whole
        self.left = -1  # bytes of the body still to come; -1: no head yet
        self.sent = 0
        self.started = 0.0  # when the request was due, for the paced load
        self.sock = self.connect()

    def connect(self) -> socket.socket:
        sock = socket.socket()  # not create_connection, whose look-up of the name costs more than the rest
        sock.setsockopt(socket.IPPROTO_IP, BIND_NO_PORT, 1)
        sock.bind((self.address, 0))
        sock.connect(("127.0.0.1", self.port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        self.epoll.register(sock.fileno(), READ)
        return sock

    def close(self) -> None:
        self.sock.close()  # which takes it out of epoll

    def send(self) -> None:
        """Begin the next request; what does not fit now goes when the socket takes more."""
        self.left = -1
        if self.work.varied:
            self.serial += 1
            self.request = memoryview(self.template.replace(SERIAL, b"%08d" % self.serial))
        self.sent = self.sock.send(self.request)
        if self.sent < len(self.request):
            self.epoll.modify(self.sock.fileno(), WRITE)

    def write(self) -> None:
        """Send more of an upload."""
        try:
            self.sent += self.sock.send(self.request[self.sent :])
        except BlockingIOError:
            return
        if self.sent == len(self.request):
            self.epoll.modify(self.sock.fileno(), READ)

    def read(self) -> bool:
        """Take what has come. True when the answer is complete (and, if fresh, its connection over).

        Raises WrongAnswer where it is not what a node says.
        """
        try:
            count = self.receive()
        except ConnectionError:
            count = 0
        if count < 0:
            return False
        if self.left > 0:
            self.left -= count
        elif self.left < 0:
            self.head(count)
        if not count:
            return self.ended()
        if self.left < 0 and not self.pending:
            raise WrongAnswer(f"{-self.left} bytes more than Content-Length says")
        return self.left == 0 and not self.work.fresh

    def receive(self) -> int:
        """Into the buffer; how many bytes. 0: the connection is over; below 0: nothing yet."""
        return self.sock.recv_into(BUFFER)

    def ended(self) -> bool:
        """The connection is over: as agreed, where each request has its own."""
        if self.left or not self.work.fresh:
            raise WrongAnswer("the connection was closed before the answer was whole")
        self.close()
        self.sock = self.connect()
        return True

    def head(self, count: int) -> None:
        """Read the head at the start of the buffer, and the first of the body."""
        data = self.pending + bytes(BUFFER[: min(count, HEAD_LIMIT)])
        end = data.find(b"\r\n\r\n")
        if end < 0 or len(data) < end + 4 + MARK:
            self.pending = data
            return
        start = end + 4
        mark = data[start : start + MARK]
        if not data.startswith(b"HTTP/1.1 200 ") or not mark.startswith(b"<node "):
            raise WrongAnswer(repr(data[:300]))
        fields = data[:end].lower()
        if mark != self.mark or b"\nset-cookie:" in fields:
            self.recognise(data[:end], mark)
        at = fields.find(b"\ncontent-length: ")
        if at < 0:
            raise WrongAnswer(f"no Content-Length in {data[:end]!r}")
        length = int(data[at + 17 : data.index(b"\r", at)])
        self.left = length - (len(self.pending) + count - start)
        self.pending = b""

    def recognise(self, head: bytes, mark: bytes) -> None:
        """Keep the cookies that an answer sets, as a browser would, and see which node it was."""
        if self.mark and mark != self.mark:
            self.moved += 1
        self.mark = mark
        lines = [line.partition(b":") for line in head.split(b"\r\n")]
        cookies = [
            value.strip().partition(b";")[0] for name, _, value in lines if name.lower() == b"set-cookie"
        ]
        if cookies:
            self.cookie = b"; ".join(cookies)
            self.template = self.work.request(self.cookie)
            self.request = memoryview(self.template)
