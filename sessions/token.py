"""Seals and opens the token: who a client is and where its session lives, under a MAC."""

import binascii
import hashlib
import struct
from collections.abc import Sequence
from hmac import compare_digest
from typing import NamedTuple

from sessions.ids import id_bytes, id_text
from sessions.keys import derive

NODE_GONE = -2  # the token names a node that is no longer configured
SEALED_LENGTH = 76

_FORMAT = 1
_UNPROTECTED = 1
_TAG_BYTES = 7
_MAC_BYTES = 16
# format, flags, id, node tag, version, first seen, last seen: 41 bytes. With the MAC 57, a multiple of
# three: the base64 text has neither padding nor spare bits, so each token has exactly one spelling.
_FIELDS = struct.Struct(f">BB16s{_TAG_BYTES}sQII")
_LENGTH = _FIELDS.size

_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_URLSAFE = _STANDARD[:-2] + b"-_"
_TO_URLSAFE = bytes.maketrans(_STANDARD, _URLSAFE)
# All but the 64 characters (`+`, `/` and `=` too) become `!`, which the strict decoder refuses.
_TO_STANDARD = bytes(_STANDARD[_URLSAFE.index(c)] if c in _URLSAFE else ord("!") for c in range(256))


class Token(NamedTuple):
    """What a client carries."""

    id: str  # 22 characters of base64url
    node: int  # index among the configured nodes, or NODE_GONE
    version: int  # of the session's state, below 2^53; 0 where the nodes do not speak the contract
    first_seen: int  # unix seconds
    last_seen: int  # unix seconds
    unprotected: bool  # the last write had no copy


class _Key:
    """One secret's two keys for one service: the MAC and the node tags."""

    __slots__ = ("_mac", "tags")

    def __init__(self, secret: bytes, service: str, nodes: Sequence[str]) -> None:
        self._mac = hashlib.blake2b(key=derive(secret, f"token/{service}"), digest_size=_MAC_BYTES)
        tag_key = derive(secret, f"node/{service}")
        self.tags = [
            hashlib.blake2b(name.encode(), key=tag_key, digest_size=_TAG_BYTES).digest() for name in nodes
        ]
        if len(set(self.tags)) != len(nodes):
            raise ValueError(f"two nodes of service {service} have the same name")

    def mac(self, fields: bytes, bound: bytes) -> bytes:
        # `fields` has a fixed length, so the two run together without ambiguity. Copying the keyed
        # state costs 0.4 us, keying anew 0.6, HMAC-SHA256 1.7 (docs/decisions/0004-token.md).
        state = self._mac.copy()
        state.update(fields)
        state.update(bound)
        return state.digest()


class Sealer:
    """Makes and reads the tokens of one service.

    `secrets`: the first signs, all verify. `nodes`: names in configured order; a token's `node` is an
    index into them. Each service has keys of its own, so a token is worth nothing at another one.
    """

    __slots__ = ("_indices", "_keys", "_signing", "service")

    def __init__(self, secrets: Sequence[bytes], service: str, nodes: Sequence[str]) -> None:
        if not secrets:
            raise ValueError("a sealer needs at least one secret")
        self.service = service
        self._keys = tuple(_Key(secret, service, nodes) for secret in secrets)
        self._signing = self._keys[0]
        self._indices = {tag: index for key in self._keys for index, tag in enumerate(key.tags)}

    def seal(self, token: Token, bound: bytes = b"") -> bytes:
        """The 76 characters of base64url that stand for `token`, worthless beside other `bound` bytes.

        Raises ValueError or struct.error for a token whose fields are out of range.
        """
        fields = _FIELDS.pack(
            _FORMAT,
            _UNPROTECTED if token.unprotected else 0,
            id_bytes(token.id),
            self._tag(token.node),
            token.version,
            token.first_seen,
            token.last_seen,
        )
        sealed = binascii.b2a_base64(fields + self._signing.mac(fields, bound), newline=False)
        return sealed.translate(_TO_URLSAFE)

    def open(self, raw: bytes, bound: bytes = b"") -> Token | None:
        """The token that one of the secrets sealed, or None. Its age is for the caller to judge."""
        if len(raw) != SEALED_LENGTH:
            return None
        try:
            packed = binascii.a2b_base64(raw.translate(_TO_STANDARD), strict_mode=True)
        except ValueError:
            return None
        fields, mac = packed[:_LENGTH], packed[_LENGTH:]
        for key in self._keys:
            if compare_digest(mac, key.mac(fields, bound)):
                return self._read(fields)
        return None

    def _tag(self, node: int) -> bytes:
        if node < 0:
            raise ValueError(f"node {node} is not configured")
        try:
            return self._signing.tags[node]
        except IndexError:
            raise ValueError(f"node {node} is not configured") from None

    def _read(self, fields: bytes) -> Token | None:
        form, flags, raw_id, tag, version, first_seen, last_seen = _FIELDS.unpack(fields)
        if form != _FORMAT:
            return None
        node = self._indices.get(tag, NODE_GONE)
        return Token(id_text(raw_id), node, version, first_seen, last_seen, bool(flags & _UNPROTECTED))
