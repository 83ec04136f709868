"""What is told along with the log, and kept."""

import logging
import threading
from collections.abc import Iterator

import pytest

from control.events import KEPT, LONGEST, Events, told


@pytest.fixture
def events() -> Iterator[Events]:
    kept = Events()
    logger.addHandler(kept)
    logger.setLevel(logging.DEBUG)
    yield kept
    logger.removeHandler(kept)


logger = logging.getLogger("limpet.tests")


def test_what_is_told_and_other_warnings_are_kept(events: Events) -> None:
    logger.info("node=a", extra=told("state", "shop", "a", "a is up"))
    logger.info("of no interest")
    logger.warning("a warning of %d", 7)
    logger.error("node=b", extra=told("state", "shop", "b", "b is down"))
    seen = [(e["id"], e["level"], e["kind"], e["service"], e["node"], e["text"]) for e in events.after(0)]
    assert seen == [
        (1, "info", "state", "shop", "a", "a is up"),
        (2, "warning", "log", None, None, "a warning of 7"),
        (3, "error", "state", "shop", "b", "b is down"),
    ]
    assert [event["id"] for event in events.after(2)] == [3]
    assert events.after(3) == []


def test_who_saw_more_than_there_is_sees_all(events: Events) -> None:
    assert events.after(9) == []
    logger.warning("first of a new life")
    assert len(events.after(9)) == 1


def test_a_bounded_number_of_bounded_length(events: Events) -> None:
    for number in range(KEPT + 5):
        logger.warning("%d %s", number, "x" * 1000)
    kept = events.after(0)
    assert (len(kept), kept[0]["text"][:2], len(kept[0]["text"])) == (KEPT, "5 ", LONGEST)


def test_from_other_threads(events: Events) -> None:
    threads = [threading.Thread(target=logger.warning, args=("x",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [event["id"] for event in events.after(0)] == list(range(1, 21))
