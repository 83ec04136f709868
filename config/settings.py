"""The shape of the settings: every section, option, default and bound that `proxy.yaml` may hold."""

import math
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from config.discovery_settings import Discover, Port
from config.https_settings import Hsts, HttpsPort
from config.listener_settings import Listener
from config.log_settings import AccessLog, Tracing
from config.names import (
    CookieName,
    Domain,
    FilePath,
    HeaderName,
    HeaderValue,
    HostPattern,
    Name,
    ProbeHost,
    ProbePath,
    Pseudonym,
    RoutePath,
    StatusRange,
)
from config.node_tls import NodeTls
from config.secret import NodeKey
from config.section import Count, Section, defaults_of
from config.session_settings import Sessions, Store, Strategy
from config.units import Address, Duration, DurationOrNone, Network, NodeUrl, Secret, Size
from config.units import duration as lasting
from config.units import size as sized
from config.values import Flag, OneOrMany, ShortFor, Workers, integer, number


class AffinityMode(StrEnum):
    ISSUE = "issue"
    WRAP = "wrap"
    HASH = "hash"
    NONE = "none"


class Affinity(Section):
    """How a service's requests are recognised as one user's."""

    mode: AffinityMode = Field(
        AffinityMode.ISSUE,
        description="`issue`: a cookie of Limpet's own. `wrap`: the app's own id, with the place sealed"
        " round it. `hash`: consistent hashing of an id of somebody else's. `none`: every request anew.",
    )
    cookie: CookieName | None = Field(
        None,
        description="`issue`: the name of Limpet's cookie, `limpet_<service>` unless given."
        " `wrap`, `hash`: the cookie that holds the app's id.",
    )
    header: HeaderName | None = Field(
        None, description="`wrap`, `hash`: the header that holds the app's id, instead of a cookie."
    )
    idle: Annotated[float, lasting("1s", "365d")] = Field(
        1800.0, description="A session that nobody used for this long is over."
    )
    lifetime: Annotated[float, lasting("1s", "365d")] = Field(
        43200.0, description="A session older than this is over, however much it is used."
    )
    same_site: Literal["lax", "strict", "none"] = Field(
        "lax",
        description="`SameSite` of the token's cookie; `none` lets other sites' pages and forms send it.",
    )
    secure: Literal["auto", "always", "never"] = Field(
        "auto", description="`Secure` on the token's cookie; `auto`: where the client came by https."
    )
    max_age: Annotated[float, lasting("1s", "365d")] | None = Field(
        None, description="`Max-Age` of the token's cookie; without it the browser forgets it when it closes."
    )
    domain: Domain | None = Field(
        None, description="`Domain` of the token's cookie, to share it with all hosts under that domain."
    )
    set_token: Literal["always", "when_written"] = Field(
        "always",
        description="`when_written`: a client gets a token only with an answer in which the app sets a"
        " cookie, so that bots and static files get none.",
    )


class Node(Section):
    """One app server."""

    name: Name = Field(description="What it is called in logs, metrics and commands; keep it for good.")
    url: NodeUrl = Field(description="`http://HOST:PORT`, `https://HOST:PORT` or `unix:/PATH`.")
    weight: Annotated[int, integer(1, 1000)] = Field(
        1, description="Its share of new sessions, compared with the other nodes'."
    )
    max_connections: Count | None = Field(
        None, description="Exchanges at once; more wait in the service's queue. No limit without it."
    )
    backup: Flag = Field(False, description="Gets new sessions only while no other node can take them.")
    sessions_url: NodeUrl | None = Field(
        None, description="Where it speaks of its sessions, if not at `url`; only with the session contract."
    )


class Balance(Section):
    """How new sessions are spread over the nodes."""

    points: Annotated[int, integer(10, 5000)] = Field(
        500,
        description="Points on the hash ring for each unit of weight; more are fairer and use more memory.",
    )
    bounded_load: Annotated[float, number(1.0, 100.0)] = Field(
        1.25, description="A node with more than this times the mean of exchanges in flight is passed over."
    )


class Health(Section):
    """Active probes; off without a path."""

    path: ProbePath | None = Field(None, description="What is asked of each node; no probes without it.")
    host: ProbeHost | None = Field(None, description="`Host` of the probe; the node's own without it.")
    port: Port | None = Field(None, description="Another port to ask on; the node's own without it.")
    expect: Annotated[tuple[StatusRange, ...], OneOrMany()] = Field(
        (StatusRange(200, 399),),
        min_length=1,
        description="The status codes of a node that is well: `200` or `200-399`, or several.",
    )
    interval: Annotated[float, lasting("100ms", "1h")] = Field(
        2.0, description="Time between two probes of a node."
    )
    timeout: Annotated[float, lasting("10ms", "1h")] = Field(
        1.0, description="A probe without an answer after this has failed."
    )
    fall: Annotated[int, integer(1, 100)] = Field(
        3, description="Failed probes in a row after which a node is down."
    )
    rise: Annotated[int, integer(1, 100)] = Field(
        2, description="Passed probes in a row after which a node is up again."
    )
    slow_start: DurationOrNone = Field(
        0.0, description="A node that came back gets its full share of new sessions only after this time."
    )

    @property
    def expected_statuses(self) -> frozenset[int]:
        """All status codes of a node that is well."""
        return frozenset(code for each in self.expect for code in range(each.first, each.last + 1))


class Ejection(Section):
    """Passive health: what a node's own answers and failures say about it."""

    failures: Annotated[int, integer(1, 1000)] = Field(
        5, description="Connect failures, timeouts or gateway errors in a row that eject it."
    )
    base: Duration = Field(
        30.0, description="How long the first ejection lasts; the second twice as long, and so on."
    )
    longest: Duration = Field(300.0, description="No ejection lasts longer.")


class ServiceTimeouts(Section):
    """How long a node may take."""

    connect: Duration = Field(2.0, description="Until a connection to the node stands.")
    response: Duration = Field(30.0, description="From the request sent to the head of the answer.")
    idle: Duration = Field(
        300.0, description="A tunnel or a response body on which nothing moves for this long is ended."
    )


class Queue(Section):
    """Who waits when every node is at its `max_connections`."""

    length: Annotated[int, integer(0, 1_000_000)] = Field(
        1000, description="Requests that may wait for each node; more get 503 at once."
    )
    timeout: Duration = Field(5.0, description="A request that waited this long gets 503.")


class Pool(Section):
    """Idle connections kept to each node."""

    idle: Annotated[int, integer(0, 10_000)] = Field(
        100, description="How many are kept; 0: every request has its own."
    )
    keep_alive: Duration = Field(
        1.8, description="How long one is kept. It must be less than the app's own keep-alive."
    )


class Retries(Section):
    """When a request that failed on one node is tried on another."""

    tries: Annotated[int, integer(1, 10)] = Field(
        3, description="How often a request is tried without a pause, the first time included."
    )
    wait: DurationOrNone = Field(
        3.0,
        description="When every node has failed a request: how long they are tried again, with pauses.",
    )
    budget: Annotated[float, number(0.0, 1.0)] = Field(
        0.2,
        description="Retries at most, as a share of all requests, so that an outage does not double itself.",
    )
    buffer: Annotated[int, sized("0B", "16MiB")] = Field(
        65536, description="The body of an idempotent request is kept up to this size."
    )


class Service(Section):
    """Some nodes that serve one application."""

    nodes: tuple[Node, ...] = Field((), min_length=1, description="The app servers.")
    discover: Discover | None = Field(None, description="Where more of them, or all, are found.")
    affinity: Affinity = defaults_of(Affinity, "How requests are recognised as one user's.")
    balance: Balance = defaults_of(Balance, "How new sessions are spread over the nodes.")
    sessions: Sessions = defaults_of(Sessions, "Where the state of sessions is kept.")
    on_unavailable: Literal["redispatch", "strict"] = Field(
        "redispatch",
        description="A session whose node is away: `redispatch` it to another, or answer 503 (`strict`).",
    )
    health: Health = defaults_of(Health, "Active probes; off without a path.")
    ejection: Ejection = defaults_of(
        Ejection, "Passive health: a node that fails requests is left alone for a while."
    )
    send_proxy: Literal["v2"] | None = Field(
        None, description="Tell nodes by the PROXY protocol who the client is: a connection for each request."
    )
    tls: NodeTls = defaults_of(NodeTls, "How nodes with `https://` are known to be the right ones.")
    timeouts: ServiceTimeouts = defaults_of(ServiceTimeouts, "How long a node may take.")
    queue: Queue = defaults_of(Queue, "Who waits when a node is at its `max_connections`.")
    pool: Pool = defaults_of(Pool, "Idle connections kept to each node.")
    retries: Retries = defaults_of(Retries, "When a request that failed on one node is tried on another.")

    @property
    def copies(self) -> int:
        """How many nodes hold a session besides the one that serves it."""
        if self.sessions.strategy is not Strategy.REPLICATION:
            return 0
        others = max(0, len(self.nodes) - 1)
        return others if self.sessions.replicas == "all" else self.sessions.replicas

    @property
    def state_ttl(self) -> int:
        """Seconds after which nodes and stores may forget a session that nobody used.

        More than a token lives without being renewed, by the eighth after which it is, and by a minute for
        clocks that differ and copies that come late.
        """
        return math.ceil(min(self.affinity.idle, self.affinity.lifetime) * 9 / 8) + 60


class HeaderEdit(Section):
    """Header fields to change on the way through."""

    set: dict[HeaderName, HeaderValue] = Field({}, description="Fields to set, in place of any of that name.")
    remove: tuple[HeaderName, ...] = Field((), description="Fields to take away.")


class Route(Section):
    """Which requests a service gets: exact hosts before wildcards, then the longest path."""

    service: str = Field(description="The service that gets them.")
    host: HostPattern = Field("*", description="A host, `*.example.com` for all under it, or `*` for any.")
    path: RoutePath = Field("/", description="Paths that begin with these segments: `/app` has `/app/x`.")
    strip_prefix: Flag = Field(False, description="Take `path` off before the node sees the request.")
    redirect_to_https: HttpsPort = Field(0, description="Send who comes by http there; or the port of https.")
    hsts: Annotated[Hsts, ShortFor("max_age")] | None = Field(
        None, description="Tell browsers to come by https only, for so long."
    )
    request_headers: HeaderEdit = defaults_of(HeaderEdit, "Changes to what the node gets.")
    response_headers: HeaderEdit = defaults_of(HeaderEdit, "Changes to what the client gets.")


class Admin(Section):
    """Metrics, state and commands for operators."""

    listen: Address = Field(
        Address("127.0.0.1", 9900), description="Where; anything that other machines can reach needs a token."
    )
    token: Secret | None = Field(
        None, description="Callers show it as `Authorization: Bearer ...`; at least 16 bytes."
    )
    token_file: FilePath | None = Field(None, description="A file that holds the token, instead of `token`.")


class Timeouts(Section):
    """What a client may take its time for."""

    handshake: Duration = Field(10.0, description="From the connection to the end of its TLS handshake.")
    head: Duration = Field(10.0, description="From the first byte of a request's head to its last.")
    body_idle: Duration = Field(
        30.0, description="Between two parts of a request's body; also the window of `limits.body_rate`."
    )
    write_idle: Duration = Field(
        120.0, description="A client that takes nothing of its answer for this long is cut off."
    )
    keep_alive: Duration = Field(60.0, description="Between two requests on one connection.")
    grace: DurationOrNone = Field(
        30.0, description="What exchanges under way are given to end when Limpet stops."
    )


class Limits(Section):
    """What one client may ask for, and all of them together."""

    head: Annotated[int, sized("1KiB", "1MiB")] = Field(
        32 * 1024, description="A request's or a response's head, request line included."
    )
    headers: Annotated[int, integer(1, 10_000)] = Field(100, description="Header fields in one head.")
    line: Annotated[int, sized("256B", "1MiB")] = Field(8 * 1024, description="One line of a head.")
    body: Size = Field(10 * 1024 * 1024, description="A request's body; larger ones get 413.")
    body_rate: Size = Field(
        64, description="Bytes a second that a request's body must bring; 0: any rate will do."
    )
    connections: Count = Field(10_000, description="Connections of clients at once.")
    connections_per_address: Count | None = Field(
        None, description="Connections of one client address at once; no limit without it."
    )
    pipeline: Annotated[int, sized("1KiB", "16MiB")] = Field(
        64 * 1024,
        description="What is read ahead of a client that sends requests without waiting for answers.",
    )


class Forwarded(Section):
    """What nodes are told about the client."""

    style: Literal["x-forwarded", "forwarded"] = Field(
        "x-forwarded",
        description="`X-Forwarded-For`, `-Proto` and `-Host`, or the one `Forwarded` of RFC 7239.",
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (), description="Whose own word on the client is believed and added to; everybody else's is replaced."
    )
    via: Pseudonym | None = Field(None, description="Add a `Via` with this name for Limpet; none without it.")
    request_id: HeaderName | None = Field(
        "X-Request-Id", description="The header that carries each request's id; `null`: none does."
    )


class ErrorPages(Section):
    """Files shown for errors; `{status}`, `{reason}`, `{detail}` and `{request_id}` in them are filled in."""

    html: FilePath | None = Field(None, description="For clients that accept HTML.")
    json_file: FilePath | None = Field(
        None, alias="json", description="For clients that would rather have JSON."
    )


class Settings(Section):
    """The whole of `proxy.yaml`."""

    listen: Annotated[tuple[Annotated[Listener, ShortFor("address")], ...], OneOrMany()] = Field(
        (Listener(address=Address("127.0.0.1", 8080)),),
        min_length=1,
        description="Where clients are served: an address, or a list of them.",
    )
    admin: Admin = defaults_of(Admin, "Metrics, state and commands for operators.")
    secrets: tuple[Secret, ...] = Field(
        (), description="Keys of the tokens, at least 16 bytes each: the first signs, all verify."
    )
    secrets_file: Annotated[tuple[FilePath, ...], OneOrMany()] = Field(
        (), description="Files that hold one secret each, instead of `secrets`."
    )
    node_keys: tuple[NodeKey, ...] = Field(
        (),
        description="Keys by which nodes know the proxy, at least 16 bytes each: the first is sent, nodes"
        " accept all.",
    )
    node_keys_file: Annotated[tuple[FilePath, ...], OneOrMany()] = Field(
        (), description="Files that hold one key each, instead of `node_keys`."
    )
    stores: dict[Name, Store] = Field(
        {}, description="Places for sessions beside the nodes, by name; only what a service names."
    )
    services: dict[Name, Service] = Field(min_length=1, description="The applications, by name.")
    routes: tuple[Route, ...] = Field(
        (), description="Which requests go to which service; not needed where there is only one."
    )
    timeouts: Timeouts = defaults_of(Timeouts, "What a client may take its time for.")
    limits: Limits = defaults_of(Limits, "What one client may ask for, and all together.")
    forwarded: Forwarded = defaults_of(Forwarded, "What nodes are told about the client.")
    access_log: AccessLog = defaults_of(AccessLog, "A line for each exchange.")
    tracing: Tracing | None = Field(
        None, description="A span for each exchange, sent to an OpenTelemetry collector; none without it."
    )
    workers: Workers = Field(
        1,
        description="Processes that serve clients, on a core each; `auto`: as many as there are cores for"
        " Limpet. Another number needs `limpet upgrade`.",
    )
    watch: Flag = Field(
        False, description="Read the configuration again when its file, or one that it names, has changed."
    )
    error_pages: ErrorPages = defaults_of(ErrorPages, "Your own pages for errors.")
