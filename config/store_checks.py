"""Stores that cannot work, and the keys that proxies share with nodes."""

from collections.abc import Iterator

from config.problems import Found, KeyPath
from config.session_settings import Store
from config.settings import Settings
from config.values import enumerated

ONLY_FOR = {"wait_replicas": "redis", "synchronous": "embedded"}


def store_problems(settings: Settings) -> Iterator[Found]:
    """What is wrong with the stores, whoever uses them."""
    seen: dict[object, str] = {}
    for name, store in settings.stores.items():
        here: KeyPath = ("stores", name)
        for key, message in kind_problems(store):
            yield Found((*here, key) if key else here, message, (here,))
        first = seen.setdefault(store.redis or store.embedded, name)
        if first != name and (store.redis or store.embedded):
            message = f"is that of `stores.{first}` already: services can share one store"
            key = "redis" if store.redis else "embedded"
            yield Found((*here, key), message, (("stores", first),))


def kind_problems(store: Store) -> Iterator[tuple[str, str]]:
    """Options that its kind of store does not use; each as its key and what is wrong."""
    if bool(store.redis) == bool(store.embedded):
        got = "both are given" if store.redis else "none is given"
        yield "", f"must have either `redis` or `embedded`: {got}"
        return
    kind = "redis" if store.redis else "embedded"
    for option in sorted(store.model_fields_set & ONLY_FOR.keys()):
        if ONLY_FOR[option] != kind:
            yield option, f"has no effect on a store with `{kind}`: leave it out"


def node_key_problems(settings: Settings) -> Iterator[Found]:
    """Keys that services need and the file lacks, or has in two ways."""
    if settings.node_keys and settings.node_keys_file:
        message = "cannot be combined with `node_keys`: give one of them"
        yield Found(("node_keys_file",), message, (("node_keys",),))
    users = {name: service for name, service in settings.services.items() if service.sessions.uses_contract}
    if users and not (settings.node_keys or settings.node_keys_file):
        depends = (("node_keys",), ("node_keys_file",), *(("services", name, "sessions") for name in users))
        yield Found(
            ("node_keys",),
            f"is missing: by it the nodes of {enumerated(tuple(users), 'and')} know that it is Limpet"
            " who asks (try `openssl rand -hex 32`)",
            depends,
        )


def shared_keys(settings: Settings) -> Iterator[Found]:
    """Keys of nodes that also sign tokens; for settings whose files have been read."""
    option = "node_keys_file" if settings.node_keys_file else "node_keys"
    for index, key in enumerate(settings.node_keys):
        if key in settings.secrets:
            message = "must not be one of `secrets`: whoever has a node could forge tokens"
            yield Found((option, index), message, (("secrets",), ("secrets_file",)))
