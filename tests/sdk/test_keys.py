"""Who knows a node's key."""

import hmac

import pytest

from limpet_session import keys
from limpet_session.keys import NodeKeys


def test_all_are_compared_in_constant_time_whichever_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(known: bytes, shown: bytes) -> bool:
        compared.append((known, shown))
        return hmac.compare_digest(known, shown)

    monkeypatch.setattr(keys, "compare_digest", compare)
    accepted = NodeKeys(["old", "new"])
    assert [accepted.accept(key) for key in (b"old", b"new", b"none")] == [True, True, False]
    assert compared == [(known, shown) for shown in (b"old", b"new", b"none") for known in (b"old", b"new")]
    monkeypatch.setattr(keys, "compare_digest", lambda known, shown: False)
    assert not accepted.accept(b"old")
