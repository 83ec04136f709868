from sessions.lost import LostSessions


def test_parallel_requests_of_one_session_count_once() -> None:
    lost = LostSessions()
    assert [lost.first("ann", 0) for _ in range(5)] == [True, False, False, False, False]


def test_sessions_count_each_for_itself() -> None:
    lost = LostSessions()
    assert lost.first("ann", 0)
    assert lost.first("bob", 0)


def test_a_session_that_is_lost_again_with_another_node_counts_again() -> None:
    lost = LostSessions()
    assert [lost.first("ann", node) for node in (0, 0, 1, 1, 0)] == [True, False, True, False, True]


def test_the_record_is_bounded_and_forgets_the_longest_unseen() -> None:
    lost = LostSessions(capacity=2)
    assert lost.first("ann", 0)
    assert lost.first("bob", 0)
    assert not lost.first("ann", 0)  # now bob is the longest unseen
    assert lost.first("cat", 0)
    assert not lost.first("ann", 0)
    assert lost.first("bob", 0)
