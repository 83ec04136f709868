"""The contract's headers: which are told from the app's, and what is well-formed."""

import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from limpet_session import headers
from limpet_session.headers import Malformed, read_request, split, without_ours
from limpet_session.keys import NodeKeys
from tests.sdk.nodes import A

GOOD = {
    headers.KEY: b"key",
    headers.SESSION: A.encode(),
    headers.VERSION: b"3",
    headers.TTL: b"60",
}


def test_the_app_sees_none_of_ours_in_any_spelling() -> None:
    apps, ours = split(
        [
            (b"host", b"x"),
            (b"limpet-key", b"a"),
            (b"Limpet-Session", b"b"),
            (b"limpet_state", b"forged"),
            (b"limpet-anything", b"c"),
            (b"limpets", b"mine"),
        ]
    )
    assert apps == [(b"host", b"x"), (b"limpets", b"mine")]
    assert ours == {b"limpet-key": b"a", b"limpet-session": b"b", b"limpet-anything": b"c"}


def test_a_header_that_comes_twice_is_no_value() -> None:
    _, ours = split([(b"limpet-key", b"secret"), (b"limpet-key", b"secret")])
    assert not NodeKeys(["secret"]).accept(ours[headers.KEY])


def test_the_client_sees_none_of_the_apps_making() -> None:
    assert without_ours([(b"Limpet-End", b"1"), (b"x", b"y")]) == [(b"x", b"y")]


def test_a_request_is_read() -> None:
    assert read_request(GOOD) == (A, 3, None, 0, 60, 0)
    handed = GOOD | {headers.STATE: b"", headers.TAKEOVER: b"7", headers.STALE: b"9"}
    assert read_request(handed) == (A, 3, b"", 7, 60, 9)


BAD = [
    {headers.SESSION: b""},
    {headers.SESSION: A.encode() + b"\n"},
    {headers.SESSION: b"\xff" * 22},
    {headers.VERSION: b""},
    {headers.VERSION: b"+3"},
    {headers.VERSION: b"3 "},
    {headers.VERSION: b"1_0"},
    {headers.VERSION: b"03"},
    {headers.VERSION: str(2**53).encode()},
    {headers.VERSION: b"9" * 5000},
    {headers.VERSION: b"0", headers.STATE: b""},
    {headers.TTL: b"0"},
    {headers.TTL: b""},
    {headers.TAKEOVER: b"0"},
    {headers.TAKEOVER: b""},
    {headers.STALE: b"x"},
    {headers.STATE: b"YQ"},
    {headers.STATE: b"YR=="},
    {headers.STATE: b"YQ==YQ=="},
    {headers.STATE: headers.pack(b"x" * 4097)},
]


@pytest.mark.parametrize("wrong", BAD, ids=str)
def test_what_is_malformed_is_not_guessed_at(wrong: dict[bytes, bytes]) -> None:
    with pytest.raises(Malformed):
        read_request(GOOD | wrong)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text("QYg+/=A\n é", max_size=12))
def test_base64_has_one_spelling(text: str) -> None:
    """Whatever is read comes back as it was spelt; whatever could not be is refused."""
    states = {base64.b64encode(state).decode(): state for state in _decoded(text)}
    for raw in (text, text.encode("latin-1")):
        try:
            assert headers.unpack(raw, "it") == states[text]
        except Malformed:
            assert text not in states


def _decoded(text: str) -> list[bytes]:
    try:
        return [base64.b64decode(text, validate=True)]
    except ValueError:
        return []


@pytest.mark.parametrize("missing", [headers.SESSION, headers.VERSION, headers.TTL])
def test_what_is_missing_is_malformed(missing: bytes) -> None:
    with pytest.raises(Malformed):
        read_request({name: value for name, value in GOOD.items() if name != missing})


def test_every_key_of_the_list_is_accepted() -> None:
    keys = NodeKeys(["new", b"old"])
    assert [keys.accept(key) for key in (b"new", b"old", b"", b"ne", b"new,old")] == [True, True] + [
        False
    ] * 3


@pytest.mark.parametrize("keys", [[], "secret", [""], ["with space"], ["ünïcode"], ["a\nb"]])
def test_keys_that_cannot_be(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="key"):
        NodeKeys(keys)
