"""The memory that workers share: rows of their own, sums over all, wiped when one ends."""

import os
from collections.abc import Iterator

import pytest

from control.workers import board as module
from control.workers.board import Allotment, Board, BoardError, make_board


@pytest.fixture
def boards() -> Iterator[list[Board]]:
    """The same memory as two processes see it."""
    first = make_board(2)
    yield [first, Board(first.descriptor, 2)]
    os.close(first.descriptor)


def test_each_writes_its_own_row_and_all_read_the_sum(boards: list[Board]) -> None:
    span = Allotment(boards[0]).span("shop", 3)
    rows = [board.inflight(worker, span) for worker, board in enumerate(boards)]
    rows[0][1] += 2
    rows[1][1] += 3
    rows[1][2] += 1
    for board in boards:
        assert list(board.everywhere(span))[:4] == [0, 5, 1, 0]
        assert board.everywhere(span)[1:3] == [5, 1]
    boards[0].wipe(1)
    assert list(boards[1].everywhere(span))[:4] == [0, 2, 0, 0]


def test_services_do_not_meet(boards: list[Board]) -> None:
    allotment = Allotment(boards[0])
    shop, mail = allotment.span("shop", 3), allotment.span("mail", 40)
    assert mail.size >= 40
    boards[0].inflight(0, shop)[shop.size - 1] = 7
    boards[0].inflight(0, mail)[0] = 9
    assert boards[1].everywhere(shop)[shop.size - 1] == 7
    assert boards[1].everywhere(mail)[0] == 9
    assert allotment.span("shop", shop.size) == shop


def test_a_service_that_outgrows_its_places_moves_with_the_sessions_it_has_seen(boards: list[Board]) -> None:
    allotment = Allotment(boards[0])
    old = allotment.span("shop", 1)
    boards[0].sightings(old.base + 2)[5] = 1
    new = allotment.span("shop", old.size + 1)
    assert new.base >= old.base + old.size
    assert boards[1].sightings(new.base + 2)[5] == 1
    assert allotment.span("shop", 1) == new


def test_connections_are_counted_by_worker(boards: list[Board]) -> None:
    boards[0].tally(0)[0] = 3
    boards[1].tally(1)[0] = 4
    assert [boards[0].tally(worker)[0] for worker in range(2)] == [3, 4]
    boards[1].wipe(0)
    assert [boards[0].tally(worker)[0] for worker in range(2)] == [0, 4]


def test_no_room_is_said_before_anything_changes(
    boards: list[Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    allotment = Allotment(boards[0])
    monkeypatch.setattr(module, "PLACES", 32)
    allotment.span("shop", 8)
    allotment.span("mail", 8)
    with pytest.raises(BoardError, match="limpet upgrade"):
        allotment.span("more", 1)
