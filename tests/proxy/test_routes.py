"""What a route changes on the way."""

import pytest

from proxy.faults import Malformed
from proxy.routes import Route
from tests.proxy.parts import service


@pytest.mark.parametrize(
    ("target", "stripped"),
    [
        (b"/app", b"/"),
        (b"/app/", b"/"),
        (b"/app/x?y", b"/x?y"),
        (b"/app?y", b"/?y"),
        (b"*", b"*"),
        (b"/app//evil.com", b"/evil.com"),
    ],
)
def test_the_prefix_is_taken_off_a_target(target: bytes, stripped: bytes) -> None:
    assert Route(service(), b"/app").target(target) == stripped
    assert Route(service(), b"/app/").target(target) == stripped


@pytest.mark.parametrize("target", [b"/%61pp/x", b"//app/x", b"/x/../app", b"/apple"])
def test_a_prefix_in_another_spelling_is_refused(target: bytes) -> None:
    with pytest.raises(Malformed):
        Route(service(), b"/app").target(target)


def test_without_a_prefix_nothing_changes() -> None:
    assert Route(service()).target(b"/%61/..//x") == b"/%61/..//x"
