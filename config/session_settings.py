"""The shape of the settings on where the state of sessions is kept, and on the stores that keep it."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from config.names import FilePath
from config.section import Section
from config.store_urls import StoreUrl
from config.units import duration as lasting
from config.units import size as sized
from config.values import Flag, Parsed, Refused, integer

MOST_REPLICAS = 16
Rate = Annotated[int, integer(1, 100_000)]


def parse_replicas(value: object) -> object:
    """An integer, or `all`; raises Refused."""
    if value == "all":
        return value
    try:
        return integer(1, MOST_REPLICAS).parse(value)
    except Refused:
        raise Refused(f"must be an integer from 1 to {MOST_REPLICAS}, or `all`") from None


def parse_store_name(value: object) -> object:
    """A name; raises Refused without showing the value, which may well be the URL of the store."""
    if not isinstance(value, str) or "/" in value:
        raise Refused("must be the name of one of the `stores`", quoted=False)
    return value


Replicas = Annotated[
    int | Literal["all"],
    Parsed(
        parse_replicas,
        {"anyOf": [{"type": "integer", "minimum": 1, "maximum": MOST_REPLICAS}, {"enum": ["all"]}]},
    ),
]
StoreName = Annotated[str, Parsed(parse_store_name, {"type": "string", "pattern": "^[^/]+$"})]


class Strategy(StrEnum):
    AFFINITY = "affinity"
    REPLICATION = "replication"
    STORE = "store"


class Store(Section):
    """A place for sessions beside the nodes."""

    redis: StoreUrl | None = Field(
        None, description="The URL of a Redis, Valkey or Dragonfly: one server, Sentinels or a Cluster."
    )
    embedded: FilePath | None = Field(
        None, description="A file that all processes of this machine share, kept across restarts."
    )
    timeout: Annotated[float, lasting("10ms", "1m")] = Field(
        1.0, description="A batch without an answer after this has failed."
    )
    wait_replicas: Annotated[int, integer(0, MOST_REPLICAS)] = Field(
        0, description="`redis`: a write counts only when so many replicas have it (`WAIT`); 0: it does not."
    )
    synchronous: Literal["normal", "full"] = Field(
        "normal",
        description="`embedded`: `normal` outlives a crash of Limpet, `full` a power cut as well.",
    )


class Sessions(Section):
    """Where the state of sessions is kept."""

    strategy: Strategy = Field(
        Strategy.AFFINITY,
        description="`affinity`: in the node's own memory, and lost with it. `replication`: with copies on"
        " other nodes. `store`: in a store.",
    )
    contract: Flag = Field(
        False,
        description="`affinity`: the nodes speak the session contract, so that drains move sessions with"
        " their state.",
    )
    state: Literal["node", "shared"] = Field(
        "node",
        description="`affinity`: `shared` where the app itself keeps it for all its nodes, in its own Redis"
        " or database, so that nothing is lost with one.",
    )
    replicas: Replicas = Field(
        1, description="`replication`: how many other nodes hold a copy, or `all` of them."
    )
    fallback: StoreName | None = Field(
        None, description="`replication`: the store that holds copies while too few other nodes can."
    )
    store: StoreName | None = Field(None, description="`store`: the name of the store.")
    sticky: Flag = Field(
        True,
        description="`store`: a session stays on its node while that is up; `false`: any node serves it.",
    )
    on_conflict: Literal["fail", "last"] = Field(
        "fail",
        description="`sticky: false`: of two nodes that write at once, the later gets 503 (`fail`), or its"
        " state counts (`last`).",
    )
    ack: Literal["sync", "async"] = Field(
        "sync",
        description="`sync`: an answer leaves when its copies are acknowledged; `async`: at once.",
    )
    ack_timeout: Annotated[float, lasting("10ms", "1m")] = Field(
        1.0, description="Who has not acknowledged a copy after this is passed over for the next."
    )
    max_lag: Annotated[float, lasting("10ms", "1m")] = Field(
        1.0, description="`ack: async`: a write that has no copy by then counts as unprotected."
    )
    on_unprotected: Literal["answer", "refuse"] = Field(
        "answer",
        description="A write that nobody could take a copy of: counted and answered, or refused with 503."
        " With `sticky: false` it is always refused.",
    )
    on_stale: Literal["serve", "empty"] = Field(
        "serve",
        description="Of a session only older state is left: go on with that, or with an empty one.",
    )
    give_up: Annotated[float, lasting("1s", "1d")] = Field(
        30.0,
        description="A session counts as lost only when whoever may hold it has been down for this long.",
    )
    max_state: Annotated[int, sized("1KiB", "64MiB")] = Field(
        1024 * 1024, description="The largest state; an answer with a larger one is turned into 502."
    )
    reconcile_interval: Annotated[float, lasting("1s", "1d")] = Field(
        60.0, description="How often the nodes' lists are compared, apart from when a node comes or goes."
    )
    reconcile_rate: Rate = Field(
        500, description="Copies that are made good in the background, a second at most."
    )
    move_rate: Rate = Field(
        200, description="Sessions that a drain or `rebalance` moves with their state, a second at most."
    )
    rebalance: Literal["off", "on"] = Field(
        "off", description="`on`: a new node gets its share of the sessions that there are, little by little."
    )

    @property
    def uses_contract(self) -> bool:
        """Whether the nodes are spoken to in the terms of the session contract."""
        return self.contract or self.strategy is not Strategy.AFFINITY

    @property
    def stores(self) -> tuple[str, ...]:
        """The names of the stores that hold its sessions."""
        return tuple(name for name in (self.store, self.fallback) if name)
