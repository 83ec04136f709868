"""What workers have counted: added up, with those that are no more, and shown by the process that leads."""

from control.traces import Counts
from control.workers.report import Longest, added, report, take, without_gauges
from proxy.service import Connections
from routing.reasons import Reason
from tests.control.settings import runtime, service

KEPT = {"shop": service(sessions={"strategy": "replication"}), "mail": service("xy")}
KEYS = {"node_keys": ["a-key-for-the-tests-long-enough"]}


def test_sums_are_made_part_by_part() -> None:
    assert added({"a": [1, 2], "b": 1}, {"a": [3, 4], "c": 2.5}) == {"a": [4, 6], "b": 1, "c": 2.5}
    assert added(Connections(1, 2, 3, 4), Connections(1, 1, 1, 1)) == Connections(2, 3, 4, 5)
    assert added(None, 3) == 3
    assert added(Longest(2.5), Longest(1.0)) == 2.5


def test_what_two_count_is_shown_as_the_sum_and_falls_with_nobody() -> None:
    workers, leader = [runtime(KEPT, **KEYS) for _ in range(2)], runtime(KEPT, **KEYS)
    for each in workers:
        shop, kept = each.engine.services["shop"], each.keeping.services["shop"]
        shop.counters.decisions[Reason.NEW] += 2
        shop.counters.affinity[(1, 0, 0)] = 3
        shop.nodes[1].counters.answers[2] += 4
        shop.nodes[1].elsewhere = Connections(idle=5)
        shop.counters.lost += 1  # counted by who leads
        kept.keeper.counters.writes[0] += 1
        kept.keeper.counters.settling.add(0.001)
        kept.peers[2].copied_bytes = 100
        each.engine.counters.reject("head")
    said = [report(each.engine, each.keeping, Counts()) for each in workers]
    for total, idle in ((added(*said), 10), (added(said[0], without_gauges(said[1])), 5)):
        take(total, leader.engine, leader.keeping, Counts())
        shop, kept = leader.engine.services["shop"], leader.keeping.services["shop"]
        assert shop.counters.decisions[Reason.NEW] == 4
        assert shop.counters.affinity == {(1, 0, 0): 6}
        assert shop.nodes[1].counters.answers[2] == 8
        assert shop.nodes[1].connections.idle == idle
        assert shop.counters.lost == 0
        assert kept.keeper.counters.writes[0] == 2
        assert sum(kept.keeper.counters.settling.counts) == 2
        assert kept.copied(2) == 200
        assert leader.engine.counters.rejected == {"head": 2}
