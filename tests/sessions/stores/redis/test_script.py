"""What is sent for each operation, and answers that the script cannot have given."""

import pytest

from sessions.stores.redis.connection import Reply
from sessions.stores.redis.script import DIGEST, SCRIPT, command_for, outcome_of, with_script
from sessions.stores.store import End, Fence, Get, Put, Touch


def test_what_is_sent() -> None:
    key = "limpet:{id}"
    assert command_for(Get("id"), 7) == ("HMGET", key, "version", "fence", "node", "ended", "state")
    assert command_for(Touch("id", 0.0001), 7) == ("EVALSHA", DIGEST, 1, key, "touch", 1)
    assert command_for(End("id", 1.5), 7) == ("EVALSHA", DIGEST, 1, key, "end", 1500, 7)
    assert command_for(Fence("id", 2**32, 1), 7) == ("EVALSHA", DIGEST, 1, key, "fence", 1000, 7, 2**32)
    command = command_for(Put("id", 5, b"state", "a", 1, 4), 7)
    assert command == ("EVALSHA", DIGEST, 1, key, "put", 1000, 7, 5, b"state", "a", 4)
    assert with_script(command) == ("EVAL", SCRIPT, *command[2:])
    assert with_script(command_for(Get("id"), 7)) == command_for(Get("id"), 7)


@pytest.mark.parametrize(
    "reply",
    [
        [],
        [9, b"1", b"0", b"a", b""],
        [0, b"x", b"0", b"a", b""],
        [0, 1, b"0", b"a", b""],
        [0, b"1", b"0", b"a"],
    ],
)
def test_what_no_script_of_ours_answers(reply: list[Reply]) -> None:
    with pytest.raises((ValueError, IndexError)):
        outcome_of(Touch("id", 1), reply)


@pytest.mark.parametrize("reply", [[], [b"1", None, None, None, None], [b"x", None, b"a", None, b""]])
def test_what_no_hash_of_ours_holds(reply: list[Reply]) -> None:
    with pytest.raises(ValueError):
        outcome_of(Get("id"), reply)
