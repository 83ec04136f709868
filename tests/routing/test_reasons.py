"""The words that metrics and logs use: operators have built on them."""

from routing.reasons import REASON_LABELS, Reason


def test_the_labels_are_those_that_are_promised() -> None:
    assert REASON_LABELS == ("sticky", "failover", "drained", "moved", "new", "hashed", "balanced", "none")
    assert [REASON_LABELS[reason] for reason in (Reason.STICKY, Reason.NEW, Reason.NONE)] == [
        "sticky",
        "new",
        "none",
    ]
