"""What the benches of steadiness make of two scrapes."""

from math import inf

from bench.steady.scraped import Key, Scrape, above, grown, longest

NAME = "limpet_loop_stall_seconds"


def scraped(*cumulated: float) -> Scrape:
    scrape = Scrape.__new__(Scrape)
    bounds = ("0.005", "0.01", "+Inf")
    scrape.values = {
        (f"{NAME}_bucket", (("le", bound),)): count for bound, count in zip(bounds, cumulated, strict=True)
    }
    other: Key = (f"{NAME}_count", ())
    scrape.values[other] = cumulated[-1]
    return scrape


def test_what_a_histogram_has_got_meanwhile() -> None:
    counts = grown(NAME, scraped(10, 11, 11), scraped(30, 33, 34))
    assert counts == [(0.005, 20), (0.01, 2), (inf, 1)]
    assert above(counts, 0.005) == 3
    assert longest(counts) == inf


def test_nothing_has_happened() -> None:
    counts = grown(NAME, scraped(10, 11, 11), scraped(10, 11, 11))
    assert above(counts, 0.0) == 0
    assert longest(counts) == 0.0
