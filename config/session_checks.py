"""Sessions that cannot be kept as asked: options without effect, stores that are not there, too few nodes."""

from collections.abc import Iterator

from config.problems import Found, KeyPath, suggestion
from config.session_settings import Sessions, Strategy
from config.settings import AffinityMode, Service, Settings
from config.values import enumerated

# What a strategy goes by here: `affinity` means one thing with the contract and another without.
PLAIN, CONTRACT, COPIES, STORE = "affinity", "contract", "replication", "store"
CALLED = {CONTRACT: "`affinity` and `contract: true`", COPIES: "`replication`", STORE: "`store`"}
USED_BY = {
    "contract": {PLAIN, CONTRACT},
    "state": {PLAIN},
    "replicas": {COPIES},
    "fallback": {COPIES},
    "store": {STORE},
    "sticky": {STORE},
    "on_conflict": {STORE},
    "ack": {COPIES, STORE},
    "ack_timeout": {COPIES, STORE},
    "max_lag": {COPIES, STORE},
    "on_unprotected": {COPIES, STORE},
    "on_stale": {CONTRACT, COPIES, STORE},
    "give_up": {CONTRACT, COPIES, STORE},
    "max_state": {CONTRACT, COPIES, STORE},
    "reconcile_interval": {CONTRACT, COPIES, STORE},
    "reconcile_rate": {CONTRACT, COPIES, STORE},
    "move_rate": {CONTRACT, COPIES, STORE},
    "rebalance": {CONTRACT, COPIES, STORE},
}


def session_problems(settings: Settings, name: str, service: Service) -> Iterator[Found]:
    """What is wrong with how one service's sessions are kept."""
    place: KeyPath = ("services", name)
    here: KeyPath = (*place, "sessions")
    sessions = service.sessions
    for key, message in (*unused_options(sessions), *contrary_options(sessions)):
        yield Found((*here, key), message, (here,))
    for key, message in replica_problems(service):
        yield Found((*here, key), message, (here, (*place, "nodes"), (*place, "discover")))
    for key, message in store_name_problems(settings, sessions):
        yield Found((*here, key), message, (here, ("stores",)))
    for key, message in token_problems(service):
        yield Found((*place, "affinity", key), message, (here, (*place, "affinity")))
    for index, node in enumerate(service.nodes):
        if node.sessions_url and not sessions.uses_contract:
            message = f"has no effect with strategy `affinity`, only with {called({CONTRACT, COPIES, STORE})}"
            yield Found((*place, "nodes", index, "sessions_url"), f"{message}: leave it out", (here,))


def unused_options(sessions: Sessions) -> Iterator[tuple[str, str]]:
    """Options that the strategy does not use; each as its key and what is wrong."""
    strategy = sessions.strategy
    way = CONTRACT if strategy is Strategy.AFFINITY and sessions.contract else str(strategy)
    for option in Sessions.model_fields:
        users = USED_BY.get(option, {way})
        given = option in sessions.model_fields_set and getattr(sessions, option) is not None
        if given and way not in users:
            used = "`affinity`" if PLAIN in users else called(users)
            yield option, f"has no effect with strategy `{strategy}`, only with {used}: leave it out"


def called(users: set[str]) -> str:
    """`replication` or `store`, and what else uses an option."""
    words = [word for user, word in CALLED.items() if user in users]
    return " or ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def contrary_options(sessions: Sessions) -> Iterator[tuple[str, str]]:
    """Options of one strategy that contradict each other."""
    given = sessions.model_fields_set
    if sessions.strategy is Strategy.AFFINITY:
        return
    if sessions.ack == "async":
        if sessions.on_unprotected == "refuse":
            yield "on_unprotected", "must not be `refuse` with `ack: async`: the answer has left by then"
    elif "max_lag" in given:
        yield "max_lag", "has no effect with `ack: sync`, only with `async`: leave it out"
    if sessions.strategy is not Strategy.STORE:
        return
    if sessions.sticky:
        if "on_conflict" in given:
            message = "has no effect while sessions are sticky, only with `sticky: false`: leave it out"
            yield "on_conflict", message
        return
    if sessions.ack == "async":
        message = "must be `sync` with `sticky: false`: the next request may be on another node"
        yield "ack", f"{message}, which has only what the store has"
    if sessions.rebalance == "on":
        yield "rebalance", "has no effect with `sticky: false`: requests go to any node as it is"


def replica_problems(service: Service) -> Iterator[tuple[str, str]]:
    """More copies than there are other nodes to hold them."""
    others = len(service.nodes) - 1
    if service.sessions.strategy is not Strategy.REPLICATION or service.discover is not None:
        return
    if not others:
        message = (
            "must not be `replication` with a single node: nobody is there to hold a copy; `store` would do"
        )
        yield "strategy", message
    elif service.copies > others:
        allowed = f"must not be more than {others}: with {others + 1} nodes, that many others hold copies"
        yield "replicas", allowed


def store_name_problems(settings: Settings, sessions: Sessions) -> Iterator[tuple[str, str]]:
    """Stores that are needed, and missing from `stores`."""
    if sessions.strategy is Strategy.STORE and sessions.store is None:
        yield "store", "is missing: the strategy `store` needs the name of one of the `stores`"
    used = {Strategy.STORE: sessions.store, Strategy.REPLICATION: sessions.fallback}
    name = used.get(sessions.strategy)
    if name and name not in settings.stores:
        key = "store" if sessions.strategy is Strategy.STORE else "fallback"
        names = tuple(settings.stores)
        allowed = f"must be the name of a store, {enumerated(names)}" if names else "names a store, but"
        yield key, f"{allowed}{suggestion(name, names)}" if names else f"{allowed} the file has no `stores`"


def token_problems(service: Service) -> Iterator[tuple[str, str]]:
    """Affinity without a token that each write can replace, which the contract needs."""
    sessions, affinity = service.sessions, service.affinity
    if not sessions.uses_contract:
        return
    strategy = sessions.strategy
    what = "`sessions.contract`" if strategy is Strategy.AFFINITY else f"strategy `{strategy}`"
    if affinity.mode in (AffinityMode.HASH, AffinityMode.NONE):
        yield (
            "mode",
            f"must be `issue`, or `wrap` of a cookie, with {what}: each write changes the client's token,"
            f" and with `{affinity.mode}` there is none",
        )
    elif affinity.mode is AffinityMode.WRAP and affinity.header and not affinity.cookie:
        yield (
            "header",
            f"must be a `cookie` with {what}: each write changes the client's token, and clients keep a"
            " header's value as it is",
        )
