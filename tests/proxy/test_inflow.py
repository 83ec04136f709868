"""Reading is held back and gone on with once each, and a long read makes room for others."""

import asyncio

from proxy.inflow import Inflow


class Tap(asyncio.Transport):
    """A transport that knows whether it reads, and what was asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = True
        self.asked: list[str] = []
        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        self.reads = False
        self.asked.append("pause")

    def resume_reading(self) -> None:
        self.reads = True
        self.asked.append("resume")


async def turns() -> None:
    """As many of the loop as anything here can take."""
    for _ in range(3):
        await asyncio.sleep(0)


async def test_it_is_held_and_goes_on_however_often_it_is_told() -> None:
    tap = Tap()
    inflow = Inflow(tap)
    inflow.go_on()
    inflow.hold()
    inflow.hold()
    inflow.go_on()
    inflow.go_on()
    assert tap.asked == ["pause", "resume"]


async def test_after_a_long_read_it_goes_on_in_the_next_turn() -> None:
    tap = Tap()
    Inflow(tap).give_way()
    assert not tap.reads
    await turns()
    assert tap.reads


async def test_what_was_held_meanwhile_stays_held() -> None:
    tap = Tap()
    inflow = Inflow(tap)
    inflow.give_way()
    inflow.hold()
    await turns()
    assert not tap.reads
    inflow.go_on()
    assert tap.reads
    inflow.hold()
    inflow.give_way()
    await turns()
    assert not tap.reads


async def test_what_closes_is_let_be() -> None:
    tap = Tap()
    inflow = Inflow(tap)
    inflow.give_way()
    tap.closing = True
    await turns()
    inflow.hold()
    inflow.go_on()
    inflow.give_way()
    await turns()
    assert tap.asked == ["pause"]
