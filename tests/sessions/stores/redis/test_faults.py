"""Whose fault an error reply is, as Redis 6 and Redis 7 word it."""

import pytest
from hiredis import ReplyError

from sessions.stores.redis.faults import Fault, code_of, fault_of, words_of

INSIDE_6 = "ERR Error running script (call to f_0a1b): @user_script:30: @user_script: 30: -{} more words"


@pytest.mark.parametrize(
    ("text", "code", "fault"),
    [
        ("OOM command not allowed. script: 0a1b, on @user_script:30.", "OOM", Fault.COMMAND),
        (INSIDE_6.format("OOM"), "OOM", Fault.COMMAND),
        (INSIDE_6.format("READONLY"), "READONLY", Fault.SERVER),
        ("READONLY You can't write against a read only replica.", "READONLY", Fault.SERVER),
        ("LOADING Redis is loading the dataset in memory", "LOADING", Fault.SERVER),
        ("CLUSTERDOWN The cluster is down", "CLUSTERDOWN", Fault.SERVER),
        ("NOAUTH Authentication required.", "NOAUTH", Fault.SERVER),
        ("MISCONF Redis is configured to save RDB snapshots", "MISCONF", Fault.COMMAND),
        ("NOREPLICAS Not enough good replicas to write.", "NOREPLICAS", Fault.COMMAND),
        ("MOVED 3999 127.0.0.1:6381", "MOVED", Fault.MOVED),
        ("ASK 3999 127.0.0.1:6381", "ASK", Fault.ASK),
        ("NOSCRIPT No matching script. Please use EVAL.", "NOSCRIPT", Fault.SCRIPT),
        ("ERR unknown command", "ERR", Fault.COMMAND),
    ],
)
def test_whose_fault(text: str, code: str, fault: Fault) -> None:
    assert (code_of(ReplyError(text)), fault_of(ReplyError(text))) == (code, fault)


def test_what_a_script_adds_is_left_out() -> None:
    assert words_of(ReplyError("OOM command not allowed. script: 0a1b, on x")) == "OOM command not allowed."
    assert words_of(ReplyError(INSIDE_6.format("OOM"))) == "OOM more words"
    assert len(words_of(ReplyError("x" * 1000))) == 200
