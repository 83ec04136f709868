"""Puts an operation to a Redis, and reads its answer: one script, compare-and-set in one step."""

import hashlib
from collections.abc import Sequence

from sessions.stores.redis.connection import Command, Reply
from sessions.stores.store import End, Fence, Get, Operation, Outcome, Put, Status, Touch

# Versions are below 2^53, which a Lua number holds exactly. As text they are only passed on: what a number
# becomes as text differs among servers and ways (Lua's own: 9.007199254741e+15).
SCRIPT = """
local TAKEN, SUPERSEDED, CONFLICT, ENDED, UNKNOWN = 0, 1, 2, 3, 4
local key, kind, ttl = KEYS[1], ARGV[1], tonumber(ARGV[2])
local held = redis.call('HMGET', key, 'version', 'fence', 'node', 'ended')
local version, fence = tonumber(held[1] or '0'), tonumber(held[2] or '0')

local function answer(status)
  return {status, held[1] or '0', held[2] or '0', held[3] or '', ''}
end
local function lengthen()
  redis.call('PEXPIRE', key, math.max(ttl, redis.call('PTTL', key)))
end
local function keep(status)
  lengthen()
  return answer(status)
end
local function lineage(n)
  return math.floor(n / 1048576)
end

if kind == 'end' then
  redis.call('HSET', key, 'ended', '1', 'time', ARGV[3])
  redis.call('HDEL', key, 'version', 'fence', 'node', 'state')
  lengthen()
  return {TAKEN, '0', '0', '', ''}
end
if held[4] then
  return {ENDED, '0', '0', '', ''}
end
if kind == 'touch' then
  if not held[1] then
    return answer(UNKNOWN)
  end
  return keep(TAKEN)
end

local n = tonumber(ARGV[4])
if kind == 'fence' then
  if n <= version or n <= fence then
    return answer(CONFLICT)
  end
  redis.call('HSET', key, 'fence', ARGV[4], 'time', ARGV[3])
  held[2] = ARGV[4]
  local found = keep(TAKEN)
  found[5] = redis.call('HGET', key, 'state') or ''
  return found
end

local base = tonumber(ARGV[7])
local kin = lineage(n) == lineage(version) and (base < 0 or held[3] == ARGV[6])
if n == version then
  if redis.call('HGET', key, 'state') == ARGV[5] then
    return keep(TAKEN)
  end
  return answer(CONFLICT)
end
if n < version and kin then
  return keep(SUPERSEDED)
end
if n < version or n < fence or not (kin or version == 0 or base < 0 or base == version) then
  return answer(CONFLICT)
end
redis.call('HSET', key, 'version', ARGV[4], 'state', ARGV[5], 'node', ARGV[6], 'time', ARGV[3])
held[1], held[3] = ARGV[4], ARGV[6]
return keep(TAKEN)
"""
ANSWERS = (Status.TAKEN, Status.SUPERSEDED, Status.CONFLICT, Status.ENDED, Status.UNKNOWN)
DIGEST = hashlib.sha1(SCRIPT.encode()).hexdigest()


def key_of(session_id: str) -> str:
    """Where a session is kept; a Cluster hashes what is in the braces."""
    return f"limpet:{{{session_id}}}"


def command_for(operation: Operation, now: int) -> Command:
    """What to send. `now`, in unix seconds, is kept for whoever looks into the store."""
    key = key_of(operation.id)
    if isinstance(operation, Put):  # first, and without a pattern: 1 us instead of 3
        ttl, (_, version, state, node, _, base) = _milliseconds(operation.ttl_seconds), operation
        return ("EVALSHA", DIGEST, 1, key, "put", ttl, now, version, state, node, base)
    match operation:
        case Get():
            return ("HMGET", key, "version", "fence", "node", "ended", "state")
        case Touch():
            return ("EVALSHA", DIGEST, 1, key, "touch", _milliseconds(operation.ttl_seconds))
        case End():
            return ("EVALSHA", DIGEST, 1, key, "end", _milliseconds(operation.ttl_seconds), now)
        case Fence():
            ttl = _milliseconds(operation.ttl_seconds)
            return ("EVALSHA", DIGEST, 1, key, "fence", ttl, now, operation.number)


def with_script(command: Command) -> Command:
    """The same command for a server that does not have the script; it keeps it from then on."""
    return ("EVAL", SCRIPT, *command[2:]) if command[0] == "EVALSHA" else command


def outcome_of(operation: Operation, reply: Sequence[Reply]) -> Outcome:
    """What the server said. Raises ValueError or IndexError for what the script cannot have answered."""
    if isinstance(operation, Get):
        return _outcome_of_get(reply)
    if len(reply) == 5:  # by hand: 1 us, and 10 as a pattern
        status, version, fence, node, state = reply
        if (
            isinstance(status, int)
            and isinstance(version, bytes)
            and isinstance(fence, bytes)
            and isinstance(node, bytes)
            and isinstance(state, bytes)
        ):
            return Outcome(ANSWERS[status], int(version), int(fence), node.decode(), state)
    raise ValueError(f"the script answered {reply!r:.100}")


def _outcome_of_get(reply: Sequence[Reply]) -> Outcome:
    match reply:
        case [_, _, _, bytes(), _]:
            return Outcome(Status.ENDED)
        case [bytes(version), fence, bytes(node), None, bytes(state)]:
            return Outcome(Status.TAKEN, int(version), _number(fence), node.decode(), state)
        case [None, fence, *_]:
            return Outcome(Status.UNKNOWN, fence=_number(fence))
    raise ValueError(f"the session's hash holds {reply!r:.100}")


def _number(field: Reply) -> int:
    return int(field) if isinstance(field, bytes) else 0


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))
