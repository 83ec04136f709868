"""What was seen becomes what was found: each number from its own window of time."""

from collections.abc import Sequence
from typing import cast

from control.compare.count import found, timeline
from control.compare.load import Load
from control.compare.plan import Plan
from control.compare.play import Record
from control.compare.stage import Metrics
from control.compare.visitors import READ, WRITE, Visit

BEFORE = """\
# TYPE limpet_replication_bytes_total counter
limpet_replication_bytes_total{service="store",target="store compared"} 1000
limpet_replication_bytes_total{service="replication",target="a"} 5
"""
AFTER = BEFORE.replace(" 1000", " 3000")
END = """\
# TYPE limpet_sessions_lost_total counter
limpet_sessions_lost_total{service="store"} 2
limpet_sessions_lost_total{service="affinity"} 40
"""


class Seen:
    """As much of a Load as counting needs."""

    strategy = "store"
    visitors = range(10)

    def __init__(self, visits: Sequence[Visit]) -> None:
        self.visits = visits


def record() -> Record:
    it = Record(loaded=(100.0, 150.0), killed=110.0, restarted=120.0, away=130.0, returned=135.0)
    it.calm = (101.0, 109.0)
    it.copied_at, it.recovered_at = 111.5, 136.5
    it.on_victim = {"store": 3}
    it.node_bytes, it.store_bytes = {"store": 1800.4}, 1624.2
    it.scrapes = {"begin": Metrics(BEFORE), "nothing happens": Metrics(AFTER), "end": Metrics(END)}
    return it


def visit(at: float, method: str = READ, answered: bool = True, **more: int) -> Visit:
    return Visit(at - 0.01, at, method, answered)._replace(**more)


VISITS = [
    visit(50, WRITE),  # filling
    visit(102),
    visit(103, WRITE),
    visit(104, WRITE),
    visit(111, answered=False),
    visit(112.25, WRITE, answered=False),
    visit(113, session_lost=True, writes_lost=4),
    visit(114, writes_lost=1),
    visit(125, answered=False),  # after the node's return
    visit(131, WRITE, unprotected=True),
    visit(132, WRITE),
    visit(133, answered=False),
    visit(140, WRITE, unprotected=True),  # after the store's return
    visit(155, session_lost=True),  # the last look
]


def test_each_number_comes_from_its_own_time() -> None:
    of = found(Plan(), record(), cast(Load, Seen(VISITS)))
    assert (of.sessions, of.requests, of.failed) == (10, 14, 4)
    assert (of.sessions_lost, of.sessions_lost_metric, of.agreed) == (2, 2, True)
    assert (of.writes_acknowledged, of.writes_lost, of.writes_unprotected) == (6, 5, 2)
    assert (of.reads.p50_ms, of.writes.p99_ms) == (10.0, 10.0)
    assert of.copied_bytes_per_write == 1000.0
    assert (of.node_bytes_per_session, of.store_bytes_per_session) == (1800, 1624)
    assert (of.node_death.sessions, of.node_death.failed, of.node_death.failing_seconds) == (3, 2, 2.25)
    assert of.node_death.copied_seconds is None
    outage = of.store_outage
    assert outage is not None
    assert (outage.failed, outage.writes, outage.unprotected, outage.recovered_seconds) == (1, 2, 1, 1.5)


def test_without_a_store_there_is_no_outage_of_it() -> None:
    assert found(Plan(strategies=("affinity",)), record(), cast(Load, Seen(VISITS))).store_outage is None


def test_the_timeline_is_of_the_load_alone() -> None:
    slices = timeline(VISITS, (100.0, 150.0))
    assert [each.at for each in slices] == [2, 3, 4, 11, 12.25, 13, 14, 25, 31, 32, 33, 40]
    assert (slices[3].answered, slices[3].failed, slices[3].p50_ms, slices[3].slowest_ms) == (
        0,
        1,
        None,
        None,
    )
    assert (slices[5].sessions_lost, slices[5].slowest_ms) == (1, 10.0)
