"""What is sent behind the users' requests: batches to the nodes' session endpoints, commands to Redis."""

import socket
from typing import NamedTuple

import redis

from bench.sessions.setups import Up

SENT = ("cmdstat_get", "cmdstat_set", "cmdstat_evalsha", "cmdstat_eval")  # not what a script does within


class Counts(NamedTuple):
    """Since the start."""

    peer_requests: int  # to session endpoints
    redis_commands: int

    def since(self, before: "Counts") -> "Counts":
        return Counts(*(now - then for now, then in zip(self, before, strict=True)))


def counted(up: Up) -> Counts:
    """Asks the nodes and the Redis themselves; what that costs is a few requests."""
    peers = sum(int(answered(port, b"GET /peer-requests HTTP/1.0\r\n\r\n")) for port in up.node_ports)
    return Counts(peers, redis_commands(up.redis_port) if up.redis_port else 0)


def answered(port: int, request: bytes) -> bytes:
    """The body of an answer on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        parts = []
        while data := connection.recv(65536):
            parts.append(data)
    return b"".join(parts).partition(b"\r\n\r\n")[2]


def redis_commands(port: int) -> int:
    """How many commands about sessions a Redis has been sent so far."""
    with redis.Redis(port=port) as client:
        stats = client.info("commandstats")
    return sum(stats.get(name, {"calls": 0})["calls"] for name in SENT)
