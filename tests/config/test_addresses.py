"""Addresses, node URLs and networks."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.addresses import Address, NodeUrl, parse_network
from config.values import Refused
from tests.config.test_units import GARBAGE


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("[::1]:8080", Address("::1", 8080)),
        ("LocalHost:0", Address("localhost", 0)),
        ("my_host-1.example:65535", Address("my_host-1.example", 65535)),
        ("unix:/run/limpet.sock", Address(path="/run/limpet.sock")),
    ],
)
def test_an_address_is_where_something_listens(written: str, address: Address) -> None:
    assert Address.parse(written) == address
    assert Address.parse(str(address)) == address
    assert len({address, Address.parse(written)}) == 1


@pytest.mark.parametrize(
    "written",
    [
        8080,
        "8080",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:65536",
        "127.0.0.256:80",
        "1.2.3:80",
        "::1:8080",
        "[::1]",
        "[::g]:80",
        "[127.0.0.1]:80",
        "a b:80",
        "-a:80",
        "http://a:80",
        "unix:run/x",
        "unix:/" + "x" * 108,
        "a:80 ",
        "a:80\n",
        None,
    ],
)
def test_what_is_no_address_is_refused(written: object) -> None:
    with pytest.raises(Refused, match=r"must be HOST:PORT such as"):
        Address.parse(written)


def test_every_interface_is_never_an_accident() -> None:
    with pytest.raises(Refused, match=r"for every interface write 0\.0\.0\.0:8080 or \[::\]:8080"):
        Address.parse(":8080")


@pytest.mark.parametrize(
    ("written", "loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("unix:/x", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("10.0.0.1:1", False),
        ("localhost.example.com:1", False),
    ],
)
def test_loopback_is_what_only_this_machine_reaches(written: str, loopback: bool) -> None:
    assert Address.parse(written).loopback is loopback


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("http://127.0.0.1:9001", NodeUrl("127.0.0.1", 9001)),
        ("http://127.0.0.1:9001/", NodeUrl("127.0.0.1", 9001)),
        ("HTTP://App.Internal", NodeUrl("app.internal", 80)),
        ("https://App.Internal", NodeUrl("app.internal", 443, secure=True)),
        ("https://[::1]:9001", NodeUrl("::1", 9001, secure=True)),
        ("http://[::1]:9001", NodeUrl("::1", 9001)),
        ("unix:/run/app.sock", NodeUrl(path="/run/app.sock")),
    ],
)
def test_a_url_is_where_a_node_is(written: str, url: NodeUrl) -> None:
    assert NodeUrl.parse(written) == url
    assert NodeUrl.parse(str(url)) == url


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("http://user:password@a:1", "must not hold a user or a password"),
        ("http://a:1/app", "must end after the port"),
        ("http://a:1?x", "must end after the port"),
        ("http://a:1#x", "must end after the port"),
        ("a:1", "must be a URL such as http://127.0.0.1:9001"),
        ("ftp://a:1", "must be a URL"),
        ("http://", "must be a URL"),
        ("http://a:0", "must be a URL"),
        ("http://a:99999", "must be a URL"),
        ("http://a b", "must be a URL"),
        (9001, "must be a URL"),
        (None, "must be a URL"),
    ],
)
def test_what_is_no_node_url_is_refused(written: object, message: str) -> None:
    with pytest.raises(Refused, match=message):
        NodeUrl.parse(written)


def test_a_password_in_a_url_is_not_shown() -> None:
    with pytest.raises(Refused) as refusal:
        NodeUrl.parse("http://user:hunter2@a:1")
    assert not refusal.value.quoted


@pytest.mark.parametrize("written", ["10.0.0.0/8", "192.0.2.1", "::1", "2001:db8::/32", "0.0.0.0/0"])
def test_networks(written: str) -> None:
    assert parse_network(written) == ipaddress.ip_network(written)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("10.0.0.1/8", r"must have no bits set after its prefix: 10\.0\.0\.0/8"),
        ("10.0.0.0/33", "must be a network such as"),
        ("10.0.0", "must be a network such as"),
        ("example.com", "must be a network such as"),
        (10, "must be a network such as"),
    ],
)
def test_what_is_no_network_is_refused(written: object, message: str) -> None:
    with pytest.raises(Refused, match=message):
        parse_network(written)


@given(GARBAGE | st.from_regex(r"\A[0-9a-fA-F:./\[\]@%uhtpnix-]{0,40}\Z"))
def test_garbage_is_refused_and_nothing_else(value: object) -> None:
    for parse in (Address.parse, NodeUrl.parse, parse_network):
        try:
            parsed = parse(value)
        except Refused:
            continue
        assert parse(str(parsed)) == parsed
