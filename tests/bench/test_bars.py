"""Whether Limpet reached what it set out to: by the median of the ratios, in the same round."""

from bench.bars import TWO, bars
from bench.rounds import Pace, Turn


def turn(cpu: float, latencies: tuple[float, ...] = ()) -> Turn:
    return Turn(100, 2.0, cpu, cpu, 0.0, 1.0, 0.0, 0, latencies)


def test_ours_beside_theirs_and_theirs_beside_ours() -> None:
    row = {
        "Limpet": [turn(30)],
        "Limpet compiled": [turn(28)],
        "HAProxy": [turn(20)],
        "Caddy": [turn(86)],
    }
    head, haproxy, caddy, aiohttp = bars({"64 bytes, keep-alive": row})
    assert head == ["bar", "asked", "Limpet", "Limpet compiled"]
    assert haproxy[1:] == ["at most 1.4x HAProxy", "1.50x no", "1.40x yes"]
    assert caddy[1:] == ["Caddy at least 3x ours", "2.87x no", "3.07x yes"]
    assert aiohttp[2:] == ["-", "-"]


def test_either_of_two_will_do() -> None:
    row = {"Limpet": [turn(30)], "HAProxy": [turn(15)], "uvloop echo": [turn(25)]}
    assert bars({"64 bytes, TLS, keep-alive": row})[1][1:] == [
        "at most 1.3x HAProxy, or at most 1.2x uvloop echo", "2.00x no, 1.20x yes", "-"
    ]  # fmt: skip


def test_latency_at_the_higher_pace_and_two_workers() -> None:
    slow, fast = (
        {"Limpet": [turn(1, (9.0,))], "HAProxy": [turn(1, (1.0,))]},
        {
            "Limpet": [turn(1, (3.0,))],
            "HAProxy": [turn(1, (2.0,))],
        },
    )
    workers = {
        name: {name: [turn(30)], TWO.format(name): [turn(cpu)]}
        for name, cpu in (("Limpet", 36), ("Limpet compiled", 33))
    }
    _, latency, two = bars({}, [Pace(10.0, slow), Pace(20.0, fast)], workers)
    assert latency == ["p99 at half load", "at most 1.5x HAProxy", "1.50x yes", "-"]
    assert two == ["CPU: two workers", "at most 1.1x one worker's", "1.20x no", "1.10x yes"]
