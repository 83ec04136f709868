"""What workers count by a hash: sessions that nodes work on, connections of addresses."""

from control.workers.board import make_board
from control.workers.presence import Crowd, Presence


def test_a_session_that_another_worker_waits_for_is_busy() -> None:
    board = make_board(2)
    rows = [board.presence(worker) for worker in range(2)]
    first, second, leader = (Presence("shop", own, rows) for own in (rows[0], rows[1], None))
    first.came("session", 1)
    first.came("session", 1)
    first.left("session", 1)
    for each in (first, second, leader):
        assert each.busy("session", 1)
        assert not each.busy("session", 0)
        assert not each.busy("another", 1)
    assert not Presence("mail", None, rows).busy("session", 1)
    board.wipe(0)
    assert not leader.busy("session", 1)


def test_connections_of_an_address_are_counted_where_they_are() -> None:
    board = make_board(2)
    rows = [board.addresses(worker) for worker in range(2)]
    first, second = Crowd(rows[0], [rows[1]]), Crowd(rows[1], [rows[0]])
    first.came("192.0.2.1")
    first.came("192.0.2.1")
    second.came("192.0.2.1")
    assert (first.elsewhere("192.0.2.1"), second.elsewhere("192.0.2.1")) == (1, 2)
    first.left("192.0.2.1")
    assert second.elsewhere("192.0.2.1") == 1
    assert second.elsewhere("192.0.2.2") == 0
