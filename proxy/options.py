"""The few values that the byte path takes from the operator's settings. Times are seconds, sizes bytes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What one client may ask for."""

    head: int = 32 * 1024
    headers: int = 100
    line: int = 8 * 1024
    body: int = 10 * 1024 * 1024
    body_rate: int = 64  # bytes a second, over each `Timeouts.body_idle`
    connections: int = 10_000
    connections_per_address: int | None = None
    pipeline: int = 64 * 1024


@dataclass(frozen=True)
class Timeouts:
    """How long a client may take."""

    head: float = 10.0
    body_idle: float = 30.0
    write_idle: float = 120.0
    keep_alive: float = 60.0
    handshake: float = 10.0


@dataclass(frozen=True)
class ServiceOptions:
    """How a service's nodes are spoken to."""

    connect_timeout: float = 2.0
    response_timeout: float = 30.0
    idle_timeout: float = 300.0
    queue_length: int = 1000
    queue_timeout: float = 5.0
    pool_idle: int = 100
    pool_keep_alive: float = 1.8
    tries: int = 3
    retry_seconds: float = 3.0
    replay_limit: int = 64 * 1024
    state_shared: bool = False  # the app keeps its sessions where every node finds them
    send_proxy: bool = False  # connections begin with a PROXY header, and so are one client's
