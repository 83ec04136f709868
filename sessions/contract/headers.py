"""The contract's header fields: what the proxy sends with a request, what it reads from an answer."""

import binascii
import re
from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from sessions.contract.versions import VERSION_LIMIT
from sessions.ids import id_bytes, id_text

STATE_IN_HEADER = 4096  # bytes of state; a larger one goes by PUT, or is fetched by GET
NO_VERSION = -1

_NUMBER = re.compile(rb"0|[1-9][0-9]{0,15}")
_LONGEST_STATE = (STATE_IN_HEADER + 2) // 3 * 4  # in base64


class ContractFault(Exception):
    """A node has broken the contract: 502. The text says how."""


class Need(IntEnum):
    """What a node asks of the proxy."""

    NOTHING = 0
    ID = 1  # the session has ended
    STATE = 2  # this node may not serve it from what it has


class Told(NamedTuple):
    """What an answer says of its session."""

    version: int = NO_VERSION
    state: bytes | None = None  # None: left out
    need: Need = Need.NOTHING
    ended: bool = False
    renewed: str = ""  # the new id


class Handover(NamedTuple):
    """What is handed to a node that takes a session over."""

    number: int  # the fencing number; 0: nothing is taken over
    state: bytes | None = None  # None: the node has it, or there is none
    expected: int = 0  # the version that could not be found, where `state` is older than that


NO_HANDOVER = Handover(0)
_NEEDS = {b"id": Need.ID, b"state": Need.STATE}
_NOTHING = Told()


def request_fields(key: bytes, session_id: str, version: int, ttl: int, handover: Handover) -> bytes:
    """The lines for a request, each with its CRLF. `ttl`: seconds; a state: at most STATE_IN_HEADER bytes."""
    section = b"Limpet-Key: %b\r\nLimpet-Session: %b\r\nLimpet-Version: %d\r\nLimpet-TTL: %d\r\n" % (
        key,
        session_id.encode(),
        version,
        ttl,
    )
    if handover is NO_HANDOVER:
        return section
    if handover.state is not None:
        section += b"Limpet-State: %b\r\n" % binascii.b2a_base64(handover.state, newline=False)
    if handover.number:
        section += b"Limpet-Takeover: %d\r\n" % handover.number
    if handover.expected:
        section += b"Limpet-Stale: %d\r\n" % handover.expected
    return section


def read_told(fields: Iterable[tuple[bytes, bytes]]) -> Told:
    """What the `Limpet-*` fields of an answer say; others are passed over. Raises ContractFault."""
    ours: dict[bytes, bytes] = {}
    for name, value in fields:
        lower = name.lower()
        if lower[:7] != b"limpet-":
            continue
        if lower in ours:
            raise ContractFault(f"sent {_shown(name)} twice")
        ours[lower] = value
    return _read(ours) if ours else _NOTHING


def read_number(value: bytes, name: str) -> int:
    """An integer below 2^53 in its one spelling. Raises ContractFault."""
    number = int(value) if _NUMBER.fullmatch(value) else VERSION_LIMIT
    if number >= VERSION_LIMIT:
        raise ContractFault(f"{name} must be an integer below 2^53, not {_shown(value)}")
    return number


def read_state(value: bytes, longest: int = _LONGEST_STATE) -> bytes:
    """Base64 with padding (RFC 4648 section 4), at most `longest` characters of it. Raises ContractFault."""
    if len(value) > longest:
        raise ContractFault(f"Limpet-State must be at most {longest} characters, not {len(value)}")
    try:
        return binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        raise ContractFault("Limpet-State must be base64 with padding") from None


def _read(ours: dict[bytes, bytes]) -> Told:
    value, packed = ours.get(b"limpet-version"), ours.get(b"limpet-state")
    version = NO_VERSION if value is None else read_number(value, "Limpet-Version")
    state = None if packed is None else read_state(packed)
    if len(ours) == (value is not None) + (packed is not None):  # nearly all
        return Told(version, state)
    return Told(
        version,
        state,
        _read_need(ours.get(b"limpet-need")),
        _read_end(ours.get(b"limpet-end")),
        _read_id(ours.get(b"limpet-renew")),
    )


def _read_need(value: bytes | None) -> Need:
    if value is None:
        return Need.NOTHING
    if value not in _NEEDS:
        raise ContractFault(f"Limpet-Need must be `id` or `state`, not {_shown(value)}")
    return _NEEDS[value]


def _read_end(value: bytes | None) -> bool:
    if value not in (None, b"1"):
        raise ContractFault(f"Limpet-End must be `1`, not {_shown(value)}")
    return value is not None


def _read_id(value: bytes | None) -> str:
    if value is None:
        return ""
    try:
        session_id = value.decode("ascii")
        spelt = id_text(id_bytes(session_id))
    except ValueError:
        spelt = ""
    if not spelt or spelt != session_id:
        raise ContractFault(f"Limpet-Renew must be 16 bytes as base64url, not {_shown(value)}")
    return session_id


def _shown(value: bytes | None) -> str:
    return repr((value or b"")[:40])[1:]
