import binascii
import hmac
import re
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sessions.token
from sessions.ids import id_text, new_id
from sessions.token import NODE_GONE, SEALED_LENGTH, Sealer, Token

SECRET = b"0123456789abcdef"
NODES = ("a", "b", "c")
TOKEN = Token("AAECAwQFBgcICQoLDA0ODw", 1, 7, 1_700_000_000, 1_700_000_100, False)

tokens = st.builds(
    Token,
    id=st.binary(min_size=16, max_size=16).map(id_text),
    node=st.integers(0, 2),
    version=st.integers(0, 2**53 - 1),
    first_seen=st.integers(0, 2**32 - 1),
    last_seen=st.integers(0, 2**32 - 1),
    unprotected=st.booleans(),
)


def sealer(
    secrets: Sequence[bytes] = (SECRET,), service: str = "shop", nodes: Sequence[str] = NODES
) -> Sealer:
    return Sealer(secrets, service, nodes)


@given(tokens, st.binary(max_size=100))
def test_what_is_sealed_opens_as_it_was(token: Token, bound: bytes) -> None:
    raw = sealer().seal(token, bound)
    assert re.fullmatch(rb"[A-Za-z0-9_-]{76}", raw)
    assert sealer().open(raw, bound) == token


def test_a_token_is_the_same_text_in_every_version_of_limpet() -> None:
    """A changed format or key would log everybody out on an upgrade: give it a new format number instead."""
    assert sealer().seal(TOKEN, b"x") == (
        b"AQAAAQIDBAUGBwgJCgsMDQ4PZMNTuKjBswAAAAAAAAAHZVPxAGVT8WQM7rI8wFApfH-v_7fJa-_C"
    )


def test_no_change_of_a_single_byte_goes_unseen() -> None:
    """Each of the 256 values at each of the 76 places: the bits of the base64 that mean nothing included."""
    raw, opener = sealer().seal(TOKEN), sealer()
    opened = [
        (place, value)
        for place in range(len(raw))
        for value in range(256)
        if opener.open(raw[:place] + bytes([value]) + raw[place + 1 :]) is not None
    ]
    assert opened == list(enumerate(raw))


def test_no_flipped_bit_goes_unseen() -> None:
    packed = bytearray(binascii.a2b_base64(sealer().seal(TOKEN).replace(b"-", b"+").replace(b"_", b"/")))
    for bit in range(len(packed) * 8):
        packed[bit // 8] ^= 1 << bit % 8
        raw = binascii.b2a_base64(packed, newline=False).replace(b"+", b"-").replace(b"/", b"_")
        assert sealer().open(raw) is None
        packed[bit // 8] ^= 1 << bit % 8


def test_a_token_has_one_spelling() -> None:
    """The standard alphabet, padding and blanks mean the same to a lenient decoder."""
    raw = next(
        r
        for r in (sealer().seal(TOKEN._replace(id=new_id())) for _ in range(1000))
        if b"-" in r and b"_" in r
    )
    assert sealer().open(raw) is not None
    others = [
        raw.replace(b"-", b"+"),
        raw.replace(b"_", b"/"),
        raw + b"=",
        raw + b"====",
        b" " + raw,
        raw + b"\n",
    ]
    assert [sealer().open(other) for other in others] == [None] * len(others)


def test_a_token_can_be_neither_cut_nor_extended() -> None:
    raw = sealer().seal(TOKEN)
    assert all(sealer().open(raw[:length]) is None for length in range(len(raw)))
    assert all(sealer().open(raw[length:]) is None for length in range(1, len(raw)))
    assert all(sealer().open(raw + b"A" * extra) is None for extra in range(1, 80))


@given(st.binary(max_size=200), st.binary(max_size=20))
def test_garbage_opens_as_nothing(raw: bytes, bound: bytes) -> None:
    assert sealer().open(raw, bound) is None


@given(st.binary(min_size=SEALED_LENGTH, max_size=SEALED_LENGTH))
def test_garbage_of_the_right_length_opens_as_nothing(raw: bytes) -> None:
    assert sealer().open(raw) is None


def test_a_token_of_another_service_is_worth_nothing() -> None:
    raw = sealer(service="shop").seal(TOKEN)
    for service in ("shop2", "sho", "SHOP", "", "shop/x"):
        assert sealer(service=service).open(raw) is None


@pytest.mark.parametrize(
    "bound", [b"", b"app-valu", b"app-value2", b"APP-VALUE", b"\0app-value", b"app-value\0"]
)
def test_a_token_is_worth_nothing_beside_another_value(bound: bytes) -> None:
    raw = sealer().seal(TOKEN, b"app-value")
    assert sealer().open(raw, b"app-value") == TOKEN
    assert sealer().open(raw, bound) is None


def test_without_the_secret_nothing_opens() -> None:
    assert sealer((b"another secret!!",)).open(sealer().seal(TOKEN)) is None


def test_the_first_secret_signs_and_all_verify() -> None:
    old, new = b"o" * 16, b"n" * 16
    before, during, after = sealer((old,)), sealer((new, old)), sealer((new,))
    assert during.open(before.seal(TOKEN)) == TOKEN, "the node's tag under the old secret resolves too"
    assert after.open(during.seal(TOKEN)) == TOKEN
    assert before.open(during.seal(TOKEN)) is None
    assert after.open(before.seal(TOKEN)) is None


def test_the_node_is_found_by_its_name_wherever_it_stands_in_the_file() -> None:
    raw = sealer(nodes=("a", "b", "c")).seal(TOKEN)
    opened = sealer(nodes=("b", "x", "a")).open(raw)
    assert opened == TOKEN._replace(node=0)


def test_a_node_that_is_no_longer_configured_is_gone() -> None:
    opened = sealer(nodes=("a", "c")).open(sealer().seal(TOKEN))
    assert opened == TOKEN._replace(node=NODE_GONE)


def test_the_nodes_name_cannot_be_read_from_the_token() -> None:
    """Nor guessed: the tag of the same name differs with the secret and the service."""
    others = (sealer(), sealer((b"s" * 16,)), sealer(service="blog"))
    tags = {
        binascii.a2b_base64(each.seal(TOKEN).translate(bytes.maketrans(b"-_", b"+/")))[18:25]
        for each in others
    }
    assert len(tags) == 3


def test_the_macs_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return hmac.compare_digest(a, b)

    raw = sealer().seal(TOKEN)
    monkeypatch.setattr(sessions.token, "compare_digest", compare)
    assert sealer((b"x" * 16, SECRET)).open(raw) == TOKEN
    assert [len(mac) for pair in compared for mac in pair] == [16] * 4
    monkeypatch.setattr(sessions.token, "compare_digest", lambda a, b: False)
    assert sealer().open(raw) is None


@pytest.mark.parametrize("node", [-1, NODE_GONE, 3])
def test_a_node_that_is_not_configured_is_not_sealed(node: int) -> None:
    with pytest.raises(ValueError, match=f"node {node} is not configured"):
        sealer().seal(TOKEN._replace(node=node))


def test_a_sealer_needs_a_secret_and_nodes_of_different_names() -> None:
    with pytest.raises(ValueError, match="at least one secret"):
        sealer(())
    with pytest.raises(ValueError, match="same name"):
        sealer(nodes=("a", "b", "a"))


def test_a_format_of_the_future_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions.token, "_FORMAT", 2)
    raw = sealer().seal(TOKEN)
    assert sealer().open(raw) == TOKEN
    monkeypatch.setattr(sessions.token, "_FORMAT", 1)
    assert sealer().open(raw) is None
