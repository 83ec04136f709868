"""Reads the dates in `Set-Cookie` as browsers do, and writes them as the RFC asks."""

import re
from datetime import UTC, datetime
from email.utils import formatdate

LAST = 253402300799  # the end of year 9999, the last that a cookie date can say

_DELIMITERS = re.compile(rb"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(rb"([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?![0-9])")
_DAY = re.compile(rb"([0-9]{1,2})(?![0-9])")
_YEAR = re.compile(rb"([0-9]{2,4})(?![0-9])")
_MONTHS = (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec")


def read_date(text: bytes) -> int | None:
    """Unix seconds, or None where browsers see no date (RFC 6265 section 5.1.1)."""
    clock: tuple[int, ...] | None = None
    day = month = year = None
    for part in _DELIMITERS.split(text):
        if clock is None and (found := _TIME.match(part)):
            clock = tuple(map(int, found.groups()))
        elif day is None and (found := _DAY.match(part)):
            day = int(found[1])
        elif month is None and part[:3].lower() in _MONTHS:
            month = _MONTHS.index(part[:3].lower()) + 1
        elif year is None and (found := _YEAR.match(part)):
            year = int(found[1])
    if clock is None or day is None or month is None or year is None:
        return None
    return _seconds(_full_year(year), month, day, clock)


def write_date(seconds: int) -> bytes:
    """`Thu, 01 Jan 1970 00:00:00 GMT` (RFC 9110 section 5.6.7)."""
    return formatdate(max(0, min(seconds, LAST)), usegmt=True).encode()


def _full_year(year: int) -> int:
    if 70 <= year <= 99:
        return year + 1900
    return year + 2000 if year < 70 else year


def _seconds(year: int, month: int, day: int, clock: tuple[int, ...]) -> int | None:
    if year < 1601:
        return None
    try:
        return int(datetime(year, month, day, clock[0], clock[1], clock[2], tzinfo=UTC).timestamp())
    except ValueError:
        return None
