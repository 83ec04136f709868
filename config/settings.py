"""The shape of the settings: every section, option, default and bound that `proxy.yaml` may hold."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from config.units import Address, Duration, Network, NodeUrl, Secret, Size

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$")]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Section(BaseModel):
    """A part of the file: unknown keys are mistakes, and nothing changes after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AffinityMode(StrEnum):
    ISSUE = "issue"
    WRAP = "wrap"
    HASH = "hash"
    NONE = "none"


class Affinity(Section):
    """How a service's requests are recognised as one user's."""

    mode: AffinityMode = AffinityMode.ISSUE
    cookie: HeaderName | None = None  # issue: Limpet's own, `limpet_<service>` unless named; wrap, hash: the app's
    header: HeaderName | None = None  # wrap, hash: instead of a cookie
    idle: Duration = 1800.0
    lifetime: Duration = 43200.0
    same_site: Literal["lax", "strict", "none"] = "lax"
    secure: Literal["auto", "always", "never"] = "auto"
    max_age: Duration | None = None
    domain: str | None = None
    set_token: Literal["always", "when_written"] = "always"


class Node(Section):
    """One app server."""

    name: Name
    url: NodeUrl
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    max_connections: Count | None = None
    backup: bool = False


class Balance(Section):
    points: Annotated[int, Field(ge=10, le=5000)] = 500
    bounded_load: Annotated[float, Field(ge=1.0, le=100.0)] = 1.25


class Sessions(Section):
    strategy: Literal["affinity"] = "affinity"


class Health(Section):
    """Active probes; off without a path."""

    path: str | None = None
    host: str | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    expect: tuple[str, ...] = ("200-399",)
    interval: Duration = 2.0
    timeout: Duration = 1.0
    fall: Annotated[int, Field(ge=1, le=100)] = 3
    rise: Annotated[int, Field(ge=1, le=100)] = 2
    slow_start: Duration = 0.0


class Ejection(Section):
    """Passive health: what a node's own answers and failures say about it."""

    failures: Annotated[int, Field(ge=1, le=1000)] = 5
    base: Duration = 30.0
    longest: Duration = 300.0


class ServiceTimeouts(Section):
    connect: Duration = 2.0
    response: Duration = 30.0
    idle: Duration = 300.0  # a tunnel, or a response body, on which nothing moves


class Queue(Section):
    """Who waits when every node is at its `max_connections`."""

    length: Annotated[int, Field(ge=0, le=1_000_000)] = 1000
    timeout: Duration = 5.0


class Pool(Section):
    """Idle connections kept to each node."""

    idle: Annotated[int, Field(ge=0, le=10_000)] = 100
    keep_alive: Duration = 1.8  # below gunicorn's 2 s, uvicorn's and Node's 5 s


class Retries(Section):
    tries: Annotated[int, Field(ge=1, le=10)] = 3
    budget: Annotated[float, Field(ge=0.0, le=1.0)] = 0.2
    buffer: Size = 65536  # an idempotent request's body, kept to be sent again


class Service(Section):
    """Some nodes that serve one application."""

    nodes: Annotated[tuple[Node, ...], Field(min_length=1)]
    affinity: Affinity = Affinity()
    balance: Balance = Balance()
    sessions: Sessions = Sessions()
    on_unavailable: Literal["redispatch", "strict"] = "redispatch"
    health: Health = Health()
    ejection: Ejection = Ejection()
    timeouts: ServiceTimeouts = ServiceTimeouts()
    queue: Queue = Queue()
    pool: Pool = Pool()
    retries: Retries = Retries()


class HeaderEdit(Section):
    set: dict[HeaderName, str] = {}
    remove: tuple[HeaderName, ...] = ()


class Route(Section):
    """Which requests a service gets: longest path first, exact hosts before wildcards."""

    service: str
    host: str = "*"
    path: str = "/"
    strip_prefix: bool = False
    request_headers: HeaderEdit = HeaderEdit()
    response_headers: HeaderEdit = HeaderEdit()


class Listener(Section):
    address: Address


class Admin(Section):
    listen: Address = Address("127.0.0.1", 9900)
    token: Secret | None = None


class Timeouts(Section):
    """What a client may take its time for."""

    head: Duration = 10.0
    body_idle: Duration = 30.0
    write_idle: Duration = 120.0
    keep_alive: Duration = 60.0
    grace: Duration = 30.0


class Limits(Section):
    head: Size = 32 * 1024
    headers: Annotated[int, Field(ge=1, le=10_000)] = 100
    line: Size = 8 * 1024
    body: Size = 10 * 1024 * 1024
    body_rate: Size = 64  # bytes a second, over each `timeouts.body_idle`
    connections: Count = 10_000
    connections_per_address: Count | None = None
    pipeline: Size = 64 * 1024


class AccessLog(Section):
    format: Literal["off", "text", "json"] = "text"
    sample: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    file: str = "-"  # "-" is standard output


class Forwarded(Section):
    """What nodes are told about the client."""

    style: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    trusted_proxies: tuple[Network, ...] = ()
    via: str | None = None
    request_id: HeaderName | None = "X-Request-Id"


class ErrorPages(Section):
    """Files shown instead of Limpet's own; `{status}`, `{reason}` and `{request_id}` are filled in."""

    html: str | None = None
    json_file: Annotated[str | None, Field(alias="json")] = None


class Settings(Section):
    listen: tuple[Listener, ...] = (Listener(address=Address("127.0.0.1", 8080)),)
    admin: Admin = Admin()
    secrets: tuple[Secret, ...] = ()
    services: Annotated[dict[Name, Service], Field(min_length=1)]
    routes: tuple[Route, ...] = ()
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()
    forwarded: Forwarded = Forwarded()
    access_log: AccessLog = AccessLog()
    error_pages: ErrorPages = ErrorPages()
