"""The rule is the one of section 4, clause by clause."""

import itertools

from sessions.stores.rule import put_status
from sessions.stores.store import Put, Status
from tests.sessions.stores.memory import Record, taken

LINEAGE = 2**20
NEAR = [0, 1, 2, LINEAGE - 1, LINEAGE, LINEAGE + 1, 2**32, 2**32 + 1, 2**32 + LINEAGE, 2**53 - 2, 2**53 - 1]


def test_what_is_taken_is_what_the_clauses_say() -> None:
    for version, held, fence, base, node in itertools.product(NEAR[1:], NEAR, NEAR, [-1, *NEAR], "ab"):
        if version <= held:
            continue
        put = Put("", version, b"", "a", 1, base)
        assert (put_status(put, held, fence, node, False) == Status.TAKEN) == taken(
            put, Record(version=held, fence=fence, node=node)
        ), (put, held, fence, node)


def test_a_lower_version_is_settled_in_its_lineage_alone() -> None:
    for version, held in itertools.product(NEAR[1:], NEAR):
        if version < held:
            kin = version // LINEAGE == held // LINEAGE
            expected = Status.SUPERSEDED if kin else Status.CONFLICT
            assert put_status(Put("", version, b"", "", 1), held, 0, "", False) == expected


def test_an_equal_version_is_taken_for_the_same_bytes_alone() -> None:
    assert put_status(Put("", 5, b"", "", 1), 5, 0, "", True) == Status.TAKEN
    assert put_status(Put("", 5, b"", "", 1), 5, 0, "", False) == Status.CONFLICT
