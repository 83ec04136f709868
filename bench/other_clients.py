"""Browsers that speak TLS, or a WebSocket."""

import select
import socket
import ssl

from bench.client import BUFFER, READ, Client, WrongAnswer
from bench.work import Kind, Work

_SHAKING_SECONDS = 5.0
_LENGTH = 125  # of a message: the longest whose frame says it in one byte (RFC 6455 section 5.2)
_MESSAGE = (b"a message of the bench " * 6)[:_LENGTH]
_FRAME = b"\x81\xfd" + bytes(4) + _MESSAGE  # masked, as a client's must be, by zeros
_ECHO = b"\x81\x7d" + _MESSAGE


def _context() -> ssl.SSLContext:
    """Nobody's certificate is checked: that is the client's work, not the proxy's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


CONTEXT = _context()


class TlsClient(Client):
    """Over TLS; shakes hands when it connects, which no turn counts."""

    __slots__ = ()
    sock: ssl.SSLSocket

    def connect(self) -> socket.socket:
        sock = super().connect()
        self.epoll.unregister(sock.fileno())
        sock.settimeout(_SHAKING_SECONDS)
        wrapped = CONTEXT.wrap_socket(sock, server_hostname="bench.example")
        wrapped.setblocking(False)
        self.epoll.register(wrapped.fileno(), READ)
        return wrapped

    def receive(self) -> int:
        """All records that are there: epoll does not tell of those that OpenSSL has read already."""
        count = 0
        try:
            while size := self.sock.recv_into(BUFFER[count:]):
                count += size
        except ssl.SSLWantReadError:
            return count or -1
        return count


class WebSocketClient(Client):
    """Sends one message after the other; each is to come back as it is."""

    __slots__ = ()

    def connect(self) -> socket.socket:
        sock = super().connect()
        sock.settimeout(_SHAKING_SECONDS)
        sock.sendall(self.work.request(b"").replace(b"\r\n\r\n", UPGRADE))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1) or b"\r\n\r\n"
        if not head.startswith(b"HTTP/1.1 101 "):
            sock.close()
            raise WrongAnswer(repr(head[:300]))
        sock.setblocking(False)
        self.template = _FRAME
        self.request = memoryview(_FRAME)
        return sock

    def send(self) -> None:
        self.left = len(_ECHO)
        self.sock.send(_FRAME)

    def read(self) -> bool:
        count = self.sock.recv_into(BUFFER)
        start = len(_ECHO) - self.left
        if not count or BUFFER[:count] != _ECHO[start : start + count]:
            raise WrongAnswer(f"not the message that was sent: {bytes(BUFFER[:count])!r}")
        self.left -= count
        return not self.left


UPGRADE = (
    b"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
KINDS: dict[Kind, type[Client]] = {
    Kind.HTTP: Client,
    Kind.TLS: TlsClient,
    Kind.WEBSOCKET: WebSocketClient,
}


def client(port: int, work: Work, epoll: select.epoll, number: int) -> Client:
    """One that speaks what the work asks for."""
    return KINDS[work.kind](port, work, epoll, number)
