"""Which faults go with which setup, and what may then be found."""

from collections.abc import Callable
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
    KillProxy,
    KillWhileHeld,
    Roll,
)
from tests.survival.findings import Findings
from tests.survival.relay import Line
from tests.survival.setups import EMBEDDED, FORGETFUL, REDIS, REPLICATION, UNSTICKY, Setup
from tests.survival.store_faults import OUTAGES


class Kind(NamedTuple):
    """A setup, and the faults that it must survive."""

    name: str
    setup: Setup
    faults: tuple[Fault, ...]
    judge: Callable[[Findings], list[str]]


def lost_nothing(findings: Findings) -> list[str]:
    """What is wrong with a run in which nothing may be lost and nothing left unprotected."""
    bad = [f"{loss.client} lost {len(loss.acknowledged)} at {loss.at:.3f}" for loss in findings.losses]
    bad += [f"failed though nothing was wrong: {failure}" for failure in findings.unexplained()]
    unprotected = findings.unprotected_unexplained()
    if unprotected:
        span = f"{unprotected[0]:.3f} to {unprotected[-1]:.3f}"
        bad.append(f"{len(unprotected)} unprotected, from {span}, though copies could be had")
    return [*findings.wrong, *bad]


DEATHS = (Kill(), KillWhileHeld(), KillCopyHolder(), KillBothHolders())
HANGS = (Freeze(), Flap())
CUTS = (
    Cut(Line.STALLED),
    Cut(Line.RESET),
    Cut(Line.REFUSED),
    Cut(Line.GARBAGE),
    Cut(Line.REFUSED, True),
    Cut(Line.GARBAGE, True),
    Cut(Line.STALLED, True),
)
KINDS = (
    Kind("deaths", REPLICATION, DEATHS, lost_nothing),
    Kind("hangs", REPLICATION, HANGS, lost_nothing),
    Kind("cuts", REPLICATION._replace(relays=True), (*CUTS, KillProxy()), lost_nothing),
    Kind("rolls", REPLICATION, (Roll(),), lost_nothing),
    Kind("redis", REDIS, (*OUTAGES, Kill(), Freeze()), lost_nothing),
    # What a dead node had is in the store alone until it is asked for, so here only the store goes away.
    Kind("redis that forgets", FORGETFUL, OUTAGES, lost_nothing),
    Kind("embedded", EMBEDDED, (Kill(), Freeze(), Flap(), KillProxy(), Roll()), lost_nothing),
    Kind("unsticky", UNSTICKY, (Kill(), Freeze()), lost_nothing),
)


def drawn(kind: Kind, random: Random, number: int) -> list[Fault]:
    """So many of a kind's faults, each as often as the others."""
    faults: list[Fault] = []
    while len(faults) < number:
        faults += random.sample(kind.faults, len(kind.faults))
    return faults[:number]


def twice(kind: Kind, random: Random) -> list[Fault]:
    """Every fault of a kind two times."""
    return drawn(kind, random, 2 * len(kind.faults))


def verdict(kind: Kind, findings: Findings) -> list[str]:
    """Sentences; none: the run is as it should be."""
    return kind.judge(findings)
