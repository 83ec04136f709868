"""Both checkers, on a server that tells one lie: each is found out, and where there is none, nothing is."""

import asyncio
from random import Random

import pytest

from tests.survival.browsers import Browser
from tests.survival.counters import Counter
from tests.survival.findings import Findings
from tests.survival.liar import Liar, Lie
from tests.survival.schedules import lost_nothing

SEEN = {  # by counters, by browsers: a part of what each says; "": that checker cannot see it
    Lie.LOST: ("lost", "lost"),
    Lie.EMPTY: ("lost", "lost"),
    Lie.OLD: ("", "lost"),
    Lie.STALE: ("", "stale"),
    Lie.TWICE: ("that may count", ""),
    Lie.REPLACED: ("was replaced", "though nobody ended it"),
    Lie.FOREIGN: ("saw the session of", "saw the session of"),
    Lie.LOGOUT: ("", "after its end was acknowledged"),
    Lie.LOGIN: ("", "after its end was acknowledged"),
    Lie.BARE: ("unprotected", "unprotected"),
}
REQUESTS = 40  # of each counter; and pages of a browser


@pytest.mark.parametrize("lie", Lie)
async def test_counters(lie: Lie) -> None:
    findings = Findings()

    async def count(counter: Counter) -> None:
        for _ in range(REQUESTS):
            await counter.add()

    told = await tried(lie, findings, Counter, count)
    check(lie, findings, SEEN.get(lie, ("", ""))[0], told)


@pytest.mark.parametrize("lie", Lie)
async def test_browsers(lie: Lie) -> None:
    findings = Findings()

    async def browse(browser: Browser) -> None:
        for _ in range(REQUESTS):
            await browser.page()

    told = await tried(lie, findings, Browser, browse)
    check(lie, findings, SEEN.get(lie, ("", ""))[1], told)


async def tried(lie: Lie, findings: Findings, kind: type, go: object) -> int:
    """A few clients of one kind, together; how often the lie was told."""
    liar = Liar(lie)
    ports = [await liar.open()]
    clients = [kind(i, f"u{i}", ports, Random(i), findings) for i in range(4)]
    try:
        await asyncio.gather(*(go(client) for client in clients))  # type: ignore[operator]
        await asyncio.gather(*(client.review() for client in clients))
    finally:
        for client in clients:
            client.close()
        liar.close()
    return liar.told


def check(lie: Lie, findings: Findings, seen: str, told: int) -> None:
    bad = lost_nothing(findings)
    if not seen:
        assert bad == []
        return
    assert told
    assert any(seen in what for what in bad), (bad[:5], told)
