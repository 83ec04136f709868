"""What is asked of a connection's socket, for transports have no word for it."""

import asyncio
import fcntl
import socket
import struct
import sys
import termios

_RESET = struct.pack("ii", 1, 0)  # struct linger: on, for 0 seconds


def reset_by(transport: asyncio.Transport) -> None:
    """End the connection by a reset, so that nobody takes what was sent for whole."""
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


def unwritten(transport: asyncio.Transport, wire: asyncio.Transport | None) -> int:
    """Bytes that the kernel has yet to take; `wire` is what `transport` writes to, under TLS."""
    size = transport.get_write_buffer_size()
    return size if wire is None else size + wire.get_write_buffer_size()


def unacknowledged(transport: asyncio.Transport, wire: asyncio.Transport | None) -> int:
    """Bytes that the other side has yet to take: ours, and those in the kernel's buffer, which may hold
    megabytes that a slow reader takes minutes to make room in."""
    queued = bytearray(4)
    fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, queued)
    return unwritten(transport, wire) + int.from_bytes(queued, sys.byteorder)
