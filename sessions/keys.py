"""Derives the keys for each purpose from an operator's secret, so that no two uses share a key."""

import hmac


def derive(secret: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose, from a secret of any length (HMAC-SHA256 as in RFC 5869)."""
    return hmac.digest(secret, b"limpet/1/" + purpose.encode(), "sha256")
