"""The sessions' table says who needed how much, and does not praise a disturbed run."""

from bench.sessions import report
from bench.sessions.counts import Counts
from bench.sessions.turns import Turn, Turns


def turn(proxy: float, nodes: float, redis: float = 0.0, waited: float = 0.0) -> Turn:
    parts = {"proxy": proxy, "nodes": nodes, "Redis": redis}
    return Turn(100, 50, 1.0, parts, waited, Counts(25, 150), 0, (0.001, 0.002), (0.003, 0.005))


def turns(waited: float = 0.0) -> Turns:
    return {
        "Limpet replication": [turn(100, 100, waited=waited), turn(150, 150, waited=waited)],
        "HAProxy + Redis": [turn(20, 160, 20), turn(30, 240, 30)],
        "Limpet affinity": [turn(50, 50), turn(50, 50)],
    }


def cells(text: str, title: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {title} "))
    return [cell.strip() for cell in line.split("|")[2:-1]]


def test_the_parts_are_summed_and_compared_within_a_round() -> None:
    table = report.table(turns())
    assert cells(table, "CPU µs for a request") == [
        "250 (1.00x, 1.00-1.00)",
        "250",
        "100 (0.42x, 0.33-0.50)",
    ]
    assert cells(table, "of it: Redis") == ["-", "25.0", "-"]
    assert cells(table, "write: p50 / p99 ms")[0] == "3.00 / 5.00"
    assert cells(table, "read: p50 / p99 ms")[0] == "1.00 / 2.00"
    assert cells(table, "peer requests for a write")[0] == "0.50"
    assert cells(table, "Redis commands for a write")[0] == "3.00"


def test_the_price_of_replication_is_said() -> None:
    said = report.price(turns()).replace("\n", " ")
    assert "150 µs of CPU for a request more than affinity (2.50x)" in said
    assert "1.00 times what HAProxy + Redis cost; the p99 of its writes is 1.00 times theirs." in said
    assert report.price({"HAProxy + Redis": [turn(1, 1)]}) == ""


def test_a_disturbed_run_says_so() -> None:
    assert report.disturbance([turns()]) == ""
    assert "waited 30% of the time" in report.disturbance([turns(waited=0.3)])
    rows = {"At 300": turns(waited=0.3), "Flat out": {"HAProxy + Redis": [turn(20, 160, waited=0.3)]}}
    said = report.document(rows, {"HAProxy": "2.6"}, ["--quick"], ["How to read it"])
    assert "Not a quiet machine" in said and "- HAProxy: 2.6" in said
