"""Whose fault an error reply of a Redis is: the command's, the server's, or the map's."""

import re
from enum import IntEnum

from hiredis import ReplyError


class Unavailable(Exception):
    """A server that cannot be used now; the message says why, without secrets."""


class Fault(IntEnum):
    """What an error reply is about."""

    COMMAND = 0  # this command failed; the server goes on
    SERVER = 1  # the server can serve nobody now
    MOVED = 2  # the slot is elsewhere
    ASK = 3  # this key is elsewhere while its slot moves
    SCRIPT = 4  # the script is not loaded


FAULTS = {
    "LOADING": Fault.SERVER,
    "CLUSTERDOWN": Fault.SERVER,
    "MASTERDOWN": Fault.SERVER,
    "READONLY": Fault.SERVER,
    "BUSY": Fault.SERVER,
    "UNBLOCKED": Fault.SERVER,
    "NOAUTH": Fault.SERVER,
    "MOVED": Fault.MOVED,
    "ASK": Fault.ASK,
    "NOSCRIPT": Fault.SCRIPT,
}
# Before Redis 7 an error inside a script arrives as "ERR Error running script (...): ...: -OOM command..."
INSIDE_SCRIPT = re.compile(r"^ERR .*?user_script.*? -(([A-Z]+) .*)")


def fault_of(error: ReplyError) -> Fault:
    """What an error reply is about."""
    return FAULTS.get(code_of(error), Fault.COMMAND)


def code_of(error: ReplyError) -> str:
    """The word that names the error: OOM, MOVED, ERR..."""
    text = str(error)
    inside = INSIDE_SCRIPT.match(text)
    return inside[2] if inside else text.partition(" ")[0]


def words_of(error: ReplyError) -> str:
    """The error in at most 200 characters, without what a script adds to it."""
    text = str(error)
    inside = INSIDE_SCRIPT.match(text)
    return (inside[1] if inside else text.partition(" script: ")[0])[:200]
