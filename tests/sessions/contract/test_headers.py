"""The contract's fields on the wire."""

from base64 import b64encode

import pytest

from limpet_session.headers import read_request, split
from sessions.contract.headers import (
    NO_HANDOVER,
    NO_VERSION,
    STATE_IN_HEADER,
    ContractFault,
    Handover,
    Need,
    Told,
    read_told,
    request_fields,
)

ID = "AAAAAAAAAAAAAAAAAAAAAA"


def told_by(*lines: tuple[bytes, bytes]) -> Told:
    return read_told(lines)


@pytest.mark.parametrize(
    ("handover", "state", "takeover", "stale"),
    [
        (NO_HANDOVER, None, 0, 0),
        (Handover(1 << 32), None, 1 << 32, 0),
        (Handover(1 << 32, b""), b"", 1 << 32, 0),
        (Handover(1 << 32, bytes(range(256)) * 16, 77), bytes(range(256)) * 16, 1 << 32, 77),
    ],
)
def test_a_node_reads_what_the_proxy_writes(
    handover: Handover, state: bytes | None, takeover: int, stale: int
) -> None:
    section = request_fields(b"key", ID, 7, 1800, handover)
    lines = [line.split(b": ", 1) for line in section.split(b"\r\n")[:-1]]
    apps, ours = split([(name, value) for name, value in lines])
    request = read_request(ours)
    assert apps == []
    assert request is not None
    assert request == (ID, 7, state, takeover, 1800, stale)


def test_an_answer_says_all_of_it() -> None:
    told = told_by(
        (b"Content-Type", b"text/html"),
        (b"Limpet-Version", b"9007199254740991"),
        (b"LIMPET-STATE", b"e30="),
        (b"limpet-renew", ID.encode()),
    )
    assert told == Told(2**53 - 1, b"{}", Need.NOTHING, False, ID)
    assert told_by((b"Limpet-Need", b"id"), (b"Limpet-Version", b"0")) == Told(0, None, Need.ID)
    assert told_by((b"Limpet-Need", b"state")).need is Need.STATE
    assert told_by((b"Limpet-End", b"1")).ended
    assert told_by((b"Server", b"x")) == Told(NO_VERSION)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"Limpet-Version", b"9007199254740992"),
        (b"Limpet-Version", b"-1"),
        (b"Limpet-Version", b"01"),
        (b"Limpet-Version", b"1.0"),
        (b"Limpet-Version", b"1 "),
        (b"Limpet-Version", b"\xd9\xa1"),
        (b"Limpet-Version", b""),
        (b"Limpet-Version", b"9" * 5000),
        (b"Limpet-State", b"e30"),
        (b"Limpet-State", b"e3 0="),
        (b"Limpet-State", b"_-8="),
        (b"Limpet-State", b64encode(bytes(STATE_IN_HEADER + 3))),
        (b"Limpet-End", b"0"),
        (b"Limpet-End", b"true"),
        (b"Limpet-Need", b"everything"),
        (b"Limpet-Renew", ID.encode() + b"A"),
        (b"Limpet-Renew", b"AAAAAAAAAAAAAAAAAAAAAB"),
        (b"Limpet-Renew", b"\xff" * 22),
        (b"Limpet-Renew", b""),
    ],
)
def test_anything_else_is_the_nodes_fault(name: bytes, value: bytes) -> None:
    with pytest.raises(ContractFault):
        told_by((name, value))


def test_a_field_that_comes_twice_is_a_fault() -> None:
    with pytest.raises(ContractFault, match="twice"):
        told_by((b"Limpet-Version", b"3"), (b"limpet-version", b"3"))


def test_the_largest_state_of_a_header_is_read() -> None:
    assert told_by((b"Limpet-State", b64encode(bytes(STATE_IN_HEADER)))).state == bytes(STATE_IN_HEADER)
