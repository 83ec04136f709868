"""Durations and sizes."""

import contextlib
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.units import duration, format_duration, format_size, parse_duration, parse_size, size
from config.values import Refused

GARBAGE = (
    st.none() | st.booleans() | st.text() | st.floats() | st.integers() | st.lists(st.text()) | st.binary()
)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("500ms", 0.5),
        ("2s", 2.0),
        ("1.5s", 1.5),
        ("30m", 1800.0),
        ("12h", 43200.0),
        ("1d", 86400.0),
        (3, 3.0),
        (0.25, 0.25),
        ("3", 3.0),
        (0, 0.0),
    ],
)
def test_durations_are_seconds(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    "written",
    [
        "",
        "s",
        "-1s",
        "1 s",
        "1S",
        "1w",
        "1h30m",
        "1.s",
        ".5s",
        "1e3s",
        "٣s",
        -1,
        math.inf,
        math.nan,
        True,
        None,
        [],
        1e300,
    ],
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(Refused, match="must be a duration such as 500ms, 2s"):
        parse_duration(written)


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (1800.0, "30m"),
        (0.0, "0s"),
        (1.8, "1.8s"),
        (0.5, "500ms"),
        (86400.0, "1d"),
        (90.0, "90s"),
        (1.0, "1s"),
    ],
)
def test_durations_are_shown_the_short_way(seconds: float, written: str) -> None:
    assert format_duration(seconds) == written


@given(st.integers(0, 10**10))
def test_durations_survive_a_round_trip(milliseconds: int) -> None:
    seconds = parse_duration(f"{milliseconds}ms")
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=1e-9)


def test_a_duration_has_bounds() -> None:
    parse = duration("100ms", "1h").parse
    assert parse("100ms") == 0.1
    assert parse("60m") == 3600.0
    for outside in ("99ms", "3601s"):
        with pytest.raises(Refused, match="must be a duration from 100ms to 1h"):
            parse(outside)


@pytest.mark.parametrize(
    ("written", "count"),
    [
        (0, 0),
        (512, 512),
        ("512", 512),
        ("64KiB", 65536),
        ("10MB", 10_000_000),
        ("1GiB", 2**30),
        ("2 kb", 2000),
        ("7B", 7),
    ],
)
def test_sizes_are_bytes(written: object, count: int) -> None:
    assert parse_size(written) == count


@pytest.mark.parametrize(
    "written", ["", "64K", "-1", -1, "1.5MiB", 1.5, True, None, "KiB", "1KiBs", "1e3", "012"]
)
def test_what_is_no_size_is_refused(written: object) -> None:
    with pytest.raises(Refused, match="must be a size such as 512, 64KiB"):
        parse_size(written)


@given(st.integers(0, 2**50))
def test_sizes_survive_a_round_trip(count: int) -> None:
    assert parse_size(format_size(count)) == count


def test_a_size_has_bounds() -> None:
    parse = size("1KiB", "1MiB").parse
    assert parse(1024) == 1024
    for outside in (1023, "2MiB"):
        with pytest.raises(Refused, match="must be a size from 1KiB to 1MiB"):
            parse(outside)


@given(GARBAGE)
def test_garbage_is_refused_and_nothing_else(value: object) -> None:
    for parse in (parse_duration, parse_size):
        with contextlib.suppress(Refused):
            assert 0 <= parse(value) < 1e30
