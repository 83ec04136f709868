"""The arithmetic of versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.contract.versions import (
    DRAWS,
    VERSION_LIMIT,
    VersionsExhausted,
    fencing_number,
    lineage,
    next_lineage,
    superseded,
)

versions = st.integers(0, VERSION_LIMIT - (4 << 32))
draws = st.integers(0, DRAWS - 1)


@given(versions, draws, draws)
def test_a_number_is_above_whatever_an_earlier_owner_may_yet_write(
    version: int, first: int, second: int
) -> None:
    number = fencing_number(version, first)
    writes = range(number, number + (1 << 20), 99_999)
    later = fencing_number(number, second)
    assert version < number < later < VERSION_LIMIT
    assert all(write < later for write in writes)
    assert {lineage(write) for write in writes} == {lineage(number)}


@given(versions)
def test_two_draws_are_two_lineages(version: int) -> None:
    assert len({lineage(fencing_number(version, draw)) for draw in range(0, DRAWS, 37)}) == len(
        range(0, DRAWS, 37)
    )


@given(versions)
def test_a_stopping_fence_is_above_the_owner_and_of_no_write_of_its(version: int) -> None:
    fence = next_lineage(version)
    assert fence > version
    assert lineage(fence) == lineage(version) + 1
    assert fence <= fencing_number(version, 0)


@pytest.mark.parametrize(
    ("version", "by", "contained"),
    [(5, 6, True), (5, 5, False), (6, 5, False), (5, 1 << 20, False), ((7 << 20) + 1, (7 << 20) + 9, True)],
)
def test_only_a_later_write_of_the_same_owner_supersedes(version: int, by: int, contained: bool) -> None:
    assert superseded(version, by) is contained


def test_versions_run_out_before_they_lose_their_exactness() -> None:
    with pytest.raises(VersionsExhausted):
        fencing_number(VERSION_LIMIT - 2, 0)
    assert fencing_number(VERSION_LIMIT - (2 << 32), DRAWS - 1) < VERSION_LIMIT
