"""Says how a Redis is set up so that it can lose sessions."""

from collections.abc import Sequence

from hiredis import ReplyError

from sessions.stores.redis.connection import Command, Reply
from sessions.stores.redis.faults import Unavailable, words_of
from sessions.stores.redis.servers import Servers

OLDEST = (6, 0)
QUESTIONS: tuple[Command, ...] = (
    ("INFO",),
    ("CONFIG", "GET", "maxmemory*"),  # one name at a time: Redis 6 takes no more
    ("CONFIG", "GET", "appendonly"),
    ("CONFIG", "GET", "save"),
)
SETTINGS = "maxmemory-policy should be noeviction, and appendonly yes"


async def advice_on(servers: Servers, deadline: float) -> list[str]:
    """Sentences about every server, each beginning with its address."""
    found = []
    for place, answers in (await servers.ask_each(QUESTIONS, deadline)).items():
        info, *configs = [answer.reply for answer in answers]
        found += [f"{place}: {sentence}" for sentence in sentences(info, configs)]
    return found


def sentences(info: Reply | Unavailable, configs: Sequence[Reply | Unavailable]) -> list[str]:
    """What the answers to INFO and CONFIG GET tell. CONFIG is often forbidden; INFO tells nearly all."""
    if not isinstance(info, bytes):
        return [f"how it is set up could not be read ({_words(info)}): {SETTINGS}"]
    told = dict(line.split(":", 1) for line in info.decode(errors="replace").splitlines() if ":" in line)
    names: dict[str, str] = {}
    for config in configs:
        names |= _pairs(config)
    policy = names.get("maxmemory-policy") or told.get("maxmemory_policy", "")
    limited = (names.get("maxmemory") or told.get("maxmemory", "0")) != "0"
    appends = names.get("appendonly") or {"1": "yes", "0": "no"}.get(told.get("aof_enabled", ""), "")
    found = [*_old(told.get("redis_version", "")), *_evicting(policy, limited)]
    return found + _forgetful(appends, names.get("save"), _words(configs[-1]))


def _old(version: str) -> list[str]:
    try:
        known = tuple(int(part) for part in version.split(".")[:2])
    except ValueError:
        return []
    return [f"it is version {version}; Limpet needs 6.0 or later"] if known < OLDEST else []


def _evicting(policy: str, limited: bool) -> list[str]:
    if not policy:
        return ["it does not tell its maxmemory-policy: it should be noeviction"]
    if policy == "noeviction" or not limited:
        return []
    return [
        f"maxmemory-policy is {policy}: when memory runs out it throws sessions away; noeviction does not"
    ]


def _forgetful(appends: str, save: str | None, why: str) -> list[str]:
    if appends == "yes":
        return []
    if not appends:
        return ["it does not tell whether it keeps anything on disk: appendonly should be yes"]
    if save == "":
        return ["it keeps nothing on disk: a restart loses what only it holds; set appendonly to yes"]
    if save is None:
        return [
            f"appendonly is no (whether it saves snapshots could not be read: {why}): a crash loses writes"
        ]
    return ["appendonly is no: a crash loses what was written since the last snapshot"]


def _pairs(config: Reply | Unavailable) -> dict[str, str]:
    if not isinstance(config, list):
        return {}
    words = [part.decode(errors="replace") if isinstance(part, bytes) else "" for part in config]
    return dict(zip(words[::2], words[1::2], strict=False))


def _words(reply: Reply | Unavailable) -> str:
    if isinstance(reply, ReplyError):
        return words_of(reply)
    return str(reply) if isinstance(reply, Unavailable) else "an answer of another kind"
