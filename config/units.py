"""Durations and sizes as they are written in the file, and with them the other units for the settings."""

import re
from typing import Annotated

from config.addresses import Address, Network, NodeUrl
from config.secret import Secret
from config.values import INTEGER, Parsed, Refused

__all__ = ["Address", "Duration", "DurationOrNone", "Network", "NodeUrl", "Secret", "Size"]

DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)")
SECONDS = {"d": (86400, 1), "h": (3600, 1), "m": (60, 1), "s": (1, 1), "ms": (1, 1000)}
SIZE = re.compile(r"([0-9]{1,18}) ?(B|KB|KiB|MB|MiB|GB|GiB|TB|TiB)", re.IGNORECASE)
BYTES = {"TiB": 2**40, "GiB": 2**30, "MiB": 2**20, "KiB": 2**10, "B": 1} | {
    "TB": 10**12,
    "GB": 10**9,
    "MB": 10**6,
    "KB": 10**3,
}

DURATION_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d)$"},
        {"type": "number", "minimum": 0},
    ]
}
SIZE_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^[0-9]+ ?(?:[Bb]|[KMGTkmgt][Ii]?[Bb])$"},
        {"type": "integer", "minimum": 0},
    ]
}


def parse_duration(value: object) -> float:
    """Seconds, from `500ms`, `2s`, `30m`, `12h`, `1d` or a number of seconds.

    Raises Refused for anything else, negative and infinite numbers among it.
    """
    if isinstance(value, str) and (match := DURATION.fullmatch(value)):
        times, divided = SECONDS[match[2]]
        return float(match[1]) * times / divided
    if isinstance(value, str) and INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e12:
        raise Refused("must be a duration such as 500ms, 2s, 30m, 12h or 1d")
    return float(value)


def format_duration(seconds: float) -> str:
    """The shortest way to write a duration: `30m` for 1800.0."""
    for unit, (times, divided) in SECONDS.items():
        amount = round(seconds * divided / times)
        if amount and amount * times / divided == seconds and (unit != "ms" or seconds < 1):
            return f"{amount}{unit}"
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"


def duration(low: str, high: str) -> Parsed:
    """A duration from `low` to `high`, both as they are written in the file."""
    lowest, highest = parse_duration(low), parse_duration(high)

    def parse(value: object) -> float:
        seconds = parse_duration(value)
        if not lowest <= seconds <= highest:
            raise Refused(f"must be a duration from {low} to {high}")
        return seconds

    return Parsed(parse, DURATION_SCHEMA, format_duration)


def parse_size(value: object) -> int:
    """Bytes, from `64KiB` (1024s), `10MB` (1000s) or an integer. Raises Refused for anything else."""
    if isinstance(value, str) and (match := SIZE.fullmatch(value)):
        return int(match[1]) * {unit.lower(): factor for unit, factor in BYTES.items()}[match[2].lower()]
    if isinstance(value, str) and INTEGER.fullmatch(value):
        value = int(value)
    if type(value) is not int or value < 0:
        raise Refused("must be a size such as 512, 64KiB, 10MB or 1GiB")
    return value


def format_size(count: int) -> str:
    """The shortest exact way to write a number of bytes: `64KiB` for 65536."""
    for unit, factor in BYTES.items():
        if factor > 1 and count and count % factor == 0:
            return f"{count // factor}{unit}"
    return f"{count}B"


def size(low: str, high: str) -> Parsed:
    """A size from `low` to `high`, both as they are written in the file."""
    lowest, highest = parse_size(low), parse_size(high)

    def parse(value: object) -> int:
        count = parse_size(value)
        if not lowest <= count <= highest:
            raise Refused(f"must be a size from {low} to {high}")
        return count

    return Parsed(parse, SIZE_SCHEMA, format_size)


Duration = Annotated[float, duration("1ms", "365d")]
DurationOrNone = Annotated[float, duration("0s", "365d")]
Size = Annotated[int, size("0B", "1024TiB")]
