"""What searches have to know follows from a service's settings."""

import pytest

from sessions.contract.course import Terms
from sessions.contract.searching import Rules
from sessions.keeping.options import ALL, KeepingOptions

TERMS = Terms(b"key", 60, 1000)


@pytest.mark.parametrize(
    ("replicas", "store", "rules"),
    [
        (1, False, Rules(1, False, 1)),
        (2, False, Rules(2, False, 2)),
        (2, True, Rules(2, True, 1)),  # the store alone may have it
        (ALL, False, Rules(3, False, 1)),  # of whom one may have been available
        (0, True, Rules(0, True, 1)),
        (9, False, Rules(3, False, 3)),
    ],
)
def test_rules(replicas: int, store: bool, rules: Rules) -> None:
    assert KeepingOptions(TERMS, 4, replicas, store).rules == rules
