"""An address of the endpoint's own, as it is written."""

import pytest

from limpet_session.address import Address, read_address


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("127.0.0.1:9101", Address("127.0.0.1", 9101)),
        ("[::1]:9101", Address("::1", 9101)),
        ("localhost:1", Address("localhost", 1)),
        ("unix:/run/app/a.sock", Address("", 0, "/run/app/a.sock")),
    ],
)
def test_addresses(text: str, meant: Address) -> None:
    assert read_address(text) == meant and str(meant) == text


@pytest.mark.parametrize(
    "text", ["9101", ":9101", "a:0", "a:65536", "::1:9101", "http://a:1", "unix:a", "a:1:"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValueError, match="endpoint must be HOST:PORT"):
        read_address(text)
