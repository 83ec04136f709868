"""What is said of a Redis that can lose sessions: of real ones, and of answers that are hard to come by."""

import pytest
from hiredis import ReplyError

from sessions.stores.redis.advice import sentences
from sessions.stores.redis.faults import Unavailable
from tests.examples.running import free_port
from tests.sessions.stores.processes import RedisProcess
from tests.sessions.stores.redis.conftest import opened

SAFE = b"redis_version:7.0.15\r\nmaxmemory:100\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n"
FORBIDDEN = ReplyError("NOPERM no permissions to run the 'config|get' command")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"appendonly": "yes", "maxmemory": "100mb", "maxmemory-policy": "noeviction"}, []),
        ({"appendonly": "yes", "maxmemory": "0", "maxmemory-policy": "allkeys-lru"}, []),
        (
            {"appendonly": "yes", "maxmemory": "100mb", "maxmemory-policy": "volatile-ttl"},
            ["maxmemory-policy is volatile-ttl"],
        ),
        ({"appendonly": "no", "save": ""}, ["keeps nothing on disk"]),
        ({"appendonly": "no", "save": "900 1"}, ["since the last snapshot"]),
    ],
)
async def test_a_real_one(own: RedisProcess, settings: dict[str, str], expected: list[str]) -> None:
    for name, value in settings.items():
        own.ask("CONFIG", "SET", name, value)
    async with opened(own.url) as store:
        advice = await store.advice()
    assert len(advice) == len(expected)
    for sentence, words in zip(advice, expected, strict=True):
        assert sentence.startswith(f"127.0.0.1:{own.port}: ") and words in sentence


async def test_one_that_forbids_config_is_read_by_info(own: RedisProcess) -> None:
    own.ask("ACL", "SETUSER", "limpet", "on", ">word", "~limpet:*", "+@all", "-config")
    async with opened(own.url.replace("redis://", "redis://limpet:word@")) as store:
        (sentence,) = await store.advice()
    assert "appendonly is no (whether it saves snapshots could not be read: NOPERM" in sentence


async def test_one_that_is_down_says_so() -> None:
    async with opened(f"redis://127.0.0.1:{free_port()}") as store:
        (sentence,) = await store.advice()
    assert "could not be read (cannot connect" in sentence


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (SAFE, []),
        (SAFE.replace(b"7.0.15", b"5.0.9"), ["version 5.0.9; Limpet needs 6.0 or later"]),
        (SAFE.replace(b"7.0.15", b"unheard"), []),
        (SAFE.replace(b"noeviction", b"allkeys-lfu"), ["maxmemory-policy is allkeys-lfu"]),
        (SAFE.replace(b"maxmemory_policy", b"x"), ["does not tell its maxmemory-policy"]),
        (SAFE.replace(b"aof_enabled", b"x"), ["does not tell whether it keeps anything"]),
    ],
)
def test_what_info_alone_tells(info: bytes, expected: list[str]) -> None:
    found = sentences(info, [FORBIDDEN] * 3)
    assert len(found) == len(expected)
    assert all(words in sentence for words, sentence in zip(expected, found, strict=True))


@pytest.mark.parametrize("info", [FORBIDDEN, Unavailable("gone"), None])
def test_nothing_to_be_read(info: ReplyError | Unavailable | None) -> None:
    (sentence,) = sentences(info, [FORBIDDEN] * 3)
    assert "could not be read" in sentence and "noeviction" in sentence
