"""Requests under way in other processes, and fences that wait for them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from limpet_session.file_storage import FileStorage
from limpet_session.running import Running
from tests.examples.running import until
from tests.sdk.nodes import A, B
from tests.sdk.other_process import Other, other_process


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    with other_process(tmp_path / "sessions.db") as other:
        yield other


@pytest.fixture
def running(tmp_path: Path) -> Running:
    return Running(FileStorage(tmp_path / "sessions.db").crossing)


def test_a_fence_waits_for_another_process_and_lets_nobody_in_there(running: Running, other: Other) -> None:
    assert other.ask(f"crossing.enter({A!r})") == "True"
    hold = running.hold([A])
    assert not hold.clear()
    assert other.ask(f"crossing.enter({A!r})") == "False"
    assert other.ask(f"crossing.enter({B!r})") == "True"
    other.ask(f"crossing.leave({A!r})")
    assert hold.clear()
    assert other.ask(f"crossing.enter({A!r})") == "False"
    hold.end()
    assert other.ask(f"crossing.enter({A!r})") == "True"


def test_a_process_that_is_killed_has_no_requests_and_no_fences(running: Running, other: Other) -> None:
    other.ask(f"crossing.enter({A!r})")
    assert other.ask(f"crossing.shut({B!r})") == "True"
    hold = running.hold([A])
    assert not hold.clear() and not running.enter(B)
    other.process.kill()
    other.process.wait()
    assert hold.clear() and running.enter(B)


def test_a_request_that_is_refused_is_not_counted_in(running: Running, other: Other) -> None:
    assert other.ask(f"crossing.shut({A!r})") == "True"
    assert not running.enter(A)
    other.ask(f"crossing.open({A!r})")
    assert running.hold([A]).clear()
    assert other.ask(f"crossing.enter({A!r})") == "False"


def test_several_requests_of_one_process_are_out_when_the_last_is(running: Running, other: Other) -> None:
    assert running.enter(A) and running.enter(A)
    assert other.ask(f"crossing.shut({A!r})") == "True"
    running.leave(A)
    assert other.ask(f"crossing.empty({A!r})") == "False"
    running.leave(A)
    assert other.ask(f"crossing.empty({A!r})") == "True"


def test_two_fences_at_once(running: Running, other: Other) -> None:
    """Two of this process let others in when both have ended; one of another process has to wait its turn."""
    one, two = running.hold([A]), running.hold([A, B])
    assert one.clear() and two.clear()
    assert other.ask(f"crossing.shut({A!r})") == "False"
    one.end()
    assert other.ask(f"crossing.enter({A!r})") == "False"
    two.end()
    assert other.ask(f"crossing.shut({A!r})") == "True"
    three = running.hold([A])
    assert not three.clear()
    other.process.kill()
    until(three.clear, "the other one's fence is gone")
