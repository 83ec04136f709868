"""Which faults go with which setup, and what may then be found."""

from random import Random
from typing import NamedTuple

from tests.survival.faults import (
    Cut,
    Fault,
    Flap,
    Freeze,
    Kill,
    KillBothHolders,
    KillCopyHolder,
    KillOneThenTheOther,
    KillProxy,
    KillWhileHeld,
    Reconfigure,
    Restart,
    Roll,
)
from tests.survival.findings import Findings
from tests.survival.play import Turn
from tests.survival.relay import Line
from tests.survival.setups import EMBEDDED, FALLBACK, FORGETFUL, REDIS, REPLICATION, SENTINEL, UNSTICKY, Setup
from tests.survival.store_faults import FAILOVERS, OUTAGES, SPARE_OUTAGES, DeathBesidesOutage


class Kind(NamedTuple):
    """A setup, and the faults that it must survive."""

    name: str
    setup: Setup
    faults: tuple[Fault, ...]
    times: int  # how often each of them, in the tests: all in all twice at least
    odd: int = 0  # 1: the other half of the faults comes while writes are held first


def lost_nothing(findings: Findings) -> list[str]:
    """What is wrong with a run in which nothing may be lost and nothing left unprotected."""
    bad = [f"{loss.client} lost {len(loss.acknowledged)} at {loss.at:.3f}" for loss in findings.losses]
    bad += [f"failed for no good reason: {failure}" for failure in findings.unexplained()]
    unprotected = findings.unprotected_unexplained()
    if unprotected:
        span = f"{unprotected[0].began:.3f} to {unprotected[-1].ended:.3f}"
        bad.append(f"{len(unprotected)} unprotected, from {span}, though copies could be had")
    return [*findings.wrong, *findings.stale, *bad]


DEATHS = (Kill(), KillWhileHeld(), Restart(), KillCopyHolder(), KillBothHolders())
DEATHS_OF_TWO = (
    KillOneThenTheOther(),
    DeathBesidesOutage(),
    Kill(),
    Restart(),
    KillWhileHeld(),
    Freeze(),
)
HANGS = (Freeze(), Flap())
# Each kind of cut both ways: with writes held, and without.
CUTS = (
    Cut(Line.STALLED),
    Cut(Line.STALLED, True),
    Cut(Line.RESET),
    Cut(Line.RESET, True),
    Cut(Line.REFUSED),
    Cut(Line.REFUSED, True),
    Cut(Line.GARBAGE),
    Cut(Line.GARBAGE, True),
)
KINDS = (
    Kind("deaths", REPLICATION, DEATHS, 2),
    Kind("hangs", REPLICATION, HANGS, 2),
    Kind("cuts", REPLICATION._replace(relays=True), (*CUTS, KillProxy()), 1),
    Kind("rolls", REPLICATION, (Roll(), Reconfigure()), 2),
    Kind("redis", REDIS, (*OUTAGES, Kill(), Freeze(), KillProxy()), 1),
    # What a dead node had is in the store alone until it is asked for, so here only the store goes away.
    Kind("redis that forgets", FORGETFUL, OUTAGES, 1, 1),
    Kind("redis under Sentinel", SENTINEL, FAILOVERS, 1),
    Kind("embedded", EMBEDDED, (Kill(), Freeze(), KillProxy(), Roll()), 1, 1),
    Kind("unsticky", UNSTICKY, (Kill(), Freeze(), *OUTAGES), 1),
)
# Played by bench.soak, and a little of it by test_a_fallback_keeps_what_one_node_alone_has.py.
LONG = (
    *KINDS,
    Kind("fallback", FALLBACK, (*DEATHS_OF_TWO, *SPARE_OUTAGES), 1),
)


def drawn(kind: Kind, random: Random, number: int) -> list[Turn]:
    """So many of a kind's faults, each as often as the others, every second time while writes are held."""
    turns: list[Turn] = []
    faults, odd = len(kind.faults), kind.odd
    while len(turns) < number:
        turns += [Turn(kind.faults[i], (i + odd) % 2 == 0) for i in random.sample(range(faults), faults)]
        odd += 1
    return turns[:number]
