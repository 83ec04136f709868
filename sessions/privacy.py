"""Decides under which name a session appears in logs: a keyed hash, never the id itself."""

import hashlib

from sessions.keys import derive


class Pseudonyms:
    """Names that all proxies with the same first secret give alike, and nobody else can compute."""

    __slots__ = ("_state",)

    def __init__(self, secret: bytes) -> None:
        self._state = hashlib.blake2b(key=derive(secret, "log"), digest_size=8)

    def session_hash(self, session_id: str) -> str:
        """16 hexadecimal digits for any id (a foreign one of mode `hash` too); "" stays ""."""
        if not session_id:
            return ""
        state = self._state.copy()
        state.update(session_id.encode("utf-8", "surrogateescape"))
        return state.hexdigest()
