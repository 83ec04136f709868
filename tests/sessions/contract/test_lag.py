"""How far copies are behind."""

from sessions.contract.lag import Lag


def test_the_oldest_write_that_is_not_settled_counts() -> None:
    lag = Lag(1.0)
    assert (lag.seconds(5.0), lag.exhausted(5.0)) == (0.0, False)
    first, second = lag.begin(5.0), lag.begin(5.5)
    assert lag.seconds(5.75) == 0.75
    lag.end(first)
    lag.end(first)
    assert (lag.seconds(5.75), len(lag)) == (0.25, 1)
    assert not lag.exhausted(6.25)
    assert lag.exhausted(6.5)
    lag.end(second)
    assert not lag.exhausted(99.0)
