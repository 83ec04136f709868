"""How often a wrong token may be shown."""

import pytest

from control.attempts import ADDRESSES, MOST, REFILL_SECONDS, Attempts


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_some_at_once_then_one_every_few_seconds() -> None:
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(MOST):
        assert attempts.wait_seconds("192.0.2.1") == 0
        attempts.failed("192.0.2.1")
    assert attempts.wait_seconds("192.0.2.1") == pytest.approx(REFILL_SECONDS)
    assert attempts.wait_seconds("192.0.2.2") == 0
    clock.now += REFILL_SECONDS
    assert attempts.wait_seconds("192.0.2.1") == 0
    attempts.failed("192.0.2.1")
    assert attempts.wait_seconds("192.0.2.1") > 0
    clock.now += MOST * REFILL_SECONDS
    for _ in range(MOST):
        assert attempts.wait_seconds("192.0.2.1") == 0
        attempts.failed("192.0.2.1")


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("", "", True),
        ("", "192.0.2.1", False),
    ],
)
def test_an_address_of_version_6_counts_with_its_neighbours(first: str, second: str, same: bool) -> None:
    attempts = Attempts(Clock())
    for _ in range(MOST):
        attempts.failed(first)
    assert (attempts.wait_seconds(second) > 0) is same


def test_it_remembers_a_bounded_number_and_forgets_the_oldest() -> None:
    attempts = Attempts(Clock())
    for _ in range(MOST):
        attempts.failed("192.0.2.1")
    for number in range(ADDRESSES - 1):
        attempts.failed(f"10.0.{number >> 8}.{number & 255}")
    assert attempts.wait_seconds("192.0.2.1") > 0
    attempts.failed("192.0.2.2")
    assert attempts.wait_seconds("192.0.2.1") == 0
