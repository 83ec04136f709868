"""A browser's first requests go to one node, whichever workers they come to."""

from control.workers.arrivals import SharedArrivals
from control.workers.board import Board, make_board

HERE, THERE = "192.0.2.1", "192.0.2.2"


def both() -> tuple[SharedArrivals, SharedArrivals]:
    """The same memory as two workers see it."""
    board = make_board(2)
    other = Board(board.descriptor, 2)
    return SharedArrivals("shop", board.arrivals), SharedArrivals("shop", other.arrivals)


def test_what_one_gave_an_address_the_other_knows_for_two_seconds() -> None:
    one, other = both()
    assert other.place(HERE, 100.0) == -1
    one.remember(HERE, 0, 100.0)
    assert (other.place(HERE, 100.0), other.place(HERE, 101.9)) == (0, 0)
    assert (other.place(THERE, 100.0), other.place(HERE, 102.0), other.place(HERE, 900.0)) == (-1, -1, -1)


def test_a_move_does_not_make_the_window_longer() -> None:
    one, other = both()
    one.remember(HERE, 2, 100.0)
    other.move(HERE, 65_534)
    assert (one.place(HERE, 101.9), one.place(HERE, 102.0)) == (65_534, -1)


def test_the_moment_may_wrap_round() -> None:
    one, other = both()
    end = 2**32 / 1000
    one.remember(HERE, 1, end - 1)
    assert (other.place(HERE, end + 0.5), other.place(HERE, end + 1.5)) == (1, -1)


def test_services_have_their_own() -> None:
    board = make_board(1)
    shop, mail = (SharedArrivals(name, board.arrivals) for name in ("shop", "mail"))
    shop.remember(HERE, 1, 100.0)
    assert mail.place(HERE, 100.0) == -1
