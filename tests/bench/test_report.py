"""The table says what was measured, and when it is not to be believed."""

from bench.report import Beside, beside_table, disturbance, main_table, table
from bench.rounds import Pace, Turn


def turn(cpu: float, waited: float = 0.0, latencies: tuple[float, ...] = ()) -> Turn:
    return Turn(100, 2.0, cpu, cpu * 0.75, cpu * 0.25, 1.0, waited, 0, latencies)


ROW = {"Limpet": [turn(30), turn(60)], "HAProxy": [turn(20), turn(30)], "Caddy": [turn(100), turn(120)]}


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_each_contender_has_a_column_with_its_ratio_to_haproxy() -> None:
    lines = main_table({"small": ROW}, []).splitlines()
    assert cells(lines[0]) == ["", "Limpet", "HAProxy", "Caddy"]
    assert cells(lines[2]) == ["CPU µs: small", "45.0 (1.75x)", "25.0", "110 (4.50x)"]
    assert cells(lines[3]) == ["requests/s: small", "50", "50", "50"]


def test_who_cannot_hold_a_rate_has_a_dash() -> None:
    latencies = tuple(milliseconds / 1000 for milliseconds in range(1, 101))
    paced = {"Limpet": [turn(40, latencies=latencies)], "HAProxy": [turn(20, latencies=latencies)]}
    lines = main_table({"small": ROW}, [Pace(4000.0, paced)]).splitlines()
    assert cells(lines[3]) == ["CPU µs: 64 bytes at 4,000/s", "40.0 (2.00x)", "20.0", "-"]
    assert cells(lines[4]) == ["p50 / p99 ms at 4,000/s", "50.00 / 99.00 (1.00x)", "50.00 / 99.00", "-"]


def test_who_does_only_some_of_the_work_has_a_dash_for_the_rest() -> None:
    lines = main_table({"small": ROW, "TLS": {"echo": [turn(10)]}}, []).splitlines()
    assert cells(lines[0]) == ["", "Limpet", "HAProxy", "Caddy", "echo"]
    assert cells(lines[2])[-1] == "-"
    assert cells(lines[3]) == ["CPU µs: TLS", "-", "-", "-", "10.0"]


def test_large_bodies_are_shown_as_bytes_for_a_second_of_cpu() -> None:
    turns = {"Limpet": [turn(1000)], "HAProxy": [turn(800)]}
    lines = main_table({"1 MiB download": turns}, []).splitlines()
    assert cells(lines[3]) == ["MB for a second of CPU: 1 MiB download", "1,049 (0.80x)", "1,311"]


def test_the_details_hold_user_and_system_and_the_range() -> None:
    assert cells(table(ROW).splitlines()[2]) == [
        "Limpet", "45.0", "33.8", "11.2", "1.75", "1.50-2.00", "50", "100%"
    ]  # fmt: skip


def test_a_disturbed_run_says_so() -> None:
    assert disturbance([ROW]) == ""
    disturbed = ROW | {"Limpet": [turn(30, waited=0.4), turn(60, waited=0.2)]}
    assert "waited 30% of the time" in disturbance([ROW, disturbed])


def test_lost_log_lines_are_seen() -> None:
    turns = {"Limpet": [turn(30)], "Limpet, log": [turn(36)]}
    lines = beside_table([Beside("Limpet", "Limpet, log", turns, 50)]).splitlines()
    assert cells(lines[2]) == ["Limpet, log", "30.0", "36.0", "+6.0", "1.20x", "0.50"]
